"""The quick yes about a call's arguments is jsonschema's yes too; everything else is left to jsonschema."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from pipelines.normalize.schemas import is_simple, misfit, surely_fits

SCALARS = st.sampled_from(["a", "b", "", 0, 1, -3, 2.0, 2.5, True, False, None])
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8)
TYPES = st.sampled_from(["string", "integer", "number", "boolean", "array", "object", "null", "any", ["string", "null"]])


def _schema(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    rules = {
        "type": TYPES,
        "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        "required": st.lists(st.sampled_from(["a", "b", 3]), max_size=2),
        "enum": st.lists(SCALARS, max_size=4),
        "items": inner,
        "additionalProperties": st.booleans() | inner,
        "minimum": st.sampled_from([0, 1.5, "x"]),
        "description": st.sampled_from(["words", 7]),
        "pattern": st.just("a+"),
        "anyOf": st.lists(inner, min_size=1, max_size=2),
    }
    return st.fixed_dictionaries({}, optional=rules)


SCHEMAS = st.recursive(_schema(st.just({})), _schema, max_leaves=4)


@settings(max_examples=1500, deadline=None)
@given(schema=SCHEMAS, value=st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3))
def test_the_quick_yes_is_jsonschemas_yes(schema: Any, value: Any):
    if is_simple(schema):
        Draft202012Validator.check_schema(schema)
        if surely_fits(value, schema):
            assert next(Draft202012Validator(schema).iter_errors(value), None) is None
            assert misfit("f", value, schema) is None


def test_a_usual_definition_is_simple_and_its_call_surely_fits():
    schema = {"type": "object", "properties": {"city": {"type": "string", "description": "a city", "enum": ["Oslo"]}, "days": {"type": "integer"}}}
    assert is_simple(schema | {"required": ["city"]})
    assert surely_fits({"city": "Oslo", "days": 3}, schema)
    assert not surely_fits({"city": "Rome", "days": 3}, schema)
    assert misfit("f", {"city": "Oslo", "days": "3"}, schema) == "days: \"'3' is not of type 'integer'\""
