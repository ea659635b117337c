"""What a raw record holds, field by field, before anyone judges it: the one shape that all formats are read into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = Any
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class LoggedTurn:
    """One turn as logged; a field that is absent is None, as null is. `path` leads to it from the record's top."""

    path: Path
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

    @property
    def where(self) -> str:
        return place(self.path)


@dataclass(frozen=True, slots=True)
class Logged:
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
    return next((key for key in keys if key in record), keys[0])


def read_turns(record: Mapping[str, Json], key: str) -> Json:
    """The turns under this key. Keys of neighbouring formats are read too where the meaning is plain: from/value beside role/content."""
    turns = record.get(key)
    if not isinstance(turns, list):
        return turns
    return [_turn(turn, (key, i)) if isinstance(turn, dict) else turn for i, turn in enumerate(turns)]


def _turn(turn: Mapping[str, Json], path: Path) -> LoggedTurn:
    def first(*keys: str) -> Json:
        return next((turn[key] for key in keys if turn.get(key) is not None), None)

    return LoggedTurn(
        path,
        role=first("role", "from"),
        content=first("content", "value"),
        content_key="content" if turn.get("content") is not None else "value",
        calls=first("tool_calls"),
        call_id=first("tool_call_id"),
        metadata=first("metadata"),
        tools=first("tools"),
        image=first("image", "images"),
        reasoning=first("reasoning_content", "reasoning"),
        loss_weight=first("loss_weight", "weight"),
        loss=first("loss"),
        train=first("train"),
    )
