"""Parameters of a tool that are listed by name, `{"city": {"type": "str", "description": "..."}}` -> a JSON schema.

Source: Salesforce/xlam-function-calling-60k, whose types are Python's: `str`, `int, optional`, `List[str]`.
"""

from __future__ import annotations

import re
from typing import Any

_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "list": "array", "tuple": "array", "set": "array", "dict": "object"}
_TYPE = re.compile(r"\s*([A-Za-z]+)(?:\[([A-Za-z]+)[^,]*\])?\s*(,\s*optional\s*)?")
# A key of a schema says that the parameters are one; a parameter may have such a name too, but then its value is a description.
_OF_SCHEMAS = ("type", "properties", "$ref", "anyOf", "oneOf", "allOf", "enum", "additionalProperties", "required")


def plain_schema(parameters: Any) -> Any:
    """A JSON schema out of the box that Bedrock (`json`) or Vercel's AI SDK (`jsonSchema`) puts around it, its types in the small letters of JSON
    schema where they are in Gemini's capitals.

    >>> plain_schema({"json": {"type": "object"}}), plain_schema({"type": "OBJECT", "properties": {"n": {"type": "INTEGER"}}})
    ({'type': 'object'}, {'type': 'object', 'properties': {'n': {'type': 'integer'}}})
    """
    if isinstance(parameters, dict) and len(parameters) == 1 and isinstance(inner := next(iter(parameters.values())), dict) and parameters.keys() <= _BOXES:
        return inner
    return _in_small_letters(parameters) if isinstance(parameters, dict) and parameters.get("type") in _CAPITALS else parameters


_BOXES = {"json", "jsonSchema"}
_CAPITALS = ("OBJECT", "ARRAY", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "NULL")


def _in_small_letters(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_small_letters(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: item.lower() if key == "type" and item in _CAPITALS else _in_small_letters(item) for key, item in value.items()}


def is_listed_by_name(parameters: Any) -> bool:
    """Whether these are descriptions of parameters by name, and no schema.

    >>> is_listed_by_name({"city": {"type": "str"}}), is_listed_by_name({"type": "object", "properties": {}}), is_listed_by_name({})
    (True, False, False)
    """
    if (
        not isinstance(parameters, dict)
        or not parameters
        or not all(isinstance(value, dict) and isinstance(value.get("type"), str) for value in parameters.values())
    ):
        return False
    return not any(not isinstance(parameters.get(key), dict) for key in _OF_SCHEMAS if key in parameters)


def schema_of_listed(parameters: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The schema of an object with these properties. Which of them are required is not said, so none is.

    >>> schema_of_listed({"n": {"type": "List[int], optional", "description": "d"}})
    {'type': 'object', 'properties': {'n': {'type': 'array', 'description': 'd', 'items': {'type': 'integer'}}}}
    """
    return {"type": "object", "properties": {name: _property(described) for name, described in parameters.items()}}


def _property(described: dict[str, Any]) -> dict[str, Any]:
    match = _TYPE.fullmatch(described["type"])
    kind = match and _TYPES.get(match[1].lower(), match[1].lower())
    if match is None or kind not in {*_TYPES.values(), "null"}:
        return {key: value for key, value in described.items() if key != "type"} | {
            "description": f"{described.get('description', '')} ({described['type']})".strip()
        }
    inner = _TYPES.get((match[2] or "").lower())
    return described | {"type": kind} | ({"items": {"type": inner}} if kind == "array" and inner and "items" not in described else {})
