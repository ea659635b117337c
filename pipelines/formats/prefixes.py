"""The beginning of an answer that a request gives the model, and the rest that the model wrote -> one answer.

{"role": "assistant", "content": "{", "prefix": true}                 Mistral, which repeats the beginning in its response, and DeepSeek, which does not
a request that ends with a turn of the assistant, and its response    Anthropic, Gemini, and Claude on Bedrock; OpenAI's response is another answer

Sources: docs.mistral.ai, prefix; api-docs.deepseek.com, chat prefix completion; docs.anthropic.com, prefill Claude's response.
"""

from __future__ import annotations

from typing import Any

import orjson
from msgspec.structs import replace

from pipelines.formats.keys import PREFIX, Unread
from pipelines.formats.logged import LoggedPart, LoggedTurn
from pipelines.formats.parts import TEXT, kind_of_part
from pipelines.formats.paths import Found
from pipelines.formats.stops import Stop

_ANSWERS = ("assistant", "model", "ai", "gpt")
_OWN = ("reasoning", "images", "media", "loss", "tools", "name", "metadata")  # fields of a beginning that the joined answer has no place for
_APART = "the beginning of an answer is joined to the answer after it only if it has nothing but text, and that answer begins with text"
_CONTINUING = ("candidates[0].content", "output.message")  # places of the answer in responses of Gemini and of Bedrock


def with_prefixes(turns: list[Any], unread: Unread) -> list[Any]:
    """The turns, each that is marked as a beginning joined to the answer that follows it.

    One without an answer after it is a cut answer. One that cannot be joined to the answer after it refuses the record: apart, neither is an answer.
    """
    made: list[Any] = []
    for turn in turns:
        first: Any = made[-1] if made else None
        if not (_is_answer(first) and first.is_prefix):
            made.append(turn)
        elif not _is_answer(turn):
            _note_missing(first, unread)
            made.append(turn)
        elif turn.is_prefix or (joined := joined_answer(first, turn, unread)) is None:
            unread.add("turn", first.where, PREFIX, True, _APART)
            made.append(turn)
        else:
            made[-1] = joined
    if made and _is_answer(made[-1]) and made[-1].is_prefix:
        _note_missing(made[-1], unread)
    return made


def _note_missing(first: LoggedTurn, unread: Unread) -> None:
    unread.stops.append(Stop(first.where, PREFIX, "cut", is_of_turn=True, why="its rest is missing"))


def with_beginning(first: Any, second: Any, is_continued: bool, unread: Unread) -> list[Any]:
    """The last turn of a request and the answer of its response: one turn where they are one answer. `is_continued`: the API continues such a turn."""
    if type(first) is not LoggedTurn or first.is_prefix:  # which `with_prefixes` joins
        return [first, second]
    joined = joined_answer(first, second, unread) if is_continued else None
    if joined is None and _says_again(first, second):
        joined = _whole(first, second, unread)
    return [joined] if joined is not None else [first, second]


def continues_answer(response: Found) -> bool:
    """Whether this is the answer of an API that continues the last turn of the request, if it is one of the assistant."""
    value = response.value
    is_anthropic = isinstance(value, dict) and isinstance(value.get("content"), list) and ("stop_reason" in value or value.get("type") == "message")
    return is_anthropic or response.where.endswith(_CONTINUING)


def joined_answer(first: LoggedTurn, second: Any, unread: Unread) -> LoggedTurn | None:
    """The answer that begins with the text of the first turn and goes on with the second, or the second where it repeats the first.

    None where these are no two halves of an answer, or where something besides its text would be lost of the first.
    """
    if not (_is_answer(first) and _is_answer(second)) or second.reasoning or any(getattr(first, field) for field in _OWN) or _has_calls(first):
        return None
    own, more = parts_of(first), parts_of(second)
    if not own or not all(map(_is_text, own)) or not more or not _is_text(more[0]):
        return None
    begun, said = _leading_text(own), _leading_text(more)
    if said.startswith(begun) and not (begun.lstrip().startswith("[") and _is_json(begun + said)):  # which goes on with a list in a list
        return _whole(first, second, unread)
    unread.move_stops(first.where, second.where)
    return replace(second, content=None, parts=(*own, *more), is_plain=False, prefix=first.where)


def _whole(first: LoggedTurn, second: LoggedTurn, unread: Unread) -> LoggedTurn:
    """The second turn, which has all of the first already."""
    unread.move_stops(first.where, second.where)
    return replace(second, is_plain=False, prefix=first.where)


def _says_again(first: LoggedTurn, second: Any) -> bool:
    """Whether a request has the answer of its response already: a list that the program went on to use when the request was logged."""
    if not (_is_answer(first) and _is_answer(second)) or first.calls != second.calls:
        return False
    if any((value := getattr(first, field)) and value != getattr(second, field) for field in _OWN):
        return False
    own, more = parts_of(first), parts_of(second)
    are_texts = all(map(_is_text, (*own, *more)))
    is_same = _leading_text(own) == _leading_text(more) if are_texts else [part.value for part in own] == [part.value for part in more]
    return is_same and (bool(own) or _has_calls(first))


def parts_of(turn: LoggedTurn) -> tuple[LoggedPart, ...]:
    """The parts of a turn, each with its place."""
    if turn.parts is not None:
        return turn.parts
    base, where = (*turn.path, turn.content_key), f"{turn.where}.{turn.content_key}"
    if isinstance(turn.content, list):
        return tuple([LoggedPart(part, (*base, i), f"{where}[{i}]") for i, part in enumerate(turn.content)])
    return (LoggedPart(turn.content, base, where),) if turn.content is not None else ()


def _is_answer(turn: Any) -> bool:
    return type(turn) is LoggedTurn and isinstance(turn.role, str) and turn.role.lower() in _ANSWERS


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _has_calls(turn: LoggedTurn) -> bool:
    return any(value for _, value in turn.calls)


def _is_text(part: LoggedPart) -> bool:
    return isinstance(part.value, str) or (isinstance(part.value, dict) and not part.is_call and kind_of_part(part.value).kind == TEXT)


def _leading_text(parts: tuple[LoggedPart, ...]) -> str:
    """The texts that these parts begin with, in one."""
    texts: list[str] = []
    for part in parts:
        value = part.value
        text = next((value[key] for key in ("text", "value", "content") if isinstance(value.get(key), str)), None) if isinstance(value, dict) else value
        if not isinstance(text, str) or not _is_text(part):
            break
        texts.append(text)
    return "".join(texts)
