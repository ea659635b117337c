"""Turns -> lines in GLM form: a call has the tool's name as metadata, and results follow their calls in call order.

First every field of a turn is read (turn_fields.py). Then one function checks each field against the turn's role, so that none is lost.
What is left becomes lines.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from pipelines.formats.logged import LoggedTurn
from pipelines.formats.stops import is_raw_stream
from pipelines.normalize.findings import Findings
from pipelines.normalize.in_text.grammars import has_call
from pipelines.normalize.reasoning import cut_before, has_thoughts, with_thoughts
from pipelines.normalize.roles import ALIASES, CALL, canonical_role
from pipelines.normalize.tool_calls import Call, read_id
from pipelines.normalize.turn_fields import TurnFields, read_fields, read_logged_calls
from pipelines.parsing.careful import clip, kind_of
from pipelines.reasons import Reason
from pipelines.records import Answered

_STREAMS = ("data:", "event:")  # how the stream of a response begins


class Line(Struct, gc=False, kw_only=True):
    """A message in the making. `images` are (offset, reference or Slot, JSON path) that have their place already; `pool` are (reference, JSON path)
    that the turn has without a place. `is_alone`: the turn has no call besides the text. `is_silent`: the log has an answer that is a blank text.
    `reasoning_end`, `answered` and `is_withheld` are those of the message."""

    role: str
    text: str
    where: str
    weight: float | None = None
    images: list[tuple[int, Any, str]] = field(default_factory=list)
    call: Call | None = None
    reasoning_end: int = 0
    answered: Answered | None = None
    call_id: str | None = None  # of a result: the call it answers
    own_id: str | None = None  # of a result: its own id, which some logs make that of its call
    name: str | None = None  # of a result: the function that was called
    pool: list[tuple[Any, str]] = field(default_factory=list)
    is_alone: bool = True
    is_silent: bool = False
    spelling: str | None = None  # of a call that is written in the text and stays text
    is_withheld: bool = False

    @property
    def is_blank(self) -> bool:
        return (not self.text or self.text.isspace()) and not self.images and not self.pool and self.call is None


def lines_of(turn: LoggedTurn, findings: Findings) -> list[Line]:
    """The lines of one turn: text beside calls is a line of its own before them. Refusals go into `findings`."""
    role = _role(turn, findings)
    if role == CALL and isinstance(turn.content, str) and has_call(turn.content):
        role = "assistant"  # the call is in the text, in the syntax of a model
    if role == "assistant" and isinstance(turn.content, str) and turn.content.startswith(_STREAMS) and is_raw_stream(turn.content):
        findings.refuse(Reason.SCHEMA_RAW_STREAM, turn.where, "the answer is the raw stream of a response; log the message that it makes")
    if role is not None and _is_text_only(turn, role, findings):
        return [Line(role=role, text=turn.content, where=turn.where, is_silent=role == "assistant" and not turn.content.strip())]
    for key, value in turn.media:
        if value not in ("", [], {}, False):
            findings.media(f"{turn.where}.{key}", kind_of(value))
    fields = read_fields(turn, role, findings)
    _check_fields(turn, role, fields, findings)
    return _answer_lines(turn, fields, findings) if _is_answer(role) else [_other_line(turn, role, fields, findings)]


def _role(turn: LoggedTurn, findings: Findings) -> str | None:
    if turn.role is None:
        findings.refuse(
            Reason.SCHEMA_ROLE_MISSING, turn.where, f"the turn has no role; expected one under {findings.renamed.get('role', 'role, from, sender or author')}"
        )
        return None
    role = ALIASES.get(turn.role) or canonical_role(turn.role) if isinstance(turn.role, str) else None
    if role is None:
        found = clip(turn.role) if isinstance(turn.role, str) else kind_of(turn.role)
        findings.refuse(Reason.SCHEMA_ROLE_UNKNOWN, f"{turn.where}.role", f"found {found}; expected a known role such as user or assistant")
    return role


def _is_text_only(turn: LoggedTurn, role: str, findings: Findings) -> bool:
    """Whether the turn is a role and a text that stays as it is, as most turns are: no content parts, no call, no reasoning to drop."""
    if not turn.is_plain or role == CALL or not isinstance(turn.content, str) or turn.content[:1] == "[":
        return False
    return role != "assistant" or findings.settings.reasoning != "drop" or not has_thoughts(turn.content)


def _is_answer(role: str | None) -> bool:
    return role in ("assistant", CALL)


def _check_fields(turn: LoggedTurn, role: str | None, fields: TurnFields, findings: Findings) -> None:
    """Refuses or notes each field that a turn of this role cannot have. A turn of unknown role is refused anyway, and judged like a question."""
    speaker = "a function_call turn" if role == CALL else f"a turn of role {role}" if role else "a turn of unknown role"
    for key, value in (("name", turn.name), ("tool_call_id", turn.call_id)) if role != "observation" else ():
        if value is not None:
            findings.unread.add("turn", turn.where, key, value)
    if role in _OTHERS and isinstance(turn.name, str) and turn.name.lower() in _OTHERS[role]:
        why = f"the name is that of another role than {role}: perhaps the log has the roles of the one who asked; give each turn the role of its speaker"
        findings.unread.add("turn", turn.where, "name", turn.name, why)
    if role in ("user", "assistant") and isinstance(turn.name, str) and turn.name.strip():
        findings.names.setdefault(role, {}).setdefault(turn.name, f"{turn.where}.name")
    if turn.metadata not in (None, "", {}, []) and not (role == "assistant" and isinstance(turn.metadata, str)):
        # GLM-4's template prints it for every role; in our messages, metadata is the name of a call.
        findings.unread.counts["turn.metadata"] += 1
        for key, value in turn.metadata.items() if isinstance(turn.metadata, dict) else ():
            findings.unread.add_stop("turn", turn.where, str(key), value)
        findings.note(Reason.SCHEMA_FIELD_UNREAD, f"{turn.where}.metadata", f"the metadata of {speaker} was left out")
    if _is_answer(role):
        for _, where in _take_images_beside_calls(fields):
            place, _, key = where.rpartition(".")
            findings.misplaced(place, key, "a turn with calls cannot have an image")
        return
    for key, calls in fields.logged_calls:
        for _ in calls:
            findings.misplaced(turn.where, key, f"{speaker} cannot have a call")
    for _ in fields.thoughts:
        findings.misplaced(turn.where, turn.reasoning[0][0] if turn.reasoning else turn.content_key, f"{speaker} cannot have reasoning")
    for key, value in turn.loss if fields.weight != 0 else ():  # no model is trained on a question
        findings.unread.add("turn", turn.where, f"{key} of a question", value)


# Names that say another role: a history of AutoGen 0.2 calls those that began a chat its assistants.
_OTHERS = {"assistant": ("user", "human", "user_proxy"), "user": ("assistant",)}


def _take_images_beside_calls(fields: TurnFields) -> list[tuple[Any, str]]:
    """Takes away the images that a turn with calls has no place for: those outside its text, and in a turn that is only a call, all."""
    taken: list[tuple[Any, str]] = []
    if fields.has_calls:
        taken, fields.pool = fields.pool, []
    if fields.is_call:
        taken += [(ref, where) for _, ref, where in fields.images]
        fields.images = []
    return taken


def _answer_lines(turn: LoggedTurn, fields: TurnFields, findings: Findings) -> list[Line]:
    """An assistant's turn: its reasoning and text, then its calls."""
    calls = [*fields.calls, *read_logged_calls(fields, findings)]
    if turn.prefix:
        findings.note(Reason.REPAIR_ANSWER_JOINED, turn.where, f"the answer begins with the text of {clip(turn.prefix)}")
    text, cut, added = with_thoughts(fields.text, fields.thoughts, turn.where, findings)
    images = fields.images
    if images and (cut or added):
        images = [(added + offset - cut_before(cut, offset), ref, where) for offset, ref, where in images]
    lines: list[Line] = []
    if text.strip() or images or fields.pool or not fields.has_calls:
        line = Line(role="assistant", text=text, where=turn.where, weight=fields.weight, images=images, pool=fields.pool, is_alone=not fields.has_calls)
        line.reasoning_end = added
        lines.append(line)
        if line.is_blank and not fields.has_content and not fields.thoughts:
            findings.refuse(
                Reason.SCHEMA_CONTENT_MISSING,
                turn.where,
                "the turn has neither content nor a call; expected one under content, value, text, parts or tool_calls",
            )
        line.is_silent = line.is_blank and fields.has_content and not fields.text.strip() and not fields.thoughts
    return lines + [Line(role="assistant", text=call.arguments, where=call.where, weight=fields.weight, call=call) for call in calls]


def _other_line(turn: LoggedTurn, role: str | None, fields: TurnFields, findings: Findings) -> Line:
    """A turn of system, user or a tool, or of an unknown role: it says nothing but text and images."""
    if not fields.has_content and not fields.pool and role not in (None, "observation"):
        findings.refuse(Reason.SCHEMA_CONTENT_MISSING, turn.where, "the turn has no content; expected one under content, value, text or parts")
    line = Line(role=role or "user", text=fields.text, where=turn.where, weight=fields.weight, images=fields.images, pool=fields.pool)
    if role == "observation":
        line.call_id = read_id(turn.call_id, f"{turn.where}.tool_call_id", findings)
        line.own_id = turn.own_id if isinstance(turn.own_id, str) else None
        line.name = turn.name if isinstance(turn.name, str) else None
    return line
