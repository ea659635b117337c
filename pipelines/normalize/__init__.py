"""A logged record -> a Draft in GLM form. Every refusal is collected; one Reject names them all.

Decisions: an answer before any question, two turns of one role in a row, and a last question without an answer are kept; each dialect
judges them. A blank question is refused, never silently left out. A blank answer is kept where the log has it so, and where another answer has a text. A blank system turn and
a blank tool result are kept.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from pipelines.config import Config, EpisodeKey, Source
from pipelines.formats.keys import Unread
from pipelines.formats.logged import Logged, LoggedTurn, NotATurn
from pipelines.normalize.content import image_ref
from pipelines.normalize.findings import Findings
from pipelines.normalize.grounding import fill_objects
from pipelines.normalize.in_text.calls import lift_calls
from pipelines.normalize.in_text.tools import lift_tools
from pipelines.normalize.marks import check_references, place_images
from pipelines.normalize.reasoning import CLOSE
from pipelines.normalize.results import pair_results
from pipelines.normalize.stopped import check_stops, withhold_own_answer
from pipelines.normalize.tools import check_calls, drop_padding, read_tools, tools_text
from pipelines.normalize.turns import Line, lines_of
from pipelines.normalize.unread_prompts import check_definitions, check_system_texts
from pipelines.normalize.written import write_json
from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import clip, kind_of
from pipelines.parsing.written import Written
from pipelines.reasons import Reason
from pipelines.records import Draft, Finding, Message, RawRecord, sample_id_of

MOST_NAMES = 8  # in a finding


def normalize(logged: Logged, raw: RawRecord, source: Source, config: Config, budget: Budget, notes: list[Finding], unread: Unread) -> Draft:
    """The record's Draft; `notes` are what parsing found, `unread` its keys that no format reads. Raises Reject with every reason found."""
    findings = Findings(config.normalize, budget, notes, unread)
    findings.turns_key, findings.renamed = logged.turns_key, dict(logged.renamed)
    _check_record(logged, findings)
    lines = _lines(logged, findings)
    lines = [*_system_lines(logged, lines, findings), *lines] if logged.system else lines
    if unread.prompts:
        check_system_texts(unread.prompts, lines, findings)
    given = _logged_tools(logged)
    if not given and source.calls_in_text != "none":
        given = lift_tools(lines, findings)
    tools = read_tools(given, findings)
    declared = {tool.name: tool for tool in tools}
    if unread.prompts:
        check_definitions(unread.prompts, declared, findings)
    lines = lift_calls(lines, declared, source.calls_in_text, findings)
    shown = place_images(logged, lines, findings)
    check_references(shown, findings)
    lines = pair_results(lines, findings)
    for line in lines:
        if line.call is not None and declared:
            line.call = drop_padding(line.call, declared, findings)
            line.text = line.call.arguments
    if unread.stops:
        check_stops(unread.stops, lines, config.checks.cut_answer, findings)
    is_cumulative = raw.origin.source in config.cumulative
    if is_cumulative:
        withhold_own_answer(lines, unread.is_failed, findings)
    check_calls((line.call for line in lines if line.call), declared, findings)
    boxes = fill_objects(logged, lines, findings)
    _check_targets(lines, findings)
    episode_id = episode_id_of(logged.episode, logged.written, source, findings)
    extra = _kept_aside(logged, findings)
    step_id, own_id = (id_text(name, value, logged.written, findings) for name, value in (("step_id", logged.step_id), ("id", logged.id)))
    _note_names(findings)
    findings.notes += unread.notes
    findings.close([line.where for line in lines if line.is_withheld] if is_cumulative else [])
    return Draft(
        sample_id=sample_id_of(raw.record_id),
        record_id=raw.record_id,
        episode_id=episode_id or raw.record_id,
        step_id=step_id,
        origin=raw.origin,
        format=logged.format,
        messages=tuple([_message(line) for line in lines]),
        tools=tools_text(tools),
        refs=tuple(image_ref(ref, where) for line in (lines if shown else ()) for _, ref, where in line.images),
        findings=tuple(dict.fromkeys(findings.notes)),
        refusals=tuple(dict.fromkeys(findings.refusals)),
        logged_id=own_id if not findings.refusals else None,  # a refused record is in conflict with nobody
        extra=extra,
        unread=unread.counted(),
        boxes=boxes,
    )


def _check_record(logged: Logged, findings: Findings) -> None:
    """Checks the fields of the record as a whole: media and labels."""
    for key, value in logged.media:
        if value not in ("", [], {}, False):
            findings.media(key, kind_of(value))
    for key, value in logged.label:
        word = value.strip().lower() if isinstance(value, str) else value
        if word is False or word == "false":
            if key not in findings.unread.ignored:
                findings.refuse(Reason.RECORD_LABELLED_BAD, key, "the answer is labelled as bad")
        elif word is not True and word != "true":
            findings.unread.add("record", "", key, value)


