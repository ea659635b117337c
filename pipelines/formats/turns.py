"""Turns as any API logs them -> LoggedTurns. A turn is moved, never judged.

{"role", "content", ...}              one turn; its keys are listed in keys.py
{"kwargs": {...}}, {"data": {...}}    the turn is inside (`WRAPPERS`)
a content with results in it          one turn for each result, and one for each run of parts between them
{"type": "function_call", ...}        an item: a part that stands where a turn is expected
{..., "observation": {"results"}}     the turn, then its results
{..., "toolInvocations": [...]}       calls with their results, then the turn
{"user": "Hi"}                        a turn whose key is its role
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from pipelines.formats.keys import EXTRAS, INVOCATIONS, RESPONSES, ROLE_TYPES, SPEAKERS, TURN_FIELDS, WRAPPERS, Unread, pair_keys
from pipelines.formats.libraries import Library, library_of
from pipelines.formats.logged import Json, LoggedPart, LoggedTurn, NotATurn
from pipelines.formats.parts import BOTH, HIDDEN, REASONING, TEXT, VALUES, is_result, kind_of_part
from pipelines.formats.prefixes import parts_of
from pipelines.formats.results import account_responses, are_invocations, call_and_result, result_turn, results_beside
from pipelines.formats.times import KEYS, first_fall
from pipelines.formats.turn_keys import description, fields_of_turn, read_adp, read_extras, without_copies
from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import clip, parse_json
from pipelines.parsing.written import Path, Rewritten, Written
from pipelines.reasons import Reason, Reject

_TIMES = frozenset(KEYS)


class Reading:
    """What reading one record needs at every turn."""

    __slots__ = ("budget", "has_prefix", "has_reasoning_items", "unread")

    def __init__(self, budget: Budget, unread: Unread):
        self.budget, self.unread, self.has_reasoning_items, self.has_prefix = budget, unread, False, False


def read_turns(turns: Json, path: Path, where: str, written: Written, reading: Reading) -> Json:
    """The turns at this path: a list or its JSON text, each turn an object or its JSON text. Any other value stays as it is."""
    if isinstance(turns, str):
        found = parsed(turns, reading.budget)
        if not isinstance(found, list):
            return turns
        turns, written, path = found, Written(turns), ()
    while type(turns) is list and len(turns) == 1 and type(turns[0]) is list:  # a batch of one conversation
        turns, path, where = turns[0], (*path, 0), f"{where}[0]"
    if not isinstance(turns, list):
        return turns
    made: list[Any] = []
    if (library := library_of(turns)) is not None:
        return _turns_of_library(library, turns, path, where, written, reading)
    for i, turn in enumerate(turns):
        if type(turn) is dict and len(turn) == 2:  # as most turns are
            if (content := turn.get("content")) is not None and "role" in turn:
                if type(content) is str or not _has_results(content):
                    made.append(LoggedTurn(path=(*path, i), where=f"{where}[{i}]", written=written, role=turn["role"], content=content, is_plain=True))
                    continue
            elif (content := turn.get("value")) is not None and "from" in turn and (type(content) is str or not _has_results(content)):
                made.append(
                    LoggedTurn(path=(*path, i), where=f"{where}[{i}]", written=written, role=turn["from"], content=content, content_key="value", is_plain=True)
                )
                continue
        made += read_turn(turn, (*path, i), f"{where}[{i}]", written, reading)
    if turns and type(turns[0]) is dict and not _TIMES.isdisjoint(turns[0]):
        note_times(turns, where, reading.unread)
    return with_reasoning_items(made) if reading.has_reasoning_items else made


def _turns_of_library(library: Library, turns: list[Json], path: Path, where: str, written: Written, reading: Reading) -> list[Json]:
    """The turns that a library's messages are in the usual keys."""
    made: list[Json] = []
    exact = Rewritten(lambda: [row.turn for row in library.rows_of(written.exact(path))])
    for i, row in enumerate(library.rows_of(turns)):
        if row.turn is not None:
            made += read_turn(row.turn, (i,), f"{where}{row.where}", exact, reading)
        elif row.name:
            reading.unread.leave_out(f"{where}{row.where}", row.name, row.why)
        elif row.why:
            made.append(NotATurn(None, f"{where}{row.where}", row.why))
        else:
            reading.unread.counts[f"turn.({row.left})"] += 1
            reading.unread.add_others("turn", f"{where}{row.where}", row.rest, ())
    note_times(turns, where, reading.unread)
    return made


def note_times(turns: list[Json], where: str, unread: Unread) -> None:
    """Notes that the times of these turns are not in the order of the turns."""
    if (fall := first_fall(turns)) is not None:
        detail = f"it has an earlier time than the turn before it ({fall[1]}); the turns are read in the order of the log"
        unread.notes.append(Reason.SCHEMA_TIMES_DESCEND.at(f"{where}[{fall[0]}]", detail))


