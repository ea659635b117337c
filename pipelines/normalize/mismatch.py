"""How a value does not match a schema, in a short sentence, however long the keys and values of the log are."""

from __future__ import annotations

from typing import Any, NamedTuple

from pipelines.formats.keys import clip_key
from pipelines.parsing.careful import clip, kind_of
from pipelines.parsing.written import Path


class Mismatch(NamedTuple):
    """What does not match, and where inside the value that was checked."""

    path: Path
    text: str


def path_of(steps: Path) -> str:
    return ".".join([clip_key(str(step)) for step in steps])


def shown(value: Any) -> str:
    """A value in a few characters, however large it is."""
    return clip(value) if isinstance(value, str) else kind_of(value) if isinstance(value, (dict, list)) else clip(str(value))


def names_of(names: list[str]) -> str:
    return ", ".join(map(clip, names[:3])) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
