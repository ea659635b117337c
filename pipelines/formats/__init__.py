"""One file per raw log shape: it moves fields and judges nothing. A new format is one more file here and one line below."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from pipelines.formats import agentcpm, glm, openai, sharegpt
from pipelines.formats.logged import Json, Logged
from pipelines.parse import clip
from pipelines.reasons import Reason, Reject

# In the order in which `auto` asks them: the more particular shape first.
FORMATS: dict[str, ModuleType] = {"agentcpm": agentcpm, "sharegpt": sharegpt, "glm": glm, "openai": openai}


def read_record(record: Mapping[str, Json], format_name: str) -> Logged:
    """The record in its format's fields; `auto` decides per record. Raises Reject where no format has such a shape."""
    names = FORMATS if format_name == "auto" else [format_name]
    for name in names:
        module = FORMATS[name]
        if module.matches(record) or (format_name != "auto" and {"conversations", "messages"} & set(record)):
            return module.read(record)
    raise Reject(Reason.SCHEMA_UNKNOWN_FORMAT.at("", f"keys {clip(', '.join(map(str, record)))}; conversations or messages is wanted"))
