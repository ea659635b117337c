"""What the fields of an action say, under the first of several keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Json = Any


def first_of(fields: Mapping[str, Json], keys: Iterable[str]) -> Json:
    return next((fields[key] for key in keys if fields.get(key) is not None), None)
