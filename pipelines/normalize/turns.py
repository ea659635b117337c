"""Turns -> lines in GLM form: a call has the tool's name as metadata, results follow their calls in call order.

First a turn's fields are read, each into what it says: text, images, calls, reasoning, weight. Then its role decides what becomes of each of them:
a line, or a finding. So no branch can lose a field that another reads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field

from pipelines.formats.logged import Keyed, LoggedTurn
from pipelines.normalize.content import Body, read_body
from pipelines.normalize.faults import Faults
from pipelines.normalize.loss import weight_of
from pipelines.normalize.reasoning import has_thoughts, leading_thought, read_thoughts, with_thoughts
from pipelines.normalize.roles import ALIASES, CALL, canonical_role
from pipelines.normalize.tool_calls import Call, Value, arguments_text, call_id, read_calls
from pipelines.parsing.careful import clip, kind_of
from pipelines.reasons import Reason, Reject


class Line(Struct, gc=False):
    """A message in the making. `images` are (offset, reference or Slot, JSON path) that have their place already; `pool` are (reference, JSON path)
    that the turn has without a place. `is_alone`: no call stands beside the text."""

    role: str
    text: str
    where: str
    weight: float | None = None
    images: list[tuple[int, Any, str]] = field(default_factory=list)
    call: Call | None = None
    call_id: str | None = None  # of a result: the call it answers
    name: str | None = None  # of a result: the function that was called
    pool: list[tuple[Any, str]] = field(default_factory=list)
    is_alone: bool = True
    spelling: str | None = None  # of a call that is written in the text and stays text

    @property
    def is_blank(self) -> bool:
        return (not self.text or self.text.isspace()) and not self.images and not self.pool and self.call is None


def lines_of(turn: LoggedTurn, faults: Faults) -> list[Line]:
    """The lines of one turn: text beside calls is a line of its own before them. Refusals go into `faults`."""
    role = _role(turn, faults)
    if (
        turn.is_plain
        and isinstance(turn.content, str)
        and role is not None
        and role != CALL
        and not (role == "assistant" and _drops_from(turn.content, faults))
    ):
        return [Line(role, turn.content, turn.where)]
    weight = weight_of(turn.loss, turn.where, faults) if turn.loss else None
    thoughts = read_thoughts(turn, faults) if turn.reasoning else []
    pool = pool_of(turn.images, turn.where) if turn.images else []
    for key, value in turn.media:
        if value not in ("", [], {}, False):
            faults.media(f"{turn.where}.{key}", kind_of(value))
    if role != "observation":
        for key, value in (("name", turn.name), ("tool_call_id", turn.call_id)):
            if value is not None:
                faults.unread.add("turn", turn.where, key, value)
    if role == CALL or (role == "assistant" and isinstance(turn.metadata, str) and turn.metadata.strip()):
        return _call_turn(turn, role, thoughts, pool, weight, faults)
    body = read_body(turn, role, faults)
    weight = body.weight if weight is None else weight
    if role == "assistant":
        return _answer(turn, body, [*thoughts, *body.reasoning], pool, weight, faults)
    return _question(turn, role, body, thoughts, pool, weight, faults)


def pool_of(images: Keyed, where: str = "") -> list[tuple[Any, str]]:
    """The pictures under these keys as (reference, JSON path). Keys that hold the same pictures are one; what is blank holds none."""
    pools: list[tuple[list[Any], list[str]]] = []
    for key, value in images:
        if isinstance(value, dict) and list(value) == ["<image>"]:
            value = value["<image>"]  # upstream's other way to write a path
        refs = value if isinstance(value, list) else [] if value in ("", {}) else [value]
        place = f"{where}.{key}".lstrip(".")
        if refs and not any(refs == other for other, _ in pools):
            pools.append((refs, [f"{place}[{i}]" if isinstance(value, list) else place for i in range(len(refs))]))
    return [pair for refs, places in pools for pair in zip(refs, places, strict=True)]


def _drops_from(text: str, faults: Faults) -> bool:
    return faults.settings.reasoning == "drop" and has_thoughts(text)


def _role(turn: LoggedTurn, faults: Faults) -> str | None:
    if turn.role is None:
        faults.refuse(Reason.SCHEMA_ROLE_MISSING, turn.where, "no role")
        return None
    role = ALIASES.get(turn.role) or canonical_role(turn.role) if isinstance(turn.role, str) else None
    if role is None:
        found = clip(turn.role) if isinstance(turn.role, str) else kind_of(turn.role)
        faults.refuse(Reason.SCHEMA_ROLE_UNKNOWN, f"{turn.where}.role", f"found {found}")
    return role


def _question(turn: LoggedTurn, role: str | None, body: Body, thoughts: list[str], pool: list[Any], weight: float | None, faults: Faults) -> list[Line]:
    """A turn of system, user or a tool, or of an unknown role: it says nothing but text and images."""
    said_by = role or "unknown role"
    for key, value in turn.calls:
        if value not in ([], {}, "", "auto", "none"):
            faults.misplaced(turn.where, key, value, f"a call on a turn of {said_by}")
    for call in body.calls:
        faults.misplaced(turn.where, turn.content_key, call.value, f"a call on a turn of {said_by}")
    for thought in [*thoughts, *body.reasoning]:
        key = turn.reasoning[0][0] if turn.reasoning else turn.content_key
        faults.misplaced(turn.where, key, thought, f"reasoning on a turn of {said_by}")
    _leave_out_metadata(turn, said_by, faults)
    if not body.is_given and not pool and role not in (None, "observation"):
        faults.refuse(Reason.SCHEMA_CONTENT_MISSING, turn.where, "no content")
    name = turn.name if isinstance(turn.name, str) and role == "observation" else None
    return [Line(role or "user", body.text, turn.where, weight, body.images, call_id=call_id(turn.call_id), name=name, pool=pool)]


def _leave_out_metadata(turn: LoggedTurn, said_by: str, faults: Faults) -> None:
    """GLM-4's template prints it for every role; in our messages, metadata is the name of a call."""
    if turn.metadata not in (None, "", {}, []):
        faults.unread.counts["turn.metadata"] += 1
        faults.note(Reason.SCHEMA_FIELD_UNREAD, f"{turn.where}.metadata", f"the metadata of a turn of {said_by} is left out")


