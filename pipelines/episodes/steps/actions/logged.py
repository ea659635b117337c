"""The action of a step as a record has it: an object, a name with keys beside it, code, a command, or a call of a tool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.episodes.steps.actions import action_of, compact, word_of
from pipelines.episodes.steps.actions.code import read_code
from pipelines.episodes.steps.actions.fields import single
from pipelines.episodes.steps.actions.points import is_no_place
from pipelines.episodes.steps.chats.answers import COMMAND
from pipelines.episodes.steps.data_sets import keys as keys_of
from pipelines.episodes.steps.data_sets.words import DIRECTED
from pipelines.episodes.steps.reader import Reader
from pipelines.formats.paths import Found, Trail, find, open_text
from pipelines.parsing.careful import clip, kind_of
from pipelines.reasons import Reason, Reject
from pipelines.records import Action

Json = Any
_TEXTS = frozenset((*keys_of.TEXT, *keys_of.APP, *keys_of.URL, "key", "keys"))
NO_ACTION: tuple[Json, ...] = ([], {}, "")


def logged_action(reader: Reader, at: Found, code: str | None) -> Action:
    """The action of the step at this place; `code` is its text where that stands elsewhere. Raises Reject."""
    fields = reader.layout.fields
    found = reader.of(at, fields.action)
    where = reader.place(at, "action") if found is None else found.where
    if found is None or found.value in NO_ACTION:
        raise Reject(Reason.STEP_ACTION_BAD.at(where, "the step has no action"))
    value = single(found.value)
    if isinstance(value, list):
        if len(value) != 1:
            return Action(name="other", text=compact(value))
        value = value[0]
    if fields.code and isinstance(value, str):
        return _from_text(code if code is not None else value, where, reader)
    opened = open_text(found, reader.trail.budget) if isinstance(value, str) else None
    value = opened.value if opened is not None else value
    details = _details(reader, at)
    try:
        return _made(reader, value, details, where)
    finally:
        details.account(reader.trail)


def _made(reader: Reader, value: Json, details: Details, where: str) -> Action:
    name = _name(value, reader.layout.words.names, where)
    if _is_name(name) and (meant := _meant(name, reader.layout.words.names)):
        for at, key, beside in details.names_beside():
            if other := _meant(beside, reader.layout.words.names):
                _agree(("the action", name, meant), (f"{at}.{key}".lstrip("."), beside, other), where)
    if isinstance(name, str) and "(" in name:
        return read_code(name, where, reader.trail.budget, reader.layout.words, reader.notes, reader.trail)
    if isinstance(name, bool) or not isinstance(name, (str, int)):
        raise Reject(Reason.STEP_ACTION_BAD.at(where, f"found {kind_of(value)}; expected the name of an action, or an object with it"))
    if isinstance(info := details.pop("info", None), str):  # GUI-Odyssey: a key, or the text
        name = info if info.startswith("KEY_") and reader.layout.words.names.get(word_of(name)) != "type" else name
        details["text"] = info
    seconds = reader.layout.words.seconds or (isinstance(value, dict) and value.get("name") in keys_of.TOOLS_IN_SECONDS)
    return action_of(name, details, reader.layout.words._replace(seconds=seconds), where, reader.order)


def _name(value: Json, names: Mapping[str, str], where: str) -> Json:
    """The name of an action: that under the first of the usual keys. In a call of a tool such as mobile_use it is among the arguments. Raises Reject
    where two keys name two actions."""
    if not isinstance(value, dict):
        return value
    at, inner = _arguments(value)
    outer = {key: value[key] for key in keys_of.NAME if _is_name(value.get(key)) and word_of(value[key]) not in keys_of.TOOLS}
    within = {key: inner[key] for key in ("action", "action_type") if isinstance(inner.get(key), str)} if isinstance(inner, dict) else {}
    if next(iter(outer), None) in keys_of.NAMES_OF_TOOLS:
        outer = {} if within and not any(_meant(name, names) for name in outer.values()) else outer  # the name of a tool
    else:
        outer.pop("name", None)  # that of an element
    given = [(key, name, _meant(name, names)) for key, name in (*outer.items(), *((f"{at}.{key}", name) for key, name in within.items()))]
    known = [(key, name, meant) for key, name, meant in given if meant]
    for other in known[1:]:
        _agree(known[0], other, where)
    if not given or not given[0][2]:
        return given[0][1] if given else None
    return next((name for _, name, (_, direction) in known if direction), given[0][1])


def _agree(one: tuple[str, Json, tuple[str, str]], other: tuple[str, Json, tuple[str, str]], where: str) -> None:
    """Raises Reject where two names, each with its key and what it means, are those of two actions."""
    (key, name, (made, direction)), (other_key, other_name, (other_made, other_direction)) = one, other
    if made != other_made or (direction and other_direction and direction != other_direction):
        raise Reject(Reason.STEP_ACTION_BAD.at(where, f"{key} {clip(str(name))} and {other_key} {clip(str(other_name))} are two actions"))


def _is_name(value: Json) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def _meant(name: Json, names: Mapping[str, str]) -> tuple[str, str] | None:
    """(the action, the direction) that a name says; None where the tables do not have it. Of a call as text, what stands before its arguments counts."""
    word = word_of(str(name).split("(", 1)[0].rpartition(".")[2])
    parts = None if word in names else DIRECTED.fullmatch(word)
    made = names.get(parts[1] if parts else word)
    return (made, parts[2] if parts else "") if made else None


def _arguments(value: Mapping[str, Json]) -> tuple[str, Json]:
    """(the key of the arguments of an action, the arguments); ("", None) where it has none."""
    return next(((key, value[key]) for key in keys_of.ARGUMENTS if value.get(key) is not None), ("", None))


def _from_text(text: str, where: str, reader: Reader) -> Action:
    """An action that is written as code, or as a command: CLICK <point>[[1, 2]]</point>."""
    command = COMMAND.fullmatch(text)
    if command is None or text.strip() in ("WAIT", "DONE", "FAIL"):
        return read_code(text, where, reader.trail.budget, reader.layout.words, reader.notes, reader.trail)
    name, point, listed, after = command.groups()
    given = next((text for text in (point, listed, after) if text is not None), "")
    if reader.layout.words.names.get(word_of(name)) == "type":  # a space that is typed belongs to the text, the one after the colon does not
        fields = {"text": given.removeprefix(" ") if after is not None else given}
    else:
        key = "point" if name in ("CLICK", "LONG_PRESS") else "direction" if name == "SCROLL" else "text"
        fields = {key: given.strip()}
    return action_of(name, fields, reader.layout.words, where, reader.order)


class Details(dict[str, Json]):
    """What belongs to an action, by the usual keys. Of keys beside the action, in the step itself, only those that it takes are read."""

    def __init__(self, found: Mapping[str, Json]) -> None:
        super().__init__(found)
        self.used: set[str] = set()
        self.beside: list[tuple[str, Mapping[str, Json]]] = []  # the step, where a part of the action may be in it
        self.others: list[tuple[str, Mapping[str, Json]]] = []  # the objects that have parts of the action

    def get(self, key: str, default: Json = None) -> Json:
        value = super().get(key, default)
        if value is not None:
            self.used.add(key)
        return value

    def names_beside(self) -> list[tuple[str, str, Json]]:
        """(place, key, name) of all names of actions beside the action."""
        keys = ("action_type", "action", "type", "action_name")
        return [
            (where, key, holder[key])
            for (where, holder), more in (*((one, ()) for one in self.beside), *((one, ("op",)) for one in self.others))
            for key in (*keys, *more)
            if _is_name(holder.get(key))
        ]

    def account(self, trail: Trail) -> None:
        for where, holder in self.beside:
            trail.add(where, holder, [key for key, value in holder.items() if self._is_read(key, value)])

    def _is_read(self, key: str, value: Json) -> bool:
        """An action without a place has no more to do with the path of a file than a tap has, which looks for a place there."""
        return key in keys_of.RENAMED or (key in keys_of.ACTION_KEYS and key in self.used) or (key in keys_of.LOOSE_POINT and is_no_place(value))


def _details(reader: Reader, at: Found) -> Details:
    """What belongs to the action, from all objects that have it: the first that has a key counts."""
    merged = _chosen(reader, at)
    beside: list[tuple[str, Mapping[str, Json]]] = []
    others: list[tuple[str, Mapping[str, Json]]] = []
    for path in reader.layout.fields.details or ("action",):
        found = reader.of(at, path)
        if found is not None and isinstance(found.value, str):
            found = open_text(found, reader.trail.budget) or found
        if found is None:
            continue
        if isinstance(found.value, list) and len(found.value) == 1 and isinstance(found.value[0], dict):
            found = found.at(0)
        if not isinstance(found.value, dict):
            merged[path] = found.value
            if isinstance(found.value, list) and path == "info":
                merged["point"] = found.value  # of a gesture, both
            continue
        key, inner = _arguments(found.value)
        for holder, where in ((found.value, found.where), (inner, f"{found.where}.{key}".lstrip("."))):
            if isinstance(holder, dict):
                if path == ".":
                    beside.append((where, holder))
                else:
                    others.append((where, holder))
                    reader.trail.add(where, holder, keys_of.ACTION_KEYS | set(keys_of.ARGUMENTS))
                given = {keys_of.RENAMED.get(key) or key: value for key, value in holder.items() if key in keys_of.ACTION_KEYS and _counts(key, reader)}
                # A step may have texts of its own, such as an answer in words, and counts.
                merged = {
                    key: value for key, value in given.items() if path != "." or (key not in keys_of.OWN_KEYS and not (key in _TEXTS and _has_text(merged)))
                } | merged
    details = Details({key: value for key, value in merged.items() if value not in reader.layout.words.no_text})
    details.beside, details.others = beside, others
    return details


def _counts(key: str, reader: Reader) -> bool:
    return not (key in reader.ignored and key in keys_of.IGNORABLE)


def _has_text(fields: Mapping[str, Json]) -> bool:
    return any(fields.get(key) not in (None, "") for key in _TEXTS)


def _chosen(reader: Reader, at: Found) -> dict[str, Json]:
    """The attributes of the element that is meant, where a step lists several: the only one, or the only one that has the flag. Raises Reject."""
    if reader.layout.fields.chosen is None:
        return {}
    path, flag = reader.layout.fields.chosen
    found = reader.of(at, path)
    if found is None or not isinstance(found.value, list) or not found.value:
        return {}
    items = [find(found, f"[{i}].{flag}", Trail(reader.trail.budget)) for i in range(len(found.value))]
    meant = [i for i, item in enumerate(items) if item is not None and item.value is True] if len(items) > 1 else [0]
    if len(meant) != 1:
        raise Reject(Reason.STEP_ACTION_BAD.at(found.where, f"found {len(items)} elements, of which {len(meant)} have {flag}; expected one"))
    attributes = find(found, f"[{meant[0]}].attributes", Trail(reader.trail.budget))
    opened = open_text(attributes, reader.trail.budget) if attributes is not None and isinstance(attributes.value, str) else attributes
    held = opened.value if opened is not None and isinstance(opened.value, dict) else {}
    return {key: value for key, value in held.items() if key in keys_of.RECTS}
