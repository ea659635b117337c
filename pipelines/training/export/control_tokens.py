"""Control tokens that a text may spell: an upstream loader encodes a row as one string, and then takes them for real ones."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# What all these vocabularies have between bars, whatever the name.
_BARS = r"<\|[A-Za-z0-9_]+\|>"
_KNOWN = {
    "minicpm": rf"{_BARS}|</?(?:image|ref|box|quad|point|slice|image_id|unit|asr|query|unk|s)>",
    "glm": rf"{_BARS}|\[(?:MASK|gMASK|sMASK)\]|<[se]op>",
}
# What later vocabularies of the same family add; looked for where the tokenizer's own file cannot be asked.
_LATER = r"</?(?:think|tools|tool_call|tool_response|arg_key|arg_value)>|/nothink"


def control_tokens(family: str, tokenizer: Mapping[str, Any]) -> re.Pattern[str]:
    """Finds the control tokens of a dialect's tokenizer in texts. `tokenizer` is what the run's settings say of it; `family` is minicpm or glm.

    >>> bool(control_tokens("minicpm", {}).search("Write <|im_end|> here")), bool(control_tokens("glm", {}).search("a < b"))
    (True, False)
    """
    names = set(tokenizer.get("specials") or ())
    is_known = bool(tokenizer) and tokenizer.get("file") != "tokenizer.json"  # made from ranks and the family's own specials
    added = _added_tokens(tokenizer.get("name") or "")
    names |= set(added or ())
    known = [_KNOWN[family], *([] if is_known or added else [_LATER])]
    return re.compile("|".join([*known, *map(re.escape, sorted(names))]))


def _added_tokens(name: str) -> list[str] | None:
    """The added tokens of this tokenizer.json, or of the one in this folder; None where there is none any more."""
    path = Path(name)
    file = path / "tokenizer.json" if path.is_dir() else path
    if not name or file.suffix != ".json" or not file.is_file():
        return None
    return [token["content"] for token in json.loads(file.read_bytes()).get("added_tokens", ())]
