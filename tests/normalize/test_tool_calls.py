"""Calls and results of all kinds of logs: a call always has the same text, and no field is lost."""

import json

import pytest

from tests.making import asked, configuration, conversation, notes, refusals, turns

QUESTION = {"role": "user", "content": "Q"}
ANSWER = {"role": "assistant", "content": "A"}
PEKING = {"city": "北京", "days": 2}


def called(*calls, **more) -> dict:
    """A record of one answer with these calls, a result for each, and an answer."""
    results = [{"role": "tool", "content": "4"} for _ in calls]
    return {"messages": [QUESTION, {"role": "assistant", "content": None, "tool_calls": list(calls)} | more, *results, ANSWER]}


def arguments(record) -> str:
    return next(content for _, name, content in turns(conversation(record)) if name)


@pytest.mark.parametrize("spelling", [{}, {"ensure_ascii": False}, {"indent": 4}, {"separators": (",", ":")}, {"indent": 1, "ensure_ascii": False}])
def test_arguments_logged_as_an_object_are_always_written_in_the_same_way(spelling):
    record = called({"function": {"name": "get_weather", "arguments": PEKING}})
    assert arguments(json.dumps(record, **spelling).encode()) == '{"city": "北京", "days": 2}'


@pytest.mark.parametrize("number", ["2.50", "1e5", "-0", "1E-7", "12345678901234567890123", "-0.0", "100000000000000000000.0"])
def test_numbers_in_arguments_are_written_as_they_were_logged(number: str):
    raw = json.dumps(called({"function": {"name": "f", "arguments": {"a": [{"b": 7654321}], "c": "é"}}})).replace("7654321", number).encode()
    assert arguments(raw) == f'{{"a": [{{"b": {number}}}], "c": "é"}}'


def test_numbers_in_turns_that_are_json_text_are_written_as_they_were_logged():
    inner = json.dumps(called({"function": {"name": "f", "arguments": {"b": 7654321}}})["messages"]).replace("7654321", "2.50")
    assert arguments({"messages": inner}) == '{"b": 2.50}'
    assert (
        arguments({"messages": json.loads(inner.replace("2.50", "2"))[:1] + [json.dumps(turn).replace("2.5", "2.50") for turn in json.loads(inner)[1:]]})
        == '{"b": 2.50}'
    )


def test_arguments_logged_as_text_stay_as_they_are():
    assert arguments(called({"function": {"name": "f", "arguments": '{"a":2.50,  "b":"\\u4e2d"}'}})) == '{"a":2.50,  "b":"\\u4e2d"}'
    spoken = {"conversations": [{"from": "human", "value": "Q"}, {"from": "function_call", "value": '{"name":"f","arguments":{"a":2.50}}'}]}
    assert arguments(spoken) == '{"a":2.50}'


@pytest.mark.parametrize("content", [None, "Let me look."])
def test_the_older_key_function_call_is_read_as_one_call(content):
    logged = {"role": "assistant", "content": content, "function_call": {"name": "get_weather", "arguments": '{"city": "Rome"}'}}
    made = conversation({"messages": [QUESTION, logged, {"role": "function", "name": "get_weather", "content": "12C"}, ANSWER]})
    said = [("assistant", "", content)] if content else []
    assert turns(made)[1:-1] == [*said, ("assistant", "get_weather", '{"city": "Rome"}'), ("observation", "", "12C")]


def test_reasoning_inside_the_text_of_a_call_becomes_text_before_the_call():
    value = '<think>\nI must look.\n</think>\n\n{"name": "get_weather", "arguments": {"city": "Rome"}}'
    record = {"conversations": [{"from": "human", "value": "Q"}, {"from": "function_call", "value": value}, {"from": "observation", "value": "12C"}]}
    assert turns(conversation(record))[1:3] == [("assistant", "", "<think>\nI must look.\n</think>"), ("assistant", "get_weather", '{"city": "Rome"}')]


@pytest.mark.parametrize("function", [{"name": "now", "arguments": ""}, {"name": "now", "arguments": None}, {"name": "now"}])
def test_a_call_without_arguments_has_empty_ones(function):
    made = conversation(called({"id": "a", "type": "function", "function": function}))
    assert turns(made)[1] == ("assistant", "now", "{}")
    assert [code for code, _ in notes(made)] == ["repair.arguments_empty"]
    assert refusals(called({"function": function}), configuration(normalize={"repair": "none"}))[0][0] == "tool.args_unparseable"


def test_arguments_in_a_list_have_no_names_and_are_refused():
    assert refusals(called({"function": {"name": "now", "arguments": "[]"}}))[0][0] == "tool.args_not_object"


