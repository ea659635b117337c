"""The Python of docs/training.md, by the heading that it stands under."""

from __future__ import annotations

import re
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
NEEDS_TORCH = re.compile(r"\b(?:torch|transformers|trl|CPMTrainer)\b")


def blocks(with_torch: bool) -> dict[str, str]:
    """heading -> code, of the blocks that need torch, or of those that do not."""
    found: dict[str, str] = {}
    for section in TEXT.split("\n## ")[1:]:
        heading = section.partition("\n")[0]
        for code in re.findall(r"```python\n(.*?)```", section, re.S):
            if bool(NEEDS_TORCH.search(code)) == with_torch:
                found[heading] = code
    return found


def export_commands() -> list[list[str]]:
    """The words after `episodes` of every export that is shown."""
    return [line.split()[1:] for line in re.findall(r"^episodes export .*$", TEXT, re.M)]
