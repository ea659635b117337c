"""A record of a known layout -> Logged: its turns in order, the fields of the record, and every key beside them accounted for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from pipelines.formats.chunks import are_chunks, message_of
from pipelines.formats.keys import CALL_FIELDS, HARMLESS, QUESTION_ROLES, TURN_FIELDS
from pipelines.formats.layouts import LAST_ANSWER, LAST_ANSWER_KEYS, REJECTED, REJECTED_BESIDE, SPOKEN
from pipelines.formats.logged import Json, Keyed, Logged, LoggedPart, LoggedTurn, NotATurn
from pipelines.formats.meaning import is_metadata
from pipelines.formats.paths import Found, Trail, find, open_text
from pipelines.formats.pieces import ITEMS, Layout, Piece, is_of
from pipelines.formats.prefixes import continues_answer, with_beginning
from pipelines.formats.record_fields import fields_in, has_system, logged_of
from pipelines.formats.stops import is_raw_stream
from pipelines.formats.transcripts import is_open_transcript, prompt_of, turns_of
from pipelines.formats.turn_texts import TurnTexts
from pipelines.formats.turns import Reading, read_turn, read_turns
from pipelines.parsing.careful import clip
from pipelines.parsing.written import Rewritten, Written
from pipelines.reasons import Reason, Reject

_HARMLESS = HARMLESS["record"]
_NAMES = frozenset(CALL_FIELDS["name"])
_ARGUMENTS = frozenset(CALL_FIELDS["arguments"])
MOST_NESTED = 4  # lists around the list of turns


def read_layout(record: Mapping[str, Json], written: Written, name: str, layout: Layout, reading: Reading, episode: tuple[str, Json] | None) -> Logged:
    """The record in this layout."""
    trail = Trail(reading.budget)
    top = Found(dict(record), (), written, "")
    trail.add("", top.value, (episode[0],) if episode else ())
    turns: list[Json] = []
    places: list[str] = []
    for piece in layout.pieces:
        found, more = _read_piece(piece, top, trail, reading)
        if found is not None:
            places.append(found.where)
            if more[: len(turns)] and _begins_with(more, turns):
                turns = more
            elif piece.role == "assistant" and turns and more:
                turns = [*turns[:-1], *with_beginning(turns[-1], more[0], layout.has_prefix and continues_answer(found), reading.unread), *more[1:]]
            else:
                turns = turns + more
        elif piece.role == "user" and not turns:
            raise Reject(
                Reason.SCHEMA_CONTENT_MISSING.at(piece.path.partition(" | ")[0], f"the record has no question; expected it under {clip(piece.path, 200)}")
            )
    if layout.has_reasoning and turns and type(turns[-1]) is LoggedTurn and not turns[-1].reasoning:
        turns[-1] = _with_reasoning(turns[-1], top, trail)
    fields = fields_in(top, layout.holders, trail, layout.other_meaning, has_system(turns))
    rejected = find(top, layout.rejected, trail) if layout.rejected else None
    for path in layout.repeats:
        find(top, path, trail)
    texts = TurnTexts(turns)
    trail.account(reading.unread, _HARMLESS, lambda key, value: _why(key, value, texts), texts.repeats)
    return logged_of(name, turns, places[0] if places else "", written, fields, episode, rejected=((rejected.where, rejected.value),) if rejected else ())


def _with_reasoning(answer: LoggedTurn, top: Found, trail: Trail) -> LoggedTurn:
    """The answer with the reasoning that stands beside it in the record."""
    reasoning = tuple((key, top.value[key]) for key in TURN_FIELDS["reasoning"] if top.value.get(key) is not None)
    trail.add("", top.value, (key for key, _ in reasoning))
    return replace(answer, reasoning=reasoning, is_plain=False) if reasoning else answer


def _why(key: str, value: Json, texts: TurnTexts) -> str:
    """Why this key matters beside these turns, "" where it does not: its text may be a part of the conversation that is not among them."""
    if key not in SPOKEN or value in ("", [], {}) or isinstance(value, (bool, int, float)) or is_metadata(value) or texts.repeats(key, value):
        return ""
    return "it may be a part of what was said, and is not among the turns"


def last_answer(record: Mapping[str, Json], turns: Json, written: Written, reading: Reading) -> tuple[list[Json], Keyed, frozenset[str]]:
    """(the answer that stands beside turns that end with a question, what was rejected in its favour, the keys of the record that have them)."""
    top, trail = Found(record, (), written, ""), Trail(reading.budget)
    answer, key = [], None
    if (
        not LAST_ANSWER_KEYS.isdisjoint(record)
        and isinstance(turns, list)
        and turns
        and type(turns[-1]) is LoggedTurn
        and (turns[-1].is_prefix or not _is_answer(turns[-1]))
    ):
        found = find(top, LAST_ANSWER, trail)
        if found is not None:
            answer = turns_at(found, "assistant", reading)
            key = next(iter(trail.read[""][1]))
    sides = [REJECTED[key]] if key in REJECTED else [] if answer else [*REJECTED_BESIDE]
    if key is None and _is_chosen(record, turns):
        key, sides = "chosen", [*sides, REJECTED["chosen"]]
    rejected = tuple((name, record[name]) for name in sides if record.get(name) is not None)
    trail.read.pop("", None)
    trail.account(reading.unread, _HARMLESS)
    return answer, rejected, frozenset((*((key,) if key else ()), *(name for name, _ in rejected)))


def _is_chosen(record: Mapping[str, Json], turns: Json) -> bool:
    """Whether the better side of a preference is what the turns say already: all of them, or their answer."""
    chosen = record.get("chosen")
    if not chosen or not isinstance(turns, list) or type(turns[-1] if turns else None) is not LoggedTurn:
        return False
    said = [{"role": turn.role, "content": turn.content} for turn in turns if type(turn) is LoggedTurn]
    return chosen in (said, said[-1:], said[-1], said[-1]["content"])


def _is_answer(turn: LoggedTurn) -> bool:
    return not isinstance(turn.role, str) or turn.role.strip().lower() not in QUESTION_ROLES


def _read_piece(piece: Piece, top: Found, trail: Trail, reading: Reading) -> tuple[Found | None, list[Json]]:
    found = find(top, piece.path, trail, lambda value: is_of(value, piece.kind))
    if found is None:
        return None, []
    if piece.joined:
        texts = [text for path in piece.joined if (text := find(top, path, trail)) is not None]
        if all(isinstance(text.value, str) for text in texts):
            joined = "\n".join(text.value for text in texts if text.value)
            return found, [LoggedTurn(path=(), where=found.where, written=found.written, role=piece.role, content=joined, is_plain=True)]
    return found, turns_at(found, piece.role, reading)


def turns_at(found: Found, role: str | None, reading: Reading, nested: int = 0) -> list[Json]:
    """The turns of a value: a list of turns or calls, one turn, a text, or any of them as JSON text."""
    value = found.value
    if isinstance(value, str) and role == "transcript":
        return _spoken_turns(found)
    if isinstance(value, str) and role == "prompt":
        return [replace(text_turn(found, speaker), content=said) for speaker, said in prompt_of(value)]
    if isinstance(value, str) and role == "user" and is_open_transcript(value):
        return _spoken_turns(found)[:-1]
    if isinstance(value, str):
        opened = open_text(found, reading.budget)
        if role == "history":
            return _history_at(opened, reading) if opened is not None else _unread_history(found, reading)
        if role == "assistant" and opened is not None and opened.value == []:
            return []
        if opened is None or not _speaks(opened.value, role):
            if role == "assistant" and is_raw_stream(value):
                raise Reject(Reason.SCHEMA_RAW_STREAM.at(found.where, "the answer is the raw stream of a response; log the message that it makes"))
            return [text_turn(found, role)]
        return turns_at(opened, role, reading, nested)
    if role == "history":
        return _history_at(found, reading)
    if isinstance(value, dict):
        return _turn_at(found, role, reading)
    if not isinstance(value, list):
        return [NotATurn(value, found.where)]
    if role == "assistant" and are_chunks(value):
        message = message_of(value, found.where, reading.unread)
        return read_turn(message, (), found.where, Rewritten(lambda: message), reading)
    if role == "assistant" and not value:
        return []  # no call, as in xLAM's questions that no function answers
    if len(value) == 1 and isinstance(value[0], list) and nested < MOST_NESTED:
        return turns_at(found.at(0), role, reading, nested + 1)
    if role == "assistant" and value and all(isinstance(item, dict) and _is_call(item) for item in value):
        calls = tuple(LoggedPart(item, (*found.path, i), f"{found.where}[{i}]", is_call=True) for i, item in enumerate(value))
        return [LoggedTurn(path=found.path, where=found.where, written=found.written, role=role, parts=calls)]
    turns = [_with_role(turn, role) for turn in read_turns(value, found.path, found.where, found.written, reading)]
    if role == "assistant" and len(turns) > 1 and len(turns) == len(value) and all(map(_is_choice, value, turns)):
        why = f"of {len(turns)} answers to one question, only one can be read; keep the one to train on"
        reading.unread.add("record", "", f"{found.where}[1]", value[1], why)
    return turns


def _is_choice(item: Json, turn: Json) -> bool:
    """Whether this element of an answer is an answer of its own, and no item of the Responses API."""
    return type(turn) is LoggedTurn and _is_answer(turn) and isinstance(item, dict) and item.get("type") not in ITEMS


def _spoken_turns(found: Found) -> list[Json]:
    return [replace(text_turn(found, role), content=said) for role, said in turns_of(found.value)]


def _turn_at(found: Found, role: str | None, reading: Reading) -> list[Json]:
    return [_with_role(turn, role) for turn in read_turn(found.value, found.path, found.where, found.written, reading)]


def _with_role(turn: Json, role: str | None) -> Json:
    return replace(turn, role=role) if type(turn) is LoggedTurn and turn.role is None and role is not None and (role == "assistant" or not turn.calls) else turn


def text_turn(found: Found, role: str | None) -> LoggedTurn:
    return LoggedTurn(path=(), where=found.where, written=found.written, role=role, content=found.value, is_plain=True)


def _history_at(found: Found, reading: Reading) -> list[Json]:
    """The turns of a history: a list of turns, or of pairs of a question and an answer."""
    if not isinstance(found.value, list):
        return _unread_history(found, reading)
    turns: list[Json] = []
    for i, item in enumerate(found.value):
        if isinstance(item, list) and len(item) == 2 and all(isinstance(text, str) for text in item):
            turns += [text_turn(found.at(i).at(k), role) for k, role in enumerate(("user", "assistant"))]
        else:
            turns += read_turn(item, (*found.path, i), found.at(i).where, found.written, reading)
    return turns


def _unread_history(found: Found, reading: Reading) -> list[Json]:
    if found.value not in ("", {}, []):
        why = "the history is no list of turns or of pairs of a question and an answer; make it one, or name the key in ignore"
        reading.unread.add("record", "", found.where, found.value, why)
    return []


def _speaks(value: Json, role: str | None) -> bool:
    """Whether the value of a JSON text is turns, or calls, rather than a text that happens to be JSON."""
    items = value if isinstance(value, list) else [value]
    if len(items) == 1 and isinstance(items[0], list):
        items = items[0]
    turns = bool(items) and all(isinstance(item, dict) and not item.keys().isdisjoint(("role", "from", "parts")) for item in items)
    return turns or (role == "assistant" and isinstance(value, list) and bool(items) and all(isinstance(item, dict) and _is_call(item) for item in items))


def _is_call(item: Mapping[str, Json]) -> bool:
    function = item.get("function")
    inner = function if isinstance(function, dict) else item
    return not inner.keys().isdisjoint(_NAMES) and not inner.keys().isdisjoint(_ARGUMENTS) and "role" not in item


def _begins_with(turns: list[Json], first: list[Json]) -> bool:
    """Whether these turns begin with the others, as an answer does that repeats its question."""
    return bool(first) and len(turns) > len(first) and all(_said(a) == _said(b) is not None for a, b in zip(turns, first, strict=False))


def _said(turn: Json) -> Any:
    return (turn.role, turn.content, turn.parts and [part.value for part in turn.parts], turn.calls) if type(turn) is LoggedTurn else None
