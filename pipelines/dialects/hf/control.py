"""Control tokens that stand in data: they are marked before a render, so that they become text and not tokens.

The two marks are characters of private use, which are deleted from data first.
Source: huggingface/transformers utils/chat_template_utils.py mark_control_tokens and tokenization_utils_base.py _get_control_tokens @ v5.23.0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from jinja2 import nodes

from pipelines.dialects.hf.folder import ModelFolder
from pipelines.dialects.hf.names import any_of
from pipelines.dialects.hf.sandbox import Sandbox

START, END = "\U000f0000", "\U000f0001"  # before and after a control token in data
_MARKS = f"[{START}{END}]"


def without_marks(text: str) -> str:
    return text.replace(START, "").replace(END, "")


class ControlTokens:
    """The control tokens of one template, and how they are marked in data."""

    def __init__(self, names: Sequence[str], added: Sequence[str]):
        self.names = frozenset(names)
        self._pattern = re.compile(any_of(names))
        self._firsts = tuple({name[0] for name in names})
        self._units = re.compile(f"({any_of(added)})")
        self._marks = re.compile(f"{START}({any_of(added)}){END}|{_MARKS}")

    def stand_in(self, texts: Sequence[str]) -> bool:
        """Whether one of these texts may hold a control token or a mark. JSON text may write one in other characters."""
        return any(self._may_hold(text) for text in texts)

    def _may_hold(self, text: str) -> bool:
        return "\\u" in text or START in text or END in text or (any(first in text for first in self._firsts) and self._pattern.search(text) is not None)

    def marked(self, value: Any) -> Any:
        """The value with the control tokens of its texts marked. Keys stay as they are, as in transformers."""
        return changed(value, lambda text: self._pattern.sub(f"{START}\\g<0>{END}", without_marks(text)))

    def units(self, text: str) -> list[str]:
        """The added tokens in a text of the template, and the texts between them."""
        return [unit for unit in self._units.split(text) if unit]

    def is_token(self, unit: str) -> bool:
        return self._units.fullmatch(unit) is not None

    def pieces(self, text: str) -> Iterator[tuple[str, bool]]:
        """The parts of a marked render in order, each with whether it is a token that data writes as text. Marks that a template took apart are
        left out, but part the text."""
        for i, piece in enumerate(self._marks.split(text)):
            if piece:
                yield piece, i % 2 == 1


def changed(value: Any, change: Callable[[str], str]) -> Any:
    """The value with all its texts changed, but for keys."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: changed(item, change) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [changed(item, change) for item in value]
    return value


def control_tokens(folder: ModelFolder, template: str, sandbox: Sandbox) -> ControlTokens:
    """All special tokens of the tokenizer, and the added tokens that its settings name or, without such a setting, that the template writes."""
    if folder.control is not None:
        named = set(folder.control)
        names = [token.content for token in folder.added if token.special or token.content in named]
    else:
        literal = literal_text(sandbox.parse(template))
        names = [token.content for token in folder.added if token.special or (token.content in literal and not token.content.isspace())]
    return ControlTokens(names, [token.content for token in folder.added])


def literal_text(tree: nodes.Template) -> str:
    """All texts that stand in the template itself."""
    literals = {node.data for node in tree.find_all(nodes.TemplateData)}
    literals |= {node.value for node in tree.find_all(nodes.Const) if isinstance(node.value, str)}
    return "\0".join(literals)
