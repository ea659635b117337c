"""The shapes of calls and results: where a call keeps its name, arguments and id, and which result answers it."""

import json
from typing import Any

import pytest

from tests.making import asked, configuration, conversation, notes, refusals, turns

Q, A = {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}


def called(*calls: Any, **more: Any) -> dict[str, Any]:
    return {"messages": [Q, {"role": "assistant", "tool_calls": list(calls)}], **more}


def read(call: Any, **more: Any) -> tuple[str, str]:
    """(name, arguments) of the only call."""
    ((_, name, arguments),) = turns(conversation(called(call, **more)))[1:]
    return name, arguments


@pytest.mark.parametrize(
    "call",
    [
        {"function": {"name": "f", "arguments": '{"a": 1}'}},
        {"type": "function", "id": "1", "function": {"name": "f", "arguments": '{"a": 1}'}},
        {"name": "f", "arguments": '{"a": 1}'},
        {"name": "f", "arguments": {"a": 1}},
        {"name": "f", "args": {"a": 1}},
        {"name": "f", "parameters": {"a": 1}},
        {"name": "f", "input": {"a": 1}},
        {"name": "f", "arguments": None, "input": {"a": 1}},
        {"name": "f", "arguments": "", "input": {"a": 1}},
        {"name": "f", "arguments": {}, "input": {"a": 1}},
        {"function": {"name": "f"}, "arguments": {"a": 1}},
        {"name": "f", "function": {"arguments": {"a": 1}}},
        {"function": {"name": "f", "arguments": {"a": 1}}, "arguments": {"a": 1}},
        {"name": "f", "arguments": {"a": 1}, "function": None},
        [{"name": "f", "arguments": {"a": 1}}],
        [[[{"name": "f", "arguments": {"a": 1}}]]],
        '{"name": "f", "arguments": {"a": 1}}',
        '[{"name": "f", "arguments": {"a": 1}}]',
    ],
)
def test_a_call_of_any_shape_has_its_name_and_arguments(call: Any):
    assert read(call) == ("f", '{"a": 1}')


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (5, "tool.call_malformed"),
        ([], "tool.call_malformed"),
        ("", "tool.call_malformed"),
        ("look()", "tool.call_malformed"),
        ("{'name': 'f', 'arguments'", "tool.call_malformed"),
        ({}, "tool.call_malformed"),
        ({"x": 1}, "tool.call_malformed"),
        ({"name": "f", "x": 1}, "tool.call_malformed"),  # no arguments, but something that may be these
        ({"arguments": {}}, "tool.name_missing"),
        ({"name": "", "arguments": {}}, "tool.name_missing"),
        ({"name": " ", "arguments": {}}, "tool.name_missing"),
        ({"name": 5, "arguments": {}}, "tool.name_missing"),
        ({"name": "f", "arguments": []}, "tool.args_not_object"),
        ({"name": "f", "arguments": 5}, "tool.args_not_object"),
        ({"name": "f", "arguments": "[1]"}, "tool.args_not_object"),
        ({"name": "f", "arguments": "'x'"}, "tool.args_not_object"),
        ({"name": "f", "arguments": "{"}, "tool.args_unparseable"),
        ({"name": "f", "arguments": {"a": 1}, "input": {"a": 2}}, "schema.field_unread"),
        ({"name": "f", "arguments": {}, "id": True}, "schema.field_type"),
        ({"name": "f", "arguments": {}, "id": 1.5}, "schema.field_type"),
        ({"name": "f", "arguments": '{"a": 1, "a": 2}'}, "json.duplicate_key"),
        ({"name": "f", "arguments": '{"a": 1e999}'}, "json.huge_number"),
    ],
)
def test_a_call_without_a_shape_is_refused(call: Any, code: str):
    assert refusals(called(call))[0][0] == code


@pytest.mark.parametrize(
    ("arguments", "text", "note"),
    [
        ('{"a":  1}', '{"a":  1}', None),  # letter for letter
        ({"b": [1.0], "a": "é"}, '{"b": [1.0], "a": "é"}', None),
        ("{'a': 1}", '{"a": 1}', "repair.python_literal"),
        ("", "{}", "repair.arguments_empty"),
        (" null ", "{}", "repair.arguments_empty"),
        (None, "{}", "repair.arguments_empty"),
        ({}, "{}", None),
        ("{}", "{}", None),
    ],
)
def test_arguments_stay_as_text_and_are_written_from_an_object(arguments: Any, text: str, note: str | None):
    made = conversation(called({"name": "f", "arguments": arguments}))
    assert turns(made)[1] == ("assistant", "f", text)
    assert [code for code, _ in notes(made)] == ([note] if note else [])


