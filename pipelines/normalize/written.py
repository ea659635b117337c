"""JSON values -> the text that we write of them: always spelled in the same way, and every number as it was logged."""

from __future__ import annotations

import json
import math
from json.encoder import encode_basestring
from typing import Any

from pipelines.parsing.written import Number, Path, Written
from pipelines.reasons import Reason, Reject


def write_json(value: Any, written: Written | None, path: Path) -> str:
    r"""The JSON text of a value, which is at `path` in `written`: separated by `, ` and `: `, nothing escaped without need, 2.50 stays 2.50.

    Raises Reject if it contains NaN or Infinity.

    >>> write_json({"city": "北京", "price": 2.5}, Written('{"a": {"city":"\\u5317\\u4eac","price":2.50}}'), ("a",))
    '{"city": "北京", "price": 2.50}'
    """
    if written is not None and _needs_source(value, written):
        return spell(written.exact(path))
    return _dumps(value)


_dumps = json.JSONEncoder(ensure_ascii=False).encode


def spell(value: Any) -> str:
    """The text of a value that `exact` gave."""
    if isinstance(value, dict):
        return "{" + ", ".join([f"{encode_basestring(key)}: {spell(item)}" for key, item in value.items()]) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(spell, value)) + "]"
    if isinstance(value, Number):
        return str(value)
    return encode_basestring(value) if isinstance(value, str) else _dumps(value)


def _needs_source(value: Any, written: Written) -> bool:
    """Whether it may contain a number that is not written as Python would write it: 2.50, 1e5, -0."""
    boxes = [value]
    while boxes:
        box = boxes.pop()
        kind = type(box)
        if kind is float and not math.isfinite(box):
            raise Reject(Reason.JSON_NONFINITE.at("", f"{box} is not a JSON number"))
        if kind is float or (kind is int and box == 0 and written.has_minus_zero):
            return True
        if kind is dict:
            boxes += box.values()
        elif kind is list:
            boxes += box
    return False
