"""Tool definitions as GLM-4 is shown them. Source: chat template of THUDM/glm-4-9b-chat."""

from __future__ import annotations

import json
from typing import Any

from pipelines.cache import BoundedCache

_LEAD = "你是一个名为 ChatGLM 的人工智能助手。你是基于智谱AI训练的语言模型 GLM-4 模型开发的，你的任务是针对用户的问题和要求提供适当的答复和支持。\n\n# 可用工具"
_TRAIL = "\n在调用上述函数时，请使用 Json 格式表示调用的参数。"
# Column `tools` is written so by normalize/tools.py.
_FIRST = '[{"type": "function", "function": {'
_NEXT = '}, {"type": "function", "function": {'


def glm_tools_parts(tools: str) -> list[str]:
    """The text of the system turn that lists these functions, as what comes before them and each function: every part but the last ends its
    line, and each function begins with `## `. Their key order stays, nothing is escaped.
    """
    *pieces, last = tools[len(_FIRST) : -len("}]")].split(_NEXT)
    try:
        return [_INTRODUCTION, *map(_FOLLOWED.__getitem__, pieces), _SHOWN[last]]
    except json.JSONDecodeError:  # what parts two functions stands inside one
        *shown, end = [_show(tool["function"]) for tool in json.loads(tools)]
        return [_INTRODUCTION, *(f"{one}\n" for one in shown), end]


def _show(function: dict[str, Any]) -> str:
    return f"## {function['name']}\n\n{json.dumps(function, indent=4, ensure_ascii=False)}{_TRAIL}"


def _shown(piece: str) -> str:
    """`piece` is a function of column `tools` without its first brace. Where all pieces are JSON, they are what the list holds."""
    return _show(json.loads("{" + piece))


_INTRODUCTION = f"\n{_LEAD}\n"
# A night's conversations share few tools; an indented dump takes longer than the rest of a conversation.
_SHOWN = BoundedCache(_shown)
_FOLLOWED: BoundedCache[str, str] = BoundedCache(lambda piece: f"{_SHOWN[piece]}\n")
