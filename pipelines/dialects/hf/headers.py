"""What a template writes before an answer: its header, which is not trained.

generation prompt     <|im_start|>assistant\\n                        decides, if answers begin with it
                      <|im_start|>assistant\\n<think>\\n               decides too: answers without reasoning have its beginning
written before the    <|im_start|>assistant\\n                        decides, if there is no such prompt and it is always the same
text of an answer     <|im_start|>assistant (turn 2)\\n               undecided: it changes, and is not what the prompt has
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import takewhile

from pipelines.records import Noun

_THINKS = re.compile("think|thought|reason", re.IGNORECASE)
_LAST_BLANK = re.compile(r"(?s).*\s")
Split = Callable[[str], list[str]]


class Header(Noun, frozen=True):
    """What stands before an answer, in units: control tokens, and the texts between them. An answer begins with the first `least` of them at least: a
    generation prompt may go on with the beginning of thinking, which not every answer has. `has_token` says whether there is a control token among
    these, which no data can write."""

    units: tuple[str, ...] = ()
    least: int = 0
    has_token: bool = False

    @property
    def is_undecided(self) -> bool:
        return self.least > len(self.units)

    def shared(self, text: str, start: int, end: int) -> tuple[int, int]:
        """How many units the text has at `start`, and where they end."""
        count = 0
        for unit in self.units:
            if not text.startswith(unit, start, end):
                break
            start += len(unit)
            count += 1
        return count, start


UNDECIDED = Header((), 1)


def decide_header(prompts: Sequence[str], plain: Sequence[tuple[str, int]], others: Sequence[str], split: Split, is_token: Callable[[str], bool]) -> Header:
    """The header of answers. `prompts` are the generation prompts of all modes; `plain` are answers as the template writes them, with the character
    at which the text of each begins, and `others` are answers with calls or reasoning. `split` gives the control tokens and the texts of a text."""
    written = [text[:at] for text, at in plain]
    units = _cut(_common([split(prompt) for prompt in prompts], is_token), written)
    header = Header(tuple(units))
    counts = [header.shared(text, 0, len(text)) for text, _ in plain]
    begun = [(count, end == at) for (count, end), (_, at) in zip(counts, plain, strict=True) if count]
    if units and (begun or not plain) and all(is_all or _goes_on_by_thinking(units[count:]) for count, is_all in begun):
        least = min([count for count, _ in begun], default=len(units))
        fewer = [count for text in others if (count := header.shared(text, 0, len(text))[0])]
        least = min([least, *fewer])
        return Header(tuple(units), least, any(map(is_token, units[:least])))
    if len(set(written)) > 1:
        return UNDECIDED
    units = split("".join(written[:1])) if any(text.strip() for text in written) else []
    return Header(tuple(units), len(units), any(map(is_token, units)))


def _goes_on_by_thinking(units: Sequence[str]) -> bool:
    """Whether nothing is left of a prompt but the beginning of thinking, which the answer does not have."""
    return not units or _THINKS.search("".join(units)) is not None


def _common(prompts: Sequence[Sequence[str]], is_token: Callable[[str], bool]) -> list[str]:
    """What these prompts have in common: whole units, and the beginning of a text up to its last blank."""
    if not prompts:
        return []
    same = [units[0] for units in takewhile(lambda units: len(set(units)) == 1, zip(*prompts, strict=False))]
    following = [units[len(same)] for units in prompts if len(units) > len(same)]
    if len(following) == len(prompts) and not any(map(is_token, following)):
        shared = _LAST_BLANK.match("".join(letters[0] for letters in takewhile(lambda letters: len(set(letters)) == 1, zip(*following, strict=False))))
        if shared and shared.group().strip():
            same.append(shared.group())
    return same


def _cut(units: Sequence[str], written: Sequence[str]) -> list[str]:
    """These units, cut where one of these beginnings of them ends."""
    whole = "".join(units)
    places = sorted({len(text) for text in written if whole.startswith(text)})
    found: list[str] = []
    at = 0
    for unit in units:
        inside = [place - at for place in places if at < place < at + len(unit)]
        found += [unit[start:end] for start, end in zip([0, *inside], [*inside, len(unit)], strict=True)]
        at += len(unit)
    return found
