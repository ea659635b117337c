"""Tool results -> the calls that they answer."""

import json
from typing import Any

import pytest

from pipelines.flow import draft_of
from pipelines.records import Draft, raw_record
from pipelines.tables.schema import draft_from_bytes, draft_to_bytes
from tests.making import configuration, conversation, notes, refusals, turns

Q, A = {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}


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


@pytest.mark.parametrize("ids", [True, False])
def test_thousands_of_results_find_their_calls(ids: bool):
    """Each by one look: with a search through the calls for every result these took seconds."""
    calls = [{"function": {"name": "f", "arguments": {}}} | ({"id": f"c{n}"} if ids else {}) for n in range(4000)]
    results = [{"role": "tool", "content": f"r{n}"} | ({"tool_call_id": f"c{n}"} if ids else {}) for n in range(4000)]
    turns = [{"role": "user", "content": "Q"}, {"role": "assistant", "tool_calls": calls}, *(reversed(results) if ids else results)]
    assert [message.content for message in conversation({"messages": turns}).messages[4001:]] == [f"r{n}" for n in range(4000)]


def result(text: str, **more: Any) -> dict[str, Any]:
    return {"role": "tool", "content": text, **more}


def call(name: str, own: Any = None) -> dict[str, Any]:
    return {"name": name, "arguments": "{}"} | ({} if own is None else {"id": own})


def talk(calls: list[dict[str, Any]], *results: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [Q, {"role": "assistant", "tool_calls": calls}, *results, A]}


TWO, SAME, PLAIN = [call("f", "1"), call("g", "2")], [call("f", "1"), call("f", "2")], [call("f"), call("g")]


@pytest.mark.parametrize(
    ("calls", "results", "order"),
    [
        (TWO, [result("a", tool_call_id="1"), result("b", tool_call_id="2")], "ab"),
        (TWO, [result("b", tool_call_id="2"), result("a", tool_call_id="1")], "ab"),
        (TWO, [result("b", id="2"), result("a", id="1")], "ab"),  # their own id is that of the call
        (TWO, [result("b", tool_use_id="2"), result("a", tool_use_id="1")], "ab"),
        (TWO, [result("a", id="x"), result("b", id="y")], "ab"),  # or it is not
        (TWO, [result("b", name="g"), result("a", name="f")], "ab"),
        (TWO, [result("b", tool_call_id="2")], "b"),
        (TWO, [result("a")], "a"),
        ([call("f", 1), call("g", 2.0)], [result("b", tool_call_id="2"), result("a", tool_call_id=1)], "ab"),
        ([call("f", ""), call("g", "")], [result("a"), result("b")], "ab"),
        (SAME, [result("a", name="f"), result("b", name="f")], "ab"),
        (PLAIN, [result("a"), result("b")], "ab"),
        (PLAIN, [result("b", name="g"), result("a")], "ab"),
        (PLAIN, [result("a", tool_call_id="7"), result("b", tool_call_id="8")], "ab"),  # calls without ids
        ([call("f")], [result("a", name="other")], "a"),  # the only open call
        ([call("f", "1"), call("g", "1")], [result("b", tool_call_id="1", name="g"), result("a", tool_call_id="1", name="f")], "ab"),
        ([call("f", "1"), call("g", "1")], [result("a", tool_call_id="1"), result("b", tool_call_id="1")], "ab"),
        ([call("f"), call("f"), call("g")], [result("c", name="g"), result("a", name="f"), result("b", name="f")], "abc"),
    ],
)
def test_results_answer_calls_by_id_by_name_or_in_order(calls: list[dict[str, Any]], results: list[dict[str, Any]], order: str):
    made = conversation(talk(calls, *results))
    assert "".join(text for role, _, text in turns(made) if role == "observation") == order
    logged = "".join(one["content"] for one in results)
    expected = ["tool.results_reordered"] * (logged != order) + ["tool.result_missing"] * (len(calls) - len(results))
    assert [code for code, _ in notes(made)] == expected


@pytest.mark.parametrize(
    ("calls", "results", "answered"),
    [
        (TWO, [result("a", tool_call_id="1"), result("b", tool_call_id="2")], [None, None]),
        (TWO, [result("b", tool_call_id="2"), result("a", tool_call_id="1")], [(0, 1), (1, 0)]),
        (TWO, [result("b", tool_call_id="2")], [(1, 0)]),
        ([*TWO, call("h", "3")], [result("c", tool_call_id="3"), result("a", tool_call_id="1")], [(0, 1), (2, 0)]),
        ([*TWO, call("h", "3")], [result("a", tool_call_id="1"), result("c", tool_call_id="3"), result("b", tool_call_id="2")], [None, (1, 2), (2, 1)]),
    ],
)
def test_a_result_knows_its_call_and_its_place_in_the_log_where_these_are_not_its_own_place(calls: Any, results: Any, answered: Any):
    draft = draft_of(raw_record("kit", "a.jsonl", 1, json.dumps(talk(calls, *results)).encode()), configuration())
    assert isinstance(draft, Draft)
    made = draft_from_bytes(draft_to_bytes(draft))  # as between two stages of a Spark run
    assert [message.answered for message in made.messages if message.role == "observation"] == answered


@pytest.mark.parametrize(
    ("calls", "results"),
    [
        (TWO, [result("x", tool_call_id="3")]),
        (TWO, [result("a", tool_call_id="1"), result("x", tool_call_id="1")]),
        (TWO, [result("x", name="h")]),  # either call would be a guess
        (PLAIN, [result("x", name="h")]),
        (PLAIN, [result("a", name="f"), result("x", name="f")]),
        ([call("f")], [result("a"), result("x")]),
        ([call("f", "1"), call("g", "1")], [result("x", tool_call_id="1", name="h")]),
        (SAME, [result("a", name="f"), result("b", name="f"), result("x", name="f")]),
    ],
)
def test_a_result_that_answers_no_call_is_refused(calls: list[dict[str, Any]], results: list[dict[str, Any]]):
    place = next(i for i, one in enumerate(results) if one["content"] == "x") + 2
    assert refusals(talk(calls, *results))[0] == ("tool.result_orphan", f"messages[{place}]")


def test_a_result_without_any_call_is_refused():
    assert refusals({"messages": [Q, result("x"), A]}) == [("tool.result_orphan", "messages[1]")]
    assert refusals({"messages": [Q, A, result("x"), A]}) == [("tool.result_orphan", "messages[2]")]
