"""The text that values were read from, so that they can be copied exactly as written: 2.50 stays 2.50."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cached_property
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from pipelines.parsing.careful import BLANK

Path = tuple[str | int, ...]

_SCAN = json.JSONDecoder(parse_float=str, parse_int=str).scan_once  # type: ignore[attr-defined]
_SPACE = re.compile(f"[{BLANK}]*")
_COLON = re.compile(f"[{BLANK}]*:[{BLANK}]*")
_COMMA = re.compile(f"[{BLANK}]*,?[{BLANK}]*")


class Number(str):
    """A number as it is written."""


class Written:
    """A valid JSON text. It is read only once, however many of its values are asked for."""

    def __init__(self, data: bytes | str):
        self._data = data
        self._places: dict[int, dict[str | int, tuple[int, int]]] = {}  # of the values in each object or list that was read, by its beginning

    @cached_property
    def text(self) -> str:
        return self._data if isinstance(self._data, str) else self._data.decode()

    @cached_property
    def has_minus_zero(self) -> bool:
        """Whether it may contain -0, the only integer that Python would write differently."""
        return "-0" in self.text

    def exact(self, path: Path) -> Any:
        """The value at this path with its numbers as they are written."""
        value = self._exact
        for step in path:
            value = value[step]
        return value

    def cut(self, path: Path) -> str:
        """The exact text of the value at this path. If a key appears twice, the last one counts.

        >>> Written('{"a": [1, {"b": 2.50}]}').cut(("a", 1))
        '{"b": 2.50}'
        """
        start, end = _skip(self.text, 0), len(self.text.rstrip(BLANK))
        for step in path:
            if start not in self._places:
                self._places[start] = _places(self.text, start)
            start, end = self._places[start][step]
        return self.text[start:end]

    @cached_property
    def _exact(self) -> Any:
        return exact(self.text)


class Rewritten(Written):
    """The text of a value that was made from another: its numbers are still spelled as in the log."""

    def __init__(self, make: Callable[[], Any]) -> None:
        super().__init__("{}")
        self._make = make

    @cached_property
    def has_minus_zero(self) -> bool:
        return True

    @cached_property
    def _exact(self) -> Any:
        return self._make()


def exact(text: str) -> Any:
    """The value of a valid JSON text with its numbers as they are written."""
    return json.loads(text, parse_float=Number, parse_int=Number)


def _skip(text: str, at: int, blank: re.Pattern[str] = _SPACE) -> int:
    match = blank.match(text, at)
    return match.end() if match else at


def _places(text: str, at: int) -> dict[str | int, tuple[int, int]]:
    """The (start, end) of each value in the object or list that begins at `at`, by key or index."""
    found: dict[str | int, tuple[int, int]] = {}
    is_object, at = text[at] == "{", _skip(text, at + 1)
    while text[at] not in "]}":
        key: str | int = len(found)
        if is_object:
            key, at = scanstring(text, at + 1)
            at = _skip(text, at, _COLON)
        end = _SCAN(text, at)[1]
        found[key] = at, end
        at = _skip(text, end, _COMMA)
    return found
