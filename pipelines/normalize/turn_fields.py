"""A turn's fields -> what they say: text, images, calls, reasoning and loss weight. Nothing here judges whether the turn's role may have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from pipelines.formats.logged import Keyed, LoggedTurn
from pipelines.normalize.content import Body, read_body, same_picture
from pipelines.normalize.findings import Findings
from pipelines.normalize.loss import joined_weight, weight_of
from pipelines.normalize.reasoning import distinct, leading_thought, read_thoughts
from pipelines.normalize.roles import CALL
from pipelines.normalize.tool_calls import Call, Value, arguments_text, read_calls
from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import parse_json
from pipelines.reasons import Reason, Reject


class TurnFields(Struct, gc=False, kw_only=True):
    """What a turn says. `images` have a place in its text: (offset, reference or Slot, JSON path); `pool` are (reference, JSON path) without one.

    `is_call`: the content as a whole is a call, or its arguments; such calls are in `calls`. `logged_calls` has those of every key, not yet read.
    """

    text: str
    has_content: bool
    images: list[tuple[int, Any, str]]
    pool: list[tuple[Any, str]]
    is_call: bool
    calls: list[Call]
    logged_calls: list[tuple[str, list[Value]]]
    thoughts: list[str]
    weight: float | None

    @property
    def has_calls(self) -> bool:
        return self.is_call or bool(self.logged_calls)


def read_fields(turn: LoggedTurn, role: str | None, findings: Findings) -> TurnFields:
    """Every field of the turn. The role decides one thing: whether the content is text or a call."""
    is_call = role == CALL or (role == "assistant" and isinstance(turn.metadata, str) and bool(turn.metadata.strip()))
    weight = weight_of(turn.loss, turn.where, findings) if turn.loss else None
    thoughts = read_thoughts(turn.reasoning, turn.where, findings) if turn.reasoning else []
    body, calls = _read_call_content(turn, role, findings) if is_call else (read_body(turn, role, findings), [])
    in_keys = [(key, [Value(value, turn.written, (*turn.path, key), f"{turn.where}.{key}")]) for key, value in turn.calls if not _is_no_call(value)]
    return TurnFields(
        text=body.text,
        has_content=body.is_given,
        images=body.images,
        pool=pool_of(turn.images, turn.where, findings.budget) if turn.images else [],
        is_call=is_call,
        calls=calls,
        logged_calls=[*in_keys, (turn.content_key, body.calls)] if body.calls else in_keys,
        thoughts=[*thoughts, *distinct(body.reasoning, thoughts)] if body.reasoning else thoughts,
        weight=joined_weight(weight, body.weight),
    )


def _read_call_content(turn: LoggedTurn, role: str | None, findings: Findings) -> tuple[Body, list[Call]]:
    """The content of a turn that is a call: sharegpt's function_call has the call as content; GLM has the arguments there, and the name as
    metadata. Reasoning may come before it."""
    if turn.content is None:
        if role != CALL or not turn.calls:
            findings.refuse(Reason.SCHEMA_CONTENT_MISSING, turn.where, "the turn is a call without content")
        return Body(), []
    where = f"{turn.where}.{turn.content_key}"
    thought, rest = leading_thought(turn.content) if isinstance(turn.content, str) else ("", turn.content)
    content = Value(rest, turn.written, (*turn.path, turn.content_key), where)
    body = Body(thought, True)
    try:
        if role == CALL:
            return body, read_calls(content, findings)
        if isinstance(rest, dict) and "type" not in rest:
            return body, [Call(name=turn.metadata, arguments=content.own_text(), values=rest, ids=(), where=turn.where, is_ours=True)]
        if not isinstance(rest, str):
            body = read_body(turn, role, findings)
            rest, body.text = body.text, ""
        text, values = arguments_text(rest, where, findings)
        return body, [Call(name=turn.metadata, arguments=text, values=values, ids=(), where=turn.where)]
    except Reject as reject:
        findings.refuse_all(reject)
        return body, []


def read_logged_calls(fields: TurnFields, findings: Findings) -> list[Call]:
    """The calls of every key. A key that says the same calls as another, or as the content, says nothing new."""
    said = [_said(fields.calls)] if fields.calls else []
    calls: list[Call] = []
    for _, values in fields.logged_calls:
        try:
            found = [call for value in values for call in read_calls(value, findings)]
        except Reject as reject:
            findings.refuse_all(reject)
            continue
        if len(fields.logged_calls) > 1 or said:
            if _said(found) in said:
                continue
            said.append(_said(found))
        calls += found
    return calls


def _said(calls: Sequence[Call]) -> list[tuple[str, Any]]:
    return [(call.name, call.values) for call in calls]


def _is_no_call(value: Any) -> bool:
    """Whether a key of calls says that there is none: also as JSON text, and as the setting of a request."""
    return value in ([], {}) or (isinstance(value, str) and value.strip() in ("", "[]", "{}", "null", "auto", "none"))


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
