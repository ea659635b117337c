"""Episodes that are logged as chats, as UI-TARS has them: a question with the task, then screens, and answers with `Thought:` and `Action:`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pipelines.formats.keys import IMAGES, TURN_FIELDS
from pipelines.formats.paths import Trail

Json = Any
_ACTION = re.compile(r"(?:^|\n)[ \t]*Action[ \t]*[:：]", re.IGNORECASE)
_THOUGHT = re.compile(r"^\s*Thought[ \t]*[:：]", re.IGNORECASE)
_TASK = "## User Instruction"  # of UI-TARS's prompts: bytedance/UI-TARS codes/ui_tars/prompt.py
_MARK = re.compile(r"<image>|<\|vision_start\|>(?:<\|image_pad\|>|\.)*<\|vision_end\|>")
_READ = ("role", "from", "content", "value", *TURN_FIELDS["loss"])


class ChatStep(NamedTuple):
    """An answer: where it is, and the step that it says. The screen is the last one before it."""

    where: str
    fields: dict[str, Json]
    is_trained: bool


def is_chat(record: Mapping[str, Json]) -> bool:
    """Whether an answer of this record has an action as UI-TARS writes it."""
    return any(_is_answer(turn) and _ACTION.search(_text(turn)) for _, turn in _turns(record))


def chat_steps(record: Mapping[str, Json], trail: Trail) -> tuple[str, list[ChatStep]]:
    """(the task, the steps)."""
    goal, steps = "", []
    screen: Json = None
    listed = iter(record["images"] if isinstance(record.get("images"), list) else [])
    for where, turn in _turns(record):
        trail.add(where, turn, (*_READ, *IMAGES))
        text = _text(turn)
        if _is_answer(turn):
            found = _ACTION.search(text)
            action = text[found.end() :] if found else text
            thought = _THOUGHT.sub("", text[: found.start()] if found else "").strip()
            steps.append(ChatStep(where, {"screenshot": screen, "action": action, "thought": thought}, not _is_masked(turn)))
            screen = None
        elif (turn.get("role") or turn.get("from")) in ("user", "human"):
            goal = goal or _MARK.sub("", text.rpartition(_TASK)[2]).strip()
            pictures = [*_pictures(turn), *(picture for _ in range(text.count("<image>")) if (picture := next(listed, None)) is not None)]
            screen = pictures[-1] if pictures else screen
    return goal, steps


def _turns(record: Mapping[str, Json]) -> Iterator[tuple[str, Mapping[str, Json]]]:
    for key in ("messages", "conversations"):
        if isinstance(record.get(key), list):
            yield from ((f"{key}[{i}]", turn) for i, turn in enumerate(record[key]) if isinstance(turn, dict))
            return


def _is_answer(turn: Mapping[str, Json]) -> bool:
    return (turn.get("role") or turn.get("from")) in ("assistant", "gpt")


def _is_masked(turn: Mapping[str, Json]) -> bool:
    """Whether the log says that this answer is not trained: loss_mask 0, loss false."""
    return any(turn[key] in (0, False) and turn[key] is not None for key in TURN_FIELDS["loss"] if isinstance(turn.get(key), (bool, int, float)))


def _text(turn: Mapping[str, Json]) -> str:
    content = turn.get("content", turn.get("value"))
    if isinstance(content, list):
        return "\n".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    return content if isinstance(content, str) else ""


def _pictures(turn: Mapping[str, Json]) -> list[Json]:
    content = turn.get("content")
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else [turn]
    found = [part[key] for part in parts for key in IMAGES if part.get(key)]
    return [one[-1] if isinstance(one, list) and one else one.get("url", one) if isinstance(one, dict) else one for one in found]