def _answer(turn: LoggedTurn, body: Body, thoughts: list[str], pool: list[Any], weight: float | None, faults: Faults) -> list[Line]:
    """An assistant's turn: its reasoning and text, then its calls."""
    refused = len(faults.refusals)
    if not isinstance(turn.metadata, str):
        _leave_out_metadata(turn, "assistant", faults)
    calls = _calls([*_structured(turn), *body.calls], faults)
    text = with_thoughts(body.text, thoughts, turn.where, faults)
    lines: list[Line] = []
    if text.strip() or body.images or pool:
        lines.append(Line("assistant", text, turn.where, weight, body.images, pool=pool, is_alone=not calls))
    elif not calls and len(faults.refusals) == refused:
        lines.append(Line("assistant", text, turn.where, weight))
        if not body.is_given and not thoughts:
            faults.refuse(Reason.SCHEMA_CONTENT_MISSING, turn.where, "neither content nor a call")
    return lines + [_call_line(call, weight) for call in calls]


def _call_turn(turn: LoggedTurn, role: str, thoughts: list[str], pool: list[Any], weight: float | None, faults: Faults) -> list[Line]:
    """A sharegpt function_call, whose text is the call; or a GLM call, whose metadata is the name and whose content the arguments."""
    if role == CALL:
        _leave_out_metadata(turn, CALL, faults)
    for ref, where in pool:
        faults.misplaced(turn.where, where.rpartition(".")[2], ref, "an image on a turn that is a call")
    if turn.content is None and (role != CALL or not turn.calls):
        faults.refuse(Reason.SCHEMA_CONTENT_MISSING, turn.where, "a call without content")
        return []
    where = f"{turn.where}.{turn.content_key}"
    thought, rest = leading_thought(turn.content) if isinstance(turn.content, str) else ("", turn.content)
    text = with_thoughts(thought, thoughts, turn.where, faults)
    content = Value(rest, turn.written, (*turn.path, turn.content_key), where)
    try:
        calls = [_glm_call(turn, content, faults)] if role != CALL else read_calls(content, faults) if rest is not None else []
    except Reject as reject:
        faults.refuse_all(reject)
        return []
    calls += _calls(_structured(turn), faults)
    before = [Line("assistant", text, turn.where, weight, is_alone=False)] if text.strip() else []
    return before + [_call_line(call, weight) for call in calls]


