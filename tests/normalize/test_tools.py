"""Tool definitions, and arguments checked against them."""

import json
from typing import Any

import pytest

from tests.making import asked, called, configuration, conversation, notes, refusals


@pytest.mark.parametrize(
    "tools",
    [
        [
            {
                "type": "function",
                "function": {
                    "name": "f",
                    "description": "d",
                    "parameters": {"type": "object", "properties": {"a": {"type": "string", "enum": None}, "b": None}},
                },
            }
        ],
        [{"name": "f", "description": "d", "parameters": {"type": "object", "properties": {"a": {"type": "string"}, "b": None}}}],
        json.dumps([{"name": "f", "description": "d", "parameters": {"type": "object", "properties": {"a": {"type": "string", "default": None}}}}]),
    ],
)
def test_tool_definitions_are_one_json_text_without_nulls_at_any_depth(tools):
    made = conversation(asked(tools=tools))
    function = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}
    assert json.loads(made.tools) == [{"type": "function", "function": function}]
    assert "repair.null_dropped" in [code for code, _ in notes(made)]


@pytest.mark.parametrize(("setting", "kept"), [("warn", True), ("quarantine", False)])
def test_arguments_are_checked_against_the_declared_schema(setting: str, kept: bool):
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    record = called('{"city": 7}') | {"tools": [{"type": "function", "function": {"name": "f", "parameters": parameters}}]}
    config = configuration(normalize={"schema_invalid": setting})
    if kept:
        assert [code for code, _ in notes(conversation(record, config))] == ["tool.schema_invalid"]
    else:
        assert refusals(record, config)[0][0] == "tool.schema_invalid"


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
def test_an_argument_that_does_not_match_its_schema_is_noted(schema: Any, fits: list[Any], misfits: list[Any]):
    for value in fits:
        assert notes(conversation(called(json.dumps({"a": value}), **declared(schema)))) == [], value
    for value in misfits:
        found = notes(conversation(called(json.dumps({"a": value}), **declared(schema))))
        assert [code for code, _ in found] == ["tool.schema_invalid"], value


@pytest.mark.parametrize(
    "schema", [{"type": []}, {"type": "text"}, {"anyOf": []}, {"minItems": -1}, {"minItems": 1.5}, {"minimum": "1"}, {"minimum": True}, {"enum": 1}]
)
def test_an_invalid_schema_is_noted(schema: Any):
    assert [code for code, _ in notes(conversation(called('{"a": 1}', **declared(schema))))] == ["tool.schema_invalid"]


@pytest.mark.parametrize("schema", [{"minItems": 0}, {"minItems": 1.0}, {"enum": []}, {"required": []}])
def test_an_unusual_schema_may_still_be_valid(schema: Any):
    for arguments in ("{}", '{"b": 1}'):
        assert notes(conversation(called(arguments, **declared(schema)))) == []
