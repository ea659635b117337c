"""The beginning of an answer that a request gives the model, and the rest that the model wrote -> one answer.

{"role": "assistant", "content": "{", "prefix": true}                 Mistral, DeepSeek
a request that ends with a turn of the assistant, and its response    Anthropic, Gemini and all that pass such requests on
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from pipelines.formats.logged import LoggedPart, LoggedTurn
from pipelines.formats.parts import TEXT, kind_of_part

_ANSWERS = ("assistant", "model", "ai", "gpt")


def with_prefixes(turns: list[Any]) -> list[Any]:
    """The turns, each that is marked as a beginning joined to the answer that follows it."""
    made: list[Any] = []
    for turn in turns:
        first = made[-1] if made else None
        if type(first) is LoggedTurn and first.is_prefix and (joined := joined_answer(first, turn)) is not None:
            made[-1] = joined
        else:
            made.append(turn)
    return made


def joined_answer(first: Any, second: Any) -> LoggedTurn | None:
    """The answer that begins with the text of the first turn and goes on with the second; None where these are no two halves of an answer."""
    if not (_is_answer(first) and _is_answer(second)) or first.reasoning or second.reasoning or any(value for _, value in first.calls):
        return None
    own, more = parts_of(first), parts_of(second)
    if not own or not all(map(_is_text, own)) or not more or not _is_text(more[0]):
        return None
    return replace(second, content=None, parts=(*own, *more), is_plain=False, prefix=first.where)


def parts_of(turn: LoggedTurn) -> tuple[LoggedPart, ...]:
    """The parts of a turn, each with its place."""
    if turn.parts is not None:
        return turn.parts
    base, where = (*turn.path, turn.content_key), f"{turn.where}.{turn.content_key}"
    if isinstance(turn.content, list):
        return tuple([LoggedPart(part, (*base, i), f"{where}[{i}]") for i, part in enumerate(turn.content)])
    return (LoggedPart(turn.content, base, where),) if turn.content is not None else ()


def _is_answer(turn: Any) -> bool:
    return type(turn) is LoggedTurn and isinstance(turn.role, str) and turn.role.lower() in _ANSWERS and not turn.metadata


def _is_text(part: LoggedPart) -> bool:
    return isinstance(part.value, str) or (isinstance(part.value, dict) and not part.is_call and kind_of_part(part.value).kind == TEXT)
