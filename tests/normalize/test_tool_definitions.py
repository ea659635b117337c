"""Definitions of tools: the shapes that are read, what is dropped from them, and calls that do not fit."""

import json
from typing import Any

import pytest

from pipelines.flow import draft_of
from pipelines.records import Draft, raw_record
from tests.making import asked, configuration, conversation, notes, refusals, run

PLAIN = {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}
TEXT = json.dumps([{"type": "function", "function": PLAIN}])


def tools(value: Any) -> str | None:
    return conversation(asked(tools=value)).tools


@pytest.mark.parametrize(
    "value",
    [
        [PLAIN],
        PLAIN,
        json.dumps(PLAIN),
        json.dumps([PLAIN]),
        [json.dumps(PLAIN)],
        [" " + json.dumps(PLAIN)],
        [{"type": "function", "function": PLAIN}],
        [{"function": PLAIN}],
        [PLAIN | {"type": "function"}],
        [PLAIN | {"cache_control": {"type": "ephemeral"}}],
        [PLAIN, PLAIN],
        [{"name": "f", "input_schema": PLAIN["parameters"]}],
        [{"name": "f", "inputSchema": PLAIN["parameters"]}],
        [{"name": "f", "parameters": json.dumps(PLAIN["parameters"])}],
    ],
)
def test_a_definition_of_any_shape_becomes_one_function(value: Any):
    assert tools(value) == TEXT


@pytest.mark.parametrize("value", [None, [], "", " ", "null", "[]"])
def test_an_empty_value_declares_no_tools(value: Any):
    assert tools(value) is None


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (5, ("schema.field_type", "tools")),
        ("f", ("schema.field_type", "tools")),
        ("5", ("schema.field_type", "tools")),
        ([5], ("tool.schema_invalid", "tools[0]")),
        ([PLAIN, {}], ("tool.schema_invalid", "tools[1]")),
        ([{"name": ""}], ("tool.schema_invalid", "tools[0]")),
        ([{"name": 5}], ("tool.schema_invalid", "tools[0]")),
        ([{"function": []}], ("tool.schema_invalid", "tools[0]")),
        (["{"], ("schema.field_type", "tools[0]")),
        ([PLAIN | {"input_schema": {}}], ("tool.schema_invalid", "tools[0]")),  # two schemas
        ([{"name": "f", "parameters": "{"}], ("tool.schema_invalid", "tools[0]")),
    ],
)
def test_an_invalid_definition_is_refused_at_its_place(value: Any, found: tuple[str, str]):
    assert refusals(asked(tools=value))[0] == found


@pytest.mark.parametrize("parameters", [None, "", " ", [], "5"])
def test_a_tool_needs_no_schema_for_its_parameters(parameters: Any):
    assert '"name": "f"' in (tools([{"name": "f", "parameters": parameters}]) or "")


def test_a_number_of_more_than_64_bits_is_kept():
    assert str(2**70) in (tools([PLAIN | {"maximum": 2**70}]) or "")


def detail(record: dict[str, Any], code: str) -> str:
    made = conversation(record)
    return next(finding.detail for finding in made.findings if finding.code == code)


def test_nulls_in_objects_are_removed_and_nulls_in_lists_stay():
    definition = {"name": "f", "description": None, "parameters": {"properties": {"a": {"enum": [1, None], "title": None}}}}
    record = asked(tools=[definition])
    assert notes(conversation(record)) == [("repair.null_dropped", "tools[0]")]
    assert detail(record, "repair.null_dropped") == "removed nulls: 'description, parameters.properties.a.title'"
    assert json.loads(tools([definition]) or "")[0]["function"] == {"name": "f", "parameters": {"properties": {"a": {"enum": [1, None]}}}}


@pytest.mark.parametrize(("entries", "end"), [(19, ""), (20, ""), (21, " and 1 more"), (25, " and 5 more")])
def test_at_most_20_places_are_listed(entries: int, end: str):
    said = detail(asked(tools=[{"name": "f"} | {f"{number}": None for number in range(entries)}]), "repair.null_dropped")
    assert said == f"removed nulls: '{', '.join(map(str, range(min(entries, 20))))}'{end}"


def test_one_name_with_two_definitions_is_noted_or_refused():
    other = PLAIN | {"description": "another"}
    both = asked(tools=[PLAIN, other])
    for record in (both, asked(tools=[PLAIN, other, PLAIN, other])):
        assert notes(conversation(record)) == [("tool.schema_invalid", "tools[1]")]
        assert conversation(record).tools.count('"f"') == 2  # type: ignore[union-attr]
    assert refusals(both, configuration(normalize={"schema_invalid": "quarantine"})) == [("tool.schema_invalid", "tools[1]")]


def test_keys_beside_a_function_are_counted_as_unread():
    raw = json.dumps(asked(tools=[{"type": "function", "function": PLAIN, "note": "x", "strict": True, "empty": None}])).encode()
    draft = draft_of(raw_record("kit", "a.jsonl", 1, raw), configuration())
    assert isinstance(draft, Draft)
    assert {key for key, _ in draft.unread} >= {"tool.note"}
    assert "tool.empty" not in dict(draft.unread)


def called(arguments: Any, declared: Any = PLAIN, name: str = "f") -> dict[str, Any]:
    call = {"role": "assistant", "tool_calls": [{"name": name, "arguments": arguments}]}
    return {"messages": [{"role": "user", "content": "Q"}, call], "tools": [declared]}


