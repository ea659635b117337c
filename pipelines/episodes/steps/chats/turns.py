"""The turns of a chat: those of a list, or those that Alpaca's form has under keys of their own.

{"instruction": "<image>Open it.", "input": "", "output": "Action: wait()", "history": [["<image>Go back.", "Action: back()"]]}
    -> a question and an answer of the history, and then those of the record
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.parsing.careful import kind_of
from pipelines.reasons import Reason
from pipelines.records import Finding

Json = Any
LISTS = ("messages", "conversations")
_ALPACA = ("instruction", "output")  # hiyouga/LLaMA-Factory data/README.md @ v0.9.5
_OF_ALPACA = ("system", "history", "instruction", "input", "output")
_STEPS = frozenset(("action", "actions", "action_type", "steps", "trajectory", "traj"))  # a record with these is no chat


def turns_of(record: Mapping[str, Json]) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """(the place, the turn) of all turns of a record; nothing where it is no chat."""
    key = list_of_turns(record)
    if isinstance(record.get(key), list):
        yield from ((f"{key}[{i}]", turn) for i, turn in enumerate(record[key]) if isinstance(turn, dict))
    elif _is_alpaca(record):
        yield from _of_alpaca(record)


def keys_of_turns(record: Mapping[str, Json]) -> tuple[str, ...]:
    """The keys of a chat that have its turns; a second list may only be the same."""
    key = list_of_turns(record)
    return tuple(name for name in LISTS if record.get(name) == record[key]) if key in record else _OF_ALPACA


def list_of_turns(record: Mapping[str, Json]) -> str:
    """The key of the list of turns: the first that has any."""
    return next((key for key in LISTS if isinstance(record.get(key), list) and record[key]), LISTS[0])


def strays(record: Mapping[str, Json]) -> Iterator[Finding]:
    """The elements of a chat that are no turns."""
    key = list_of_turns(record)
    listed = record.get(key)
    for i, turn in enumerate(listed if isinstance(listed, list) else ()):
        if not isinstance(turn, dict):
            yield Reason.SCHEMA_TURN_NOT_OBJECT.at(f"{key}[{i}]", f"found {kind_of(turn)}; expected an object with a role and a content")
    history = record.get("history") if listed is None else None
    for i, pair in enumerate(history if isinstance(history, list) else () if history in (None, "") else (history,)):
        if not _is_pair(pair):
            yield Reason.SCHEMA_TURN_NOT_OBJECT.at(f"history[{i}]", f"found {kind_of(pair)}; expected a question and its answer")


def role_of(turn: Mapping[str, Json]) -> Json:
    return turn.get("role") or turn.get("from")


def _is_alpaca(record: Mapping[str, Json]) -> bool:
    return all(isinstance(record.get(key), str) for key in _ALPACA) and not _STEPS & record.keys()


def _of_alpaca(record: Mapping[str, Json]) -> Iterator[tuple[str, Mapping[str, Json]]]:
    if isinstance(record.get("system"), str):
        yield "system", {"role": "system", "content": record["system"]}
    history = record.get("history")
    for i, pair in enumerate(history if isinstance(history, list) else ()):
        if _is_pair(pair):
            yield from ((f"history[{i}][{j}]", {"role": role, "content": pair[j]}) for j, role in enumerate(("user", "assistant")))
    given = record.get("input")
    asked = [record["instruction"], *([given] if isinstance(given, str) and given else ())]
    yield "instruction", {"role": "user", "content": "\n".join(asked)}
    yield "output", {"role": "assistant", "content": record["output"]}


def _is_pair(value: Json) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(text, str) for text in value)
