"""A logged record -> a Draft in GLM form. Every refusal is collected; one Reject names them all.

Policies where logs leave it open: an answer before any question, two turns of one role in a row and a last question without an
answer are kept, for a dialect to judge; a blank question or answer is refused, never left out in silence; a blank system turn
and a blank tool result are kept as they are.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from pipelines.config import Limits, Normalize
from pipelines.formats.logged import Logged, LoggedTurn
from pipelines.normalize.content import reference_of
from pipelines.normalize.faults import Faults
from pipelines.normalize.marks import check_references, place_images
from pipelines.normalize.tools import check_calls, read_tools, tools_text
from pipelines.normalize.turns import Line, lines_of, pair_results
from pipelines.parse import BOM, kind_of, source_text
from pipelines.reasons import Reason
from pipelines.records import Draft, Finding, ImageRef, Message, RawRecord, sample_id_of


def normalize(logged: Logged, raw: RawRecord, settings: Normalize, limits: Limits, findings: list[Finding]) -> Draft:
    """The record's Draft; `findings` are the notes of parsing. Raises Reject with every reason found."""
    faults = Faults(settings, limits, findings)
    text = raw.raw.removeprefix(BOM)
    lines = [*_system_line(logged, faults), *_lines(logged, text, faults)]
    shown = place_images(logged, lines, faults)
    check_references(shown, faults)
    lines = pair_results(lines, faults)
    tools = read_tools(_logged_tools(logged), faults)
    check_calls((line.call for line in lines if line.call), tools, faults)
    _check_targets(lines, faults)
    ids = {name: _id_text(logged, name, text, faults) for name in ("episode_id", "step_id", "id")}
    faults.close()
    return Draft(
        sample_id_of(raw.record_id),
        raw.record_id,
        ids["episode_id"] or raw.record_id,
        ids["step_id"],
        raw.origin,
        logged.format,
        tuple([Message(line.role, line.text, line.call.name if line.call else "", _offsets(line) if line.images else (), line.weight) for line in lines]),
        tools_text(tools),
        tuple(_reference(ref, where) for line in (lines if shown else ()) for _, ref, where in line.images),
        tuple(dict.fromkeys(faults.notes)),
        ids["id"],
    )


def _lines(logged: Logged, text: bytes, faults: Faults) -> list[Line]:
    if not isinstance(logged.turns, list):
        faults.refuse(Reason.SCHEMA_TURNS_NOT_LIST, logged.turns_key, f"found {kind_of(logged.turns)}; a list of turns is wanted")
        return []
    if not logged.turns:
        faults.refuse(Reason.SCHEMA_TURNS_EMPTY, logged.turns_key, "no turns")
    lines: list[Line] = []
    for i, turn in enumerate(logged.turns):
        if isinstance(turn, LoggedTurn):
            lines += lines_of(turn, text, faults)
        else:
            faults.refuse(Reason.SCHEMA_TURN_NOT_OBJECT, f"{logged.turns_key}[{i}]", f"found {kind_of(turn)}; an object is wanted")
    return lines


def _system_line(logged: Logged, faults: Faults) -> list[Line]:
    if logged.system is None or logged.system == "":
        return []
    if not isinstance(logged.system, str):
        faults.refuse(Reason.SCHEMA_FIELD_TYPE, "system", f"found {kind_of(logged.system)}; text is wanted")
        return []
    return [Line("system", logged.system, "system")]


def _logged_tools(logged: Logged) -> list[tuple[str, Any]]:
    turns = logged.turns if isinstance(logged.turns, list) else []
    on_turns = [(f"{turn.where}.tools", turn.tools) for turn in turns if isinstance(turn, LoggedTurn) and turn.tools is not None]
    return [("tools", logged.tools), *on_turns]


def _check_targets(lines: list[Line], faults: Faults) -> None:
    """Something must be there to learn from, and no turn may be blank: templates leave such turns out, header and all."""
    blank = [line for line in lines if line.is_blank and line.role in ("user", "assistant")]
    if not faults.refusals and not any(line.role == "assistant" and not line.is_blank for line in lines):
        faults.refuse(Reason.SCHEMA_NO_TARGET, "", "no answer that is not blank")
        return
    refused = sorted(finding.where for finding in faults.refusals) if blank else []
    for line in blank:
        if not _has_prefix(refused, line.where):
            faults.refuse(Reason.SCHEMA_CONTENT_MISSING, line.where, f"the {line.role}'s turn is blank")


def _has_prefix(places: Sequence[str], start: str) -> bool:
    """Whether one of these sorted places begins so."""
    at = bisect_left(places, start)
    return at < len(places) and places[at].startswith(start)


def _id_text(logged: Logged, name: str, text: bytes, faults: Faults) -> str | None:
    """An id as text; a number is its JSON text as written; "" is none."""
    value = logged.record.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return source_text(text.decode(), (name,))
    faults.refuse(Reason.SCHEMA_FIELD_TYPE, name, f"found {kind_of(value)}; text or a number is wanted")
    return None


def _offsets(line: Line) -> tuple[int, ...]:
    return tuple([offset for offset, _, _ in line.images])


def _reference(value: Any, where: str) -> ImageRef:
    ref = reference_of(value) or ""
    key = f"data:{hashlib.sha256(ref.encode()).hexdigest()}" if ref[:5].lower() == "data:" else ref
    return ImageRef(key, ref, where)
