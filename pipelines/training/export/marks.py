"""Marks of pictures in texts, as MiniCPM-V's and AgentCPM-GUI's own JSON has them, and what their loaders make of them.

Source: OpenBMB/MiniCPM-V finetune/dataset.py preprocess @ 0dbb566; OpenBMB/AgentCPM-GUI sft/dataset.py @ acbaf50.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

NUMBERED = re.compile(r"<image_\d+>")  # as their code looks for marks


def texts_between(content: str, image_at: Sequence[int] | None) -> list[str]:
    """The texts before, between and after the pictures of a turn.

    >>> texts_between("See here", [4])
    ['See ', 'here']
    """
    places = [0, *(image_at or ()), len(content)]
    return [content[start:end] for start, end in pairwise(places)]


def with_plain_mark(message: Mapping[str, Any]) -> str:
    """The text with `<image>` where its one picture stands; their code puts the picture there and nothing else."""
    return "<image>".join(texts_between(message["content"], message["image_at"]))


def with_numbered_marks(message: Mapping[str, Any], first: int, is_trimmed: bool = False) -> tuple[str, bool]:
    r"""The text with `<image_00>`, ... where its pictures stand, the first with this number; and whether their code gives the text back.

    Their code splits at the marks and joins with newlines, so one newline is taken away on each side of a mark. `is_trimmed`: the
    template trims a turn's text, as that of MiniCPM-V 2.5 does, so blanks at its ends do not count.

    >>> with_numbered_marks({"content": "See\n\nit", "image_at": [4]}, 0)
    ('See<image_00>it', True)
    >>> with_numbered_marks({"content": "See it", "image_at": [4]}, 0)
    ('See <image_00>it', False)
    """
    texts = texts_between(message["content"], message["image_at"])
    last = len(texts) - 1
    written = [_without_newlines(text, i > 0, i < last) for i, text in enumerate(texts)]
    marks = [f"<image_{first + i:02d}>" for i in range(last)]
    rendered = ["\n" * (i > 0) + text + "\n" * (i < last) for i, text in enumerate(written)]
    is_same = _trimmed(rendered) == _trimmed(texts) if is_trimmed else rendered == texts
    return "".join(part for pair in zip(written, [*marks, ""], strict=True) for part in pair), is_same


def _without_newlines(text: str, before: bool, after: bool) -> str:
    """The text without one newline at each of these sides."""
    text = text.removeprefix("\n") if before else text
    return text.removesuffix("\n") if after else text


def _trimmed(texts: list[str]) -> list[str]:
    texts = [texts[0].lstrip(), *texts[1:]]
    return [*texts[:-1], texts[-1].rstrip()]
