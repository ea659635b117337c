"""The faults of a configuration as sentences: the place, what was found there, and the nearest valid name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from pydantic import BaseModel, ValidationError

from pipelines.reasons import REFUSE, Reason

REFUSING = [reason.code for reason in Reason if reason.severity == REFUSE]
Model = type[BaseModel]
Options = Mapping[str, Model]


# Pydantic's name of a fault -> what was expected; a word in braces is the limit that pydantic reports.
EXPECTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller number",
    "int_type": "a whole number",
    "model_type": "a mapping of settings",
    "string_type": "text",
    "tuple_type": "a list",
    "greater_than": "a number greater than {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "less_than": "a number less than {lt:g}",
    "less_than_equal": "a number of at most {le:g}",
}


def sentences(error: ValidationError, data: Any, model: Model, options: Options) -> list[str]:
    """One sentence per fault; `options` maps the name of a dialect's model to the class of its options."""
    return list(dict.fromkeys(_sentence(fault, data, model, options) for fault in _own_faults(error, data)))


def kind_of(value: object) -> str:
    """A short description of a value."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value) if isinstance(value, (str, int, float)) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def names_disagree(data: Mapping[str, Any]) -> list[str]:
    """Names that appear twice, and unknown sources named by dialects. Read from the raw data, so that no other fault hides them."""
    sources, dialects = ([item for item in _listed(data.get(key)) if isinstance(item, Mapping)] for key in ("sources", "dialects"))
    known = [str(source["name"]) for source in sources if source.get("name") is not None]
    faults = [f"sources: {name!r} appears twice" for name in _twice(known)]
    faults += [f"dialects: {name!r} appears twice" for name in _twice([str(dialect["name"]) for dialect in dialects if dialect.get("name") is not None])]
    for i, dialect in enumerate(_listed(data.get("dialects"))):
        named = dialect.get("sources") if isinstance(dialect, Mapping) else None
        for name in [named] if isinstance(named, str) else _listed(named):
            if str(name) not in known:
                faults.append(f"dialects[{i}].sources: unknown source {str(name)!r}{_nearest(str(name), known)}")
    gates = data.get("gates")
    for key, what, names in (("sources", "source", known), ("reasons", "reason", REFUSING)):
        named = gates.get(key) if isinstance(gates, Mapping) else None
        for name in named if isinstance(named, Mapping) else ():
            if str(name) not in names:
                near = _nearest(str(name), names, names_all=what == "source") or "; `episodes reasons` lists those that refuse a record"
                faults.append(f"gates.{key}: unknown {what} {str(name)!r}{near}")
    return faults


def answers_left_out(data: Mapping[str, Any]) -> list[str]:
    """Settings that would lose answers of a source with `fold`, whose longest record is to train all of them: dialects that train only the last turn,
    and a quarantine that is decided after it. Read from the raw data."""
    sources, dialects = (_listed(data.get(key)) for key in ("sources", "dialects"))
    folded = [str(source.get("name")) for source in sources if isinstance(source, Mapping) and source.get("fold") == "prefix"]
    faults = []
    normalize = data.get("normalize")
    if folded and isinstance(normalize, Mapping) and normalize.get("id_conflict") == "quarantine":
        why = f"with fold: prefix of source {folded[0]}, a record that is quarantined for its id may have the answers of others; use keep, which notes them"
        faults.append(f"normalize.id_conflict: quarantine would lose answers: {why}")
    for i, dialect in enumerate(dialects):
        if not isinstance(dialect, Mapping) or dialect.get("loss") != "last_turn":
            continue
        named = dialect.get("sources")
        taken = [str(name) for name in ([named] if isinstance(named, str) else _listed(named))] if named is not None else folded
        faults += [
            f"dialects[{i}].loss: last_turn leaves answers of source {name} untrained: with fold: prefix, one record trains the answers of several"
            for name in folded
            if name in taken
        ]
    return faults


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _own_faults(error: ValidationError, data: Any) -> list[Any]:
    """Without consequences of other faults: "too few items" of a list with faulty elements, and the model of a dialect with a faulty name."""
    faults = error.errors()
    places = [fault["loc"] for fault in faults]
    return [fault for fault in faults if not _is_consequence(fault, places, data)]


def _is_consequence(fault: Any, places: Sequence[Any], data: Any) -> bool:
    loc = fault["loc"]
    if fault["type"] == "too_short":
        return any(len(other) > len(loc) and other[: len(loc)] == loc for other in places)
    return loc[-1:] == ("model",) and (*loc[:-1], "name") in places and _found(data, loc) is None


def _sentence(fault: Any, data: Any, model: Model, options: Options) -> str:
    loc, kind, given, limits = fault["loc"], fault["type"], fault["input"], fault.get("ctx", {})
    place = _place(loc, data)
    if kind in EXPECTED:
        quotes = " (put it in quotes)" if kind == "string_type" and isinstance(given, (bool, int, float, date)) else ""
        return f"{place}: expected {EXPECTED[kind].format(**limits)}, found {kind_of(given)}{quotes}"
    match kind:
        case "extra_forbidden":
            return f"{place}: unknown key{_nearest(str(loc[-1]), _known_keys(loc[:-1], data, model, options))}"
        case "invalid_key":
            return f"{place}: a key must be text (put it in quotes)"
        case "missing":
            return f"{place}: required, but missing"
        case "too_short":
            return f"{place}: must have at least one entry"
        case "string_too_short":
            return f"{place}: must not be empty"
        case "literal_error":
            allowed = [word.strip(" '") for word in limits["expected"].replace(" or ", ", ").split(",")]
            if not isinstance(given, str):
                return f"{place}: expected one of {', '.join(allowed)}, found {kind_of(given)}"
            by_name = "is missing, and the name " if loc[-1] == "model" and _found(data, loc) is None else ""
            return f"{place}: {by_name}{kind_of(given)} is not one of {', '.join(allowed)}{_nearest(given, allowed, names_all=False)}"
        case "value_error":
            return f"{place}: {limits['error']}"
    return f"{place}: not a valid value, found {kind_of(given)}"


def _place(loc: Sequence[int | str], data: Any) -> str:
    """`sources[0].path`. Leaves out the index where the file has a single value instead of a list, and pydantic's mark of a key."""
    text = ""
    for i, part in enumerate(loc):
        if part == "[key]" or (isinstance(part, int) and isinstance(_found(data, loc[:i]), str)):
            continue
        text += f"[{part}]" if isinstance(part, int) and text else f".{part}" if text else str(part)
    return text or "configuration"


def _found(data: Any, loc: Iterable[int | str]) -> Any:
    """The value in the raw data at this place, or None."""
    for part in loc:
        if not isinstance(data, Mapping) and not (isinstance(data, list) and isinstance(part, int) and part < len(data)):
            return None
        data = data.get(part) if isinstance(data, Mapping) else data[int(part)]
    return data


def _known_keys(loc: Iterable[int | str], data: Any, model: Model, options: Options) -> list[str]:
    for part in loc:
        if isinstance(part, int):
            data = data[part] if isinstance(data, (list, tuple)) and part < len(data) else None
            continue
        named = (data.get("model") or data.get("name")) if isinstance(data, Mapping) else None
        inner = options.get(str(named)) if part == "options" else _model_in(model.model_fields[part].annotation) if part in model.model_fields else None
        data = data.get(part) if isinstance(data, Mapping) else None
        if inner is None:
            return []
        model = inner
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if found := _model_in(argument):
            return found
    return None


def _nearest(word: str, known: Sequence[str], names_all: bool = True) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else f"; known: {', '.join(known)}" if known and names_all else ""


def _twice(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
