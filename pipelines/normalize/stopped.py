"""Answers that the log says were cut or blocked: a blocked one refuses the record, a cut one is what `checks.cut_answer` says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pipelines.config.checks import What
from pipelines.formats.stops import Stop
from pipelines.normalize.findings import Findings
from pipelines.normalize.turns import Line
from pipelines.parsing.careful import clip
from pipelines.reasons import Reason


def check_stops(stops: Sequence[Stop], lines: Sequence[Line], setting: What, findings: Findings) -> None:
    """Notes each cut answer and takes it out of the loss, or refuses it, as the setting says. What the record says, and no
    turn, is about the last answer."""
    known: set[int] = set()  # lines of answers that are known to be cut
    for stop in stops:
        place = f"{stop.where}.{stop.key}".strip(".")
        answer = _lines_at(stop.where, lines) or ([] if stop.is_of_turn else _last_answer(lines, findings.turns_key))
        if not any(line.role == "assistant" for line in answer):
            continue
        # A response that lacks its answer says nothing about the last one of the request.
        is_its_own = bool(_lines_at(stop.where, lines)) or not stop.where or lines[-1].role == "assistant"
        if stop.ending == "blocked":
            detail = f"the answer was blocked or failed ({clip(stop.said)}), so it is not whole; name {clip(stop.key)} in ignore to train it anyway"
            findings.unread.findings.append(Reason.SCHEMA_FIELD_UNREAD.at(place, detail))
            _withhold(answer if is_its_own and findings.settings.field_unread == "quarantine" else ())
            continue
        if not is_its_own or known.issuperset(map(id, answer)):
            continue
        known.update(map(id, answer))
        detail = f"the answer was cut: {stop.why}" if stop.why else f"the answer was cut ({clip(stop.said)})"
        if setting == "quarantine":
            findings.refuse(Reason.CHECK_CUT_ANSWER, place, detail)
            _withhold(answer)
            continue
        findings.note(Reason.CHECK_CUT_ANSWER, place, detail)
        _withhold(answer if setting == "mask" else ())
        for line in answer if setting == "mask" else ():
            if line.role == "assistant" and line.weight != 0:
                line.weight = 0.0
                findings.note(Reason.REPAIR_STEP_MASKED, line.where, "checks.cut_answer is mask")


def withhold_own_answer(lines: Sequence[Line], is_failed: bool, findings: Findings) -> None:
    """Marks the answer of the record's own call, with which it ends but for results, if the record is labelled as bad, if its request failed, or where the
    log gives it no weight."""
    own = _own_answer(lines, findings.turns_key)
    is_bad = any(finding.code == Reason.RECORD_LABELLED_BAD.code for finding in findings.refusals)
    is_bad = is_bad or (is_failed and findings.settings.field_unread == "quarantine" and lines[-1].role == "assistant")
    _withhold(line for line in own if is_bad or line.weight == 0)


def _withhold(answer: Iterable[Line]) -> None:
    for line in answer:
        line.is_withheld = line.is_withheld or line.role == "assistant"


def _own_answer(lines: Sequence[Line], turns_key: str) -> list[Line]:
    """The last answer, if nothing but results follows it."""
    end = next((i for i in range(len(lines), 0, -1) if lines[i - 1].role != "observation"), 0)
    return _last_answer(lines, turns_key) if end and lines[end - 1].role == "assistant" else []


def _turn_of(line: Line, turns_key: str) -> str:
    """The place of a line's turn: `messages[3]` or `response`."""
    return f"{line.where.partition(']')[0]}]" if line.where.startswith(f"{turns_key}[") else re.split(r"[.\[]", line.where, maxsplit=1)[0]


def _lines_at(where: str, lines: Sequence[Line]) -> list[Line]:
    """The lines of the turn at this place, or of the turn in the object at this place."""
    return [line for line in lines if line.where == where or line.where.startswith((f"{where}.", f"{where}["))] if where else []


def _last_answer(lines: Sequence[Line], turns_key: str) -> list[Line]:
    """The lines of the last turn that is an answer; the items of a response are one turn."""
    end = next((i for i in range(len(lines), 0, -1) if lines[i - 1].role == "assistant"), 0)
    start = end
    while start > 0 and lines[start - 1].role == "assistant" and _turn_of(lines[start - 1], turns_key) == _turn_of(lines[end - 1], turns_key):
        start -= 1
    return list(lines[start:end])
