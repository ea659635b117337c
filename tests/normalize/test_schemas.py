"""Arguments are checked as JSON Schema says, and no schema from a log can do harm."""

import socket
from collections.abc import Callable, ItemsView, Iterator, KeysView, ValuesView
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from pipelines.normalize.schemas import RECORD_STEPS, STEPS, BadSchema, Steps, find_mismatch, read_schema
from tests.making import conversation, notes
from tests.properties.depth import deep

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.0, 1.0, 1.5]) | st.sampled_from(["", "a", "ab"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
TYPES = st.sampled_from(["object", "array", "string", "number", "integer", "boolean", "null"])


def _schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    count = st.integers(0, 3)
    some = st.lists(inner, min_size=1, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
            "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
            "enum": st.lists(VALUES, min_size=1, max_size=3),
            "const": VALUES,
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
            "items": inner,
            "additionalProperties": inner,
            **dict.fromkeys(("minimum", "maximum"), st.integers(-2, 2) | st.just(0.5)),
            **dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength"), count),
            **dict.fromkeys(("anyOf", "oneOf", "allOf"), some),
            "description": st.just("words"),
        },
    )


@given(value=VALUES, schema=st.recursive(st.booleans() | st.just({}), _schemas, max_leaves=4))
@deep(40)
def test_a_value_matches_a_schema_exactly_if_jsonschema_says_so(value: Any, schema: Any):
    assert (find_mismatch(value, read_schema(schema), Steps()) is None) == Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "strin"}, "type is 'strin'; expected a type or a list of types"),
        ({"properties": {"a": {"required": True}}}, "properties.a.required is 'True'; expected a list of names"),
        ({"items": [{"type": "string"}]}, "items is a list; expected a schema"),
        ({"anyOf": [{}, 7]}, "anyOf.1 is a number; expected a schema"),
        ({"minLength": -1}, "minLength is '-1'; expected a whole number of at least 0"),
    ],
)
def test_an_invalid_schema_is_reported_with_the_place_of_the_error(schema: Any, words: str):
    with pytest.raises(BadSchema) as caught:
        find_mismatch({}, read_schema(schema), Steps())
    assert str(caught.value) == words


def called(parameters: Any, arguments: Any) -> dict[str, Any]:
    call = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": arguments}}]}
    return {"messages": [{"role": "user", "content": "Q"}, call], "tools": [{"name": "f", "parameters": parameters}]}


DRAFT_7 = "http://json-schema.org/draft-07/schema#"


@pytest.mark.parametrize(
    "inner",
    [
        {"$schema": DRAFT_7, "$ref": "http://127.0.0.1:9/schema.json"},
        {"$schema": DRAFT_7, "pattern": "^(a+)+$"},
        {"patternProperties": {"^(a+)+$": False}},
        {"$id": "http://[bad", "$anchor": 5},
    ],
)
def test_a_schema_opens_no_socket_and_runs_no_pattern(inner: Any, monkeypatch: pytest.MonkeyPatch):
    def refused(*_):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refused)
    parameters = {"type": "object", "properties": {"a": inner}}
    assert notes(conversation(called(parameters, {"a": "a" * 64 + "!"}))) == []
    assert notes(conversation(called(inner, {"a" * 64 + "!": 1}))) == []


def test_checking_a_huge_schema_stops_after_a_limited_number_of_steps():
    schema = {"properties": {"a": {"items": {"allOf": [{"type": "integer"}] * 200}}}}
    made = conversation(called(schema, {"a": [0] * 1000}))
    assert [(finding.code, finding.detail) for finding in made.findings] == [
        ("tool.schema_invalid", "the schema of 'f' cannot be used: checking against it takes more than 100,000 steps")
    ]


class Watched(dict[str, Any]):
    """An object that counts how many of its entries were looked at."""

    looks = 0

    def __contains__(self, key: object) -> bool:
        self.looks += 1
        return super().__contains__(key)

    def __getitem__(self, key: str) -> Any:
        self.looks += 1
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[str]:
        self.looks += len(self)
        return super().__iter__()

    def keys(self) -> KeysView[str]:
        return KeysView(self)

    def items(self) -> ItemsView[str, Any]:
        return ItemsView(self)

    def values(self) -> ValuesView[Any]:
        return ValuesView(self)


BRANCHES: dict[str, Callable[[Any], Any]] = {
    "properties": lambda of: {"properties": {"a": of}},
    "required": lambda of: {"required": ["a"], "items": of},
    "additionalProperties": lambda of: {"additionalProperties": of},
}


@pytest.mark.parametrize(("words", "kind"), [("anyOf", "string"), ("oneOf", "integer"), ("allOf", "integer")])
@pytest.mark.parametrize("branch", BRANCHES.values(), ids=BRANCHES)
def test_many_branches_over_one_large_argument_stay_within_the_steps(words: str, kind: str, branch: Callable[[Any], Any]):
    value = Watched(dict.fromkeys(map(str, range(20_000)), 1) | {"a": 1})
    with suppress(BadSchema):
        find_mismatch(value, read_schema({words: [branch({"type": kind})] * 500}), Steps())
    assert value.looks <= 2 * STEPS


def test_all_calls_of_a_record_share_one_limit_of_steps():
    record = Steps(RECORD_STEPS)
    schema = read_schema({"properties": {"a": {"enum": list(range(90_000))}}})
    for _ in range(12):
        with suppress(BadSchema):
            find_mismatch({"a": -1}, schema, record)
    with pytest.raises(BadSchema, match="checking the calls of this record takes more than 1,000,000 steps"):
        find_mismatch({}, schema, record)
