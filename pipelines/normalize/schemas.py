"""Arguments against a declared JSON Schema: the keywords that tool definitions use, in a bounded number of steps.

Ours, because the schema comes from the log too: no $ref and no $schema that could send us somewhere, no pattern that could keep a
worker busy for ever, no anyOf of anyOfs that grows without end. A keyword that is not here is passed over.
Source of the meanings: JSON Schema draft 2020-12, validation and applicator vocabularies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from pipelines.parse import clip, kind_of

STEPS = 100_000  # a tenth of a second; an honest call takes some dozens


class BadSchema(Exception):
    """The schema is none, or checking against it would take too long."""


class Schema(NamedTuple):
    """A schema that was looked through once: `bad` says why it is of no use, `left` is what is left to spend on a value."""

    value: Any
    bad: str | None
    left: int


def read_schema(value: Any) -> Schema:
    steps = Steps(STEPS)
    try:
        _refuse_bad(value, "", steps)
    except BadSchema as error:
        return Schema(value, str(error), 0)
    return Schema(value, None, steps.left)


def misfit(value: Any, schema: Schema) -> str | None:
    """What about this value does not fit, the first fault with its path; None where it fits. Raises BadSchema."""
    if schema.bad:
        raise BadSchema(schema.bad)
    return _fault(value, schema.value, "", Steps(schema.left))


class Steps:
    """What may still be spent."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, count: int = 1) -> None:
        self.left -= count
        if self.left < 0:
            raise BadSchema(f"checking takes more than {STEPS} steps")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    return _is_number(value) and (isinstance(value, int) or value.is_integer())


TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, Mapping),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": _is_integer,
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}
# keyword -> (what its own value must be, in words and as a test)
_SHAPES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "type": ("a type or a list of types", lambda value: all(isinstance(kind, str) and kind in TYPES for kind in _listed(value)) and value != []),
    "required": ("a list of names", lambda value: isinstance(value, list) and all(isinstance(name, str) for name in value)),
    "enum": ("a list", lambda value: isinstance(value, list)),
    "properties": ("an object", lambda value: isinstance(value, Mapping)),
    **dict.fromkeys(("minimum", "maximum"), ("a number", _is_number)),
    **dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength"), ("a number from 0", lambda value: _is_integer(value) and value >= 0)),
    **dict.fromkeys(("anyOf", "oneOf", "allOf"), ("a list of schemas", lambda value: isinstance(value, list) and value != [])),
}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _refuse_bad(schema: Any, where: str, steps: Steps) -> None:
    steps.spend()
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping):
        raise BadSchema(f"{where or 'it'} is {kind_of(schema)}, no schema")
    for key, value in schema.items():
        wanted, is_right = _SHAPES.get(key, ("", None))
        if is_right and not is_right(value):
            raise BadSchema(f"{_join(where, key)} is {_shown(value)}; {wanted} is wanted")
        below = value.items() if key == "properties" else enumerate(value) if key in ("anyOf", "oneOf", "allOf") else ()
        for name, inner in [("", value)] if key in ("items", "additionalProperties") else below:
            _refuse_bad(inner, _join(where, key, name), steps)


def _join(*names: Any) -> str:
    return ".".join(str(name) for name in names if name != "")


def _shown(value: Any) -> str:
    """A value in a few letters, whatever its size."""
    return clip(value) if isinstance(value, str) else kind_of(value) if isinstance(value, (Mapping, list)) else clip(str(value))


def _fault(value: Any, schema: Any, path: str, steps: Steps) -> str | None:
    steps.spend()
    if isinstance(schema, bool):
        return None if schema else f"{path or 'arguments'}: nothing is allowed here, and {kind_of(value)} is there"
    for key, wanted in schema.items():
        if key in _OWN:
            if words := _own_fault(value, key, wanted, steps):
                return f"{path or 'arguments'}: {words}"
        elif key in _BELOW:
            for name, inner, below in _below(value, key, wanted, schema, steps):
                if fault := _fault(inner, below, _join(path, name), steps):
                    return fault
        elif key in _BRANCHES and (fault := _branches(value, key, wanted, path, steps)):
            return fault
    return None


_OWN = {"type", "required", "enum", "const", "minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength"}
_BELOW = {"properties", "items", "additionalProperties"}
_BRANCHES = {"allOf", "anyOf", "oneOf"}


def _own_fault(value: Any, key: str, wanted: Any, steps: Steps) -> str | None:
    """What is wrong with the value itself."""
    if key == "type":
        if isinstance(wanted, str) and TYPES[wanted](value):
            return None
        return None if any(TYPES[kind](value) for kind in _listed(wanted)) else f"{_shown(value)} is not of type {' or '.join(_listed(wanted))}"
    if key == "required" and isinstance(value, Mapping):
        steps.spend(len(wanted))
        missing = [name for name in wanted if name not in value]
        return f"{clip(', '.join(missing))} is missing" if missing else None
    if key == "enum":
        return None if any(_equal(value, one, steps) for one in wanted) else f"{_shown(value)} is none of the {len(wanted)} that are allowed"
    if key == "const":
        return None if _equal(value, wanted, steps) else f"{_shown(value)} is not {_shown(wanted)}"
    size = value if _is_number(value) and key in ("minimum", "maximum") else None
    for kind, keys in ((list, ("minItems", "maxItems")), (str, ("minLength", "maxLength"))):
        size = len(value) if isinstance(value, kind) and key in keys else size
    if size is not None and (size < wanted if key.startswith("min") else size > wanted):
        return f"{clip(str(size))} is {'less' if key.startswith('min') else 'more'} than {key} {clip(str(wanted))}"
    return None


def _below(value: Any, key: str, wanted: Any, schema: Mapping[str, Any], steps: Steps) -> Iterator[tuple[str, Any, Any]]:
    """(name, part of the value, its schema)."""
    if key == "properties" and isinstance(value, Mapping):
        steps.spend(len(wanted))
        yield from ((name, value[name], below) for name, below in wanted.items() if name in value)
    elif key == "items" and isinstance(value, list):
        before = schema.get("prefixItems")
        first = len(before) if isinstance(before, list) else 0
        yield from ((str(first + i), item, wanted) for i, item in enumerate(value[first:]))
    elif key == "additionalProperties" and isinstance(value, Mapping) and "patternProperties" not in schema:
        steps.spend(len(value))
        known = schema.get("properties", {})
        yield from ((name, item, wanted) for name, item in value.items() if name not in known)


def _branches(value: Any, key: str, wanted: Any, path: str, steps: Steps) -> str | None:
    if key == "allOf":
        return next((fault for one in wanted if (fault := _fault(value, one, path, steps))), None)
    if key == "anyOf" and all(_fault(value, one, path, steps) for one in wanted):
        return f"{path or 'arguments'}: {_shown(value)} fits none of anyOf"
    if key == "oneOf" and (fits := sum(_fault(value, one, path, steps) is None for one in wanted)) != 1:
        return f"{path or 'arguments'}: {_shown(value)} fits {fits} of oneOf"
    return None


def _equal(one: Any, other: Any, steps: Steps) -> bool:
    """Equal as JSON values: 1 is 1.0, and neither is true."""
    steps.spend()
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_equal(one[key], other[key], steps) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_equal(a, b, steps) for a, b in zip(one, other, strict=True))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
