"""What is wrong with a configuration, in sentences: each with its place, what stands there, and the nearest name that would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

Model = type[BaseModel]
Options = Mapping[str, Model]


def sentences(error: ValidationError, data: Any, model: Model, options: Options) -> list[str]:
    """One sentence per fault of `model`; `options` maps a dialect's name to the model of its options."""
    return list(dict.fromkeys(_sentence(fault, data, model, options) for fault in _own_faults(error)))


def names_disagree(data: Mapping[str, Any]) -> list[str]:
    """Names that stand twice, and sources that a dialect names and nobody declares; read from the raw data, so that no other fault hides them."""
    sources, dialects = ([item for item in _listed(data.get(key)) if isinstance(item, Mapping)] for key in ("sources", "dialects"))
    known = [str(source.get("name")) for source in sources]
    faults = [f"sources: {name!r} stands twice" for name in _twice(known)]
    faults += [f"dialects: {name!r} stands twice" for name in _twice([str(dialect.get("name")) for dialect in dialects])]
    for i, dialect in enumerate(dialects):
        named = dialect.get("sources")
        for name in [named] if isinstance(named, str) else _listed(named):
            if str(name) not in known:
                faults.append(f"dialects[{i}].sources: {name!r} is no source{_nearest(str(name), known)}")
    return faults


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _own_faults(error: ValidationError) -> list[Any]:
    """Without the echo "too few items" that a list gives when its elements are faulty themselves."""
    faults = error.errors()
    return [
        fault
        for fault in faults
        if fault["type"] != "too_short" or not any(other is not fault and other["loc"][: len(fault["loc"])] == fault["loc"] for other in faults)
    ]


def _sentence(fault: Any, data: Any, model: Model, options: Options) -> str:
    place = _place(fault["loc"])
    match fault["type"]:
        case "extra_forbidden":
            return f"{place}: unknown key{_nearest(str(fault['loc'][-1]), _known_keys(fault['loc'][:-1], data, model, options))}"
        case "missing":
            return f"{place}: is required"
        case "literal_error":
            allowed = [word.strip(" '") for word in fault["ctx"]["expected"].replace(" or ", ", ").split(",")]
            return f"{place}: {fault['input']!r} is none of {', '.join(allowed)}{_nearest(str(fault['input']), allowed)}"
    return f"{place}: {fault['msg'].removeprefix('Value error, ')} (found {_short(fault['input'])})"


def _place(loc: Iterable[int | str]) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "configuration"


def _known_keys(loc: Iterable[int | str], data: Any, model: Model, options: Options) -> list[str]:
    for part in loc:
        if isinstance(part, int):
            data = data[part] if isinstance(data, (list, tuple)) and part < len(data) else None
            continue
        named = data.get("name") if isinstance(data, Mapping) else None
        inner = options.get(str(named)) if part == "options" else _model_in(model.model_fields[part].annotation) if part in model.model_fields else None
        data = data.get(part) if isinstance(data, Mapping) else None
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if found := _model_in(argument):
            return found
    return None


def _nearest(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else f"; known: {', '.join(known)}" if known else ""


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _twice(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
