"""Whether the turns of a list stand in the order of their times, where each has one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

KEYS = ("timestamp", "created_at", "createdAt", "created", "create_time", "time", "date")
_RESULTS = frozenset(("tool", "function", "observation", "toolmessage", "functionmessage", "environment"))  # results of parallel calls come in any order


def first_fall(turns: Sequence[Any]) -> tuple[int, str] | None:
    """The number of the first turn that has an earlier time than the one before it, and the key of its time; None where there is none.

    Results are left out. Unless every other turn has a time under one key, in one form, nothing is known.

    >>> first_fall([{"role": "user", "timestamp": 2}, {"role": "assistant", "timestamp": 1}])
    (1, 'timestamp')
    """
    first = turns[0] if turns else None
    key = next((key for key in KEYS if first.get(key) is not None), None) if isinstance(first, dict) else None
    if key is None:
        return None
    last, fall = float("-inf"), None
    for i, turn in enumerate(turns):
        if not isinstance(turn, dict):
            return None
        if any(str(turn.get(name)).lower() in _RESULTS for name in ("role", "from", "type")):
            continue
        time = _seconds(turn.get(key))
        if time is None:
            return None
        if time < last and fall is None:
            fall = i, key
        last = time
    return fall


def _seconds(time: Any) -> float | None:
    """Any time as a number; a text without a zone counts as UTC."""
    if isinstance(time, bool) or not isinstance(time, (int, float, str)):
        return None
    if not isinstance(time, str):
        return float(time) if abs(time) < 1e18 else None
    try:
        made = datetime.fromisoformat(time[:64])
    except ValueError:
        return None
    return (made if made.tzinfo else made.replace(tzinfo=UTC)).timestamp()
