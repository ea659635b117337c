"""`format: "module:function"`: a function of your own that turns a record into one that `auto` reads.

The function takes the record, a dict, and returns a dict such as {"messages": [...], "tools": [...]}. It must be pure: the same record gives the
same dict, and nothing else is read or changed. Its module is imported where records are read, so it must be importable on the driver and on every
worker (`--py-files`). The bytes of its file are part of the batch's key; those of what it imports are not.
"""

from __future__ import annotations

import copy
import hashlib
import importlib
import importlib.util
import json
import math
import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from pipelines.formats.keys import clip_key
from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import clip, kind_of, parse_json
from pipelines.reasons import Reason, Reject

Json = Any
MOST_VALUES = 100_000  # of a record that are looked at for one that JSON cannot hold
Plugin = Callable[[dict[str, Json]], Any]


def call_plugin(name: str, record: Mapping[str, Json], budget: Budget) -> tuple[dict[str, Json], str]:
    """(the record that the function makes of this one, its JSON text). Raises Reject if the function raises, or returns no record."""
    function = open_plugin(name)
    try:
        made = function(copy.deepcopy(dict(record)))
    except (Exception, SystemExit) as error:  # whatever code that is not ours may raise
        raise Reject(Reason.FORMAT_PLUGIN_FAILED.at("", f"{name}: {type(error).__name__} at {_place(error)}: {clip(str(error), 200)}")) from None
    if not isinstance(made, dict):
        raise Reject(Reason.FORMAT_PLUGIN_FAILED.at("", f"{name} returned {kind_of(made)}; expected a record"))
    try:
        text = json.dumps(made, ensure_ascii=False, allow_nan=False)
    except Exception as error:  # a value may even raise when it is looked at
        fault = f"{name} returned a record that JSON cannot hold ({type(error).__name__}): {_no_json(made) or clip(str(error), 200)}"
        raise Reject(Reason.FORMAT_PLUGIN_FAILED.at("", fault)) from None
    return parse_json(text, budget, []), text


@lru_cache(maxsize=16)
def open_plugin(name: str) -> Plugin:
    """The function. Raises ImportError, AttributeError or TypeError where there is none of this name."""
    module, _, function = name.partition(":")
    found: Plugin = getattr(importlib.import_module(module), function)
    if not callable(found):
        raise TypeError(f"{name} is not a function")
    return found


def plugin_fault(name: str) -> str | None:
    """Why this function cannot be called; None where it can. Whatever the module raises when it is imported is a fault of the configuration."""
    try:
        open_plugin(name)
    except (Exception, SystemExit) as error:
        return f"{name} cannot be imported: {type(error).__name__}: {error}"
    return None


def plugin_fingerprint(name: str) -> str:
    """sha256 of the file of its module, also inside an archive."""
    spec = importlib.util.find_spec(name.partition(":")[0])
    loader: Any = spec.loader if spec else None
    return hashlib.sha256(loader.get_data(spec.origin) if spec and hasattr(loader, "get_data") else b"").hexdigest()


def _no_json(made: dict[Any, Any]) -> str | None:
    """The first value that JSON has no form for, with its place; None where it was not found."""
    boxes: list[tuple[Any, str]] = [(made, "")]
    for _ in range(MOST_VALUES):
        if not boxes:
            return None
        value, where = boxes.pop()
        if isinstance(value, dict):
            if (key := next((key for key in value if not isinstance(key, (str, int, float, bool, type(None)))), None)) is not None:
                return f"a key of type {type(key).__name__} in {where or 'the record'}"
            boxes += [(inner, f"{where}.{clip_key(str(key))}".lstrip(".")[:200]) for key, inner in reversed(list(value.items()))]
        elif isinstance(value, (list, tuple)):
            boxes += [(inner, f"{where}[{i}]"[:200]) for i, inner in reversed(list(enumerate(value)))]
        elif isinstance(value, float) and not math.isfinite(value):
            return f"{value} at {where}"
        elif not isinstance(value, (str, int, float, bool, type(None))):
            return f"a value of type {type(value).__name__} at {where}"
    return None


def _place(error: BaseException) -> str:
    """The file and line of the code that raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace is not None else "no place"
