"""Sessions of Gemini CLI: one object with its messages, or one message a line. A later line with the id of a message replaces it; `$rewindTo` takes back a message and
all after it; `$set` may replace all messages. The results of calls are inside the calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from pipelines.formats.logged import Json, LoggedPart, LoggedTurn, place
from pipelines.formats.results import result_turn, value_turn
from pipelines.formats.sessions.events import SessionTurns, events_of, first_value, turns_of
from pipelines.formats.turns import Reading
from pipelines.parsing.written import Written

Event = Mapping[str, Json]
_Path = tuple[str | int, ...]


def matches(record: Event) -> bool:
    if isinstance(record.get("messages"), list):
        return "sessionId" in record and "projectHash" in record
    return any("projectHash" in event and "sessionId" in event for event in events_of(record))


def read(record: Event, written: Written, reading: Reading) -> SessionTurns:
    key = "messages" if isinstance(record.get("messages"), list) else "lines"
    messages = list(_listed(record["messages"], ("messages",))) if key == "messages" else _replayed(events_of(record), reading)
    turns: list[Any] = []
    for message, path in messages:
        if message.get("type") not in ("user", "gemini"):
            reading.unread.counts["turn.(message of the terminal)"] += 1
            continue
        turns += turns_of(message, path, written, reading)
        calls = message.get("toolCalls")
        for i, call in enumerate(calls if isinstance(calls, list) else ()):
            turns += _results(call, (*path, "toolCalls", i, "result"), written, reading)
    return SessionTurns(turns, key, first_value([record, *events_of(record)], "sessionId"))


def _listed(messages: Json, path: _Path) -> Iterator[tuple[Event, _Path]]:
    for i, message in enumerate(messages):
        if isinstance(message, dict):
            yield message, (*path, i)


def _replayed(events: list[Event], reading: Reading) -> list[tuple[Event, _Path]]:
    """The messages that are left after all lines, in order."""
    kept: dict[str, tuple[Event, _Path]] = {}
    for i, event in enumerate(events):
        if isinstance(event.get("$rewindTo"), str):
            is_gone = False
            while kept and not is_gone:
                is_gone = kept.popitem()[0] == event["$rewindTo"]
                reading.unread.counts["line.(taken back)"] += 1
        elif isinstance(event.get("id"), str):
            kept[event["id"]] = event, ("lines", i)
        elif isinstance(event.get("$set"), dict) and isinstance(event["$set"].get("messages"), list) and event["$set"]["messages"]:
            kept = {str(path): (message, path) for message, path in _listed(event["$set"]["messages"], ("lines", i, "$set", "messages"))}
    return list(kept.values())


def _results(call: Json, path: _Path, written: Written, reading: Reading) -> Iterator[Any]:
    """The results inside a call: parts of Gemini, or a text. Gemini CLI puts a text into `response.output`."""
    result = call.get("result") if isinstance(call, dict) else None
    parts = result if isinstance(result, list) else [result] if result is not None else []
    for i, part in enumerate(parts):
        at = (*path, i) if isinstance(result, list) else path
        response = part.get("functionResponse") if isinstance(part, dict) else None
        if not isinstance(response, dict):
            yield value_turn(part, at, place(path[:-1]), written, call.get("id"))
        elif isinstance(output := response.get("response"), dict) and output.keys() == {"output"} and isinstance(output["output"], str):
            inner = (*at, "functionResponse", "response")
            given = {"content": output["output"], "call_id": response.get("id") or call.get("id"), "name": response.get("name")}
            yield LoggedTurn(role="tool", content_key="output", path=inner, where=place(inner), written=written, **given)
        else:
            made = result_turn(LoggedPart(part, at, place(at)), written, reading.unread)
            yield replace(made, call_id=made.call_id or call.get("id"))
