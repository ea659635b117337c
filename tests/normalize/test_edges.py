"""Python literals and arguments at the edge of what is read."""

import json
from typing import Any

import pytest

from pipelines.records import Conversation
from tests.making import asked, configuration, conversation, notes, refusals, run, turns


def literal(text: str, **limits: int) -> Any:
    """The value of the argument that is written so in Python, or the code of the reason."""
    first = run(call(f"{{'k': {text}}}"), configuration(limits=limits))[0]
    return json.loads(first.messages[1].content)["k"] if isinstance(first, Conversation) else first.findings[0].code


@pytest.mark.parametrize(
    ("text", "limits", "found"),
    [
        ("[1, 2]", {"literal_bytes": 13}, [1, 2]),
        ("[1, 2]", {"literal_bytes": 12}, "tool.args_too_large"),
        ("[[[[[[1]]]]]]", {"json_depth": 8}, [[[[[[1]]]]]]),
        ("[[[[[[[1]]]]]]]", {"json_depth": 8}, "tool.literal_too_deep"),
        ("{'a': [{'b': {'c': {'d': ()}}}]}", {"json_depth": 8}, {"a": [{"b": {"c": {"d": []}}}]}),
        ("{'a': [{'b': {'c': {'d': [[()]]}}}]}", {"json_depth": 8}, "tool.literal_too_deep"),
        ("1" * 300, {}, int("1" * 300)),
        ("1" * 301, {}, "json.huge_number"),
        ("1e400", {}, "json.huge_number"),
        ("-1e400", {}, "json.huge_number"),
    ],
)
def test_a_literal_may_be_as_long_and_as_deep_as_the_limits_say(text: str, limits: dict[str, int], found: Any):
    assert literal(text, **limits) == found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("()", []),
        ("(1)", 1),
        ("(1,)", [1]),
        ("(1, 2)", [1, 2]),
        ("[1,]", [1]),
        ("[]", []),
        ("{}", {}),
        ("{'a': 1,}", {"a": 1}),
        ("'a' 'b' \"c\"", "abc"),
        ("-1", -1),
        ("+1.5", 1.5),
        ("0x1f", 31),
        ("0X1F", 31),
        ("0", 0),
        ("00", 0),
        ("1_000", 1000),
        (r"'\101\x41\u0041\U00000041'", "AAAA"),
        (r"'\q\n'", "\\q\n"),
        (r"r'\n'", "\\n"),
        ("u'a'", "a"),
        (r"'\U0010ffff'", "\U0010ffff"),
        (" \t\n'a'\f", "a"),
        ("[True, False, None]", [True, False, None]),
    ],
)
def test_a_literal_is_the_value_that_python_gives_it(text: str, value: Any):
    assert repr(literal(text)) == repr(value)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "args_unparseable"),
        ("[1 2]", "args_unparseable"),
        ("[1", "args_unparseable"),
        ("{'a' 1}", "args_unparseable"),
        ("[1] 2", "args_unparseable"),
        ("01", "args_unparseable"),
        ("1 + 2", "args_unparseable"),
        ("[1 + 2]", "args_unparseable"),
        ("+'a'", "args_unparseable"),
        ("true", "args_unparseable"),
        (r"'\U00110000'", "args_unparseable"),
        (r"'\N{NO SUCH NAME}'", "args_unparseable"),
        ("'a\0'", "args_unparseable"),
        ("{1, 2}", "args_not_json_type"),
        ("{1}", "args_not_json_type"),
        ("{1: 2}", "args_not_json_type"),
        ("{None: 2}", "args_not_json_type"),
        ("b'a'", "args_not_json_type"),
        ("2j", "args_not_json_type"),
        ("[1 + 2j]", "args_not_json_type"),
        ("...", "args_not_json_type"),
        ("f'{a}'", "code_expression"),
        ("open('a')", "code_expression"),
        ("[x for x in y]", "code_expression"),
        ("a if b else c", "code_expression"),
        ("2 * 3", "code_expression"),
        ("a.__class__", "code_expression"),
    ],
)
def test_what_is_no_literal_of_a_json_value_says_what_it_is(text: str, code: str):
    assert literal(text) == f"tool.{code}"


@pytest.mark.parametrize(
    ("text", "code"), [("{'a': 1, 'a': 2}", "json.duplicate_key"), (r"'\ud800'", "json.lone_surrogate"), (r"'\udfff'", "json.lone_surrogate")]
)
def test_what_json_does_not_hold_either_has_its_own_reason(text: str, code: str):
    assert literal(text) == code


def call(arguments: Any, **more: Any) -> dict[str, Any]:
    logged = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": arguments}}]}
    return {"messages": [{"role": "user", "content": "Q"}, logged], **more}