@pytest.mark.parametrize(("lists", "is_read"), [(3, True), (4, False)])
def test_lists_of_calls_may_be_in_one_another_four_deep(lists: int, is_read: bool):
    call: Any = {"name": "f", "arguments": {"a": 1}}
    for _ in range(lists):
        call = [call]
    if is_read:
        assert read(call) == ("f", '{"a": 1}')  # in the list of the key itself
    else:
        assert refusals(called(call))[0][0] == "tool.call_malformed"


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
    assert [code for code, _ in notes(made)] == ["tool.result_missing"] * (len(calls) - len(results))


@pytest.mark.parametrize(
    ("calls", "results"),
    [
        (TWO, [result("x", tool_call_id="3")]),
        (TWO, [result("a", tool_call_id="1"), result("x", tool_call_id="1")]),
        (TWO, [result("x", name="h")]),  # either call would be a guess
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


def test_calls_that_end_a_record_have_no_results_yet():
    assert notes(conversation(called(call("f")))) == []
    assert notes(conversation({"messages": [Q, {"role": "assistant", "tool_calls": TWO}, result("a", tool_call_id="1")]})) == [
        ("tool.result_missing", "messages[1].tool_calls[1]")
    ]


@pytest.mark.parametrize(
    ("answer", "declared", "is_call"),
    [
        ('{"name": "f", "arguments": {"a": 1}}', ["f"], True),
        (' {"name": "f", "arguments": {"a": 1}}\n', ["f"], True),
        ('{"name": "f", "arguments": {"a": 1}}', ["g"], False),
        ('{"name": "f", "arguments": {"a": 1}}', [], False),
        ('{"name": "f", "arguments": {"a": 1}, "id": 1}', ["f"], False),
        ('{"name": 5, "arguments": {"a": 1}}', ["f"], False),
        ('{"name": "f"}', ["f"], False),
        ('Look: {"name": "f", "arguments": {"a": 1}}', ["f"], False),
        ('{"name": "f", "arguments": {"a": 1}', ["f"], False),
        ("{'name': 'f', 'arguments': {'a': 1}}", ["f"], True),
    ],
)
def test_an_answer_that_is_a_call_of_a_declared_tool_is_read_as_one(answer: str, declared: list[str], is_call: bool):
    tools = [{"name": name, "parameters": {"type": "object", "properties": {}}} for name in declared]
    made = conversation(asked(answer=answer, **({"tools": tools} if tools else {})))
    assert turns(made)[1] == (("assistant", "f", '{"a": 1}') if is_call else ("assistant", "", answer))
    assert ("repair.tool_call_extracted" in [code for code, _ in notes(made)]) == is_call


def test_the_same_calls_under_two_keys_are_said_once():
    one, other = ({"name": name, "arguments": "{}"} for name in ("f", "g"))
    assert [name for _, name, _ in turns(conversation({"messages": [Q, {"role": "assistant", "tool_calls": [one], "function_call": one}]}))[1:]] == ["f"]
    assert [name for _, name, _ in turns(conversation({"messages": [Q, {"role": "assistant", "tool_calls": [one], "function_call": other}]}))[1:]] == ["f", "g"]


@pytest.mark.parametrize("nothing", [None, [], {}, "", "[]", "{}", " null ", "auto", "none"])
def test_a_key_of_calls_may_say_that_there_is_none(nothing: Any):
    assert turns(conversation({"messages": [Q | {"tool_calls": nothing}, A | {"tool_calls": nothing}]})) == [("user", "", "Q"), ("assistant", "", "A")]


@pytest.mark.parametrize(
    ("content", "arguments"),
    [({"a": 1}, '{"a": 1}'), ('{"a":  1}', '{"a":  1}'), ("{'a': 1}", '{"a": 1}'), ([{"type": "text", "text": '{"a": 1}'}], '{"a": 1}')],
)
def test_a_glm_call_has_its_name_as_metadata_and_its_arguments_as_content(content: Any, arguments: str):
    record = {"messages": [Q, {"role": "assistant", "metadata": "f", "content": content}]}
    assert turns(conversation(record))[1] == ("assistant", "f", arguments)


def test_an_object_with_a_type_is_a_part_and_no_arguments():
    record = {"messages": [Q, {"role": "assistant", "metadata": "f", "content": {"type": "text", "text": "{}"}}]}
    assert turns(conversation(record))[1] == ("assistant", "f", "{}")
    assert refusals({"messages": [Q, {"role": "assistant", "metadata": "f", "content": None}]})[0] == ("schema.content_missing", "messages[1]")


def test_the_schema_of_a_tool_may_be_strict():
    tools = [{"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}]
    record = called({"name": "f", "arguments": json.dumps({"a": "x"})}, tools=tools)
    assert notes(conversation(record))[0][0] == "tool.schema_invalid"
    assert refusals(record, configuration(normalize={"schema_invalid": "quarantine"}))[0][0] == "tool.schema_invalid"