def _structured(turn: LoggedTurn) -> list[Value]:
    return [Value(value, turn.written, (*turn.path, key), f"{turn.where}.{key}") for key, value in turn.calls if value not in ([], {}, "")]


def _calls(logged: Sequence[Value], faults: Faults) -> list[Call]:
    calls: list[Call] = []
    for value in logged:
        try:
            calls += read_calls(value, faults)
        except Reject as reject:
            faults.refuse_all(reject)
    return calls


def _glm_call(turn: LoggedTurn, content: Value, faults: Faults) -> Call:
    if isinstance(content.value, dict):
        return Call(turn.metadata, content.own_text(), content.value, None, turn.where, True)
    text, values = arguments_text(content.value if isinstance(content.value, str) else "", content.where, faults)
    return Call(turn.metadata, text, values, None, turn.where)


def _call_line(call: Call, weight: float | None) -> Line:
    return Line("assistant", call.arguments, call.where, weight, [], call)


class Group(Struct, gc=False):
    """Calls in a row, the results that came for them by the place of the call, and where the next result goes: by id, by name, and without either."""

    calls: list[Line] = field(default_factory=list)
    results: dict[int, Line] = field(default_factory=dict)
    waiting: dict[str, deque[int]] = field(default_factory=dict)
    named: dict[str, deque[int]] | None = None  # made when the first result has a name
    first_free: int = 0

    def add(self, line: Line, call: Call) -> None:
        if call.id:
            self.waiting.setdefault(call.id, deque()).append(len(self.calls))
        self.calls.append(line)

    def of_name(self, name: str) -> deque[int] | None:
        if self.named is None:
            self.named = {}
            for i, line in enumerate(self.calls):
                self.named.setdefault(line.call.name if line.call else "", deque()).append(i)
        return self.named.get(name)

    def ordered(self) -> list[Line]:
        return [self.results[i] for i in sorted(self.results)]


def pair_results(lines: list[Line], faults: Faults) -> list[Line]:
    """The lines with the results of each group of calls in the order of the calls; a result that answers none is refused."""
    ordered: list[Line] = []
    group = Group()
    before: Line | None = None  # the last line that is no result
    for line in lines:
        if line.role == "observation":
            place = _answers(line, group)
            if place is None:
                _orphan(line, before, faults)
            else:
                group.results[place] = line
            continue
        before = line
        if group.results or (group.calls and line.call is None):
            ordered += group.ordered()
            _note_missing(group, faults)
            group = Group()
        if line.call is not None:
            group.add(line, line.call)
        ordered.append(line)
    if group.results:  # calls that end a record have no results yet
        _note_missing(group, faults)
    return ordered + group.ordered()


def _note_missing(group: Group, faults: Faults) -> None:
    for i, line in enumerate(group.calls):
        if i not in group.results:
            faults.note(Reason.TOOL_RESULT_MISSING, line.where, f"the conversation goes on without the result of {clip(line.call.name if line.call else '')}")


def _orphan(line: Line, before: Line | None, faults: Faults) -> None:
    if before is not None and before.spelling:
        faults.refuse(
            Reason.TOOL_CALL_IN_TEXT, line.where, f"this result answers a call that is written in the text of {before.where}, spelled as {before.spelling}"
        )
    else:
        faults.refuse(Reason.TOOL_RESULT_ORPHAN, line.where, f"answers {clip(line.call_id) if line.call_id else 'no call'}")


def _answers(line: Line, group: Group) -> int | None:
    """Which of the open calls this result answers: by id where both have one, by the function's name, else the first that has no result yet."""
    if line.call_id is not None and group.waiting:
        return _first_open(group.waiting.get(line.call_id), group)
    if line.name and (place := _first_open(group.of_name(line.name), group)) is not None:
        return place
    while group.first_free in group.results:
        group.first_free += 1
    return group.first_free if group.first_free < len(group.calls) else None


def _first_open(places: deque[int] | None, group: Group) -> int | None:
    while places and places[0] in group.results:
        places.popleft()
    return places[0] if places else None
