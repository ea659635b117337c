"""Whether a value that nothing reads says again what the turns say: a prompt that is the first question, a final answer, a text with all turns in a template."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pipelines.formats.layouts import SPOKEN
from pipelines.formats.logged import Json, LoggedPart, LoggedTurn
from pipelines.formats.meaning import family_of

LEAST = 16  # characters: a shorter text may stand in another by chance
MOST_TEXTS = 64  # of the values of one record that are looked for
_NOT_SAID = frozenset(("role", "from", "type", "id", "name"))  # keys of turns and parts that have no text
_WHO = frozenset(("role", "from"))  # keys of turns: of these, only what is said counts
_SAYS = frozenset(("content", "value", "text", "parts"))
_TEMPLATES = ("<|", "<s>", "<bos>", "<start_of_turn>", "[INST]", "###", "Human:", "USER:", "User:", "SYSTEM:", "System:", "A chat between")


class TurnTexts:
    """The texts of these turns."""

    __slots__ = ("_all", "_left", "_texts", "_turns")

    def __init__(self, turns: Json):
        self._turns = turns
        self._texts: list[str] | None = None
        self._all = ""
        self._left = MOST_TEXTS

    def repeats(self, key: str, value: Json) -> bool:
        """Whether every text in this value is one that the turns have. Of a key that often repeats them, a short one may be a part of a text."""
        if self._texts is None:
            self._texts = [text for turn in self._turns for text in texts_of_turn(turn)] if isinstance(self._turns, list) else []
            self._all = "\0".join(self._texts)
        found = list(_texts_in(value, self._left))
        self._left -= len(found)
        return self._left > 0 and bool(found) and all(self._has(text.strip(), key in SPOKEN) for text in found)

    def _has(self, text: str, is_short: bool) -> bool:
        if (is_short or len(text) >= LEAST) and text in self._all:
            return True
        return any(text == other.strip() for other in self._texts or ()) or _is_rendered(text, self._texts or [])


def _is_rendered(text: str, turns: list[str]) -> bool:
    """Whether a text is the turns in a chat template: all of them, or all but the answer."""
    last = len(turns) if len(turns) > 1 else 0
    at = 0
    for i, turn in enumerate(turns):
        at = text.find(turn.strip(), at)
        if at < 0:
            last = i
            break
        at += len(turn.strip())
    return last > 0 and (last == len(turns) or (last == len(turns) - 1 and text.startswith(_TEMPLATES)))


def texts_of_turn(turn: Json) -> Iterator[str]:
    if type(turn) is not LoggedTurn:
        return
    parts: Iterable[Any] = turn.parts if turn.parts is not None else turn.content if isinstance(turn.content, list) else (turn.content,)
    for part in parts:
        value = part.value if type(part) is LoggedPart else part
        text = next((value[key] for key in ("text", "value", "content") if isinstance(value.get(key), str)), None) if isinstance(value, dict) else value
        if isinstance(text, str) and text.strip():
            yield text


def _texts_in(value: Json, most: int) -> Iterator[str]:
    """The texts in a value, at most one more than `most`."""
    boxes = [value]
    while boxes and most >= 0:
        box = boxes.pop()
        if isinstance(box, str) and box.strip():
            most -= 1
            yield box
        elif isinstance(box, dict):
            says = _SAYS.intersection(box) if _WHO.intersection(box) else [key for key in box if key not in _NOT_SAID and family_of(key) is not None]
            boxes += (box[key] for key in says)
        elif isinstance(box, list):
            boxes += box
