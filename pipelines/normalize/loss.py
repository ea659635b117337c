"""The flags and weights of training that a log gives a turn -> one weight."""

from __future__ import annotations

from pipelines.formats.logged import Json, Keyed
from pipelines.normalize.findings import Findings
from pipelines.parsing.careful import clip, kind_of
from pipelines.reasons import Reason

MOST_WEIGHT = 3e38  # what the column's float32 holds
LEAST_WEIGHT = 7.1e-46  # what is smaller is 0 in float32
_WEIGHTS = ("loss_weight", "weight", "loss_scale")  # under these keys 1 is a weight; under any other it means yes


def weight_of(loss: Keyed, where: str, findings: Findings) -> float | None:
    """0 if any key says that the turn is not trained, else the weight; None if no key gives a number or says no."""
    found: list[float] = []
    for key, value in loss:
        weight = _weight(key, value)
        if isinstance(weight, str):
            findings.refuse(Reason.SCHEMA_FIELD_TYPE, f"{where}.{key}", f"found {weight}; expected true, false or a number from 0 to {MOST_WEIGHT:g}")
        elif weight is not None:
            found.append(weight)
    if len(set(found)) > 1 and 0 not in found:
        keys = ", ".join(key for key, _ in loss)
        findings.refuse(Reason.SCHEMA_FIELD_TYPE, where, f"{keys} have different weights: {', '.join(f'{weight:g}' for weight in found)}")
    return min(found, default=None)


def joined_weight(first: float | None, second: float | None) -> float | None:
    """The weight of a turn and its parts together: 0 if either is 0, else the first that is given."""
    if 0 in (first, second):
        return 0.0
    return second if first is None else first


def _weight(key: str, value: Json) -> float | str | None:
    """The weight, None for yes, or a description of a value that is neither."""
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value.strip().lower(), value)
    if value is True:
        return None
    if value is False:
        return 0.0
    if not isinstance(value, (int, float)) or not 0 <= value <= MOST_WEIGHT:
        return clip(value) if isinstance(value, str) else kind_of(value)
    if value == 1 and key not in _WEIGHTS:
        return None
    return 0.0 if value < LEAST_WEIGHT else float(value)
