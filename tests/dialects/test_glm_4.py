"""What ends a row of GLM-4: the header of the turn that would come next (R4)."""

from typing import Any

import pytest

from pipelines.records import IGNORE_INDEX, Quarantined, Sample
from tests.golden import open_case
from tests.making import configuration, run

QUESTION = {"role": "user", "content": "w in Rome?"}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "a", "type": "function", "function": {"name": "w", "arguments": '{"city": "Rome"}'}}]}
TWO_CALLS = CALL | {"tool_calls": [{"id": i, "type": "function", "function": {"name": "w", "arguments": "{}"}} for i in "ab"]}
RESULT = {"role": "tool", "tool_call_id": "a", "content": "sunny"}
ANSWER = {"role": "assistant", "content": "It is sunny."}


def headers(messages: list[dict[str, Any]], **options: Any) -> list[tuple[str, bool]]:
    """The role tokens of the row, each with whether it is trained."""
    config = configuration("glm_4", options=options)
    sample = run({"messages": messages}, config)[-1]
    assert isinstance(sample, Sample), sample
    roles = {open_case(config).dialects[0].vocabulary.specials[f"<|{role}|>"]: role for role in ("system", "user", "assistant", "observation")}
    ids, labels = sample.tokens.input_ids.tolist(), sample.tokens.labels.tolist()
    return [(roles[i], label != IGNORE_INDEX) for i, label in zip(ids, labels, strict=True) if i in roles]


@pytest.mark.parametrize(
    ("messages", "sound", "upstream"),
    [
        ([QUESTION, CALL], ("observation", True), ("user", True)),
        ([QUESTION, TWO_CALLS], ("observation", True), ("user", True)),
        ([QUESTION, CALL, RESULT, CALL | {"loss": False}], ("observation", False), ("user", False)),
        ([QUESTION, CALL, RESULT, ANSWER], ("user", True), ("user", True)),
        ([QUESTION, CALL, RESULT], ("user", False), ("user", False)),
        ([QUESTION, CALL, QUESTION], ("user", False), ("user", False)),
    ],
)
def test_a_call_at_the_end_is_followed_by_the_header_of_a_result(messages: list[dict[str, Any]], sound: tuple[str, bool], upstream: tuple[str, bool]):
    assert headers(messages)[-1] == sound
    assert headers(messages, recipe="upstream")[-1] == upstream


@pytest.mark.parametrize("recipe", ["sound", "upstream"])
def test_a_call_without_a_result_in_the_middle_keeps_the_next_turns_header(recipe: str):
    messages = [QUESTION, CALL, {"role": "user", "content": "thanks, and Oslo?"}, {"role": "assistant", "content": "No idea"}]
    assert headers(messages, recipe=recipe) == [("user", False), ("assistant", False), ("user", True), ("assistant", False), ("user", True)]


def test_with_a_tool_syntax_results_are_user_turns_and_a_user_header_follows_a_call():
    assert headers([QUESTION, CALL], tool_syntax="hermes")[-1] == ("user", True)


def test_glm_4v_never_ends_with_an_observation_header():
    row = run({"messages": [QUESTION, CALL]}, configuration("glm_4v"))[-1]
    assert isinstance(row, Quarantined)
    assert row.findings[0].code == "tokens.tools_unsupported"
