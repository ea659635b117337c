"""Tool definitions as GLM-4 is shown them. Source: chat template of THUDM/glm-4-9b-chat."""

from __future__ import annotations

import json

_LEAD = "你是一个名为 ChatGLM 的人工智能助手。你是基于智谱AI训练的语言模型 GLM-4 模型开发的，你的任务是针对用户的问题和要求提供适当的答复和支持。\n\n# 可用工具"
_TRAIL = "\n在调用上述函数时，请使用 Json 格式表示调用的参数。"


def glm_tools_text(tools: str) -> str:
    """The text of the system turn that lists these functions; their key order stays, nothing is escaped."""
    functions = [tool["function"] for tool in json.loads(tools)]
    return _LEAD + "".join(f"\n## {function['name']}\n\n{json.dumps(function, indent=4, ensure_ascii=False)}{_TRAIL}" for function in functions)
