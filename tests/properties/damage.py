"""Damaged records: fields of other types, lost and duplicated keys, junk values, bytes cut off and changed."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.properties.logs import REFS, TEXT, records

JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from(
        [0, -1, 1.5, 10**30, 10**400, 1e308, float("nan"), float("inf"), "", " ", "\ud800", "<image>", "<image_00>", [], {}, [[]], [{}], {"": {}}]
    )
    | TEXT
    | REFS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["role", "name", "type", "url", "value", ""]), inner, max_size=3),
    max_leaves=5,
)
KEYS = ["messages", "conversations", "role", "from", "content", "value", "tool_calls", "tool_call_id", "metadata", "tools", "image", "images", "system", "loss"]
KEYS += [
    "loss_weight",
    "train",
    "reasoning",
    "id",
    "episode_id",
    "step_id",
    "name",
    "arguments",
    "function",
    "type",
    "parameters",
    "properties",
    "$schema",
    "$ref",
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], act: Any) -> Any:
    """A copy in which `act` has replaced the value at this path by a list of values: an empty list removes it, a list of two duplicates it."""
    if not path:
        return next(iter(act(value)), None)
    if len(path) > 1:
        made = dict(value) if isinstance(value, dict) else list(value)
        made[path[0]] = changed(value[path[0]], path[1:], act)
        return made
    if isinstance(value, list):
        return [*value[: path[0]], *act(value[path[0]]), *value[path[0] + 1 :]]
    return {name: new for name, item in value.items() for new in (act(item)[:1] if name == path[0] else [item])}


@st.composite
def damaged(draw: Any) -> Any:
    """A record with up to three of its values replaced, removed, duplicated, wrapped in a list, an object or text, or given another key."""
    record = draw(records())
    for _ in range(draw(st.integers(0, 3))):
        record = changed(record, draw(st.sampled_from(places(record))), act(draw(st.integers(0, 6)), draw(JUNK), draw(st.sampled_from(KEYS))))
    return record


def act(way: int, junk: Any, key: str) -> Any:
    acts = [lambda _: [junk], lambda _: [], lambda one: [one, one], lambda one: [[one]], lambda one: [{key: one}], _as_text]
    return [*acts, lambda one: [one | {key: junk}] if isinstance(one, dict) else [one]][way]


def _as_text(value: Any) -> list[Any]:
    return [json.dumps(value)]


@st.composite
def lines(draw: Any) -> bytes:
    """A damaged record as the bytes of a line; some lines are also cut off, written twice, or have bytes inserted or replaced."""
    text = json.dumps(draw(damaged()), ensure_ascii=draw(st.booleans()))
    data = text.encode("utf-8", "surrogatepass").replace(b"\n", b" ")
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, len(data)))
        more = draw(st.sampled_from([b"", b"\xff", b"\x00", b"{", b"]", b'"', b"\\", b",", b"\xed\xa0\x80", b'"role": "user", ', b"1e999", b"NaN", b"[" * 70]))
        data = draw(st.sampled_from([data[:at], data[at:], data[:at] + more + data[at:], data[:at] + more + data[at + 1 :], data + data]))
    return data
