"""Sessions of Codex: lines of type response_item hold items of the Responses API; the others tell the terminal what to show.

A compaction begins a record of its own (parsing/sessions.py), with the history that replaced what came before. A rollback takes back the last questions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.formats.logged import Json, Keyed
from pipelines.formats.sessions.events import SessionTurns, events_of, first_value, turns_of
from pipelines.formats.turns import Reading, with_reasoning_items
from pipelines.parsing.written import Written

Event = Mapping[str, Json]
_TYPES = ("session_meta", "response_item", "event_msg", "turn_context", "compacted")
# The types of items that are read. A tuple: what a log has as a type may be a list, which a set could not look up.
_ITEMS = (
    *("message", "reasoning", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output"),
    *("local_shell_call", "local_shell_call_output", "web_search_call"),
)
_CALLS = ("_call", "_call_output")  # how the types of other items end that are calls; they refuse the record
_META = ("payload", "id", "instructions", "git", "base_instructions")  # of the first line
_CONTEXT = ("<environment_context>", "<user_instructions>", "# AGENTS.md", "<permissions", "<turn_aborted>")  # questions that Codex itself writes


def matches(record: Event) -> bool:
    events = events_of(record)
    return any((event.get("type") in _TYPES and isinstance(event.get("payload"), dict)) or event.get("type") in _ITEMS for event in events)


def read(record: Event, written: Written, reading: Reading) -> SessionTurns:
    events = events_of(record)
    kept: list[tuple[Json, tuple[str | int, ...]]] = []
    questions: list[int] = []  # where the user's own are in `kept`
    for i, event in enumerate(events):
        payload = event.get("payload")
        if payload is None and event.get("type") in _ITEMS:  # of 2025: the items themselves
            questions += [len(kept)] if _is_question(event) else []
            kept.append((event, ("lines", i)))
            continue
        reading.unread.add_others("line", f"lines[{i}]", event, _META if i == 0 else ("payload",))
        if not isinstance(payload, dict):
            continue
        if event.get("type") == "response_item":
            if payload.get("type") in _ITEMS or str(payload.get("type")).endswith(_CALLS):
                questions += [len(kept)] if _is_question(payload) else []
                kept.append((payload, ("lines", i, "payload")))
            else:
                reading.unread.counts["line.(another item)"] += 1
        elif event.get("type") == "compacted":
            for item, path in _replaced(payload, i):
                questions += [len(kept)] if _is_question(item) else []
                kept.append((item, path))
        elif payload.get("type") == "thread_rolled_back":
            back = payload.get("num_turns")
            back = min(back, len(questions)) if isinstance(back, int) else 0
            if back > 0:
                reading.unread.counts["line.(taken back)"] += len(kept) - questions[-back]
                del kept[questions[-back] :], questions[-back:]
    turns = [turn for value, path in kept for turn in turns_of(value, path, written, reading)]
    meta = [event["payload"] for event in events if event.get("type") == "session_meta" and isinstance(event.get("payload"), dict)]
    if events and "payload" not in events[0] and "type" not in events[0]:
        meta.append(events[0])
    system = _system(meta[0], kept) if meta else ()
    return SessionTurns(with_reasoning_items(turns), "lines", first_value(meta, "id", "session_id"), system)


def _replaced(payload: Event, i: int) -> list[tuple[Json, tuple[str | int, ...]]]:
    """The items with which a compaction begins: its history, or else its summary as a question."""
    history = payload.get("replacement_history")
    if isinstance(history, list) and history:
        return [
            (item, ("lines", i, "payload", "replacement_history", k)) for k, item in enumerate(history) if isinstance(item, dict) and item.get("type") in _ITEMS
        ]
    summary = payload.get("message")
    return [({"role": "user", "content": summary}, ("lines", i, "payload"))] if isinstance(summary, str) and summary else []


def _is_question(item: Event) -> bool:
    if item.get("role") != "user":
        return False
    content = item.get("content")
    first = content[0] if isinstance(content, list) and content else content
    text = first.get("text") if isinstance(first, dict) else first
    return not (isinstance(text, str) and text.lstrip().startswith(_CONTEXT))


def _system(meta: Event, kept: list[tuple[Json, Any]]) -> Keyed:
    """The instructions of the session, unless a message has them too."""
    base = meta.get("base_instructions")
    found = base.get("text") if isinstance(base, dict) else base
    key = "lines[0].payload.base_instructions"
    if found is None:
        found, key = meta.get("instructions"), "lines[0].payload.instructions"
    if not isinstance(found, str) or not found.strip():
        return ()
    said = [part.get("text") for item, _ in kept[:4] for part in item.get("content") or () if isinstance(part, dict)]
    return () if any(isinstance(text, str) and found.strip() in text for text in said) else ((key, found),)
