"""Which turns make a step: what can be left out of a conversation without a result that lost its call or a question that lost its answer."""

import pytest

from pipelines.chat.turns import steps_of
from pipelines.records import Message

MESSAGES = {
    "s": Message("system", "Rules."),
    "q": Message("user", "?"),
    "a": Message("assistant", "!"),
    "c": Message("assistant", "{}", "look"),
    "r": Message("observation", "seen"),
}


@pytest.mark.parametrize(
    ("turns", "steps"),
    [
        ("qa", "01"),  # a question and its answer: the question always stays
        ("sqaqaqa", "0012233"),  # a later question goes with its answer
        ("qqaaqqaa", "00112222"),
        ("qcrcrcra", "01122333"),  # each call with its result; the last answer stays with what it is made of
        ("qccrrccrra", "0111122222"),  # parallel calls are one step
        ("qacracra", "01112222"),  # the text before a call goes with it
        ("qcracra", "0112222"),
        ("qcraqcrcra", "0111322333"),  # a question stays as long as one of its answers does
        ("qcqa", "0122"),  # a call without a result
        ("qcrqaq", "011220"),  # a last question without an answer stays
        ("aqaqa", "10233"),  # a greeting comes before the first question
        ("sqsaqsa", "0001202"),  # system turns always stay
        ("qsqaqa", "000122"),
        ("q", "0"),
        ("s", "0"),
        ("", ""),
    ],
)
def test_the_steps_of_a_conversation(turns: str, steps: str):
    assert steps_of([MESSAGES[turn] for turn in turns]) == [int(step) for step in steps]
