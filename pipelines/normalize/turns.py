"""Turns -> lines in GLM form: a call has the tool's name as metadata, results follow their calls in call order.

First a turn's fields are read, each into what it says: text, images, calls, reasoning, weight. Then its role decides what becomes of each of them:
a line, or a finding. So no branch can lose a field that another reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field

from pipelines.formats.logged import Keyed, LoggedTurn
from pipelines.normalize.content import Body, read_body, same_picture
from pipelines.normalize.findings import Findings
from pipelines.normalize.loss import joined_weight, weight_of
from pipelines.normalize.reasoning import distinct, has_thoughts, leading_thought, read_thoughts, with_thoughts
from pipelines.normalize.roles import ALIASES, CALL, canonical_role
from pipelines.normalize.tool_calls import Call, Value, arguments_text, read_calls, read_id
from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import clip, kind_of, parse_json
from pipelines.reasons import Reason, Reject


class Line(Struct, gc=False, kw_only=True):
    """A message in the making. `images` are (offset, reference or Slot, JSON path) that have their place already; `pool` are (reference, JSON path)
    that the turn has without a place. `is_alone`: no call stands beside the text."""

    role: str
    text: str
    where: str
    weight: float | None = None
    images: list[tuple[int, Any, str]] = field(default_factory=list)
    call: Call | None = None
    call_id: str | None = None  # of a result: the call it answers
    own_id: str | None = None  # of a result: its own id, which some logs make that of its call
    name: str | None = None  # of a result: the function that was called
    pool: list[tuple[Any, str]] = field(default_factory=list)
    is_alone: bool = True
    spelling: str | None = None  # of a call that is written in the text and stays text

    @property
    def is_blank(self) -> bool:
        return (not self.text or self.text.isspace()) and not self.images and not self.pool and self.call is None


def lines_of(turn: LoggedTurn, findings: Findings) -> list[Line]:
    """The lines of one turn: text beside calls is a line of its own before them. Refusals go into `findings`."""
    role = _role(turn, findings)
    if (
        turn.is_plain
        and isinstance(turn.content, str)
        and turn.content[:1] != "["
        and role is not None
        and role != CALL
        and not (role == "assistant" and _drops_from(turn.content, findings))
    ):
        return [Line(role=role, text=turn.content, where=turn.where)]
    weight = weight_of(turn.loss, turn.where, findings) if turn.loss else None
    thoughts = read_thoughts(turn.reasoning, turn.where, findings) if turn.reasoning else []
    pool = pool_of(turn.images, turn.where, findings.budget) if turn.images else []
    for key, value in turn.media:
        if value not in ("", [], {}, False):
            findings.media(f"{turn.where}.{key}", kind_of(value))
    if role != "observation":
        for key, value in (("name", turn.name), ("tool_call_id", turn.call_id)):
            if value is not None:
                findings.unread.add("turn", turn.where, key, value)
    if role == CALL or (role == "assistant" and isinstance(turn.metadata, str) and turn.metadata.strip()):
        return _call_turn(turn, role, thoughts, pool, weight, findings)
    body = read_body(turn, role, findings)
    weight = joined_weight(weight, body.weight)
    if role == "assistant":
        return _answer(turn, body, [*thoughts, *distinct(body.reasoning, thoughts)], pool, weight, findings)
    return _question(turn, role, body, thoughts, pool, weight, findings)


def pool_of(images: Keyed, where: str = "", budget: Budget | None = None) -> list[tuple[Any, str]]:
    """The pictures under these keys as (reference, JSON path). Keys that hold the same pictures are one; what is blank holds none."""
    pools: list[tuple[list[Any], list[str]]] = []
    for key, value in images:
        if isinstance(value, dict) and list(value) == ["<image>"]:
            value = value["<image>"]  # upstream's other way to write a path
        if isinstance(value, str) and value.startswith("[") and budget is not None:
            value = listed_in(value, budget)
        refs = value if isinstance(value, list) else [] if value in ("", {}) else [value]
        place = f"{where}.{key}".lstrip(".")
        if refs and not any(len(refs) == len(other) and all(map(same_picture, refs, other)) for other, _ in pools):
            pools.append((refs, [f"{place}[{i}]" if isinstance(value, list) else place for i in range(len(refs))]))
    return [pair for refs, places in pools for pair in zip(refs, places, strict=True)]


def listed_in(text: str, budget: Budget) -> Any:
    """The list that this text is the JSON of; any other text as it is."""
    try:
        value = parse_json(text, budget, [])
    except Reject:
        return text
    return value if isinstance(value, list) else text


def _drops_from(text: str, findings: Findings) -> bool:
    return findings.settings.reasoning == "drop" and has_thoughts(text)


def _role(turn: LoggedTurn, findings: Findings) -> str | None:
    if turn.role is None:
        findings.refuse(Reason.SCHEMA_ROLE_MISSING, turn.where, "no role")
        return None
    role = ALIASES.get(turn.role) or canonical_role(turn.role) if isinstance(turn.role, str) else None
    if role is None:
        found = clip(turn.role) if isinstance(turn.role, str) else kind_of(turn.role)
        findings.refuse(Reason.SCHEMA_ROLE_UNKNOWN, f"{turn.where}.role", f"found {found}")
    return role


def _question(turn: LoggedTurn, role: str | None, body: Body, thoughts: list[str], pool: list[Any], weight: float | None, findings: Findings) -> list[Line]:
    """A turn of system, user or a tool, or of an unknown role: it says nothing but text and images."""
    said_by = role or "unknown role"
    for key, value in turn.calls:
        if not _is_no_call(value):
            findings.misplaced(turn.where, key, value, f"a call on a turn of {said_by}")
    for call in body.calls:
        findings.misplaced(turn.where, turn.content_key, call.value, f"a call on a turn of {said_by}")
    for thought in [*thoughts, *body.reasoning]:
        key = turn.reasoning[0][0] if turn.reasoning else turn.content_key
        findings.misplaced(turn.where, key, thought, f"reasoning on a turn of {said_by}")
    _leave_out_metadata(turn, said_by, findings)
    for key, value in turn.loss if weight != 0 else ():  # no model is trained on a question
        findings.unread.add("turn", turn.where, f"{key} of a question", value)
    if not body.is_given and not pool and role not in (None, "observation"):
        findings.refuse(Reason.SCHEMA_CONTENT_MISSING, turn.where, "no content")
    line = Line(role=role or "user", text=body.text, where=turn.where, weight=weight, images=body.images, pool=pool)
    if role == "observation":
        line.call_id = read_id(turn.call_id, f"{turn.where}.tool_call_id", findings)
        line.own_id = turn.own_id if isinstance(turn.own_id, str) else None
        line.name = turn.name if isinstance(turn.name, str) else None
    return [line]


def _is_no_call(value: Any) -> bool:
    """Whether a key of calls says that there is none: also as JSON text, and as the setting of a request."""
    return value in ([], {}) or (isinstance(value, str) and value.strip() in ("", "[]", "{}", "null", "auto", "none"))


def _leave_out_metadata(turn: LoggedTurn, said_by: str, findings: Findings) -> None:
    """GLM-4's template prints it for every role; in our messages, metadata is the name of a call."""
    if turn.metadata not in (None, "", {}, []):
        findings.unread.counts["turn.metadata"] += 1
        findings.note(Reason.SCHEMA_FIELD_UNREAD, f"{turn.where}.metadata", f"the metadata of a turn of {said_by} is left out")


