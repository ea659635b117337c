"""Calls written in the text of an answer."""

import pytest

from tests.making import asked, conversation, notes


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        ('{"POINT":[480,900]}', []),
        ('{"name": "x"}', []),
        ("{name}", []),
        ('{"name": "x", "arguments": {}}', ["tool.call_in_text"]),  # no tool of this name is declared, and no result follows
        ('{"name": "x", "arguments": {}, "more": 1}', ["tool.call_in_text"]),
        ('[{"name": "x", "arguments": {}}]', ["tool.call_in_text"]),
    ],
)
def test_an_answer_stays_text_unless_it_is_certainly_a_call(text: str, noted: list[str]):
    made = conversation(asked(answer=text))
    assert (made.messages[1].metadata, made.messages[1].content) == ("", text)
    assert [code for code, _ in notes(made)] == noted
