"""Steps of OSWorld, one a line: the model's answer, and the screenshot after its action. The task stands in another file, unless a line has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.formats.logged import Json, LoggedTurn
from pipelines.formats.sessions.events import SessionTurns, events_of, first_value
from pipelines.formats.turns import Reading
from pipelines.parsing.written import Written

_TASK = ("instruction", "task", "goal")
_READ = frozenset((*_TASK, "response", "action", "screenshot_file"))


def matches(record: Mapping[str, Json]) -> bool:
    return any("step_num" in event and "action" in event for event in events_of(record)[:1])


def read(record: Mapping[str, Json], written: Written, reading: Reading) -> SessionTurns:
    events = events_of(record)
    turns: list[Any] = []
    if task := first_value(events[:1], *_TASK):
        turns.append(LoggedTurn(path=("lines", 0), where="lines[0]", written=written, role="user", content=task[1], content_key=task[0]))
    for i, event in enumerate(events):
        reading.unread.add_others("line", f"lines[{i}]", event, _READ)
        key = "response" if isinstance(event.get("response"), str) and event["response"].strip() else "action"
        place: dict[str, Any] = {"path": ("lines", i), "where": f"lines[{i}]", "written": written}
        turns.append(LoggedTurn(role="assistant", content=event.get(key), content_key=key, **place))
        if event.get("screenshot_file"):
            turns.append(LoggedTurn(role="user", images=(("screenshot_file", event["screenshot_file"]),), **place))
    return SessionTurns(turns, "lines")