def schema(**more: Any) -> dict[str, Any]:
    return {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": ["object", "array", "integer", "null"], **more}}}}


@pytest.mark.parametrize(
    ("arguments", "declared", "text"),
    [
        ({"a": 1, "b": None}, PLAIN, '{"a": 1}'),
        ({"a": None}, schema(), '{"a": null}'),  # a null that the schema knows
        ('{"a": 1, "b": null}', PLAIN, '{"a": 1, "b": null}'),  # logged as text
        ({"a": {"b": None, "c": 1}}, schema(properties={"c": {}}), '{"a": {"c": 1}}'),
        ({"a": [{"b": None}, {"b": 1}]}, schema(items={"properties": {}}), '{"a": [{}, {"b": 1}]}'),
        ({"a": {"b": None}}, schema(), '{"a": {"b": null}}'),
        ({"a": {"b": None}}, schema(properties={}, additionalProperties=True), '{"a": {"b": null}}'),
        ({"a": {"b": None}}, schema(properties={}, additionalProperties=False), '{"a": {}}'),
        ({"a": 2.50, "b": None}, PLAIN, '{"a": 2.5}'),
        ({"b": None}, {"name": "f"}, '{"b": null}'),
    ],
)
def test_null_arguments_are_removed_if_the_tool_does_not_declare_them(arguments: Any, declared: Any, text: str):
    made = conversation(called(arguments, declared))
    assert made.messages[1].content == text
    assert ("repair.null_dropped" in [code for code, _ in notes(made)]) == ("null" in json.dumps(arguments) and text != arguments and "null" not in text)


def test_a_call_of_an_undeclared_tool_is_noted_with_the_declared_tools():
    record = called({}, name="g")
    assert detail(record, "tool.unknown_tool") == "'g' is not declared; the record declares 'f'"
    assert notes(conversation(called({}, name="g") | {"tools": []})) == []


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"required": ["a"]}, "missing: 'a'"),
        ({"required": ["a", "b", "c", "d"]}, "missing: 'a', 'b', 'c' and 1 more"),
        ({"required": ["a", "b", "c"]}, "missing: 'a', 'b', 'c'"),
        ({"properties": {"x": {"minimum": 2}}}, "'1' is less than minimum, which is '2'"),
        ({"properties": {"x": {"maximum": 0}}}, "'1' is more than maximum, which is '0'"),
        ({"properties": {"x": {"enum": [2, 3]}}}, "'1' is not one of the 2 allowed values"),
        ({"properties": {"x": {"const": 2}}}, "'1' is not '2'"),
        ({"properties": {"x": {"type": ["string", "null"]}}}, "'1' is not of type string or null"),
        ({"properties": {"x": {"anyOf": [{"type": "string"}]}}}, "'1' does not match any schema in anyOf"),
        ({"properties": {"x": {"oneOf": [{"type": "string"}]}}}, "'1' matches 0 schemas in oneOf; expected exactly 1"),
        ({"properties": {"x": {"oneOf": [True, True]}}}, "'1' matches 2 schemas in oneOf; expected exactly 1"),
        ({"additionalProperties": False}, "x: no value is allowed here, found a number"),
        ({"properties": {"x": {"type": "text"}}}, "properties.x.type is 'text'; expected a type or a list of types"),
        ({"properties": {"x": 5}}, "properties.x is a number; expected a schema"),
        ({"properties": 5}, "properties is '5'; expected"),
        ({"items": {"minItems": -1}}, "items.minItems is '-1'; expected a whole number of at least 0"),
    ],
)
def test_a_mismatch_with_the_schema_is_described_in_a_few_words(parameters: dict[str, Any], said: str):
    assert said in detail(called({"x": 1}, {"name": "f", "parameters": parameters}), "tool.schema_invalid")


def test_a_record_with_only_invalid_definitions_has_one_row():
    assert len(run(asked(tools=[{}, {}]))) == 1
    assert refusals(asked(tools=[{}, {}])) == [("tool.schema_invalid", "tools[0]")]


def test_parameters_that_are_listed_by_name_become_a_schema_with_a_note():
    listed = {"city": {"type": "str", "description": "c"}, "days": {"type": "int, optional", "default": 3}, "when": {"type": "Callable[..., Any]"}}
    made = conversation(asked(tools=[{"name": "f", "parameters": listed}]))
    assert json.loads(made.tools or "")[0]["function"]["parameters"] == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "c"},
            "days": {"type": "integer", "default": 3},
            "when": {"description": "(Callable[..., Any])"},
        },
    }
    assert notes(made) == [("repair.parameters_wrapped", "tools[0]")]


@pytest.mark.parametrize("parameters", [{}, {"type": "object"}, {"properties": {"type": {"type": "str"}}}, {"x": 1}, {"x": {"description": "d"}}])
def test_other_parameters_stay_as_they_are(parameters: dict[str, Any]):
    made = conversation(asked(tools=[{"name": "f", "parameters": parameters}]))
    assert json.loads(made.tools or "")[0]["function"]["parameters"] == parameters


@pytest.mark.parametrize(
    "tools",
    [
        [{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}],
        [{"function_declarations": [{"name": "f"}]}, {"function_declarations": [{"name": "g"}]}],
        {"functionDeclarations": [{"name": "f"}, {"name": "g"}]},
        {"tools": [{"name": "f"}, {"name": "g"}]},
        {"f": {"description": "d"}, "g": {"parameters": {"type": "object"}}},
        {"f": {"inputSchema": {"type": "object"}}, "g": {"description": "d"}},
        [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}, {"toolSpec": {"name": "g"}}],
    ],
)
def test_the_lists_of_tools_of_other_apis_are_read(tools: Any):
    made = conversation(asked(tools=tools))
    functions = [tool["function"] for tool in json.loads(made.tools or "")]
    assert [function["name"] for function in functions] == ["f", "g"]
    assert not [function for function in functions if "inputSchema" in function or "json" in function.get("parameters", {})]