def read_turn(turn: Json, path: Path, where: str, written: Written, reading: Reading) -> list[Json]:
    """The turns in one element of a list of turns; the element itself where it is no turn."""
    if isinstance(turn, str):
        found = parsed(turn, reading.budget)
        if not isinstance(found, dict):
            return [NotATurn(turn, where)]
        turn, written, path = found, Written(turn), ()
    if not isinstance(turn, dict):
        return [NotATurn(turn, where)]
    if len(turn) == 1 and (speaker := next(iter(turn))) in SPEAKERS and isinstance(turn[speaker], str):
        return [LoggedTurn(path=path, where=where, written=written, role=speaker, content=turn[speaker], content_key=speaker, is_plain=True)]
    if turn.get("role") == "tool" and type(turn.get(RESPONSES)) is list and turn[RESPONSES]:
        account_responses(turn, where, reading.unread)
        return [one for i, item in enumerate(turn[RESPONSES]) for one in read_turn(item, (*path, RESPONSES, i), f"{where}.{RESPONSES}[{i}]", written, reading)]
    role: Json = None
    if not _has_role(turn):
        if (item := _read_item(turn, path, where, written, reading)) is not None:
            return item
        if (keys := pair_keys(turn)) is not None:
            reading.unread.add_others("turn", where, turn, keys)
            return [
                LoggedTurn(path=path, where=f"{where}.{key}", written=written, role=role, content=turn[key], content_key=key, is_plain=True)
                for key, role in zip(keys, ("user", "assistant"), strict=True)
            ]
        turn, path, role = _unwrapped(turn, path, where, reading.unread)
        if not _has_role(turn):
            role = role or (turn["name"] if turn.get("class_") and turn.get("name") in ("system", "user") else None)  # who speaks through the environment
            role = role or next((turn[key] for key in ("type", "class_", "source") if _is_role(turn.get(key))), None)
    if type(turn.get("parts")) is list and "content" in turn:
        turn = without_copies(turn)
    fields, used = fields_of_turn(turn, where, reading.unread)
    reading.has_prefix |= "is_prefix" in fields
    kind = turn.get("type") or turn.get("class_") or turn.get("object")
    if role is None and "role" not in fields and isinstance(kind, str) and fields.keys().isdisjoint(("content", "calls", "images")):
        return [NotATurn(turn, where, f"an item of type {clip(kind)} is not read; leave it out, or write it as turns")]
    if role is not None:
        fields.setdefault("role", role)
    for key in EXTRAS:
        if type(turn.get(key)) is dict:
            read_extras(turn[key], (*path, key), f"{where}.{key}", reading.unread, fields, used)
    results = fields.pop("results", None) if "results" in used else None
    if "class_" in turn:
        read_adp(turn, path, where, fields, used)
    before = _invocations(turn, path, where, written, reading.unread)
    if before and fields.get("content") in (None, ""):
        return before
    made = LoggedTurn(path=path, where=where, written=written, content_key=used.get("content", "content"), **fields)
    turns = list(_split(made, reading.unread)) if type(made.content) is list and _has_results(made.content) else [made]
    if results is not None:
        turns += results_beside(results, (*path, used["results"]), f"{where}.{used['results']}", written, reading.unread)
    return [*before, *turns]


def _invocations(turn: Mapping[str, Json], path: Path, where: str, written: Written, unread: Unread) -> list[Json]:
    """The calls and results that a message of Vercel's AI SDK 4 has before its text, step by step."""
    given: Json = turn.get(INVOCATIONS)
    if not are_invocations(given) or INVOCATIONS in unread.ignored:
        return []
    base, place = (*path, INVOCATIONS), f"{where}.{INVOCATIONS}"
    steps: dict[int, list[list[LoggedTurn]]] = {}
    for i, item in enumerate(given):
        step = item["step"] if isinstance(item.get("step"), int) else 0
        steps.setdefault(step, []).append(call_and_result(LoggedPart(item, (*base, i), f"{place}[{i}]"), written, unread))
    made: list[Json] = []
    for _, pairs in sorted(steps.items()):
        made += [call for call, _ in pairs] + [result for _, result in pairs]
    return made


def _has_role(turn: Mapping[str, Json]) -> bool:
    return turn.get("role") is not None or turn.get("from") is not None or any(turn.get(key) is not None for key in _SPEAKERS)


_SPEAKERS = TURN_FIELDS["role"][2:]


def _unwrapped(turn: dict[str, Json], path: Path, where: str, unread: Unread) -> tuple[dict[str, Json], Path, Json]:
    """(the turn inside its wrapper, the path to it, the role that only the wrapper names)."""
    key = next((key for key in WRAPPERS if type(turn.get(key)) is dict), None)
    if key is None:
        return turn, path, None
    unread.add_others("turn", where, turn, {key, *WRAPPERS[key]})
    name = turn["id"][-1] if isinstance(turn.get("id"), list) and turn["id"] else turn.get("type")
    return turn[key], (*path, key), name if _is_role(name) else None


