"""The chat template of a model folder, as transformers finds it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

_SETTINGS = "tokenizer_config.json"


def chat_template(folder: str | Path) -> str | None:
    """The text of the folder's default template; None where it has none. A file of its own goes before the tokenizer's settings.

    Source: huggingface/transformers, PreTrainedTokenizerBase.from_pretrained @ v5.23.0.
    """
    home = Path(folder)
    for name in ("chat_template.jinja", "chat_template.json", _SETTINGS):
        if (home / name).is_file():
            text = (home / name).read_text(encoding="utf-8")
            found = text if name.endswith(".jinja") else _default(json.loads(text).get("chat_template"))
            if found is not None:
                return found
    return None


def template_digest(folder: str | Path) -> str | None:
    """The sha256 of the folder's chat template; None where it has none."""
    text = chat_template(folder)
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()


def _default(value: Any) -> str | None:
    """A template is one text, or a list or an object of named ones."""
    if isinstance(value, list):
        value = {one["name"]: one["template"] for one in value}
    return value.get("default") if isinstance(value, dict) else value
