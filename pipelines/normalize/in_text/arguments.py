"""Arguments that a syntax writes one by one and without quotes, as XML does -> JSON. Their types are those that the tool declares."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import parse_json
from pipelines.reasons import Reject

_KINDS: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}


def arguments_of(pairs: Sequence[tuple[str, str]], declared: Mapping[str, Any] | None, reads_json: bool, budget: Budget) -> tuple[str, dict[str, Any]] | None:
    """(JSON text, values) of these arguments; None if a key appears twice. `declared` is the schema of the parameters.

    An argument is text, unless its tool declares another type and it is JSON of that type; then it stays as it is written. An argument that is not declared is JSON
    if `reads_json` and it can be.
    """
    known = declared.get("properties") if declared else None
    texts: list[str] = []
    values: dict[str, Any] = {}
    for key, text in pairs:
        kinds = _kinds(known.get(key) if isinstance(known, dict) else None)
        value = _value(text, kinds, reads_json, budget)
        texts.append(f"{json.dumps(key, ensure_ascii=False)}: {json.dumps(text, ensure_ascii=False) if isinstance(value, str) else text.strip()}")
        values[key] = value
    return (f"{{{', '.join(texts)}}}", values) if len(values) == len(pairs) else None


def _value(text: str, kinds: set[str], reads_json: bool, budget: Budget) -> Any:
    """The value of an argument; its own text if that is what it means, also where it looks like a JSON string."""
    if not (kinds - {"string"} or (reads_json and not kinds)):
        return text
    try:
        value = parse_json(text, budget, [])
    except Reject:
        return text
    return value if not isinstance(value, str) and (not kinds or _is_of(value, kinds)) else text


def _kinds(schema: Any) -> set[str]:
    """The types that a schema allows, also those of its alternatives; the empty set if it names none."""
    kinds: set[str] = set()
    for one in [schema, *(schema["anyOf"] if isinstance(schema, dict) and isinstance(schema.get("anyOf"), list) else [])]:
        given = one.get("type") if isinstance(one, dict) else None
        kinds |= {kind for kind in (given if isinstance(given, list) else [given]) if isinstance(kind, str)}
    return kinds


def _is_of(value: Any, kinds: set[str]) -> bool:
    """Whether a JSON value has one of these types; true is no integer."""
    return any(isinstance(value, _KINDS[kind]) and (kind == "boolean") == isinstance(value, bool) for kind in kinds & _KINDS.keys())
