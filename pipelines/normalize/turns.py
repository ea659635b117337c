"""Turns -> lines in GLM form: a call has the tool's name as metadata, results follow their calls in call order."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from pipelines.formats.logged import LoggedTurn
from pipelines.normalize.content import Body, read_body
from pipelines.normalize.faults import Faults
from pipelines.normalize.roles import ALIASES, CALL, canonical_role
from pipelines.normalize.tool_calls import Call, Value, arguments_text, logged_as_text, read_calls
from pipelines.parse import clip, kind_of
from pipelines.reasons import Reason, Reject

MOST_WEIGHT = 3e38  # what the column's float32 holds


class Line(Struct, gc=False):
    """A message in the making: `images` are (offset, reference, JSON path) that have their place already."""

    role: str
    text: str
    where: str
    weight: float | None = None
    images: list[tuple[int, Any, str]] = field(default_factory=list)
    call: Call | None = None
    call_id: str | None = None  # of a result: the call it answers

    @property
    def is_blank(self) -> bool:
        return (not self.text or self.text.isspace()) and not self.images and self.call is None


def lines_of(turn: LoggedTurn, raw: bytes, faults: Faults) -> list[Line]:
    """The lines of one turn: text beside calls is a line of its own before them. Refusals go into `faults`."""
    role = _role(turn, faults)
    weight = None if turn.loss_weight is turn.loss is turn.train is None else _weight(turn, faults)
    if role is not None and _is_plain(turn, role):
        return [Line(role, turn.content, turn.where, weight, [], None, _answered(turn))]
    if role == CALL or (role == "assistant" and isinstance(turn.metadata, str) and turn.metadata.strip()):
        return _call_lines(turn, role, raw, weight, faults)
    body = read_body(turn, faults)
    calls = _calls_beside(turn, body, raw, faults)
    text = _with_reasoning(turn, body, faults) if body else ""
    lines: list[Line] = []
    if body and (text.strip() or body.images):
        lines.append(_text_line(turn, role, text, body, weight, faults, alone=not calls))
    elif not calls and role is not None:
        lines.append(Line(role, body.text if body else "", turn.where, weight, call_id=_answered(turn)))
        if body is None and role != "observation":
            faults.refuse(Reason.SCHEMA_CONTENT_MISSING, turn.where, "neither content nor a call")
    return lines + [_call_line(call, weight) for call in calls]


def _is_plain(turn: LoggedTurn, role: str) -> bool:
    """Whether the turn is its text and nothing else: no call, not even one that is written as text, no image, no reasoning."""
    text = turn.content
    if not isinstance(text, str) or turn.calls is not None or turn.image is not None or turn.reasoning is not None:
        return False
    if role == "assistant":
        return turn.metadata in (None, "") and not _BRACE.match(text)
    return role in ("user", "observation", "system")


_BRACE = re.compile(r"\s*\{")


def _call_line(call: Call, weight: float | None) -> Line:
    return Line("assistant", call.arguments, call.where, weight, [], call)


def _role(turn: LoggedTurn, faults: Faults) -> str | None:
    if turn.role is None:
        faults.refuse(Reason.SCHEMA_ROLE_MISSING, turn.where, "no role")
        return None
    role = ALIASES.get(turn.role) or canonical_role(turn.role) if isinstance(turn.role, str) else None
    if role is None:
        found = clip(turn.role) if isinstance(turn.role, str) else kind_of(turn.role)
        faults.refuse(Reason.SCHEMA_ROLE_UNKNOWN, f"{turn.where}.role", f"found {found}")
    return role


def _weight(turn: LoggedTurn, faults: Faults) -> float | None:
    if turn.loss is False or turn.train is False:
        return 0.0
    weight = turn.loss_weight
    if weight is None:
        return None
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight <= MOST_WEIGHT:
        faults.refuse(Reason.SCHEMA_FIELD_TYPE, f"{turn.where}.loss_weight", f"found {kind_of(weight)}; a number from 0 to {MOST_WEIGHT:g} is wanted")
        return None
    return float(weight)


def _call_lines(turn: LoggedTurn, role: str | None, raw: bytes, weight: float | None, faults: Faults) -> list[Line]:
    """A sharegpt function_call, whose text is the call; or a GLM call, whose metadata is the name and whose content the arguments."""
    if turn.content is None:
        faults.refuse(Reason.SCHEMA_CONTENT_MISSING, turn.where, "a call without content")
        return []
    content = Value(turn.content, raw, (*turn.path, turn.content_key), f"{turn.where}.content")
    try:
        calls = read_calls(content, faults) if role == CALL else [_glm_call(turn, content, faults)]
    except Reject as reject:
        faults.refusals += reject.findings
        return []
    return [_call_line(call, weight) for call in calls]


def _glm_call(turn: LoggedTurn, content: Value, faults: Faults) -> Call:
    if isinstance(content.value, dict):
        text = content.own_text()
        values: Mapping[str, Any] = content.value
    else:
        text, values = arguments_text(content.value if isinstance(content.value, str) else "", content.where, faults)
    return Call(turn.metadata, text, values, None, turn.where)


def _calls_beside(turn: LoggedTurn, body: Body | None, raw: bytes, faults: Faults) -> list[Call]:
    logged = [Value(value, raw, path, f"{turn.where}.content") for path, value in body.calls] if body else []
    if turn.calls is not None and turn.calls != []:
        logged.insert(0, Value(turn.calls, raw, (*turn.path, "tool_calls"), f"{turn.where}.tool_calls"))
    calls: list[Call] = []
    for value in logged:
        try:
            calls += read_calls(value, faults)
        except Reject as reject:
            faults.refusals += reject.findings
    return calls


def _with_reasoning(turn: LoggedTurn, body: Body, faults: Faults) -> str:
    if turn.reasoning is None and not body.reasoning:
        return body.text
    thoughts = [*([turn.reasoning] if isinstance(turn.reasoning, str) else []), *body.reasoning]
    if turn.reasoning is not None and not isinstance(turn.reasoning, str):
        faults.refuse(Reason.SCHEMA_FIELD_TYPE, f"{turn.where}.reasoning_content", f"found {kind_of(turn.reasoning)}; text is wanted")
    thoughts = [thought for thought in thoughts if thought.strip()]
    if not thoughts:
        return body.text
    if faults.settings.reasoning == "drop":
        faults.note(Reason.REPAIR_REASONING_DROPPED, turn.where, f"{sum(map(len, thoughts))} characters of reasoning")
        return body.text
    before = "".join(f"<think>{thought}</think>" for thought in thoughts)
    body.images = [(offset + len(before), ref, where) for offset, ref, where in body.images]
    return before + body.text


def _text_line(turn: LoggedTurn, role: str | None, text: str, body: Body, weight: float | None, faults: Faults, alone: bool) -> Line:
    line = Line(role or "user", text, turn.where, weight, body.images, call_id=_answered(turn))
    if role == "assistant" and alone and not body.images and not body.reasoning:
        try:
            call = logged_as_text(text, f"{turn.where}.content", faults)
        except Reject as reject:
            faults.refusals += reject.findings
        else:
            if call:
                detail = f"a call of {clip(call.name)} was logged as text"
                faults.repair(Reason.REPAIR_TOOL_CALL_EXTRACTED, Reason.TOOL_CALL_MALFORMED, f"{turn.where}.content", detail)
                return Line("assistant", call.arguments, turn.where, weight, call=call)
    return line


def _answered(turn: LoggedTurn) -> str | None:
    return turn.call_id if isinstance(turn.call_id, str) and turn.call_id else None


class Group(Struct, gc=False):
    """Calls in a row, the results that came for them by the place of the call, and where the next result goes: by id, and without one."""

    calls: list[Line] = field(default_factory=list)
    results: dict[int, Line] = field(default_factory=dict)
    waiting: dict[str, deque[int]] = field(default_factory=dict)
    first_free: int = 0


def pair_results(lines: list[Line], faults: Faults) -> list[Line]:
    """The lines with the results of each group of calls in the order of the calls; a result that answers none is refused."""
    ordered: list[Line] = []
    group = Group()
    for line in lines:
        if line.role == "observation":
            place = _answers(line, group)
            if place is None:
                faults.refuse(Reason.TOOL_RESULT_ORPHAN, line.where, f"answers {clip(line.call_id) if line.call_id else 'no call'}")
            else:
                group.results[place] = line
            continue
        if group.results or (group.calls and line.call is None):
            ordered += [group.results[i] for i in sorted(group.results)]
            group = Group()
        if line.call is not None:
            if line.call.id:
                group.waiting.setdefault(line.call.id, deque()).append(len(group.calls))
            group.calls.append(line)
        ordered.append(line)
    return ordered + [group.results[i] for i in sorted(group.results)]


def _answers(line: Line, group: Group) -> int | None:
    """Which of the open calls this result answers: by id where both have one, else the first that has no result yet."""
    if line.call_id is not None and group.waiting:
        places = group.waiting.get(line.call_id, deque())
        while places and places[0] in group.results:
            places.popleft()
        return places[0] if places else None
    while group.first_free in group.results:
        group.first_free += 1
    return group.first_free if group.first_free < len(group.calls) else None
