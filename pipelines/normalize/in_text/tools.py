"""Tool definitions that a chat template or a data set wrote into the system text -> the definitions, and the text without them.

Only blocks that are known word for word are taken out: each dialect writes the definitions in its own way, and a text that describes another syntax beside them would
teach two. Any other text stays as it is, also where it mentions `<tools>`.
Sources: glaiveai/glaive-function-calling-v2; the chat templates of Qwen/Qwen2.5-7B-Instruct, Qwen/Qwen3-8B and THUDM/glm-4-9b-chat; mistralai/mistral-common;
OpenBMB/ToolBench.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from pipelines.normalize.findings import Findings
from pipelines.normalize.in_text.grammars.call_text import CallText, end_of_value, skip_space, values_in
from pipelines.normalize.literals import read_literal
from pipelines.normalize.turns import Line
from pipelines.parsing.careful import parse_json
from pipelines.reasons import Reason, Reject


class ToolsText(NamedTuple):
    """The definitions in text[start:end), each as JSON text; the block is that part of the text."""

    start: int
    end: int
    definitions: list[str]


_GLAIVE = re.compile(r"\s*+(?:SYSTEM:\s*+)?[^\n]*?functions\. Use them if required -\s*+(?=\{)")
_QWEN = re.compile(
    r"# Tools\n\nYou may call one or more functions to assist with the user query\.\n\n"
    r"You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n"
)
_QWEN_END = re.compile(
    r"\s*+</tools>\n\nFor each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n[^\n]*+\n</tool_call>"
)
_GLM = re.compile(r"# 可用工具(?=\n\n## )")
_GLM_TOOL = re.compile(r"\s*+## [^\n]++\n\n(?=\{)")
_GLM_END = re.compile(r"\s*+在调用上述函数时，请使用 Json 格式表示调用的参数。")
_TOOLBENCH = re.compile(r"Specifically, you have access to the following APIs:\s*+(?=\[)")
_MISTRAL = ("[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]")


def lift_tools(lines: list[Line], findings: Findings) -> list[tuple[str, Any]]:
    """The definitions in the first system turns as (place, value); they are taken out of the lines' texts."""
    found: list[tuple[str, Any]] = []
    for line in lines:
        if line.role != "system":
            break
        if line.images or (block := tools_text_of(line.text)) is None:
            continue
        where = f"{line.where}.content" if line.where else "system"
        try:
            values = [_value(text, where, findings) for text in block.definitions]
        except Reject:
            continue
        if not all(map(_are_tools, values)):
            continue
        findings.repair(Reason.REPAIR_TOOLS_EXTRACTED, Reason.TOOL_SCHEMA_INVALID, where, "tool definitions were taken out of the text")
        line.text = (line.text[: block.start].rstrip() + line.text[block.end :]).strip().removeprefix("SYSTEM:").lstrip()
        found += [(where, value) for value in values]
    return found


def _value(text: str, where: str, findings: Findings) -> Any:
    """The value of JSON, or of a Python literal, which ToolBench has. Raises Reject."""
    try:
        return parse_json(text, findings.budget, [])
    except Reject:
        return read_literal(text, where, findings.budget)


def _are_tools(value: Any) -> bool:
    items = value if isinstance(value, list) else [value]
    inner = [item.get("function", item) if isinstance(item, dict) else None for item in items]
    return bool(inner) and all(
        isinstance(item, dict) and isinstance(item.get("name"), str) and ("parameters" in item or "description" in item) for item in inner
    )


def tools_text_of(text: str) -> ToolsText | None:
    """The block of definitions in this text; None where it has none."""
    if _MISTRAL[0] in text:
        start, end = text.find(_MISTRAL[0]), text.find(_MISTRAL[1])
        calls = values_in(text, start + len(_MISTRAL[0]), end) if end > start else []
        return _block(start, end + len(_MISTRAL[1]), calls)
    if "<tools>" in text and (head := _QWEN.search(text)):
        calls, at = _values_from(text, head.end())
        tail = _QWEN_END.match(text, at)
        return _block(head.start(), tail.end(), calls) if tail else None
    if "# 可用工具" in text and (head := _GLM.search(text)):
        return _glm_block(text, head)
    if "access to the following APIs:" in text and (head := _TOOLBENCH.search(text)):
        stop = end_of_value(text, head.end())
        return _block(head.start(), stop, [CallText(head.end(), stop, text=text[head.end() : stop])]) if stop is not None else None
    if "functions. Use them if required -" in text and (head := _GLAIVE.match(text)):
        calls = values_in(text, head.end(), len(text))
        return _block(head.end(), len(text), calls)
    return None


def _block(start: int, end: int, calls: list[CallText]) -> ToolsText | None:
    return ToolsText(start, end, [call.text for call in calls]) if calls else None


def _values_from(text: str, at: int) -> tuple[list[CallText], int]:
    """(the objects from here on, where they end)."""
    found: list[CallText] = []
    while (end := end_of_value(text, begin := skip_space(text, at))) is not None:
        found.append(CallText(begin, end, text=text[begin:end]))
        at = end
    return found, at


def _glm_block(text: str, head: re.Match[str]) -> ToolsText | None:
    found: list[str] = []
    at = head.end()
    while tool := _GLM_TOOL.match(text, at):
        end = end_of_value(text, tool.end())
        if end is None:
            return None
        found.append(text[tool.end() : end])
        tail = _GLM_END.match(text, end)
        at = tail.end() if tail else end
    return ToolsText(head.start(), at, found) if found else None
