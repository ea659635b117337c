"""Tool results -> the calls that they answer."""

import pytest

from tests.making import conversation, refusals, turns


def test_parallel_calls_are_followed_by_their_results_in_call_order():
    calls = [{"id": name, "function": {"name": name, "arguments": "{}"}} for name in ("a", "b")]
    results = [{"role": "tool", "tool_call_id": name, "content": f"of {name}"} for name in ("b", "a")]
    messages = [
        {"role": "user", "content": "Q"},
        {"role": "assistant", "content": "Both.", "tool_calls": calls},
        *results,
        {"role": "assistant", "content": "A"},
    ]
    assert turns(conversation({"messages": messages})) == [
        ("user", "", "Q"),
        ("assistant", "", "Both."),
        ("assistant", "a", "{}"),
        ("assistant", "b", "{}"),
        ("observation", "", "of a"),
        ("observation", "", "of b"),
        ("assistant", "", "A"),
    ]


def test_a_result_without_a_call_is_an_orphan():
    messages = [{"role": "user", "content": "Q"}, {"role": "tool", "tool_call_id": "9", "content": "4"}, {"role": "assistant", "content": "A"}]
    assert refusals({"messages": messages})[0] == ("tool.result_orphan", "messages[1]")


@pytest.mark.parametrize("ids", [True, False])
def test_thousands_of_results_find_their_calls(ids: bool):
    """Each by one look: with a search through the calls for every result these took seconds."""
    calls = [{"function": {"name": "f", "arguments": {}}} | ({"id": f"c{n}"} if ids else {}) for n in range(4000)]
    results = [{"role": "tool", "content": f"r{n}"} | ({"tool_call_id": f"c{n}"} if ids else {}) for n in range(4000)]
    turns = [{"role": "user", "content": "Q"}, {"role": "assistant", "tool_calls": calls}, *(reversed(results) if ids else results)]
    assert [message.content for message in conversation({"messages": turns}).messages[4001:]] == [f"r{n}" for n in range(4000)]
