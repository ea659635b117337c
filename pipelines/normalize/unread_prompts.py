"""What values that nothing reads tell a model: it must be said elsewhere in the record too, or the record is refused."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pipelines.formats.envelopes import UnreadPrompt, system_texts, tool_names
from pipelines.normalize.findings import Findings
from pipelines.normalize.turns import Line
from pipelines.parsing.careful import clip
from pipelines.reasons import Reason


def check_system_texts(prompts: Sequence[UnreadPrompt], lines: Sequence[Line], findings: Findings) -> None:
    """Refuses a system text that no turn has. Call it before anything is taken out of the texts of the turns."""
    said = {line.text.strip() for line in lines if line.role == "system"}
    for one in prompts:
        texts = system_texts(one.value) if one.what == "system" else []
        if texts and "".join(texts).strip() not in said and not {text.strip() for text in texts} <= said:
            _refuse(one, "a system text that is not among the turns; log it under system", findings)


def check_definitions(prompts: Sequence[UnreadPrompt], declared: Collection[str], findings: Findings) -> None:
    """Refuses definitions of tools that the record does not declare."""
    for one in prompts:
        if one.what != "tools":
            continue
        names = tool_names(one.value)
        if missing := sorted(name for name in names if not any(known == name or (name and known.endswith(f"-{name}")) for known in declared)):
            _refuse(one, f"definitions of tools that the record does not declare, such as {clip(missing[0])}; log them under tools", findings)


def _refuse(one: UnreadPrompt, what: str, findings: Findings) -> None:
    key = clip(one.key)
    findings.unread.findings.append(Reason.SCHEMA_FIELD_UNREAD.at(one.where, f"the key {key} is not read and has {what}, or name {key} in ignore"))
