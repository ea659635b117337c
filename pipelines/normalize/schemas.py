"""Arguments against a declared JSON Schema: the keywords that tool definitions use, in a bounded number of steps.

We wrote our own check, because the schema also comes from the log: no $ref or $schema can make us open another file, no pattern can keep
a worker busy forever, and no nested anyOf can grow without end. Other keywords are ignored.
Source of the meanings: JSON Schema draft 2020-12, validation and applicator vocabularies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from pipelines.normalize.mismatch import Mismatch, names_of, path_of, shown
from pipelines.parsing.careful import clip, kind_of
from pipelines.parsing.written import Path
from pipelines.visible import counted

STEPS = 100_000  # to read a schema, or to check a call; an ordinary call takes a few dozen
RECORD_STEPS = 1_000_000  # to check all calls of a record: half a second


class BadSchema(Exception):
    """The schema is not valid, or checking against it would take too long."""


class Steps(Struct, gc=False):
    """How many steps are left."""

    left: int = STEPS

    def spend(self, count: int = 1) -> None:
        self.left -= count
        if self.left < 0:
            raise BadSchema(f"checking against it takes more than {STEPS:,} steps")


Check = Callable[[Any, Steps], Mismatch | None]


class Schema(NamedTuple):
    """A schema that has been read: its check, or why it cannot be used."""

    check: Check | None
    bad: str


def read_schema(value: Any) -> Schema:
    try:
        return Schema(_read(value, (), Steps()), "")
    except BadSchema as error:
        return Schema(None, str(error))


def find_mismatch(value: Any, schema: Schema, record: Steps) -> str | None:
    """The first mismatch of this value, with its path; None if it matches. `record` are the steps left for its record. Raises BadSchema."""
    if schema.check is None:
        raise BadSchema(schema.bad)
    if record.left <= 0:
        raise BadSchema(f"checking the calls of this record takes more than {RECORD_STEPS:,} steps")
    steps = Steps()
    try:
        mismatch = schema.check(value, steps)
    finally:
        record.left -= 1 + STEPS - steps.left
    return f"{path_of(mismatch.path) or 'arguments'}: {mismatch.text}" if mismatch else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    return _is_number(value) and (isinstance(value, int) or value.is_integer())


TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": _is_integer,
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}
# Type -> the classes whose values are all of this type, a quick test for most values. A float can be an integer too.
_CLASSES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
# keyword -> (what its value must be, the test for that)
_SHAPES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "type": ("a type or a list of types", lambda value: all(isinstance(kind, str) and kind in TYPES for kind in _listed(value)) and value != []),
    "required": ("a list of names", lambda value: isinstance(value, list) and all(isinstance(name, str) for name in value)),
    "enum": ("a list", lambda value: isinstance(value, list)),
    "properties": ("an object", lambda value: isinstance(value, dict)),
    **dict.fromkeys(("minimum", "maximum"), ("a number", _is_number)),
    **dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength"), ("a whole number of at least 0", lambda value: _is_integer(value) and value >= 0)),
    **dict.fromkeys(("anyOf", "oneOf", "allOf"), ("a list of schemas", lambda value: isinstance(value, list) and value != [])),
}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _read(schema: Any, where: Path, steps: Steps) -> Check:
    """The check of a schema, which is at `where` in the whole schema. Raises BadSchema with the first place that is wrong."""
    steps.spend()
    if isinstance(schema, bool):
        return _always(schema)
    if not isinstance(schema, dict):
        raise BadSchema(f"{path_of(where) or 'it'} is {kind_of(schema)}; expected a schema")
    checks: list[Check] = []
    for key, value in schema.items():
        wanted, is_right = _SHAPES.get(key, ("", None))
        if is_right and not is_right(value):
            raise BadSchema(f"{path_of((*where, key))} is {shown(value)}; expected {wanted}")
        if key in _OF_VALUE:
            checks.append(_OF_VALUE[key](value))
        elif key in _LIMITS:
            checks.append(_limit(key, value))
        elif key == "properties":
            checks.append(_properties([(name, _read(inner, (*where, key, name), steps)) for name, inner in value.items()]))
        elif key in ("items", "additionalProperties"):
            inner = _read(value, (*where, key), steps)
            checks.append(_items(inner, schema) if key == "items" else _others(inner, schema))
        elif key in _OF_BRANCHES:
            checks.append(_OF_BRANCHES[key]([_read(inner, (*where, key, i), steps) for i, inner in enumerate(value)]))
    return _all_of(checks)


def _always(fits: bool) -> Check:
    return lambda value, steps: None if fits else Mismatch((), f"no value is allowed here, found {kind_of(value)}")


def _all_of(checks: Sequence[Check]) -> Check:
    """Runs one check after the other. Whoever calls checks pays a step for each, so a single check needs no wrapper."""
    if len(checks) == 1:
        return checks[0]

    def check(value: Any, steps: Steps) -> Mismatch | None:
        steps.spend(len(checks))
        for one in checks:
            if mismatch := one(value, steps):
                return mismatch
        return None

    return check


def _type(wanted: Any) -> Check:
    kinds = _listed(wanted)
    tests = [TYPES[kind] for kind in kinds]
    classes = frozenset(one for kind in kinds for one in _CLASSES[kind])

    def check(value: Any, steps: Steps) -> Mismatch | None:
        if type(value) in classes or any(test(value) for test in tests):
            return None
        return Mismatch((), f"{shown(value)} is not of type {' or '.join(kinds)}")

    return check


def _required(wanted: list[str]) -> Check:
    names = frozenset(wanted)

    def check(value: Any, steps: Steps) -> Mismatch | None:
        if not isinstance(value, dict):
            return None
        steps.spend(len(wanted))
        if names <= value.keys():
            return None
        return Mismatch((), f"missing: {names_of([name for name in wanted if name not in value])}")

    return check


def _enum(wanted: list[Any]) -> Check:
    texts = frozenset(one for one in wanted if isinstance(one, str))

    def check(value: Any, steps: Steps) -> Mismatch | None:
        found = value in texts if isinstance(value, str) else any(_equal(value, one, steps) for one in wanted)
        return (
            None if found else Mismatch((), f"{shown(value)} is not {'the allowed value' if len(wanted) == 1 else f'one of the {len(wanted)} allowed values'}")
        )

    return check


def _const(wanted: Any) -> Check:
    return lambda value, steps: None if _equal(value, wanted, steps) else Mismatch((), f"{shown(value)} is not {shown(wanted)}")


_OF_VALUE: dict[str, Callable[[Any], Check]] = {"type": _type, "required": _required, "enum": _enum, "const": _const}
# keyword -> the size that it limits; None if the value has no such size
_LIMITS: dict[str, Callable[[Any], float | None]] = {
    **dict.fromkeys(("minimum", "maximum"), lambda value: value if _is_number(value) else None),
    **dict.fromkeys(("minItems", "maxItems"), lambda value: len(value) if isinstance(value, list) else None),
    **dict.fromkeys(("minLength", "maxLength"), lambda value: len(value) if isinstance(value, str) else None),
}


def _limit(key: str, wanted: float) -> Check:
    size_of, is_least = _LIMITS[key], key.startswith("min")

    def check(value: Any, steps: Steps) -> Mismatch | None:
        size = size_of(value)
        if size is None or (size >= wanted if is_least else size <= wanted):
            return None
        return Mismatch((), f"{clip(str(size))} is {'less' if is_least else 'more'} than {key}, which is {clip(str(wanted))}")

    return check


def _properties(inner: Sequence[tuple[str, Check]]) -> Check:
    def check(value: Any, steps: Steps) -> Mismatch | None:
        if not isinstance(value, dict):
            return None
        steps.spend(len(inner))
        for name, one in inner:
            if name in value and (mismatch := one(value[name], steps)):
                return Mismatch((name, *mismatch.path), mismatch.text)
        return None

    return check


def _items(inner: Check, schema: Mapping[str, Any]) -> Check:
    before = schema.get("prefixItems")
    first = len(before) if isinstance(before, list) else 0

    def check(value: Any, steps: Steps) -> Mismatch | None:
        items = value[first:] if isinstance(value, list) else ()
        steps.spend(len(items))
        for i, item in enumerate(items, first):
            if mismatch := inner(item, steps):
                return Mismatch((i, *mismatch.path), mismatch.text)
        return None

    return check


def _others(inner: Check, schema: Mapping[str, Any]) -> Check:
    """The check of additionalProperties; none if there are patternProperties, which are not read."""
    known, is_known = schema.get("properties", {}), "patternProperties" not in schema

    def check(value: Any, steps: Steps) -> Mismatch | None:
        if not is_known or not isinstance(value, dict):
            return None
        steps.spend(len(value))
        for name, item in value.items():
            if name not in known and (mismatch := inner(item, steps)):
                return Mismatch((name, *mismatch.path), mismatch.text)
        return None

    return check


def _any_of(branches: Sequence[Check]) -> Check:
    def check(value: Any, steps: Steps) -> Mismatch | None:
        steps.spend(len(branches))
        return Mismatch((), f"{shown(value)} does not match any schema in anyOf") if all(one(value, steps) for one in branches) else None

    return check


def _one_of(branches: Sequence[Check]) -> Check:
    def check(value: Any, steps: Steps) -> Mismatch | None:
        steps.spend(len(branches))
        fits = sum(one(value, steps) is None for one in branches)
        return None if fits == 1 else Mismatch((), f"{shown(value)} matches {counted(fits, 'schema')} in oneOf; expected exactly 1")

    return check


_OF_BRANCHES: dict[str, Callable[[Sequence[Check]], Check]] = {"allOf": _all_of, "anyOf": _any_of, "oneOf": _one_of}


def _equal(one: Any, other: Any, steps: Steps) -> bool:
    """Equal as JSON values: 1 is 1.0, and neither is true."""
    steps.spend()
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key], steps) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_equal(a, b, steps) for a, b in zip(one, other, strict=True))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
