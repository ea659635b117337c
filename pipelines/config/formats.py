"""The names that `format` may have: a built-in format, `fields`, or a plug-in as `module:function`."""

from __future__ import annotations

import re
from difflib import get_close_matches

SESSION_FORMATS = ("claude_code", "codex", "gemini_cli", "osworld")  # those of pipelines/formats/sessions
LIBRARY_FORMATS = ("pydantic_ai", "autogen")  # those of pipelines/formats/libraries
CHAT_FORMATS = ("agentcpm", "sharegpt", "glm", "openai")
# Those of pipelines/formats/layouts.py, in the same order; a test compares them.
OTHER_FORMATS = (
    *("request", "openai_preference", "hh_preference", "preference", "preference_turns", "glaive", "gemini", "responses", "atif", "adp"),
    *("otel", "otel_events", "openinference", "langsmith", "alpaca", "langfuse", "history", "trajectory", "prompt_completion"),
)
FORMATS = ("auto", *SESSION_FORMATS, *LIBRARY_FORMATS, *CHAT_FORMATS, *OTHER_FORMATS, "fields")
_PLUGIN = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def is_plugin(name: str) -> bool:
    """Whether this names a function of a module.

    >>> is_plugin("my_logs.reading:read"), is_plugin("openai")
    (True, False)
    """
    return _PLUGIN.fullmatch(name) is not None


def check_format(given: object) -> str:
    """The name of a format. Raises ValueError with the nearest name."""
    if isinstance(given, str) and (given in FORMATS or is_plugin(given)):
        return given
    if not isinstance(given, str):
        raise ValueError(f"expected the name of a format or module:function, found {given!r}")
    if ":" in given:
        raise ValueError(f"{given!r} is not of the form module:function")
    near = get_close_matches(given, FORMATS, n=1, cutoff=0.5)
    raise ValueError(f"{given!r} is not auto, fields, module:function or one of `episodes formats`{f'; did you mean {near[0]}?' if near else ''}")
