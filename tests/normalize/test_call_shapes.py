"""The shapes of calls: under which keys a call has its name and its arguments."""

from typing import Any

import pytest

from tests.making import asked, conversation, notes, refusals, turns

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
def test_a_call_of_any_shape_is_read_with_its_name_and_arguments(call: Any):
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
        ({"name": "f", "arguments": '{"a": 1, "a": 2}'}, "json.duplicate_key"),
        ({"name": "f", "arguments": '{"a": 1e999}'}, "json.huge_number"),
    ],
)
def test_a_call_that_cannot_be_read_is_refused(call: Any, code: str):
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
def test_arguments_logged_as_text_stay_and_objects_become_text(arguments: Any, text: str, note: str | None):
    made = conversation(called({"name": "f", "arguments": arguments}))
    assert turns(made)[1] == ("assistant", "f", text)
    assert [code for code, _ in notes(made)] == ([note] if note else [])


@pytest.mark.parametrize(("lists", "is_read"), [(3, True), (4, False)])
def test_lists_of_calls_may_be_nested_four_deep(lists: int, is_read: bool):
    call: Any = {"name": "f", "arguments": {"a": 1}}
    for _ in range(lists):
        call = [call]
    if is_read:
        assert read(call) == ("f", '{"a": 1}')  # in the list of the key itself
    else:
        assert refusals(called(call))[0][0] == "tool.call_malformed"


@pytest.mark.parametrize(
    ("answer", "declared", "is_call"),
    [
        ('{"name": "f", "arguments": {"a": 1}}', ["f"], True),
        (' {"name": "f", "arguments": {"a": 1}}\n', ["f"], True),
        ('{"name": "f", "arguments": {"a": 1}}', ["g"], False),
        ('{"name": "f", "arguments": {"a": 1}}', [], False),
        ('{"name": "f", "arguments": {"a": 1}, "id": 1}', ["f"], True),
        ('{"name": "f", "arguments": {"a": 1}, "age": 1}', ["f"], False),
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


@pytest.mark.parametrize("nothing", [None, [], {}, "", "[]", "{}", " null ", "auto", "none"])
def test_a_key_for_calls_may_have_a_value_that_means_none(nothing: Any):
    assert turns(conversation({"messages": [Q | {"tool_calls": nothing}, A | {"tool_calls": nothing}]})) == [("user", "", "Q"), ("assistant", "", "A")]


@pytest.mark.parametrize(
    ("content", "arguments"),
    [({"a": 1}, '{"a": 1}'), ('{"a":  1}', '{"a":  1}'), ("{'a': 1}", '{"a": 1}'), ([{"type": "text", "text": '{"a": 1}'}], '{"a": 1}')],
)
def test_a_glm_call_has_its_name_as_metadata_and_its_arguments_as_content(content: Any, arguments: str):
    record = {"messages": [Q, {"role": "assistant", "metadata": "f", "content": content}]}
    assert turns(conversation(record))[1] == ("assistant", "f", arguments)


def test_an_object_with_a_type_is_a_part_and_not_arguments():
    record = {"messages": [Q, {"role": "assistant", "metadata": "f", "content": {"type": "text", "text": "{}"}}]}
    assert turns(conversation(record))[1] == ("assistant", "f", "{}")
    assert refusals({"messages": [Q, {"role": "assistant", "metadata": "f", "content": None}]})[0] == ("schema.content_missing", "messages[1]")


@pytest.mark.parametrize("between", ["\n", ", ", "\n\n"])
def test_a_function_call_turn_may_have_several_calls(between: str):
    first, second = '{"name": "f", "arguments": {"a": 1}}', '{"name": "g", "arguments": {}}'
    results = [{"from": "observation", "value": "1"}, {"from": "observation", "value": "2"}]
    said = [{"from": "human", "value": "Q"}, {"from": "function_call", "value": first + between + second}, *results, {"from": "gpt", "value": "A"}]
    assert turns(conversation({"conversations": said}))[1:3] == [("assistant", "f", '{"a": 1}'), ("assistant", "g", "{}")]
    said[1] = {"from": "function_call", "value": f"{first} and {second}"}
    assert refusals({"conversations": said})[0] == ("tool.call_malformed", "conversations[1].value")
