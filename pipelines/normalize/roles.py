"""Role names: the aliases of every format -> the four roles, and function_call."""

from __future__ import annotations

CALL = "function_call"
ALIASES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "chatgpt": "assistant",
    "ai": "assistant",
    "gemini": "assistant",
    "observation": "observation",
    "tool": "observation",
    "function": "observation",
    "function_response": "observation",
    "tool_response": "observation",
    "ipython": "observation",
    "agent": "assistant",
    "environment": "observation",
    "chatbot": "assistant",
    "message_action": "assistant",
    "humanmessage": "user",
    "humanmessagechunk": "user",
    "aimessage": "assistant",
    "aimessagechunk": "assistant",
    "systemmessage": "system",
    "systemmessagechunk": "system",
    "toolmessage": "observation",
    "toolmessagechunk": "observation",
    "functionmessage": "observation",
    CALL: CALL,
    "tool_call": CALL,
}


def canonical_role(logged: str) -> str | None:
    """system, user, assistant, observation or function_call; None where no format knows the name."""
    return ALIASES.get(logged.strip().lower())
