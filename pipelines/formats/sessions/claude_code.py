"""Sessions of Claude Code, and what it prints with `--output-format stream-json`. Each event names the one before it; what the user took back is a branch that the last event does not come from.

An answer is logged in several events, one for each block, with one message id. A compaction, and each side chain, is a record of its own (parsing/sessions.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from pipelines.formats.logged import Json, LoggedPart
from pipelines.formats.prefixes import parts_of
from pipelines.formats.sessions.events import SessionTurns, events_of, first_value, turns_of
from pipelines.formats.turns import Reading
from pipelines.parsing.sessions import parents_of, roots_of
from pipelines.parsing.written import Written
from pipelines.reasons import Reason
from pipelines.visible import counted

Event = Mapping[str, Json]
_READ = frozenset(("message",))


def matches(record: Event) -> bool:
    return any(("parentUuid" in event and "sessionId" in event) or ("session_id" in event and "message" in event) for event in events_of(record))


def read(record: Event, written: Written, reading: Reading) -> SessionTurns:
    events = events_of(record)
    chosen = chosen_events(events)
    turns: list[Any] = []
    answers: dict[str, int] = {}  # message id -> where its turn is
    more: dict[int, list[LoggedPart]] = {}  # the parts of a turn that later events have
    for i, event in enumerate(events):
        reading.unread.add_others("line", f"lines[{i}]", event, _READ)
        if i not in chosen:
            reading.unread.counts[f"line.({_why_not(event)})"] += 1
            continue
        found = turns_of(event["message"], ("lines", i, "message"), written, reading)
        own = _message_id(event)
        if own in answers and len(found) == 1:
            more.setdefault(answers[own], []).extend(parts_of(found[0]))
            reading.unread.move_stops(found[0].where, turns[answers[own]].where)
            continue
        if own is not None:
            answers[own] = len(turns) + len(found) - 1
        turns += found
    _note_gaps(events, chosen, reading)
    for place, parts in more.items():
        turns[place] = replace(turns[place], content=None, is_plain=False, parts=(*parts_of(turns[place]), *parts))
    return SessionTurns(turns, "lines", first_value(events, "sessionId", "session_id"))


def _note_gaps(events: Sequence[Event], chosen: set[int], reading: Reading) -> None:
    """Notes that a message was put after the one before it because the event that it names is not in the file: something may be missing between."""
    known = {event.get("uuid") for event in events if isinstance(event.get("uuid"), str)}
    before = parents_of(events)
    gaps = [i for i in sorted(chosen) if before[i] is not None and isinstance(parent := events[i].get("parentUuid"), str) and parent not in known]
    if gaps:
        detail = f"the event before it is not in the file, so it was put after the last one ({counted(len(gaps), 'such message')})"
        reading.unread.notes.append(Reason.SCHEMA_PARENT_MISSING.at(f"lines[{gaps[0]}].parentUuid", detail))


def chosen_events(events: Sequence[Event]) -> set[int]:
    """The numbers of the messages that led to the last one, with all results of their calls."""
    messages = [i for i, event in enumerate(events) if _is_message(event)]
    roots = roots_of(events)
    answered = {roots[i] for i in messages if events[i].get("type") == "assistant"}
    parents = parents_of(events)
    path: set[int] = set()
    at = next((i for i in reversed(messages) if roots[i] in answered), None)
    while at is not None:
        path.add(at)
        at = parents[at]
    ids = {own for i in path if (own := _message_id(events[i])) is not None}
    path |= {i for i in messages if _message_id(events[i]) in ids}
    calls = {own for i in path for own in _ids(events[i], "tool_use", "id")}
    path |= {i for i in messages if not calls.isdisjoint(_ids(events[i], "tool_result", "tool_use_id"))}
    return path.intersection(messages)


def _is_message(event: Event) -> bool:
    """Whether the model saw or wrote this event: not a note, and not an error that the agent wrote in the model's name."""
    return event.get("type") in ("user", "assistant") and isinstance(event.get("message"), dict) and not (event.get("isMeta") or event.get("isApiErrorMessage"))


def _why_not(event: Event) -> str:
    return "taken back" if _is_message(event) else "no message"


def _message_id(event: Event) -> str | None:
    message = event.get("message")
    own = message.get("id") if event.get("type") == "assistant" and isinstance(message, dict) else None
    return own if isinstance(own, str) else None


def _ids(event: Event, kind: str, key: str) -> list[str]:
    message = event.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    blocks = content if isinstance(content, list) else []
    return [block[key] for block in blocks if isinstance(block, dict) and block.get("type") == kind and isinstance(block.get(key), str)]
