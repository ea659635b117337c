"""Reasoning in all its places -> text before its turn, once; or left out, as normalize.reasoning says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pipelines.formats.logged import LoggedTurn
from pipelines.normalize.faults import Faults
from pipelines.parsing.careful import kind_of
from pipelines.reasons import Reason

OPEN, CLOSE = "<think>", "</think>"


def read_thoughts(turn: LoggedTurn, faults: Faults) -> list[str]:
    """The texts of every key of reasoning, each once: several keys often hold the same."""
    found: dict[str, str] = {}
    for key, value in turn.reasoning:
        for text in _texts(value, key, turn.where, faults):
            if text.strip():
                found.setdefault(text.strip(), text)
    return list(found.values())


def _texts(value: Any, key: str, where: str, faults: Faults) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value if isinstance(value, list) else [value]:
            inner = (
                item
                if isinstance(item, str)
                else next((item[name] for name in ("text", "summary", "content", "thinking") if item.get(name)), None)
                if isinstance(item, dict)
                else None
            )
            if isinstance(inner, str):
                yield inner
            else:
                faults.unread.counts[f"turn.{key} without text"] += 1  # encrypted reasoning, say
    elif not isinstance(value, bool):
        faults.refuse(Reason.SCHEMA_FIELD_TYPE, f"{where}.{key}", f"found {kind_of(value)}; expected text")


def leading_thought(text: str) -> tuple[str, str]:
    """(the block of reasoning that a text begins with, tags and all, what follows it); ("", text) where it begins with none.

    >>> leading_thought("<think>Hm.</think>\\n\\nYes.")
    ('<think>Hm.</think>', '\\n\\nYes.')
    """
    if OPEN not in text:
        return "", text
    start = len(text) - len(text.lstrip())
    end = text.find(CLOSE, start) if text.startswith(OPEN, start) else -1
    return (text[start : end + len(CLOSE)], text[end + len(CLOSE) :]) if end >= 0 else ("", text)


def with_thoughts(text: str, thoughts: Sequence[str], where: str, faults: Faults) -> str:
    """The answer's text with its reasoning before it, or without any. What the text begins with is not said again."""
    if faults.settings.reasoning == "drop":
        rest, gone = _without(text)
        gone += sum(map(len, thoughts))
        if gone:
            faults.note(Reason.REPAIR_REASONING_DROPPED, where, f"{gone} characters of reasoning")
        return rest
    if not thoughts:
        return text
    own = leading_thought(text)[0].removeprefix(OPEN).removesuffix(CLOSE).strip()
    return "".join(f"{OPEN}{thought}{CLOSE}" for thought in thoughts if thought.strip() != own) + text


def has_thoughts(text: str) -> bool:
    return OPEN in text or CLOSE in text


def _without(text: str) -> tuple[str, int]:
    """(the text without its blocks of reasoning, how many characters they had). Templates open a block before the answer: one may only be
    closed here; a cut answer may only open it."""
    kept: list[str] = []
    at = gone = 0
    first = text.find(CLOSE)
    if first >= 0 and text.find(OPEN, 0, first) < 0:
        at = gone = first + len(CLOSE)
    begins = bool(gone) or text.lstrip().startswith(OPEN)
    while (start := text.find(OPEN, at)) >= 0:
        kept.append(text[at:start])
        end = text.find(CLOSE, start)
        at = end + len(CLOSE) if end >= 0 else len(text)
        gone += at - start
    rest = "".join(kept) + text[at:]
    return (rest.lstrip() if begins else rest), gone