def _answer(turn: LoggedTurn, body: Body, thoughts: list[str], pool: list[Any], weight: float | None, findings: Findings) -> list[Line]:
    """An assistant's turn: its reasoning and text, then its calls."""
    refused = len(findings.refusals)
    if not isinstance(turn.metadata, str):
        _leave_out_metadata(turn, "assistant", findings)
    calls = _calls([*_structured(turn), *([body.calls] if body.calls else [])], [], findings)
    if calls:
        pool = _refuse_images(turn, pool, findings)
    text, cut, put = with_thoughts(body.text, thoughts, turn.where, findings)
    if body.images and (cut or put):
        body.images = [(put + offset - _cut_before(cut, offset), ref, where) for offset, ref, where in body.images]
    lines: list[Line] = []
    if text.strip() or body.images or pool:
        lines.append(Line(role="assistant", text=text, where=turn.where, weight=weight, images=body.images, pool=pool, is_alone=not calls))
    elif not calls and len(findings.refusals) == refused:
        lines.append(Line(role="assistant", text=text, where=turn.where, weight=weight))
        if not body.is_given and not thoughts:
            findings.refuse(Reason.SCHEMA_CONTENT_MISSING, turn.where, "neither content nor a call")
    return lines + [_call_line(call, weight) for call in calls]


