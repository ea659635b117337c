"""Reasoning from all fields -> text before its turn, once; or left out, as normalize.reasoning says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pipelines.formats.logged import Keyed
from pipelines.normalize.findings import Findings
from pipelines.parsing.careful import kind_of
from pipelines.reasons import Reason
from pipelines.visible import counted

OPEN, CLOSE = "<think>", "</think>"
# The tags that models write around their reasoning. A quoted tag is only mentioned, and does not count.
_TAGS = re.compile(r"(?<![`'\"])(?:<(/?)(think|thinking|thought|reasoning)>|\[(/?)THINK\]|◁(/?)think▷)", re.IGNORECASE)
_BLOCK_ENDS = re.compile(r"[ \t]*(?:\n|\Z)")


def read_thoughts(reasoning: Keyed, where: str, findings: Findings) -> list[str]:
    """The texts of all keys of reasoning, each once: several keys often contain the same text, whole or in pieces."""
    found: list[str] = []
    for key, value in reasoning:
        texts = [text for text in texts_of(value, key, where, findings) if text.strip()]
        if _squeezed(texts) not in (_squeezed(found), *map(_squeezed, [[text] for text in found])):
            found += distinct(texts, found)
    return found


def distinct(texts: Iterable[str], known: Sequence[str]) -> list[str]:
    """The texts that are not among the known ones."""
    said = {text.strip() for text in known}
    return [text for text in dict.fromkeys(texts) if text.strip() and text.strip() not in said]


def _squeezed(texts: Iterable[str]) -> str:
    return "".join("".join(texts).split())


def texts_of(value: Any, key: str, where: str, findings: Findings) -> Iterator[str]:
    """The texts of a value of reasoning: a text, a list of them, or objects that have one. What has no text, such as encrypted reasoning, is counted."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from texts_of(item, key, where, findings) if isinstance(item, (str, list, dict)) else ()
    elif isinstance(value, dict):
        if isinstance(value.get("subject"), str) and isinstance(value.get("description"), str):
            # Gemini CLI splits what it shows of a thought. It is no reasoning that the model wrote in its answer.
            findings.unread.counts[f"turn.{key} of a subject and a description"] += 1
            findings.note(Reason.SCHEMA_FIELD_UNREAD, f"{where}.{key}", "what the terminal showed of the model's thoughts was left out")
            return
        inner = next((value[name] for name in ("text", "summary", "content", "thinking", "reasoningText") if value.get(name)), None)
        if isinstance(inner, (str, list, dict)):
            yield from texts_of(inner, key, where, findings)
        else:
            findings.unread.counts[f"turn.{key} without text"] += 1  # encrypted reasoning, say
    elif not isinstance(value, bool):
        findings.refuse(Reason.SCHEMA_FIELD_TYPE, f"{where}.{key}", f"found {kind_of(value)}; expected a string")


def leading_thought(text: str) -> tuple[str, str]:
    """(the block of reasoning that a text begins with, tags and all, what follows it); ("", text) if there is no such block.

    >>> leading_thought("<think>Hm.</think>\\n\\nYes.")
    ('<think>Hm.</think>', '\\n\\nYes.')
    """
    if not has_thoughts(text):
        return "", text
    start = len(text) - len(text.lstrip())
    first = next(iter(blocks_of(text)), None)
    return (text[start : first[1]], text[first[1] :]) if first and first[0] == start and first[1] < len(text) else ("", text)


def with_thoughts(text: str, thoughts: Sequence[str], where: str, findings: Findings) -> tuple[str, list[tuple[int, int]], int]:
    """(the answer's text with its reasoning before it, or without any; what was cut out of the text; how much was put before it).

    Reasoning that the text already begins with is not added again.
    """
    if findings.settings.reasoning == "drop":
        cut = blocks_of(text) if has_thoughts(text) else []
        if cut and not text[: cut[0][0]].strip():
            end = cut[0][1]
            cut[0] = (0, end + len(text[end:]) - len(text[end:].lstrip()))
        gone = sum(end - start for start, end in cut) + sum(map(len, thoughts))
        if gone:
            findings.note(Reason.REPAIR_REASONING_DROPPED, where, f"{counted(gone, 'character')} of reasoning")
        return without(text, cut), cut, 0
    if not thoughts:
        return text, [], 0
    if any(CLOSE + OPEN in thought for thought in thoughts):
        findings.refuse(Reason.SCHEMA_REASONING_TAGS, where, f"found {CLOSE}{OPEN} in the reasoning")
    own = _squeezed([_TAGS.sub("", text[start:end]) for start, end in blocks_of(text)[:1]]) if has_thoughts(text) else ""
    before = "".join(f"{OPEN}{thought}{CLOSE}" for thought in thoughts if _squeezed([thought]) != own and not _begins_with(text, thought))
    return before + text, [], len(before)


def _begins_with(text: str, thought: str) -> bool:
    """Whether a text begins with this reasoning as a paragraph of its own, without tags: SWE-agent logs it in both places."""
    text, thought = text.lstrip(), thought.strip()
    return text.startswith(thought) and text[len(thought) :].lstrip(" \t")[:1] == "\n"


def cut_before(cut: Sequence[tuple[int, int]], offset: int) -> int:
    """How many characters before this offset were cut out."""
    return sum(min(end, offset) - start for start, end in cut if start < offset)


def has_thoughts(text: str) -> bool:
    """Whether a text may contain reasoning: it closes a tag, or begins with one. Most texts do neither."""
    return "</" in text or "[/" in text or "/think▷" in text or text.lstrip()[:1] in ("<", "[", "◁")


def without(text: str, cut: Sequence[tuple[int, int]]) -> str:
    kept, at = [], 0
    for start, end in cut:
        kept.append(text[at:start])
        at = end
    return "".join(kept) + text[at:]


def blocks_of(text: str) -> list[tuple[int, int]]:
    """The (start, end) of each block of reasoning in a text, with its tags, in order.

    A block without a closing tag counts only if the text begins with it (the answer was cut); one without an opening tag only if its closing
    tag ends a line (the template opened it). A nested block is part of the outer one.
    """
    found: list[tuple[int, int]] = []
    depth = start = 0
    for tag in _TAGS.finditer(text):
        if "/" not in tag.group():
            start = start if depth else tag.start()
            depth += 1
        elif depth == 1:
            found.append((start, tag.end()))
            depth = 0
        elif depth:
            depth -= 1
        elif not found and _BLOCK_ENDS.match(text, tag.end()):
            found.append((0, tag.end()))
    if depth and not text[:start].strip():
        found.append((start, len(text)))
    return found
