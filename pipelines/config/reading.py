"""Settings of a source that say how its records are read, checked by hand: pydantic would report a fault once per alternative of a type."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import WrapValidator

# The syntaxes of calls in text, as in pipelines/normalize/in_text/grammars.
GRAMMARS = ("xml", "glm_4_5", "hermes", "invoke", "glaive", "mistral", "deepseek", "kimi", "llama", "qwen_agent", "tags", "react", "json", "pythonic", "glm_4")


def _syntaxes(given: Any, _: Any) -> Any:
    if given in ("auto", "none"):
        return given
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, (list, tuple)) or not names or not all(isinstance(name, str) for name in names):
        raise ValueError(f"expected auto, none, or a list of: {', '.join(GRAMMARS)}")
    if unknown := [name for name in names if name not in GRAMMARS]:
        near = get_close_matches(unknown[0], ("auto", "none", *GRAMMARS), n=1, cutoff=0.5)
        raise ValueError(f"{unknown[0]!r} is not auto, none, or one of {', '.join(GRAMMARS)}{f'; did you mean {near[0]}?' if near else ''}")
    return tuple(names)


CallsInText = Annotated[str | tuple[str, ...], WrapValidator(_syntaxes)]