def declared(schema: Any) -> dict[str, Any]:
    return {"tools": [{"name": "f", "parameters": {"type": "object", "properties": {"a": schema}}}]}


@pytest.mark.parametrize(
    ("schema", "fits", "misfits"),
    [
        ({"minimum": 2}, [2, 2.0, "1"], [1, 1.9]),
        ({"maximum": 2}, [2, True], [3, 2.1]),
        ({"minLength": 2}, ["ab", 1], ["a"]),
        ({"maxLength": 2}, ["ab"], ["abc"]),
        ({"minItems": 1}, [[1], "x"], [[]]),
        ({"maxItems": 1}, [[1]], [[1, 2]]),
        ({"type": "integer"}, [1, 1.0], [1.5, True, "1"]),
        ({"type": "number"}, [1, 1.5], [False, None]),
        ({"type": ["string", "null"]}, ["a", None], [1, []]),
        ({"type": "boolean"}, [True, False], [0, 1]),
        ({"enum": [1, "a", {"b": [1]}]}, [1, 1.0, "a", {"b": [1.0]}], [True, "b", {"b": [2]}, {"b": [1, 1]}, {}]),
        ({"const": False}, [False], [0, None]),
        ({"required": ["b"]}, [{"b": None}, "x"], [{}, {"c": 1}]),
        ({"additionalProperties": False, "properties": {"b": {}}}, [{"b": 1}, {}, 1], [{"c": 1}]),
        ({"additionalProperties": False, "patternProperties": {"x": {}}}, [{"c": 1}], []),
        ({"prefixItems": [{}], "items": {"type": "string"}}, [[1], [1, "a"], []], [["a", 1]]),
        ({"anyOf": [{"type": "string"}, {"minimum": 2}]}, ["a", 2], [1]),
        ({"oneOf": [{"minimum": 2}, {"maximum": 3}]}, [1, 4], [2, 3]),
        ({"allOf": [{"minimum": 2}, {"maximum": 3}]}, [2, 3], [1, 4]),
        (True, [1], []),
        (False, [], [1]),
    ],
)
def test_an_argument_fits_its_schema_or_is_noted(schema: Any, fits: list[Any], misfits: list[Any]):
    for value in fits:
        assert notes(conversation(call(json.dumps({"a": value}), **declared(schema)))) == [], value
    for value in misfits:
        found = notes(conversation(call(json.dumps({"a": value}), **declared(schema))))
        assert [code for code, _ in found] == ["tool.schema_invalid"], value


@pytest.mark.parametrize(
    "schema", [{"type": []}, {"type": "text"}, {"anyOf": []}, {"minItems": -1}, {"minItems": 1.5}, {"minimum": "1"}, {"minimum": True}, {"enum": 1}]
)
def test_a_schema_that_is_none_is_noted(schema: Any):
    assert [code for code, _ in notes(conversation(call('{"a": 1}', **declared(schema))))] == ["tool.schema_invalid"]


@pytest.mark.parametrize("schema", [{"minItems": 0}, {"minItems": 1.0}, {"enum": []}, {"required": []}])
def test_an_unusual_schema_is_one_all_the_same(schema: Any):
    found = notes(conversation(call("{}", **declared(schema))))
    assert found == []


@pytest.mark.parametrize("key", ["step_id", "id", "episode_id"])
@pytest.mark.parametrize(("value", "is_refused"), [("x", False), (7, False), (7.5, False), ("", False), (True, True), ([], True), ({}, True)])
def test_an_id_is_text_or_a_number(key: str, value: Any, is_refused: bool):
    record = asked(**{key: value})
    if is_refused:
        assert ("schema.field_type", key) in refusals(record)
    else:
        assert conversation(record).findings == ()


@pytest.mark.parametrize("setting", ["keep", "quarantine"])
def test_a_blank_turn_is_refused_and_so_is_a_record_without_an_answer(setting: str):
    config = configuration(normalize={"id_conflict": setting})
    assert refusals(asked(answer=" \n"), config) == [("schema.no_target", "")]
    blank = {"messages": [*asked()["messages"], {"role": "user", "content": "\t"}, *asked()["messages"][1:]]}
    assert refusals(blank, config) == [("schema.content_missing", "messages[2]")]
    assert refusals({"messages": [{"role": "user", "content": "Q"}]}, config) == [("schema.no_target", "")]


def test_an_image_list_that_is_blank_holds_no_picture():
    for value in ("", [], {}, None):
        assert turns(conversation(asked(image=value))) == [("user", "", "Hello?"), ("assistant", "", "Hello.")]
