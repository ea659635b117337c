"""Tool definitions in the text that GLM-4 sees. Source: chat template of THUDM/glm-4-9b-chat."""

from __future__ import annotations

import json

import msgspec

from pipelines.cache import BoundedCache
from pipelines.reasons import Reason, Reject

_LEAD = "你是一个名为 ChatGLM 的人工智能助手。你是基于智谱AI训练的语言模型 GLM-4 模型开发的，你的任务是针对用户的问题和要求提供适当的答复和支持。\n\n# 可用工具"
_TRAIL = "\n在调用上述函数时，请使用 Json 格式表示调用的参数。"
MAX_BYTES = 32 << 20  # of an indented function. Deep JSON becomes a hundred times as long, and no real definition comes near this
# normalize/tools.py writes column `tools` in this form.
_FIRST = '[{"type": "function", "function": {'
_NEXT = '}, {"type": "function", "function": {'


def glm_tools_parts(tools: str) -> list[str]:
    """The text of the system turn that lists these functions, in parts: an introduction, then one part for each function. Every part but the
    last ends with a newline, and each function begins with `## `. Keys keep their order, and no character is escaped.
    """
    *pieces, last = tools[len(_FIRST) : -len("}]")].split(_NEXT)
    try:
        return [_INTRODUCTION, *map(_FOLLOWED.__getitem__, pieces), _SHOWN[last]]
    except json.JSONDecodeError:  # a function contains the text that separates two functions
        *shown, end = [_show(json.dumps(tool["function"], ensure_ascii=False)) for tool in json.loads(tools)]
        return [_INTRODUCTION, *(f"{one}\n" for one in shown), end]


def _show(function: str) -> str:
    """The text that GLM-4 sees for a function, which is given as JSON. Raises JSONDecodeError if it is not JSON."""
    name = json.loads(function)["name"]
    # The same bytes as json.dumps(indent=4, ensure_ascii=False), many times as fast.
    indented = msgspec.json.format(function.encode(), indent=4)
    if len(indented) > MAX_BYTES:
        raise Reject(Reason.TOKENS_TOO_LONG.at("", f"a tool definition of {len(indented)} bytes when it is indented; at most {MAX_BYTES} can be encoded"))
    return f"## {name}\n\n{indented.decode()}{_TRAIL}"


def _shown(piece: str) -> str:
    """`piece` is a function of column `tools` without its first brace. If all pieces are JSON, they are the functions of the list."""
    return _show("{" + piece)


_INTRODUCTION = f"\n{_LEAD}\n"
# The conversations of a batch have few tools in common, and indenting one takes longer than the rest of a conversation.
_SHOWN = BoundedCache(_shown)
_FOLLOWED: BoundedCache[str, str] = BoundedCache(lambda piece: f"{_SHOWN[piece]}\n")
