"""Tool definitions as GLM-4 is shown them. Source: chat template of THUDM/glm-4-9b-chat."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

_LEAD = "你是一个名为 ChatGLM 的人工智能助手。你是基于智谱AI训练的语言模型 GLM-4 模型开发的，你的任务是针对用户的问题和要求提供适当的答复和支持。\n\n# 可用工具"
_TRAIL = "\n在调用上述函数时，请使用 Json 格式表示调用的参数。"
# Column `tools` is written so by normalize/tools.py.
_FIRST = '[{"type": "function", "function": {'
_NEXT = '}, {"type": "function", "function": {'
_KEPT_CHARACTERS = 1 << 16  # of a function that is kept in memory


def glm_tools_text(tools: str) -> str:
    """The text of the system turn that lists these functions; their key order stays, nothing is escaped."""
    try:
        return _LEAD + "".join(map(_shown, tools[len(_FIRST) : -len("}]")].split(_NEXT)))
    except json.JSONDecodeError:  # what parts two functions stands inside one
        return _LEAD + "".join(_show(tool["function"]) for tool in json.loads(tools))


def _shown(piece: str) -> str:
    """`piece` is a function of column `tools` without its first brace. Where all pieces are JSON, they are what the list holds."""
    return _kept(piece) if len(piece) < _KEPT_CHARACTERS else _show(json.loads("{" + piece))


@lru_cache(maxsize=4096)
def _kept(piece: str) -> str:
    """A night's conversations share few tools; an indented dump takes longer than the rest of a conversation."""
    return _show(json.loads("{" + piece))


def _show(function: dict[str, Any]) -> str:
    return f"\n## {function['name']}\n\n{json.dumps(function, indent=4, ensure_ascii=False)}{_TRAIL}"
