"""More records that try to hold a worker: calls, results and tools in text, and session files."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.normalize.in_text.grammars.cases import CASES

# What begins a call, a part of one or a result: many of them do not end.
PIECES = {
    "hermes": "<tool_call>",
    "hermes, closed": "<tool_call></tool_call>",
    "hermes with a brace": '<tool_call>{"name":',
    "arg_key": "<tool_call>f<arg_key>",
    "arg_key without a value": "<tool_call>f<arg_key>a</arg_key>",
    "xml": "<function=f>",
    "xml parameters": "<function=f><parameter=a>",
    "parameters": "<parameter=a>",
    "invoke": '<invoke name="f">',
    "invoke parameters": '<invoke name="f"><parameter name="a">',
    "glaive": '<functioncall> {"name": "f", "arguments": \'',
    "mistral": "[TOOL_CALLS]f[ARGS]{",
    "mistral names": "[TOOL_CALLS]f",
    "deepseek": "<｜tool▁call▁begin｜>f<｜tool▁sep｜>",
    "kimi": "<|tool_call_begin|>f<|tool_call_argument_begin|>{",
    "llama": "<|python_tag|>{};",
    "qwen_agent": "✿FUNCTION✿: f\n✿ARGS✿: {",
    "react": "Action: f\nAction Input: {}\n",
    "react with results": "Action: f\nAction Input: {}\nObservation: x\n\n\n",
    "react with blank lines": "Observation:\n\n\nAction: f\nAction Input: {}",
    "fences": "```json\n{}\n```\n",
    "open fences": "```json\n{",
    "pythonic": "[f(a=[",
    "pythonic keys": "[f(a=1, ",
    "quotes": '[{"arguments": "\\"',
    "literal quotes": "{'arguments': '\\'",
    "tool_response": "<tool_response>",
    "tool_response, closed": "<tool_response>x</tool_response>",
    "observation": "Observation: x\n",
    "openhands": "EXECUTION RESULT of [f]:\n",
    "tools": "<tools>\n# Tools\n\n",
    "tools with braces": "# 可用工具\n\n## f\n\n{}",
    "available tools": "[AVAILABLE_TOOLS][{",
    "blanks": " \n\t",
}


def _chat(text: str) -> bytes:
    """The text as a system turn, a question, an answer and a result."""
    called = '<tool_call>{"name": "f", "arguments": {}}</tool_call>'
    said = [("system", text), ("user", text), ("assistant", text), ("tool", "r"), ("user", "q"), ("assistant", called), ("user", text), ("assistant", "a")]
    return json.dumps({"messages": [{"role": role, "content": content} for role, content in said]}, ensure_ascii=False).encode()


def _of_piece(piece: str) -> Callable[[int], bytes]:
    return lambda n: _chat(f"Action: x\n{piece * n}")


def _of_case(text: str) -> Callable[[int], bytes]:
    return lambda n: _chat(text * n)


def _asked(answer: dict[str, Any], **more: Any) -> bytes:
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"} | answer]
    return json.dumps({"messages": turns} | more).encode()


def _node(i: int) -> dict[str, Any]:
    message = {"author": {"role": "assistant" if i % 2 else "user"}, "content": {"content_type": "text", "parts": ["x"]}}
    return {"parent": f"n{i - 1}" if i else None, "message": message}


def _lines(events: list[Any]) -> bytes:
    return "\n".join(map(json.dumps, events)).encode()


def _claude(own: int, parent: int | None, kind: str, content: Any, **more: Any) -> dict[str, Any]:
    message = {"role": kind, "content": content, "id": more.pop("message", f"m{own}")}
    return {"type": kind, "uuid": f"u{own}", "parentUuid": None if parent is None else f"u{parent}", "sessionId": "s", "message": message} | more


def _use(i: int) -> list[Any]:
    return [{"type": "tool_use", "id": f"c{i}", "name": "f", "input": {}}]


def _result(i: int) -> list[Any]:
    return [{"type": "tool_result", "tool_use_id": f"c{i}", "content": "r"}]


def _codex(n: int) -> list[Any]:
    content = [{"type": "input_text", "text": "q"}]
    return [{"type": "session_meta", "payload": {}}, *[{"type": "response_item", "payload": {"type": "message", "role": "user", "content": content}}] * n]


def _gemini(own: int) -> dict[str, Any]:
    return {"id": str(own), "type": "user", "content": "q"}


_HEADER = {"sessionId": "s", "projectHash": "h"}
_BACK = {"type": "event_msg", "payload": {"type": "thread_rolled_back", "num_turns": 1}}

CALL_SHAPES: dict[str, Callable[[int], bytes]] = (
    {f"calls in text: {name}": _of_piece(piece) for name, piece in PIECES.items()}
    | {f"many calls in text: {name} {i}": _of_case(case.text) for name, cases in CASES.items() for i, case in enumerate(cases)}
    | {
        "invocations in steps": lambda n: _asked(
            {"toolInvocations": [{"toolName": "f", "toolCallId": f"c{i}", "args": {}, "result": "r", "step": i} for i in range(n)]}
        ),
        "boxes of objects": lambda n: _asked({"content": "<bbox>" * n}, images=["a.png"], objects={"bbox": [[1, 2]] * n}),
        "unread texts": lambda n: _asked({}, documents=[f"text {i} that no turn has" for i in range(n)], **{f"context_{i}": "text" for i in range(n)}),
        "a long history": lambda n: json.dumps({"question": "q", "chat_history": [["q", "a"]] * n, "answer": "a"}).encode(),
        "an export of one branch": lambda n: json.dumps({"mapping": {f"n{i}": _node(i) for i in range(n)}, "current_node": f"n{n - 1}"}).encode(),
        "a session of one chain": lambda n: _lines([_claude(i, i - 1 if i else None, "assistant" if i % 2 else "user", "x") for i in range(n)]),
        "a session of one message": lambda n: _lines(
            [_claude(i, i - 1 if i else None, "assistant", [{"type": "text", "text": "x"}], message="m") for i in range(n)]
        ),
        "a session of branches": lambda n: _lines([_claude(0, None, "user", "x"), *[_claude(i, 0, "assistant", "x") for i in range(1, n)]]),
        "a session of roots": lambda n: _lines([_claude(i, None, "assistant", "x") for i in range(n)]),
        "a session of calls": lambda n: _lines(
            [_claude(i, i - 1 if i else None, *(("assistant", _use(i)) if i % 2 else ("user", _result(i - 1)))) for i in range(n)]
        ),
        "a session that is taken back": lambda n: _lines([*_codex(n), *[_BACK] * n]),
        "a session that goes back and forth": lambda n: _lines([*_codex(n), *([_BACK, _codex(1)[1]] * n)]),
        "messages that are taken back": lambda n: _lines(
            [_HEADER, *map(_gemini, range(n)), *[event for i in range(n) for event in ({"$rewindTo": str(n - 1)}, _gemini(n - 1))]]
        ),
        "messages that are replaced": lambda n: _lines([_HEADER, *map(_gemini, range(n)), *map(_gemini, range(n))]),
        "a list of turns": lambda n: json.dumps([{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}] * n).encode(),
    }
)
