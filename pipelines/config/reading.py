"""Settings of a source that say how its records are read, checked by hand: pydantic would report a fault once per alternative of a type."""

from __future__ import annotations

import math
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import WrapValidator

from pipelines.config.fields import path_fault

# The syntaxes of calls in text, as in pipelines/normalize/in_text/grammars.
GRAMMARS = (
    *("xml", "glm_4_5", "hermes", "invoke", "glaive", "mistral", "deepseek", "kimi", "llama", "qwen_agent", "tags", "tool_use", "tool_code", "lfm2"),
    *("react", "json", "pythonic", "glm_4", "cline"),
)


def _syntaxes(given: Any, _: Any) -> Any:
    if given in ("auto", "none"):
        return given
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, (list, tuple)) or not names or not all(isinstance(name, str) for name in names):
        raise ValueError(f"expected auto, none, or a list of: {', '.join(GRAMMARS)}")
    if unknown := [name for name in names if name not in GRAMMARS]:
        near = get_close_matches(unknown[0], ("auto", "none", *GRAMMARS), n=1, cutoff=0.5)
        raise ValueError(f"{unknown[0]!r} is not auto, none, or one of {', '.join(GRAMMARS)}{f'; did you mean {near[0]}?' if near else ''}")
    return tuple(names)


Scalar = bool | int | float | str | None


def _kept_values(given: Any, _: Any) -> dict[str, tuple[Scalar, ...]]:
    """Field -> the values of records that are kept. One value may stand for a list of one."""
    if not isinstance(given, Mapping):
        raise ValueError("expected fields with their values, as in {resolved: true, quality: [good, great]}")
    kept = {field: tuple(values) if isinstance(values, (list, tuple)) else (values,) for field, values in given.items()}
    faults = [fault for field, values in kept.items() if (fault := _field_fault(field) or _values_fault(field, values))]
    if faults:
        raise ValueError("; ".join(faults))
    return kept


def _fields(given: Any, _: Any) -> tuple[str, ...]:
    fields = [given] if isinstance(given, str) else given
    if not isinstance(fields, (list, tuple)):
        raise ValueError("expected a list of fields, as in [reward, info.exit_status]")
    if faults := [fault for field in fields if (fault := _field_fault(field))]:
        raise ValueError("; ".join(faults))
    return tuple(fields)


def _field_fault(field: Any) -> str | None:
    return path_fault(field) if isinstance(field, str) else f"{field!r} is not text; write the field in quotes"


def _values_fault(field: str, values: tuple[Any, ...]) -> str | None:
    if not values:
        return f"{field}: no value is listed, so no record would be kept"
    wrong = [value for value in values if not isinstance(value, Scalar) or (isinstance(value, float) and not math.isfinite(value))]
    return f"{field}: {wrong[0]!r} is not a text, a number, true, false or null" if wrong else None


KeepIf = Annotated[Mapping[str, tuple[Any, ...]], WrapValidator(_kept_values)]
Keep = Annotated[tuple[str, ...], WrapValidator(_fields)]
CallsInText = Annotated[str | tuple[str, ...], WrapValidator(_syntaxes)]