def _is_role(name: Json) -> bool:
    return isinstance(name, str) and name in ROLE_TYPES


def _has_results(content: Json) -> bool:
    return type(content) is list and any(map(is_result, content))


def _split(turn: LoggedTurn, unread: Unread) -> Iterator[LoggedTurn]:
    """A turn for each result in the content, and one for each run of other parts. What else the turn has goes to the first; its loss to each."""
    others = {name: getattr(turn, name) for name in ("calls", "images", "media", "reasoning", "metadata", "tools")}
    base = (*turn.path, turn.content_key)
    parts = [LoggedPart(part, (*base, i), f"{turn.where}.{turn.content_key}[{i}]") for i, part in enumerate(turn.content)]
    has_steps = any(_is_step(part) for part in parts)
    results: list[LoggedTurn] = []  # of the calls of one step, which come after all of them
    run: list[LoggedPart] = []
    for part in [*parts, None]:
        is_said = part is not None and not is_result(part.value)
        if part is not None and is_said and not _is_step(part):
            run.append(part)
            continue
        if run and not (part is not None and all(map(_is_silent, run))):
            yield from results
            yield LoggedTurn(path=turn.path, where=turn.where, written=turn.written, role=turn.role, parts=tuple(run), loss=turn.loss, **others)
            results, others = [], {}
        run = []
        if part is None or is_said:
            unread.counts.update(["part.step-start without text"] if is_said else [])
            yield from results
            results = []
            continue
        made = call_and_result(part, turn.written, unread) if kind_of_part(part.value).kind == BOTH else [result_turn(part, turn.written, unread)]
        yield replace(made[0], loss=turn.loss, **others)
        others = {}
        results += (replace(one, loss=turn.loss) for one in made[1:])
        if not has_steps:
            yield from results
            results = []


def _is_step(part: LoggedPart) -> bool:
    """Whether this part begins a step, that is, another answer of the model, in a message of Vercel's AI SDK."""
    return type(part.value) is dict and part.value.get("type") == "step-start"


def _is_silent(part: LoggedPart) -> bool:
    """Whether this part has nothing to read: reasoning that is hidden, or a blank text."""
    value = part.value
    if type(value) is not dict:
        return False
    kind = kind_of_part(value).kind
    return kind == HIDDEN or (kind in (TEXT, REASONING) and all(not inner or key not in _TEXTS or not str(inner).strip() for key, inner in value.items()))


_TEXTS = frozenset((*VALUES[TEXT], *VALUES[REASONING], "reasoning", "refusal"))


_REASONING = "(reasoning)"  # the role of an item of reasoning until its turn is found


def _read_item(item: dict[str, Json], path: Path, where: str, written: Written, reading: Reading) -> list[LoggedTurn] | None:
    """The turn of a part that stands alone where a turn is expected; None where this is no such part."""
    if not isinstance(item.get("type") or item.get("class_"), str):
        return None
    part = LoggedPart(item, path, where)
    match kind_of_part(item).kind:
        case "result":
            return [result_turn(part, written, reading.unread)]
        case "call and result":
            return call_and_result(part, written, reading.unread)
        case "call":
            part = part._replace(is_call=True)
            return [LoggedTurn(path=path, where=where, written=written, role="assistant", parts=(*filter(None, (description(item, path, where),)), part))]
        case "reasoning":
            reading.has_reasoning_items = True
            return [LoggedTurn(path=path, where=where, written=written, role=_REASONING, parts=(part,))]
    return None


def with_reasoning_items(turns: list[Any]) -> list[Any]:
    """The turns, with each item of reasoning put before the answer or call that follows it, or into a turn of its own."""
    made: list[Any] = []
    waiting: list[LoggedTurn] = []
    for turn in turns:
        if type(turn) is LoggedTurn and turn.role is _REASONING:
            waiting.append(turn)
            continue
        if waiting and type(turn) is LoggedTurn and turn.role == "assistant":
            made.append(_joined(waiting, turn))
        else:
            made += map(_alone, waiting)
            made.append(turn)
        waiting = []
    return made + list(map(_alone, waiting))


def _alone(reasoning: LoggedTurn) -> LoggedTurn:
    return LoggedTurn(path=reasoning.path, where=reasoning.where, written=reasoning.written, role="assistant", parts=reasoning.parts)


def _joined(reasoning: list[LoggedTurn], turn: LoggedTurn) -> LoggedTurn:
    """The turn with these items as its first parts."""
    first = tuple(part for item in reasoning for part in item.parts or ())
    fields = {name: getattr(turn, name) for name in turn.__struct_fields__ if name not in ("parts", "content", "is_plain")}
    return LoggedTurn(parts=(*first, *parts_of(turn)), **fields)


def parsed(text: str, budget: Budget) -> Json:
    """The value of a JSON text that begins as an object or a list; None for any other text."""
    if text.lstrip()[:1] not in ("[", "{"):
        return None
    try:
        return parse_json(text, budget, [])
    except Reject:
        return None
