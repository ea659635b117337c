"""`format: fields`: records whose fields a source maps by hand. The mapping becomes a Layout, and its turns are written over in the usual keys."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from pipelines.config.fields import CallKeys, Fields, TurnKeys
from pipelines.formats.keys import HARMLESS
from pipelines.formats.logged import Json, Keyed, Logged, LoggedTurn, NotATurn, fields_of
from pipelines.formats.paths import Found, Trail, find, nearest_path, open_text
from pipelines.formats.pieces import Piece
from pipelines.formats.reading import text_turn, turns_at
from pipelines.formats.record_fields import logged_of
from pipelines.formats.turns import Reading, note_times, read_turn
from pipelines.parsing.written import Rewritten, Written
from pipelines.reasons import Reason, Reject

# Field of `fields.turn` -> the usual key of a turn, under which it is written over.
_TURN = {
    "role": "role",
    "content": "content",
    "calls": "tool_calls",
    "call_id": "tool_call_id",
    "name": "name",
    "metadata": "metadata",
    "images": "images",
    "reasoning": "reasoning",
    "loss": "loss",
}
_RECORD = ("system", "tools", "images", "media", "label", "id", "step_id")


def read_fields(record: Mapping[str, Json], written: Written, fields: Fields, reading: Reading, episode: tuple[str, Json] | None) -> Logged:
    """The record as the mapping reads it. A key that neither the mapping nor keys.py knows is counted, as everywhere."""
    trail = Trail(reading.budget)
    top = Found(dict(record), (), written, "")
    found = find(top, fields.episode_id, trail) if fields.episode_id else None
    episode = (found.where, found.value) if found else episode
    trail.add("", top.value, (episode[0],) if episode else ())
    turns, key = _turns(top, fields, trail, reading)
    rejected = find(top, fields.rejected, trail) if fields.rejected else None
    kept = _record_fields(top, fields, trail)
    trail.account(reading.unread, HARMLESS["record"])
    renamed = tuple((usual, path.strip()) for name, usual in _TURN.items() if (path := getattr(fields.turn, name)))
    made = logged_of("fields", turns, key, written, kept, episode, rejected=((rejected.where, rejected.value),) if rejected else ())
    return replace(made, renamed=renamed)


def _turns(top: Found, fields: Fields, trail: Trail, reading: Reading) -> tuple[Json, str]:
    turns: list[Json] = []
    key = ""
    for piece in _pieces(fields):
        texts = [found for path in piece.joined or (piece.path,) if (found := find(top, path, trail)) is not None]
        if not texts:
            _check_is_there(piece, top, bool(turns), fields.prompt is not None)
            continue
        key = key or texts[0].where
        if len(texts) > 1 and all(isinstance(found.value, str) for found in texts):
            turns.append(replace(text_turn(texts[0], piece.role), content="\n".join(found.value for found in texts if found.value)))
        elif piece.role is None:
            turns += _mapped_turns(texts[0], fields, reading)
        else:
            turns += [turn for found in texts for turn in turns_at(found, piece.role, reading)]
    marked = [_with_marks(turn, fields.image_mark) for turn in turns] if fields.image_mark else turns
    return marked, key or fields.turns or fields.answer or ""


def _check_is_there(piece: Piece, top: Found, has_turns: bool, is_asked: bool) -> None:
    """Refuses a record without turns, without a question, or with a question and no answer, by the path that the mapping has for it. An answer
    beside turns need not be there, nor a question after earlier turns."""
    reason, what, name = {
        None: (Reason.SCHEMA_TURNS_EMPTY, "turns", "turns"),
        "user": (Reason.SCHEMA_CONTENT_MISSING, "question", "prompt"),
        "assistant": (Reason.SCHEMA_NO_TARGET, "answer", "answer"),
    }.get(piece.role, (None, "", ""))
    if reason is None or (has_turns and piece.role is not None and (piece.role == "user" or not is_asked)):
        return
    paths = piece.joined or (piece.path,)
    near = next((near for path in paths for option in path.split("|") if (near := nearest_path(top.value, option.strip())) is not None), None)
    detail = f"the record has no {what}: nothing is at {', '.join(map(repr, paths))}, which fields.{name} names"
    raise Reject(reason.at(piece.path, detail + (f"; did you mean {near!r}?" if near else "")))


def _pieces(fields: Fields) -> list[Piece]:
    made = [Piece(fields.history, "history")] if fields.history else []
    made += [Piece(fields.turns)] if fields.turns else []
    made += [Piece(fields.prompt[0], "user", joined=fields.prompt)] if fields.prompt else []
    return made + ([Piece(fields.answer, "assistant")] if fields.answer else [])


def _mapped_turns(at: Found, fields: Fields, reading: Reading) -> list[Json]:
    opened = open_text(at, reading.budget) if isinstance(at.value, str) else at
    if opened is None or not isinstance(opened.value, list):
        return [NotATurn(at.value, at.where)]
    made: list[Json] = []
    note_times(opened.value, opened.where, reading.unread)
    for i, turn in enumerate(opened.value):
        place = opened.at(i)
        if isinstance(turn, str):
            place = open_text(place, reading.budget) or place
        if not isinstance(place.value, dict):
            made.append(NotATurn(turn, place.where))
            continue
        made += [_with_role(mapped, fields.roles) for mapped in _mapped_turn(place, fields, reading)]
    return made


def _mapped_turn(at: Found, fields: Fields, reading: Reading) -> list[Json]:
    """The turns of one logged turn, its fields moved to the usual keys."""
    trail = Trail(reading.budget)
    turn = _moved(at, fields.turn, fields.call, trail)
    for where, (holder, keys) in trail.read.items():
        if where != at.where:
            reading.unread.add_others("turn", where, {key: value for key, value in holder.items() if key not in keys}, ())
    if turn is at.value:
        return read_turn(turn, at.path, at.where, at.written, reading)

    def exact() -> Json:
        return _moved(at._replace(value=at.written.exact(at.path)), fields.turn, fields.call, Trail(reading.budget))

    return read_turn(turn, (), at.where, Rewritten(exact), reading)


def _moved(at: Found, keys: TurnKeys, call: CallKeys, trail: Trail) -> dict[str, Json]:
    """The turn with its mapped fields under the usual keys, and the rest as it is."""
    given = {usual: find(at, path, trail) for name, usual in _TURN.items() if (path := getattr(keys, name))}
    calls_key = "tool_calls" if keys.calls else next((key for key in ("tool_calls", "function_call") if key in at.value), None)
    renamed = _call_paths(call)
    if not given and (calls_key is None or not renamed):
        turn: dict[str, Json] = at.value
        return turn
    read = trail.read.get(at.where, (None, set()))[1]
    made = {key: value for key, value in at.value.items() if key not in read}
    made |= {usual: found.value for usual, found in given.items() if found is not None}
    if renamed and calls_key is not None and made.get(calls_key) is not None:
        made[calls_key] = _renamed(made[calls_key], renamed, at, trail)
    return made


def _call_paths(call: CallKeys) -> dict[str, str]:
    return {name: path for name in ("name", "arguments", "id") if (path := getattr(call, name))}


def _renamed(calls: Json, paths: Mapping[str, str], at: Found, trail: Trail) -> Json:
    if isinstance(calls, str):
        opened = open_text(Found(calls, (), Written(calls), at.where), trail.budget)
        return calls if opened is None else _renamed(opened.value, paths, at, trail)
    if isinstance(calls, list):
        return [_renamed(call, paths, at, trail) for call in calls]
    if not isinstance(calls, dict):
        return calls
    inner = Trail(trail.budget)
    place = Found(calls, (), Written("{}"), at.where)
    given = {name: found.value for name, path in paths.items() if (found := find(place, path, inner)) is not None}
    read = inner.read.get(at.where, (None, set()))[1]
    return {key: value for key, value in calls.items() if key not in read} | given


def _with_role(turn: Json, roles: Mapping[str, str]) -> Json:
    return replace(turn, role=roles[turn.role]) if type(turn) is LoggedTurn and isinstance(turn.role, str) and turn.role in roles else turn


def _with_marks(turn: Json, mark: str | None) -> Json:
    """The turn with this mark of an image spelled as usual."""
    if mark and type(turn) is LoggedTurn and isinstance(turn.content, str) and mark in turn.content:
        return replace(turn, content=turn.content.replace(mark, "<image>"))
    return turn


def _record_fields(top: Found, fields: Fields, trail: Trail) -> dict[str, Keyed]:
    """The fields of the record: those that are mapped from their paths, the others from their usual keys."""
    mapped = {name: path for name in _RECORD if (path := getattr(fields, name))}
    made: dict[str, Keyed] = {}
    for name, path in mapped.items():
        if (found := find(top, path, trail)) is not None:
            made[name] = ((found.where, found.value),)
    read = trail.read[""][1]
    usual = {name: pairs for name, pairs in fields_of({key: value for key, value in top.value.items() if key not in read}).items() if name not in mapped}
    trail.add("", top.value, (key for pairs in usual.values() for key, _ in pairs))
    return usual | made
