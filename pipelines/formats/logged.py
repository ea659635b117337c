"""What a raw record holds, field by field, before anyone judges it: the one shape that all formats are read into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.records import Noun

Json = Any
Path = tuple[str | int, ...]


class LoggedTurn(Noun, frozen=True):
    """One turn as logged; a field that is absent is None, as null is. `path` leads to it from the record's top; `where` is it in words."""

    path: Path
    where: str
    role: Json = None
    content: Json = None
    content_key: str = "content"
    calls: Json = None  # OpenAI's tool_calls
    call_id: Json = None  # the call that a tool's result answers
    metadata: Json = None  # GLM: the tool's name on a call
    tools: Json = None
    image: Json = None
    reasoning: Json = None
    loss_weight: Json = None
    loss: Json = None
    train: Json = None


class Logged(Noun, frozen=True):
    """A record in its format's fields. `turns` is a list of LoggedTurn, or what stood in its place.

    `mark` says how an image is marked in the text: `<image>` ("list": one after the other; "single": all the same picture), by its
    name ("named"), or not at all (None: images stand on messages and in parts).
    """

    format: str
    record: Mapping[str, Json]
    turns: list[Any] | Json
    turns_key: str
    mark: str | None
    images: Json = None
    tools: Json = None
    system: Json = None


def place(path: Path, start: str = "") -> str:
    """A JSON path for people: messages[2].content. `start` is what it is relative to."""
    text = start
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def turns_key(record: Mapping[str, Json], *keys: str) -> str:
    """The key that holds the turns: the format's own, else its neighbours'."""
    for key in keys:
        if key in record:
            return key
    return keys[0]


def read_turns(record: Mapping[str, Json], key: str) -> Json:
    """The turns under this key. Keys of neighbouring formats are read too where the meaning is plain: from/value beside role/content."""
    turns = record.get(key)
    if not isinstance(turns, list):
        return turns
    return [_turn(turn, (key, i), f"{key}[{i}]") if isinstance(turn, dict) else turn for i, turn in enumerate(turns)]


def _turn(turn: Mapping[str, Json], path: Path, where: str) -> LoggedTurn:
    """Of two keys with one meaning the first that is not null counts."""
    get = turn.get
    role, content, content_key = get("role"), get("content"), "content"
    if role is None:
        role = get("from")
    if content is None:
        content, content_key = get("value"), "value"
    if len(turn) == 2 and role is not None and content is not None:
        return LoggedTurn(path, where, role, content, content_key)  # as most turns are: they have nothing else
    image, reasoning, weight = get("image"), get("reasoning_content"), get("loss_weight")
    return LoggedTurn(
        path,
        where,
        role,
        content,
        content_key,
        get("tool_calls"),
        get("tool_call_id"),
        get("metadata"),
        get("tools"),
        get("images") if image is None else image,
        get("reasoning") if reasoning is None else reasoning,
        get("weight") if weight is None else weight,
        get("loss"),
        get("train"),
    )