def test_a_result_is_matched_by_any_id_of_its_call():
    call = {"id": "fc_1", "call_id": "c1", "function": {"name": "f", "arguments": {}}}
    result = {"role": "tool", "call_id": "c1", "content": "4"}
    assert turns(conversation({"messages": [QUESTION, {"role": "assistant", "tool_calls": [call]}, result, ANSWER]}))[2] == ("observation", "", "4")


@pytest.mark.parametrize("own", [True, [1], 1.5])
def test_an_id_that_cannot_be_read_is_refused(own):
    assert refusals(called({"id": own, "function": {"name": "f", "arguments": {}}}))[0] == ("schema.field_type", "messages[1].tool_calls[0].id")


def test_the_same_call_under_two_keys_counts_once():
    call = {"name": "f", "arguments": {"a": 1}}
    again = called({"id": "1", "function": call}, function_call=call | {"arguments": '{"a": 1}'})
    assert [name for _, name, _ in turns(conversation(again)) if name] == ["f"]
    other = called({"id": "1", "function": call}, function_call=call | {"name": "g"})
    assert [name for _, name, _ in turns(conversation(other)) if name] == ["f", "g"]


@pytest.mark.parametrize(
    "call",
    [
        {"function": {"name": "f"}, "arguments": '{"city": "Rome"}'},
        {"function": {"name": "f", "arguments": "", "args": {"city": "Rome"}}},
        {"function": {"name": "f", "arguments": {}, "input": {"city": "Rome"}}},
    ],
)
def test_arguments_are_found_even_if_their_first_key_is_empty(call):
    assert json.loads(arguments(called(call))) == {"city": "Rome"}


def test_different_arguments_under_two_keys_are_refused():
    call = {"function": {"name": "f", "arguments": {"a": 1}, "parameters": {"a": 2}}}
    assert refusals(called(call))[0] == ("schema.field_unread", "messages[1].tool_calls[0].function.parameters")


def test_objects_that_contain_only_nulls_do_not_count_as_fields():
    padded = {"function_call": {"name": None, "arguments": None}, "image": {"bytes": None, "path": None}}
    assert conversation({"messages": [QUESTION | padded, ANSWER | padded]}).findings == ()


def test_text_after_a_call_of_the_same_turn_is_refused():
    parts = [{"type": "tool_call", "value": {"name": "f", "arguments": {}}}, {"type": "text", "text": "I called it."}]
    assert refusals({"messages": [QUESTION, {"role": "assistant", "content": parts}]})[0][0] == "schema.field_unread"


def test_a_missing_result_is_noted_except_at_the_end():
    calls = [{"id": own, "function": {"name": own, "arguments": "{}"}} for own in ("a", "b")]
    asking = {"role": "assistant", "tool_calls": calls}
    half = conversation({"messages": [QUESTION, asking, {"role": "tool", "tool_call_id": "b", "content": "4"}, ANSWER]})
    none = conversation({"messages": [QUESTION, asking, QUESTION, ANSWER]})
    assert notes(half) == [("tool.result_missing", "messages[1].tool_calls[0]")]
    assert [code for code, _ in notes(none)] == ["tool.result_missing", "tool.result_missing"]
    assert conversation({"messages": [QUESTION, asking]}).findings == ()
    last = conversation({"messages": [QUESTION, asking, {"role": "tool", "tool_call_id": "a", "content": "4"}]})
    assert notes(last) == [("tool.result_missing", "messages[1].tool_calls[1]")]  # the end of a record with the result of one call


PADDED = {"city": "Rome", "to": None, "where": {"zip": None, "street": None}, "also": [{"x": None, "y": 1}]}
SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "unit": {"type": ["string", "null"]},
        "where": {"type": "object", "properties": {"zip": {}}},
        "also": {"type": "array", "items": {"type": "object", "properties": {"y": {}}}},
    },
}


def test_null_arguments_that_the_schema_does_not_declare_are_removed():
    record = called({"function": {"name": "f", "arguments": PADDED | {"unit": None}}}) | {"tools": [{"name": "f", "parameters": SCHEMA}]}
    made = conversation(record)
    assert json.loads(turns(made)[1][2]) == {"city": "Rome", "where": {"zip": None}, "also": [{"y": 1}], "unit": None}
    assert [code for code, _ in notes(made)] == ["repair.null_dropped"]


@pytest.mark.parametrize(
    "tools", [None, [{"name": "f", "parameters": {"type": "object"}}], [{"name": "f", "parameters": SCHEMA | {"additionalProperties": True}}]]
)
def test_null_arguments_stay_unless_a_schema_rules_them_out(tools):
    record = called({"function": {"name": "f", "arguments": {"to": None}}}) | {"tools": tools}
    assert turns(conversation(record))[1][2] == '{"to": null}'