def _lines(logged: Logged, findings: Findings) -> list[Line]:
    if not isinstance(logged.turns, list):
        found = "a string that is not a JSON list" if isinstance(logged.turns, str) else kind_of(logged.turns)
        findings.refuse(Reason.SCHEMA_TURNS_NOT_LIST, logged.turns_key, f"found {found}; expected a list of turns")
        return []
    if not logged.turns:
        findings.refuse(Reason.SCHEMA_TURNS_EMPTY, logged.turns_key, "the list of turns is empty")
    lines: list[Line] = []
    for i, turn in enumerate(logged.turns):
        if isinstance(turn, LoggedTurn):
            lines += lines_of(turn, findings)
        else:
            value, where, why = turn if isinstance(turn, NotATurn) else (turn, f"{logged.turns_key}[{i}]", "")
            if why:
                findings.refuse(Reason.SCHEMA_ROLE_MISSING, where, why)
            else:
                findings.refuse(Reason.SCHEMA_TURN_NOT_OBJECT, where, f"found {kind_of(value)}; expected an object with a role and a content")
    return lines


def _system_lines(logged: Logged, turns: list[Line], findings: Findings) -> list[Line]:
    """System texts from the fields of the record, each once. One that the turns begin with is left to the turns."""
    lines: list[Line] = []
    for key, value in logged.system:
        if not isinstance(value, (str, list)):
            findings.refuse(Reason.SCHEMA_FIELD_TYPE, key, f"found {kind_of(value)}; expected a string")
            continue
        made = lines_of(LoggedTurn(path=(), where=key, written=logged.written, role="system", content=value, content_key=key), findings)
        said = [*lines, *(line for line in turns[:1] if line.role == "system")]
        lines += [line for line in made if line.text and not any(line.text == other.text for other in said)]
    return lines


def _logged_tools(logged: Logged) -> list[tuple[str, Any]]:
    turns = logged.turns if isinstance(logged.turns, list) else []
    on_turns = [(f"{turn.where}.tools", turn.tools) for turn in turns if type(turn) is LoggedTurn and turn.tools is not None]
    given: list[tuple[str, Any]] = []
    for key, value in logged.tools:
        if not any(value == other for _, other in given):  # the same definitions under two keys
            given.append((key, value))
    return [*given, *on_turns]


def _check_targets(lines: list[Line], findings: Findings) -> None:
    """The record needs an answer to train on. No question may be blank, nor an answer that is blank because something in it was not read: many templates
    leave blank turns out, together with their headers."""
    blank = [line for line in lines if line.is_blank and line.role in ("user", "assistant")]
    if not findings.refusals and not any(line.role == "assistant" and not line.is_blank for line in lines):
        findings.refuse(Reason.SCHEMA_NO_TARGET, "", "the record has no answer, or only blank ones")
        return
    refused = sorted(finding.where for finding in findings.refusals) if blank else []
    for line in blank:
        if _has_prefix(refused, line.where):
            continue
        if line.is_silent:
            findings.note(Reason.SCHEMA_ANSWER_BLANK, line.where, "the answer is blank")
        else:
            findings.refuse(Reason.SCHEMA_CONTENT_MISSING, line.where, f"the {line.role} turn is blank")


def _kept_aside(logged: Logged, findings: Findings) -> str | None:
    """The rejected side of a preference as JSON text: it is not trained, but kept."""
    if not logged.rejected:
        return None
    for key, _ in logged.rejected:
        findings.note(Reason.RECORD_REJECTED_KEPT, key, "the rejected answer is kept in column extra")
    (_, first), *others = logged.rejected
    return write_json({"rejected": first} | dict(others), None, ())


def _note_names(findings: Findings) -> None:
    """Notes that turns of one role have different names: those of several agents, say, which nobody can tell apart in the conversation."""
    for role, names in findings.names.items():
        if len(names) > 1:
            detail = f"turns of role {role} have the names {clip(', '.join(list(names)[:MOST_NAMES]))}, which the conversation does not have"
            findings.note(Reason.SCHEMA_NAMES_LEFT_OUT, next(iter(names.values())), detail)


def _has_prefix(places: Sequence[str], start: str) -> bool:
    """Whether one of these sorted places begins with `start`."""
    at = bisect_left(places, start)
    return at < len(places) and places[at].startswith(start)


def episode_id_of(episode: tuple[str, Any] | None, written: Written, source: Source, findings: Findings) -> str | None:
    """The id under the source's key, or the part of it that the pattern finds; None if the record has none."""
    if episode is None:
        return None
    key, value = episode
    text = id_text(key, value, written, findings)
    if text is None or not isinstance(source.episode_id, EpisodeKey):
        return text
    found = re.fullmatch(source.episode_id.pattern, text)
    return found[1] or None if found else None


def id_text(name: str, value: Any, written: Written, findings: Findings) -> str | None:
    """An id as text. A number becomes its JSON text as written; "" counts as no id."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return write_json(value, written, (name,)) if isinstance(value, int) or math.isfinite(value) else None
    findings.refuse(Reason.SCHEMA_FIELD_TYPE, name, f"found {kind_of(value)}; expected a string or a number")
    return None


def _message(line: Line) -> Message:
    return Message(
        role=line.role,
        content=line.text,
        metadata=line.call.name if line.call else "",
        image_at=tuple([offset for offset, _, _ in line.images]) if line.images else (),
        loss_weight=line.weight,
        answered=line.answered,
        # An image mark that was taken out of the reasoning moves its end; it then counts as reasoning in the text.
        is_withheld=line.is_withheld,
        reasoning_end=line.reasoning_end if line.text[: line.reasoning_end].endswith(CLOSE) else 0,
    )
