"""Answers that the log says were cut or blocked: a blocked one refuses the record, a cut one is what `checks.cut_answer` says."""

from __future__ import annotations

from collections.abc import Sequence

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
        answer = _lines_at(stop.where, lines) or ([] if stop.is_of_turn else _last_answer(lines))
        if not any(line.role == "assistant" for line in answer):
            continue
        if stop.ending == "blocked":
            detail = f"the answer was blocked or failed ({clip(stop.said)}), so it is not whole; name {clip(stop.key)} in ignore to train it anyway"
            findings.unread.findings.append(Reason.SCHEMA_FIELD_UNREAD.at(place, detail))
            findings.about_answer += findings.settings.field_unread == "quarantine" and _is_newest(answer, lines)
            continue
        if known.issuperset(map(id, answer)):
            continue
        known.update(map(id, answer))
        detail = f"the answer was cut: {stop.why}" if stop.why else f"the answer was cut ({clip(stop.said)})"
        if setting == "quarantine":
            findings.refuse(Reason.CHECK_CUT_ANSWER, place, detail)
            findings.about_answer += _is_newest(answer, lines)
            continue
        findings.note(Reason.CHECK_CUT_ANSWER, place, detail)
        for line in answer if setting == "mask" else ():
            if line.role == "assistant" and line.weight != 0:
                line.weight = 0.0
                findings.note(Reason.REPAIR_STEP_MASKED, line.where, "checks.cut_answer is mask")


def _lines_at(where: str, lines: Sequence[Line]) -> list[Line]:
    """The lines of the turn at this place, or of the turn in the object at this place."""
    return [line for line in lines if line.where == where or line.where.startswith((f"{where}.", f"{where}["))] if where else []


def _is_newest(answer: Sequence[Line], lines: Sequence[Line]) -> bool:
    newest = set(map(id, _last_answer(lines)))
    return all(id(line) in newest for line in answer if line.role == "assistant")


def _last_answer(lines: Sequence[Line]) -> list[Line]:
    end = next((i for i in range(len(lines), 0, -1) if lines[i - 1].role == "assistant"), 0)
    start = end
    while start > 0 and lines[start - 1].role == "assistant":
        start -= 1
    return list(lines[start:end])