@pytest.mark.parametrize("role", ["user", "system", "tool"])
def test_a_call_on_any_turn_other_than_an_answer_is_refused(role: str):
    turn = {"role": role, "content": "Q", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}
    before = [] if role != "tool" else [QUESTION, {"role": "assistant", "tool_calls": [{"function": {"name": "g", "arguments": "{}"}}]}]
    places = refusals({"messages": [*before, turn, QUESTION, ANSWER]})
    assert places[0] == ("schema.field_unread", f"messages[{len(before)}].tool_calls")


@pytest.mark.parametrize(
    "turn",
    [
        {"role": "tool_call", "content": '{"name": "a", "arguments": {}}'},
        {"role": "assistant", "metadata": "a", "content": "{}"},
    ],
)
def test_a_turn_that_is_a_call_keeps_its_other_calls_and_refuses_an_image(turn):
    more = {"tool_calls": [{"function": {"name": "b", "arguments": "{}"}}]}
    made = conversation({"messages": [QUESTION, turn | more, {"role": "tool", "content": "4"}, {"role": "tool", "content": "5"}, ANSWER]})
    assert turns(made)[1:3] == [("assistant", "a", "{}"), ("assistant", "b", "{}")]
    assert refusals({"messages": [QUESTION, turn | {"image": "b.png"}, ANSWER]})[0] == ("schema.field_unread", "messages[1].image")


def test_a_call_turn_may_have_no_content():
    turn = {"role": "tool_call", "content": None, "tool_calls": [{"function": {"name": "b", "arguments": "{}"}}]}
    assert turns(conversation({"messages": [QUESTION, turn]}))[1] == ("assistant", "b", "{}")


def test_metadata_of_a_question_is_noted():
    made = conversation({"messages": [{"role": "user", "content": "Q", "metadata": "m"}, ANSWER]})
    assert (turns(made)[0], notes(made)) == (("user", "", "Q"), [("schema.field_unread", "messages[0].metadata")])


LIFTED = '{"name": "f", "arguments": {"a": 1}}'


def test_a_json_answer_is_a_call_only_if_its_tool_is_declared_or_a_result_follows():
    assert turns(conversation(asked(answer=LIFTED, tools=[{"name": "f"}])))[1] == ("assistant", "f", '{"a": 1}')
    answered = {"messages": [QUESTION, {"role": "assistant", "content": LIFTED}, {"role": "tool", "content": "4"}, ANSWER]}
    assert turns(conversation(answered))[1] == ("assistant", "f", '{"a": 1}')
    alone = conversation(asked(answer=LIFTED, tools=[{"name": "g"}]))
    assert (turns(alone)[1], notes(alone)) == (("assistant", "", LIFTED), [("tool.call_in_text", "messages[1].content")])


@pytest.mark.parametrize("reasoning", ["keep", "drop"])
def test_a_call_that_is_written_after_its_reasoning_is_found(reasoning: str):
    record = asked(answer=f"<think>Hm.</think>\n\n{LIFTED}", tools=[{"name": "f"}])
    made = conversation(record, configuration(normalize={"reasoning": reasoning}))
    before = [("assistant", "", "<think>Hm.</think>")] if reasoning == "keep" else []
    assert turns(made)[1:] == [*before, ("assistant", "f", '{"a": 1}')]


@pytest.mark.parametrize(
    "text", ["It is 12 degrees in Rome.", '{"POINT": [480, 900]}', "Use a <table> here: f(x) = [1, 2]", "Name\n\n{x}", "def f():\n    return {}"]
)
def test_an_answer_without_a_call_gets_no_note(text: str):
    assert conversation(asked(answer=text)).findings == ()


@pytest.mark.parametrize(
    ("tools", "name", "parameters"),
    [
        (['{"type":"function","function":{"name":"w","parameters":{"type":"object"}}}'], "w", {"type": "object"}),
        ([{"name": "w", "input_schema": {"type": "object"}}], "w", {"type": "object"}),
        ([{"name": "w", "inputSchema": {"type": "object"}}], "w", {"type": "object"}),
    ],
)
@pytest.mark.parametrize("key", ["tools", "functions", "available_tools"])
def test_tool_definitions_of_other_apis_are_read(tools, name: str, parameters, key: str):
    made = conversation(asked(**{key: tools}))
    assert json.loads(made.tools) == [{"type": "function", "function": {"name": name, "parameters": parameters}}]


@pytest.mark.parametrize("kind", [[1], {"a": 1}, 5])
def test_the_type_of_a_call_may_be_anything(kind: object):
    record = {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "tool_calls": [{"type": kind, "note": "x"}]}]}
    assert refusals(record)[0][0] == "tool.call_malformed"
