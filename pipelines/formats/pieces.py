"""The nouns of layouts.py: a piece of a record with turns, a layout of pieces, and what the value at a path must be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipelines.formats.keys import ROLE_TYPES, TURN_FIELDS, WRAPPERS, pair_keys
from pipelines.formats.libraries import library_of
from pipelines.formats.paths import pairs_of
from pipelines.formats.transcripts import is_transcript

Role = Literal["user", "assistant", "history", "prompt", "transcript"] | None


@dataclass(frozen=True, slots=True)
class Piece:
    """A value with turns: a list of turns, one turn, or a text. `role` is that of a text, or of a turn without one; `history` is a list of turns or
    of (question, answer) before the question, `transcript` a text with the names of the speakers, `prompt` a text in which LangChain may have named
    the speaker. Several `joined` texts make one turn, with a newline between them."""

    path: str
    role: Role = None
    kind: str = "any"
    joined: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """`needs` are the paths that a record of this shape has, each with what its value must be. `rejected` is the other side of a preference.
    `source` says who documents the shape."""

    title: str
    source: str
    needs: tuple[tuple[str, str], ...]
    pieces: tuple[Piece, ...]
    holders: tuple[str, ...] = ()
    rejected: str = ""
    has_reasoning: bool = False  # beside the answer
    has_prefix: bool = False  # a request that ends with an answer has the beginning of the one that the model gave
    repeats: tuple[str, ...] = ()  # paths whose values say again what the turns say
    other_meaning: tuple[str, ...] = ()  # keys of the holders that are no fields here

    kinds: tuple[str, ...] = ()  # paths to the kind of a span, which may say that it is no chat

    unless: Callable[[Mapping[str, Any]], bool] | None = None  # whether a record that has all of `needs` is of another shape

    def matches(self, record: Mapping[str, Any]) -> bool:
        return all(has_value(record, key, kind) for key, kind in self.needs) and not (self.unless and self.unless(record))


def has_value(record: Mapping[str, Any], path: str, kind: str) -> bool:
    """Whether one of these paths leads to a value of this kind. Plain keys only: it is asked of every record of an unknown shape."""
    return any(is_of(value_at(record, option.strip()), kind) for option in path.split("|"))


def value_at(record: Any, path: str) -> Any:
    for i, key in enumerate(keys := path.split(".")):
        if isinstance(record, list) and (pairs := pairs_of(record)) is not None:
            record = pairs
        if not isinstance(record, dict):
            return None
        rest = ".".join(keys[i:])
        if rest in record:
            return record[rest]
        record = record.get(key)
    return record


def is_of(value: Any, kind: str) -> bool:
    match kind:
        case "text":
            return isinstance(value, str)
        case "transcript":
            return isinstance(value, str) and is_transcript(value)
        case "object":
            return isinstance(value, dict)
        case "turns":  # a list of objects, or the JSON text of a list
            listed = isinstance(value, list) and all(isinstance(item, (dict, str)) for item in value) and any(isinstance(item, dict) for item in value)
            return listed or (isinstance(value, str) and value.lstrip()[:1] == "[")
        case "spoken":  # turns that say who speaks
            return is_of(value, "turns") and (
                isinstance(value, str) or library_of(value) is not None or any(isinstance(item, dict) and _has_speaker(item) for item in value)
            )
        case "items":  # of the Responses API
            return isinstance(value, list) and any(isinstance(item, dict) and _is_item(item) for item in value)
        case "history":  # turns before the question, or pairs of questions and answers
            pairs = isinstance(value, list) and any(isinstance(item, list) and len(item) == 2 for item in value)
            return pairs or is_of(value, "spoken")
        case "steps":  # of ATIF
            return isinstance(value, list) and any(isinstance(item, dict) and "source" in item and "message" in item for item in value)
        case "actions":  # of ADP
            return isinstance(value, list) and any(isinstance(item, dict) and "class_" in item for item in value)
    return value is not None


def _has_speaker(turn: Mapping[str, Any]) -> bool:
    named = any(turn.get(key) is not None for key in TURN_FIELDS["role"])
    named = named or any(isinstance(word := turn.get(key), str) and word in ROLE_TYPES for key in ("type", "source"))
    return named or pair_keys(turn) is not None or any(isinstance(turn.get(key), dict) for key in WRAPPERS)


def _is_item(item: Mapping[str, Any]) -> bool:
    content = item.get("content")
    types = [item.get("type"), *(part.get("type") for part in content if isinstance(part, dict))] if isinstance(content, list) else [item.get("type")]
    return any(isinstance(kind, str) and kind in ITEMS for kind in types)


ITEMS = ("message", "function_call", "function_call_output", "reasoning", "input_text", "output_text", "input_image")
