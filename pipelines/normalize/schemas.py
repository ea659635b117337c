"""Whether a call's arguments fit the JSON Schema of its function: a quick yes where it is sure, else jsonschema's own word."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import SchemaError

from pipelines.parse import clip

# No $ref and no pattern: a log's schema may neither send us somewhere nor keep a worker busy for ever.
_KEYWORDS = "type required enum const properties items additionalProperties minimum maximum minItems maxItems minLength maxLength anyOf oneOf allOf"
_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: type(value) is str,
    "integer": lambda value: type(value) is int or (type(value) is float and value.is_integer()),
    "number": lambda value: type(value) is int or type(value) is float,
    "boolean": lambda value: type(value) is bool,
    "array": lambda value: type(value) is list,
    "object": lambda value: type(value) is dict,
    "null": lambda value: value is None,
}
_NOTES = {"description": str, "title": str, "format": str}  # they say nothing about a value
_ANYTHING = ("default",)


def misfit(name: str, values: Mapping[str, Any], parameters: Any) -> str | None:
    """What is wrong with these arguments of the function `name`, or with its schema; None where nothing is."""
    if not isinstance(parameters, Mapping):
        return None
    try:
        checker = _checker(json.dumps(parameters))
    except SchemaError as error:
        return f"the schema of {name} is none: {clip(error.message)}"
    fault = next(checker.iter_errors(values), None)
    return fault and f"{'.'.join(map(str, fault.absolute_path)) or 'arguments'}: {clip(fault.message)}"


def is_simple(schema: Any) -> bool:
    """Whether this is surely a valid schema: of the few keywords that most definitions use, each with what it must have."""
    if type(schema) is not dict:
        return False
    for key, rule in schema.items():
        kind = _NOTES.get(key)
        if kind is not None or key in _ANYTHING:
            right = kind is None or type(rule) is kind
        elif key == "type":
            right = type(rule) is str and rule in _TYPES
        elif key == "properties":
            right = type(rule) is dict and all(map(is_simple, rule.values()))
        elif key == "required":
            right = type(rule) is list and all(type(name) is str for name in rule) and len(set(rule)) == len(rule)
        elif key in ("minimum", "maximum"):
            right = type(rule) in (int, float)
        else:
            right = type(rule) is list if key == "enum" else is_simple(rule) if key == "items" else key == "additionalProperties" and type(rule) is bool
        if not right:
            return False
    return True


def surely_fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether this value fits a simple schema; False where it does not, or where it would take more to say."""
    kind = schema.get("type")
    if kind is not None and not _TYPES[kind](value):
        return False
    if type(value) is str:
        return "enum" not in schema or value in schema["enum"]
    if "enum" in schema or (("minimum" in schema or "maximum" in schema) and type(value) in (int, float)):
        return False
    if type(value) is list:
        items = schema.get("items")
        return items is None or all(surely_fits(item, items) for item in value)
    if type(value) is not dict:
        return True
    properties = schema.get("properties", {})
    if schema.get("additionalProperties") is False and not value.keys() <= properties.keys():
        return False
    return all(name in value for name in schema.get("required", ())) and all(
        surely_fits(item, properties[name]) for name, item in value.items() if name in properties
    )


@lru_cache(maxsize=1024)
def _checker(parameters: str) -> Any:
    schema = json.loads(parameters)
    Draft202012Validator.check_schema(schema)
    known = {key: Draft202012Validator.VALIDATORS[key] for key in _KEYWORDS.split()}
    return validators.create(meta_schema={}, validators=known, type_checker=Draft202012Validator.TYPE_CHECKER)(schema)
