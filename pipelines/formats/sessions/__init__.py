"""Session files of coding agents and GUI agents, one row each: how a record of it is recognized, and what reads it.

A record of a session file is an object with `lines`, the events of one conversation (parsing/sessions.py). A reader only chooses the events that are turns, in
their order; turns.py reads them as it does those of every API. Events that were taken back or are notes of the agent are counted as unread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pipelines.formats.keys import HARMLESS, Unread
from pipelines.formats.logged import Json, Keyed, Logged, fields_of
from pipelines.formats.sessions import claude_code, codex, gemini_cli, osworld
from pipelines.formats.sessions.events import SessionTurns
from pipelines.formats.turns import Reading
from pipelines.parsing.written import Written


class SessionFormat(NamedTuple):
    """`source` is where the shape is from. `matches` gets a record, `read` also the text that it was read from."""

    title: str
    source: str
    matches: Callable[[Mapping[str, Json]], bool]
    read: Callable[[Mapping[str, Json], Written, Reading], SessionTurns]


SESSIONS: dict[str, SessionFormat] = {
    "claude_code": SessionFormat(
        "Claude Code: one event a line, chained by parentUuid",
        "~/.claude/projects/*/*.jsonl of Claude Code 2.1",
        claude_code.matches,
        claude_code.read,
    ),
    "codex": SessionFormat(
        "Codex: one event a line, with items of the Responses API in payload",
        "~/.codex/sessions/**/rollout-*.jsonl; openai/codex codex-rs/protocol",
        codex.matches,
        codex.read,
    ),
    "gemini_cli": SessionFormat(
        "Gemini CLI: a session as one object, or one message a line",
        "google-gemini/gemini-cli packages/core/src/services/chatRecordingService.ts @ 016443b",
        gemini_cli.matches,
        gemini_cli.read,
    ),
    "osworld": SessionFormat(
        "OSWorld: one step a line, with the answer, its action and the screenshot after it",
        "xlang-ai/OSWorld lib_run_single.py, traj.jsonl",
        osworld.matches,
        osworld.read,
    ),
}
_LINES, _KEYS = ("lines",), ("sessionId", "projectHash", "messages")


def session_of(record: Mapping[str, Json], name: str) -> str | None:
    """The session format of this record; None for any other record. `name` is the source's format."""
    if not ("lines" in record or "sessionId" in record) or (name != "auto" and name not in SESSIONS):
        return None
    return next((other for other, made in SESSIONS.items() if name in ("auto", other) and made.matches(record)), None)


def read_session(record: Mapping[str, Json], written: Written, name: str, reading: Reading, episode: tuple[str, Json] | None) -> Logged:
    """The record in this session format."""
    found = SESSIONS[name].read(record, written, reading)
    _account(record, reading.unread)
    fields: dict[str, Any] = {field: pairs for field, pairs in fields_of(record).items() if field in ("tools", "system")}
    system: Keyed = (*found.system, *fields.get("system", ()))
    return Logged(
        format=name,
        turns=found.turns,
        turns_key=found.key,
        written=written,
        tools=(*found.tools, *fields.get("tools", ())),
        system=system,
        episode=episode or found.episode,
    )


def _account(record: Mapping[str, Json], unread: Unread) -> None:
    """Counts the keys of a session that is one object."""
    others = {key: value for key, value in record.items() if key not in HARMLESS["record"]}
    unread.add_others("record", "", others, ("lines", "messages", "sessionId", "system", "system_prompt", "tools"))
