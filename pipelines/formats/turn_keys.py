"""The keys of a turn -> its fields: which key of a turn is read as what, and which keys are left unread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.formats.keys import (
    ATTACHMENTS,
    CALLS_IF_OBJECTS,
    COPIED,
    HARMLESS,
    INVOCATIONS,
    LISTED,
    PREFIX,
    QUESTION_ROLES,
    RESULTS,
    TOOL_NAMES,
    TURN_FIELD,
    TURN_FIELDS,
    TURN_RANK,
    Unread,
)
from pipelines.formats.logged import Json, LoggedPart, is_null
from pipelines.formats.parts import are_pictures
from pipelines.formats.results import are_invocations, is_results
from pipelines.formats.stops import STOP_KEYS
from pipelines.parsing.careful import clip
from pipelines.parsing.written import Path

_HARMLESS = HARMLESS["turn"]


def fields_of_turn(turn: Mapping[str, Json], where: str, unread: Unread) -> tuple[dict[str, Any], dict[str, str]]:
    """(field -> value, field -> the key that it was read from) of a turn."""
    fields: dict[str, Any] = {}
    used: dict[str, str] = {}
    others: list[str] = []
    for key, value in turn.items():
        if value is None or (type(value) is dict and key != "content" and is_null(value)):
            continue
        field = TURN_FIELD.get(key)
        if field is None or key in unread.ignored or (key in CALLS_IF_OBJECTS and not _holds_objects(value)):
            if key in RESULTS and is_results(value):
                fields["results"], used["results"] = value, key
            elif key in ATTACHMENTS and key not in unread.ignored and are_pictures(value):
                fields["images"] = (*fields.get("images", ()), (key, value))
            elif key == COPIED and value is True and key not in unread.ignored:
                fields["loss"] = (*fields.get("loss", ()), (key, False))
            elif key == PREFIX and value is True and key not in unread.ignored:
                fields["is_prefix"] = True
            elif key == INVOCATIONS and are_invocations(value) and key not in unread.ignored:
                continue
            elif key in STOP_KEYS:
                unread.add_stop("turn", where, key, value)
                if key not in _HARMLESS:
                    unread.counts[f"turn.{key}"] += 1
            elif key not in _HARMLESS and not (key == "description" and "class_" in turn):
                others.append(key)
        elif field in LISTED:
            fields[field] = (*fields.get(field, ()), (key, value))
        elif field not in fields or fields[field] == "":
            fields[field], used[field] = value, key
        elif value == "":
            continue  # the same key is blank in another API
        elif TURN_RANK[key] < TURN_RANK[used[field]]:
            _double(unread, where, used[field], fields[field], value)
            fields[field], used[field] = value, key
        else:
            _double(unread, where, key, value, fields[field])
    if used.get("name") in TOOL_NAMES and str(fields.get("role")).lower() not in QUESTION_ROLES:
        unread.add("turn", where, used["name"], fields["name"], "the name of a tool is read of its result, and not of an answer")
    if others:
        content = fields.get("content")

        def repeats(key: str, value: Json) -> bool:
            return isinstance(value, str) and isinstance(content, str) and value.strip() in content

        for key in others:
            unread.add("turn", where, key, turn[key], repeats=repeats)
    for field in fields.keys() & LISTED:
        if len(fields[field]) > 1:
            fields[field] = tuple(sorted(fields[field], key=_rank))
    return fields, used


def without_copies(turn: dict[str, Json]) -> dict[str, Json]:
    """A message without the keys that say again what its parts say, as those of Vercel's AI SDK 4 have them: the text, and the calls with their results."""
    parts = [part for part in turn["parts"] if isinstance(part, dict)]
    texts = [part["text"] for part in parts if part.get("type") == "text" and isinstance(part.get("text"), str)]
    if not texts or turn["content"] not in ("".join(texts), texts[-1]):
        return turn
    calls = [both.get("toolCallId") for part in parts if isinstance(both := part.get("toolInvocation"), dict)]
    given = turn.get(INVOCATIONS)
    are_copied = isinstance(given, list) and all(isinstance(call, dict) and call.get("toolCallId") in calls for call in given)
    return {key: value for key, value in turn.items() if key != "content" and not (key == INVOCATIONS and are_copied)}


def _holds_objects(value: Json) -> bool:
    return isinstance(value, (dict, list)) or (isinstance(value, str) and value.lstrip()[:1] in ("[", "{"))


def _rank(pair: tuple[str, Json]) -> int:
    return TURN_RANK.get(pair[0], len(TURN_RANK))


def _double(unread: Unread, where: str, key: str, value: Json, kept: Json) -> None:
    """Notes a second key of the same meaning in a turn, unless both have the same value."""
    if value != kept and _text_of(value) != _text_of(kept):
        unread.add("turn", where, key, value, f"the turn has another value under another key of the same meaning: {clip(str(kept))}")


def _text_of(value: Json) -> Json:
    """The text of a list of text parts; any other value as it is."""
    if isinstance(value, list) and value and all(isinstance(part, dict) and isinstance(part.get("text"), str) and part.get("type") == "text" for part in value):
        return "".join(part["text"] for part in value)
    return value


def read_extras(more: Mapping[str, Json], path: Path, where: str, unread: Unread, fields: dict[str, Any], used: Mapping[str, str]) -> None:
    """Moves the calls and the reasoning that a library logs as the provider had them, calls only where it has none of its own."""
    calls, reasoning = ("tool_calls", "function_call"), TURN_FIELDS["reasoning"]
    unread.add_others("turn", where, more, (*calls, *reasoning))
    if "reasoning" not in fields and (found := tuple((key, more[key]) for key in reasoning if more.get(key))):
        fields["reasoning"] = found
    key = next((key for key in calls if more.get(key)), None)
    if key is None or "calls" in fields:
        return
    base, place = (*path, key), f"{where}.{key}"
    value = more[key]
    items = [((*base, i), f"{place}[{i}]", item) for i, item in enumerate(value)] if isinstance(value, list) else [(base, place, value)]
    content, turn = fields.get("content"), where.rpartition(".")[0]
    own = [LoggedPart(content, (*path[:-1], used["content"]), f"{turn}.{used['content']}")] if isinstance(content, str) and content else []
    fields["parts"] = (*own, *(LoggedPart(item, item_path, item_place, is_call=True) for item_path, item_place, item in items))


def read_adp(turn: Mapping[str, Json], path: Path, where: str, fields: dict[str, Any], used: Mapping[str, str]) -> None:
    """Moves what only ADP has: a picture as the content, and a description before a message."""
    key = used.get("content", "content")
    if turn.get("class_") == "image_observation" and "content" in fields:
        fields["images"] = (*fields.get("images", ()), (key, fields.pop("content")))
    if described := description(turn, path, where):
        fields["parts"] = (described, LoggedPart(turn.get(key), (*path, key), f"{where}.{key}"))


def description(item: Mapping[str, Json], path: Path, where: str) -> LoggedPart | None:
    """What an action of ADP says before it acts: text of the answer, as its own converters to training data have it."""
    text = item.get("description") if item.get("class_") is not None else None
    return (
        LoggedPart(f"{text}\n\n" if item["class_"] == "message_action" else text, (*path, "description"), f"{where}.description")
        if isinstance(text, str) and text
        else None
    )
