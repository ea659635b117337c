"""Refuses answers into which the template writes another message's text: nothing tells whether the model is to write it.

<|im_start|>assistant\nQ: Which lake is old?\nA: Lake Ohrid is.<|im_end|>
"""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.dialects.hf.found import find_text
from pipelines.dialects.hf.messages import Entry
from pipelines.dialects.hf.places import Place
from pipelines.reasons import Reason, Reject

SHORTEST = 8  # characters; a shorter text may be there by chance


def check_repeated(entries: Sequence[Entry], text: str, places: Sequence[Place], literal: str) -> None:
    """Raises Reject where an earlier message's text is between the beginning of an answer and what the answer has first. `literal` is what the template
    writes by itself."""
    for i, (entry, place) in enumerate(zip(entries, places, strict=True)):
        if entry.role == "assistant" and len(before := _before(entry, text, place)) >= SHORTEST and before not in literal:
            for other in entries[:i]:
                if any(len(bare) >= SHORTEST and bare in before and bare not in literal for bare in map(str.strip, other.texts)):
                    raise Reject(
                        Reason.TOKENS_TEMPLATE_UNDECIDED.at(f"messages[{entry.place}]", "the template repeats the text of another message in the answer")
                    )


def _before(entry: Entry, text: str, place: Place) -> str:
    """What the template writes by itself at the beginning of an answer; "" if the answer has nothing else, or is not found."""
    if text.startswith(entry.texts[0] or "\0", place.start):
        return ""
    first = next((one for one in (entry.thought, *entry.texts, *(call.name for call in entry.calls)) if one and one.strip()), None)
    found = None if first is None else find_text(text, first, place.start, place.end)
    return "" if found is None else text[place.start : found[0]]
