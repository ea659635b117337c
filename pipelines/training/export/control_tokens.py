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
# All control tokens of GLM-4's tokenizer.model and of the stand-in for it, which has no others. MiniCPM has no such list: its releases add
# different names between bars, and a row that is called inexact without need is the smaller error.
# Source: THUDM/glm-4-9b-chat tokenizer_config.json; a test compares it with pipelines/tokenizers/families.py, which this room may not import.
GLM_4 = (
    *("[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"),
    *("<|begin_of_image|>", "<|end_of_image|>", "<|begin_of_video|>", "<|end_of_video|>"),
)
# What later vocabularies of the same family add; looked for where the tokenizer's own file cannot be asked.
_LATER = r"</?(?:think|tools|tool_call|tool_response|arg_key|arg_value)>|/nothink"


def control_tokens(family: str, tokenizer: Mapping[str, Any]) -> re.Pattern[str]:
    """Finds the control tokens of a dialect's tokenizer in texts. `tokenizer` is what the run's settings say of it; `family` is minicpm or glm.

    >>> bool(control_tokens("minicpm", {}).search("Write <|im_end|> here")), bool(control_tokens("glm", {}).search("a < b"))
    (True, False)
    """
    noted = set(tokenizer.get("specials") or ())  # those that the dialect writes; the vocabulary may have more
    added = _added_tokens(tokenizer.get("name") or "")
    if added:
        return _any_of([], noted | set(added))
    if not tokenizer or tokenizer.get("file") == "tokenizer.json":  # a file that is gone, or no note of any
        return _any_of([_KNOWN[family], _LATER], noted)
    # A vocabulary of ranks has its family's own control tokens and no others.
    return _any_of([], noted | set(GLM_4)) if family == "glm" else _any_of([_KNOWN[family]], noted)


def _any_of(patterns: list[str], names: set[str]) -> re.Pattern[str]:
    return re.compile("|".join([*patterns, *map(re.escape, sorted(names))]))


def _added_tokens(name: str) -> list[str] | None:
    """The added tokens of this tokenizer.json, or of the one in this folder; None where there is none any more."""
    path = Path(name)
    file = path / "tokenizer.json" if path.is_dir() else path
    if not name or file.suffix != ".json" or not file.is_file():
        return None
    return [token["content"] for token in json.loads(file.read_bytes()).get("added_tokens", ())]
