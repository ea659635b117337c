"""The tags that a tool syntax writes: where each is in its turn's text. A tag that is spelled out in data is not one of them."""

import json

import pytest

from pipelines.chat.tool_syntax import as_json, hermes, uses_tools
from pipelines.records import Message

TOOLS = json.dumps([{"type": "function", "function": {"name": "look", "description": "<tool_call> é"}}], ensure_ascii=False)
CALL = Message("assistant", '{"x": "<tool_call>"}', "look")
RESULT = Message("observation", "</tool_response>")


def tags(messages: list[Message], tools: str | None = None) -> list[list[str]]:
    """The tags of every turn, in order; each is in the text at its offset."""
    turns = hermes(messages, tools)
    for turn in turns:
        for offset, tag in turn.tags:
            assert offset >= 0
            assert turn.message.content[offset : offset + len(tag)] == tag
        assert list(turn.tags) == sorted(turn.tags)
    return [[tag for _, tag in turn.tags] for turn in turns]


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        ([Message("user", "<tool_call>")], [[]]),
        ([Message("user", "q"), CALL], [[], ["<tool_call>", "</tool_call>"]]),
        ([Message("user", "q"), CALL, CALL], [[], ["<tool_call>", "</tool_call>", "<tool_call>", "</tool_call>"]]),
        ([Message("user", "q"), Message("assistant", "I look."), CALL], [[], ["<tool_call>", "</tool_call>"]]),
        ([Message("user", "q"), CALL, RESULT], [[], ["<tool_call>", "</tool_call>"], ["<tool_response>", "</tool_response>"]]),
        ([Message("user", "q"), CALL, RESULT, RESULT], [[], ["<tool_call>", "</tool_call>"], ["<tool_response>", "</tool_response>"] * 2]),
    ],
)
def test_calls_and_results_are_between_their_tags(messages: list[Message], found: list[list[str]]):
    assert tags(messages) == found
    assert [list(turn.tags) for turn in as_json(messages, None)] == [[] for _ in found]


@pytest.mark.parametrize("first", [[], [Message("system", "Be brief.")]])
def test_definitions_come_with_the_system_turn_and_its_example_has_tags(first: list[Message]):
    with_tools = hermes([*first, Message("user", "q")], TOOLS)
    assert [turn.message.role for turn in with_tools] == ["system", "user"]
    assert with_tools[0].message.content.startswith("Be brief." if first else "")
    assert '"description": "<tool_call> é"' in with_tools[0].message.content
    found = tags([*first, Message("user", "q")], TOOLS)[0]
    assert found.count("<tool_call>") == found.count("</tool_call>") == 2  # in the instruction, and not in the definition
    assert (len(as_json([*first, Message("user", "q")], TOOLS)), as_json([*first, CALL], None)[-1].message.metadata) == (2, "")


@pytest.mark.parametrize(
    ("messages", "tools", "uses"),
    [
        ([], None, False),
        ([Message("user", "q")], None, False),
        ([Message("user", "q")], "", False),
        ([Message("user", "q")], TOOLS, True),
        ([CALL], None, True),
        ([RESULT], None, True),
    ],
)
def test_a_conversation_uses_tools_if_it_has_a_definition_a_call_or_a_result(messages: list[Message], tools: str | None, uses: bool):
    assert uses_tools(messages, tools) == uses
