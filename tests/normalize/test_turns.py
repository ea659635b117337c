"""Turns -> lines: roles, and calls wherever they were logged."""

import json
from typing import Any

import pytest

from tests.making import conversation, notes, refusals, turns

CALL = {"name": "get_weather", "arguments": {"city": "Oslo"}}
ARGUMENTS = '{"city": "Oslo"}'


@pytest.mark.parametrize("role", ["human", "USER", "Human"])
def test_role_aliases_map_to_the_four_roles(role: str):
    assert conversation({"conversations": [{"from": role, "value": "Q"}, {"from": "GPT", "value": "A"}]}).messages[0].role == "user"


def test_an_unknown_role_is_named_with_its_place():
    record = {"messages": [{"role": "narrator", "content": "Q"}, {"role": "assistant", "content": "A"}]}
    assert refusals(record)[0] == ("schema.role_unknown", "messages[0].role")


@pytest.mark.parametrize(
    ("record", "repairs"),
    [
        (
            {
                "messages": [
                    {"role": "user", "content": "Q"},
                    {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function", "function": CALL}]},
                    {"role": "tool", "tool_call_id": "1", "content": "4"},
                    {"role": "assistant", "content": "A"},
                ]
            },
            [],
        ),
        (
            {
                "conversations": [
                    {"from": "human", "value": "Q"},
                    {"from": "function_call", "value": json.dumps(CALL)},
                    {"from": "observation", "value": "4"},
                    {"from": "gpt", "value": "A"},
                ]
            },
            [],
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": "Q"},
                    {"role": "assistant", "metadata": "get_weather", "content": ARGUMENTS},
                    {"role": "observation", "content": "4"},
                    {"role": "assistant", "content": "A"},
                ]
            },
            [],
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": "Q"},
                    {"role": "assistant", "content": f" {json.dumps(CALL)}\n"},
                    {"role": "observation", "content": "4"},
                    {"role": "assistant", "content": "A"},
                ]
            },
            ["repair.tool_call_extracted"],
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "value": "Q"}]},
                    {"role": "assistant", "content": [{"type": "tool_call", "value": json.dumps(CALL)}]},
                    {"role": "tool", "content": [{"type": "text", "value": "4"}]},
                    {"role": "assistant", "content": [{"type": "text", "value": "A"}]},
                ]
            },
            [],
        ),
    ],
)
def test_a_call_becomes_metadata_and_content_wherever_it_was_logged(record, repairs):
    made = conversation(record)
    assert turns(made) == [("user", "", "Q"), ("assistant", "get_weather", ARGUMENTS), ("observation", "", "4"), ("assistant", "", "A")]
    assert [code for code, _ in notes(made) if code.startswith("repair")] == repairs


def test_a_call_in_a_content_part_keeps_its_text():
    part = {"type": "tool_call", "value": {"name": "f", "arguments": {"a": 2.50}}}
    raw = json.dumps({"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": [part]}]}).replace("2.5", "2.50").encode()
    assert turns(conversation(raw))[1] == ("assistant", "f", '{"a": 2.50}')


def test_thousands_of_calls_in_one_turn_are_each_cut_out_as_written():
    calls = [{"function": {"name": "f", "arguments": {"n": n}}} for n in range(4000)]
    made = conversation({"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "tool_calls": calls}]})
    assert [message.content for message in made.messages[1:]] == [json.dumps(call["function"]["arguments"]) for call in calls]


def test_every_part_of_a_glm_call_is_read():
    def record(*more: dict[str, Any]) -> dict[str, Any]:
        parts = [{"type": "text", "text": ARGUMENTS}, *more]
        return {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "metadata": "get_weather", "content": parts}]}

    call = ("assistant", "get_weather", ARGUMENTS)
    assert turns(conversation(record()))[1:] == [call]
    assert turns(conversation(record({"type": "reasoning", "value": "Hm."})))[1:] == [("assistant", "", "<think>Hm.</think>"), call]
    assert turns(conversation(record({"type": "tool_call", "value": {"name": "f", "arguments": {}}})))[1:] == [call, ("assistant", "f", "{}")]
    assert refusals(record({"type": "image", "image": "a.png"})) == [("schema.field_unread", "messages[1].content[1].image")]


def test_every_key_of_a_call_turn_is_read_even_if_its_content_is_bad():
    turn = {"role": "function_call", "content": "nothing", "tool_calls": "nothing", "image": "a.png"}
    assert refusals({"messages": [{"role": "user", "content": "Q"}, turn]}) == [
        ("tool.call_malformed", "messages[1].content"),
        ("tool.call_malformed", "messages[1].tool_calls"),
        ("schema.field_unread", "messages[1].image"),
    ]
