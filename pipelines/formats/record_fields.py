"""The fields of a record besides its turns: system, tools, pictures, ids, of the record itself and of the objects in it that hold such fields."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from pipelines.formats.envelopes import fields_in_envelopes
from pipelines.formats.keys import RECORD_RANK
from pipelines.formats.logged import Json, Keyed, Logged, LoggedTurn, fields_of
from pipelines.formats.paths import Found, Trail, find, open_text
from pipelines.parsing.written import Written

_SYSTEM = ("system", "developer")


def logged_of(
    name: str, turns: Json, key: str, written: Written, fields: Mapping[str, Keyed], episode: tuple[str, Json] | None, rejected: Keyed = ()
) -> Logged:
    system = fields.get("system", ())
    return Logged(
        format=name,
        turns=turns,
        turns_key=key,
        written=written,
        images=fields.get("images", ()),
        media=fields.get("media", ()),
        tools=fields.get("tools", ()),
        system=tuple([(name, _system_text(value)) for name, value in system]) if system else (),
        label=fields.get("label", ()),
        objects=fields.get("objects", ()),
        rejected=rejected,
        id=fields["id"][0][1] if "id" in fields else None,
        step_id=fields["step_id"][0][1] if "step_id" in fields else None,
        episode=episode,
    )


def _system_text(value: Json) -> Json:
    """A system instruction that is an object, as Gemini and Vercel have it, as its content."""
    if not isinstance(value, dict):
        return value
    return next((value[key] for key in ("parts", "content", "text") if value.get(key) is not None), value)


def has_system(turns: Json) -> bool:
    """Whether one of the turns is the system's."""
    return isinstance(turns, list) and any(type(turn) is LoggedTurn and isinstance(turn.role, str) and turn.role.lower() in _SYSTEM for turn in turns[:2])


def fields_in(top: Found, holders: Iterable[str], trail: Trail, other_meaning: Container[str] = (), turns_have_system: bool = False) -> dict[str, Keyed]:
    """The fields of the record and of the objects in it that hold such fields, as `fields_of` gives them. `turns_have_system`: the turns have a system text."""
    found: dict[str, Keyed] = {}
    held: list[Found] = []
    for holder in [top, *(find(top, path, trail) for path in holders)]:
        if holder is None:
            continue
        if isinstance(holder.value, str):
            holder = open_text(holder, trail.budget)
        if holder is None or not isinstance(holder.value, dict):
            continue
        held.append(holder)
        read = trail.read.get(holder.where, (None, set()))[1]  # a key that has turns is no field
        if holder is not top:
            read = read | {key for key in holder.value if key in other_meaning}
        own = {field: tuple(pair for pair in pairs if pair[0] not in read) for field, pairs in fields_of(holder.value).items()}
        trail.add(holder.where, holder.value, (key for pairs in own.values() for key, _ in pairs))
        for field, pairs in own.items():
            if holder is not top and field in ("id", "step_id", "label"):
                continue
            prefix = f"{holder.where}." if holder.where else ""
            found[field] = (*found.get(field, ()), *((f"{prefix}{key}", value) for key, value in pairs))
    found = {field: pairs for field, pairs in found.items() if any(value not in ("", [], {}) for _, value in pairs)}
    for holder in held:
        _read_envelopes(holder, trail, found, turns_have_system)
    return {field: tuple(sorted(pairs, key=lambda pair: RECORD_RANK.get(pair[0].rpartition(".")[2], 0))) for field, pairs in found.items() if pairs}


def _read_envelopes(holder: Found, trail: Trail, found: dict[str, Keyed], turns_have_system: bool) -> None:
    """Adds the tools and the system text that the envelopes in this object have, where nothing nearer to the turns has them."""
    read = trail.read[holder.where][1]
    wanted = [field for field in ("tools", "system") if field not in found and not (field == "system" and turns_have_system)]
    fields, left = fields_in_envelopes({key: value for key, value in holder.value.items() if key not in read}, wanted, trail.budget)
    prefix = f"{holder.where}." if holder.where else ""
    for field, pairs in fields.items():
        found[field] = tuple((f"{prefix}{key}", value) for key, value in pairs)
    trail.add(holder.where, holder.value, left)
    trail.rest += [(holder.where, key, rest) for key, rest in left.items() if rest]
