"""Tool definitions as GLM-4 is shown them. Source: chat template of THUDM/glm-4-9b-chat."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import orjson

from pipelines.plain_json import NOT_PLAIN, plain_json

_LEAD = "你是一个名为 ChatGLM 的人工智能助手。你是基于智谱AI训练的语言模型 GLM-4 模型开发的，你的任务是针对用户的问题和要求提供适当的答复和支持。\n\n# 可用工具"
_TRAIL = "\n在调用上述函数时，请使用 Json 格式表示调用的参数。"
_DEPTH = 256  # far deeper than limits.json_depth lets a record be, in any sane configuration


def glm_tools_text(tools: str) -> str:
    """The text of the system turn that lists these functions; their key order stays, nothing is escaped."""
    listed = plain_json(tools.encode(), _DEPTH)
    if listed is NOT_PLAIN:
        return _LEAD + "".join(_shown(tool["function"]) for tool in json.loads(tools))
    return _LEAD + "".join(_kept(orjson.dumps(tool["function"])) for tool in listed)


@lru_cache(maxsize=4096)
def _kept(function: bytes) -> str:
    """A night's conversations share few tools; an indented dump takes longer than the rest of a conversation."""
    return _shown(orjson.loads(function))


def _shown(function: dict[str, Any]) -> str:
    return f"\n## {function['name']}\n\n{json.dumps(function, indent=4, ensure_ascii=False)}{_TRAIL}"