def _cut_before(cut: Sequence[tuple[int, int]], offset: int) -> int:
    return sum(min(end, offset) - start for start, end in cut if start < offset)


def _refuse_images(turn: LoggedTurn, pool: list[Any], findings: Findings) -> list[Any]:
    for ref, where in pool:
        findings.misplaced(turn.where, where.rpartition(".")[2], ref, "an image on a turn of calls")
    return []


def _call_turn(turn: LoggedTurn, role: str, thoughts: list[str], pool: list[Any], weight: float | None, findings: Findings) -> list[Line]:
    """A sharegpt function_call, whose text is the call; or a GLM call, whose metadata is the name and whose content the arguments."""
    if role == CALL:
        _leave_out_metadata(turn, CALL, findings)
    _refuse_images(turn, pool, findings)
    if turn.content is None and (role != CALL or not turn.calls):
        findings.refuse(Reason.SCHEMA_CONTENT_MISSING, turn.where, "a call without content")
        return []
    where = f"{turn.where}.{turn.content_key}"
    thought, rest = leading_thought(turn.content) if isinstance(turn.content, str) else ("", turn.content)
    text, _, _ = with_thoughts(thought, thoughts, turn.where, findings)
    content = Value(rest, turn.written, (*turn.path, turn.content_key), where)
    try:
        calls = [_glm_call(turn, content, findings)] if role != CALL else read_calls(content, findings) if rest is not None else []
    except Reject as reject:
        findings.refuse_all(reject)
        return []
    calls += _calls(_structured(turn), calls, findings)
    before = [Line(role="assistant", text=text, where=turn.where, weight=weight, is_alone=False)] if text.strip() else []
    return before + [_call_line(call, weight) for call in calls]


def _structured(turn: LoggedTurn) -> list[list[Value]]:
    """The calls of each key that has any."""
    return [[Value(value, turn.written, (*turn.path, key), f"{turn.where}.{key}")] for key, value in turn.calls if not _is_no_call(value)]


def _calls(logged: Sequence[Sequence[Value]], known: Sequence[Call], findings: Findings) -> list[Call]:
    """The calls of several keys. A key that says the same calls as another, or as `known`, says nothing new."""
    said = [[(call.name, call.values) for call in known]] if known else []
    calls: list[Call] = []
    for values in logged:
        try:
            found = [call for value in values for call in read_calls(value, findings)]
        except Reject as reject:
            findings.refuse_all(reject)
            continue
        if len(logged) > 1 or said:
            same = [(call.name, call.values) for call in found]
            if same in said:
                continue
            said.append(same)
        calls += found
    return calls


def _glm_call(turn: LoggedTurn, content: Value, findings: Findings) -> Call:
    if isinstance(content.value, dict) and "type" not in content.value:
        return Call(turn.metadata, content.own_text(), content.value, (), turn.where, True)
    given = content.value if isinstance(content.value, str) else read_body(turn, "assistant", findings).text
    text, values = arguments_text(given, content.where, findings)
    return Call(turn.metadata, text, values, (), turn.where)


def _call_line(call: Call, weight: float | None) -> Line:
    return Line(role="assistant", text=call.arguments, where=call.where, weight=weight, call=call)
