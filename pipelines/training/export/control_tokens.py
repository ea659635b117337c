"""Control tokens that a text may spell: an upstream loader encodes a row as one string, and then takes them for real ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

# What all these vocabularies have between bars, whatever the name.
_BARS = r"<\|[A-Za-z0-9_]+\|>"
_TAGS = r"</?(?:image|ref|box|quad|point|slice|image_id|unit|asr|query|unk|s)>"
_GLM = r"\[(?:MASK|gMASK|sMASK)\]|<[se]op>|</?(?:think|tool_call|tool_response|arg_key|arg_value)>|/nothink"
_PATTERNS = {"minicpm": re.compile(f"{_BARS}|{_TAGS}"), "glm": re.compile(f"{_BARS}|{_GLM}")}


def spells_control_tokens(texts: Iterable[str], family: str, specials: Mapping[str, int] | None = None) -> bool:
    """Whether a text spells a control token of this family of vocabularies (minicpm, glm), or one of the dialect's own `specials`.

    >>> spells_control_tokens(["Write <|im_end|> here"], "minicpm"), spells_control_tokens(["a < b"], "glm")
    (True, False)
    """
    names = tuple(specials or ())
    return any(_PATTERNS[family].search(text) or any(name in text for name in names) for text in texts)
