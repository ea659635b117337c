"""Records that try to hold a worker: each shape is a function from a count to a record's bytes, which grow in proportion to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.limits.call_shapes import CALL_SHAPES

Shape = Callable[[int], bytes]


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _user(content: Any = "q", **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **more}


def _answer(content: Any = "a", **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


def _chat(*turns: Any, **more: Any) -> bytes:
    return _json({"messages": list(turns), **more})


def _asked(content: Any, **more: Any) -> bytes:
    return _chat(_user(content), _answer(), **more)


def _said(content: Any, **more: Any) -> bytes:
    return _chat(_user(), _answer(content), **more)


def _call(name: str = "f", arguments: Any = None, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": {} if arguments is None else arguments}, **more}


def _calls(calls: Any, **more: Any) -> bytes:
    return _chat(_user(), _answer(None, tool_calls=calls), **more)


def _tool(name: str, properties: Any = None, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": "d", "parameters": {"type": "object", "properties": properties or {}, **more}}}


def _nested(value: str, depth: int) -> str:
    return "[" * depth + value + "]" * depth


def _raw(before: str, middle: str, after: str) -> bytes:
    return (before + middle + after).encode()


ASKED = '{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],'
CALLED = '{"messages":[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"name":"f","arguments":'


def _doubled(n: int) -> bytes:
    """Equal keys in equal keys: halves of halves."""
    text = "1"
    while len(text) < n:
        text = f'{{"a":{text},"a":{text}}}'
    return _raw(ASKED + '"x":', text, "}")


def _chained(n: int) -> bytes:
    """Equal keys beside one large value, level after level."""
    text = json.dumps("x" * n)
    for _ in range(50):
        text = f'{{"a":1,"a":1,"b":{text}}}'
    return _raw(ASKED + '"x":', text, "}")


SHAPES: dict[str, Shape] = {
    # text
    "one word": lambda n: _asked("x" * n),
    "one word, answered": lambda n: _said("x" * n),
    "plain words": lambda n: _said("some words that anyone may say, 12 times. " * (n // 40 + 1)),
    "blanks": lambda n: _said("a" + " " * n + "b"),
    "newlines": lambda n: _said("a" + "\n" * n + "b"),
    "Chinese": lambda n: _said("语言模型" * n),
    "emoji": lambda n: _said("😀" * n),
    "escaped letters": lambda n: _raw('{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"', "\\u00e9" * n, '"}]}'),
    "escaped backslashes": lambda n: _raw('{"messages":[{"role":"user","content":"q\\u0022"},{"role":"assistant","content":"', "\\\\" * n, '"}]}'),
    "escaped emoji": lambda n: _raw('{"messages":[{"role":"user","content":"q\\u0022"},{"role":"assistant","content":"', "\\ud83d\\ude00" * n, '"}]}'),
    "control tokens": lambda n: _said("<|user|>" * n),
    "rare characters": lambda n: _said("e\u0301 " * n),
    "plain words and a rare character": lambda n: _said("some words that anyone may say, 12 times. " * (n // 40 + 1) + "e\u0301"),
    # JSON
    "keys of a record": lambda n: _json({"messages": [_user(), _answer()], **{f"k{i}": 0 for i in range(n)}}),
    "keys of a record that mean something": lambda n: _json({"messages": [_user(), _answer()], **{f"reasoning{i}": 1 for i in range(n)}}),
    "keys of a turn": lambda n: _chat(_user(**{f"k{i}": 0 for i in range(n)}), _answer()),
    "keys of a part": lambda n: _chat(_user([{"type": "text", "text": "q", **{f"k{i}": 0 for i in range(n)}}]), _answer()),
    "keys of a call": lambda n: _calls([_call(**{f"k{i}": 0 for i in range(n)})]),
    "keys of a tool": lambda n: _asked("q", tools=[{**_tool("f"), **{f"k{i}": 0 for i in range(n)}}]),
    "one long key": lambda n: _json({"messages": [_user(), _answer()], "k" * n: 0}),
    "one long key with masks": lambda n: _json({"messages": [_user(), _answer()], "mas" * n: 0}),
    "unread integers": lambda n: _raw(ASKED + '"x":[', "1," * n, "1]}"),
    "unread floats": lambda n: _raw(ASKED + '"x":[', "1.5," * n, "1]}"),
    "unread texts": lambda n: _raw(ASKED + '"x":[', '"",' * n, "1]}"),
    "unread lists": lambda n: _raw(ASKED + '"x":[', "[]," * n, "1]}"),
    "unread objects": lambda n: _raw(ASKED + '"x":[', '{"a":1},' * n, "1]}"),
    "unread, carefully: integers": lambda n: _raw(ASKED + '"y\\u0022":0,"x":[', "1," * n, "1]}"),
    "unread, carefully: floats": lambda n: _raw(ASKED + '"y\\u0022":0,"x":[', "1.5," * n, "1]}"),
    "unread, carefully: texts": lambda n: _raw(ASKED + '"y\\u0022":0,"x":[', '"",' * n, "1]}"),
    "unread, carefully: lists": lambda n: _raw(ASKED + '"y\\u0022":0,"x":[', "[]," * n, "1]}"),
    "unread, carefully: objects": lambda n: _raw(ASKED + '"y\\u0022":0,"x":[', '{"a":1},' * n, "1]}"),
    "brackets that do not close": lambda n: _raw(ASKED + '"x":', "[" * n, ""),
    "brackets at the limit": lambda n: _raw(ASKED + '"x":[', f"{_nested('', 60)}," * n, "1]}"),
    "brackets at the limit, carefully": lambda n: _raw(ASKED + '"y\\u0022":0,"x":[', f"{_nested('', 60)}," * n, "1]}"),
    "equal keys": lambda n: _raw(ASKED + '"x":{', '"a":1,' * n, '"a":1}}'),
    "equal keys, with objects": lambda n: _raw(ASKED + '"x":[', '{"a":1,"a":1},' * n, "1]}"),
    "equal keys in equal keys": _doubled,
    "equal keys beside a large value": _chained,
    "NaN": lambda n: _raw(ASKED + '"x":[', "NaN," * n, "1]}"),
    "long numbers": lambda n: _raw(ASKED + '"x":[', "1" * 999 + "," + "1" * 999 + ("," + "1" * 999) * n, "]}"),
    "a cut text": lambda n: _raw('{"messages":[{"role":"user","content":"', "x" * n, ""),
    "a cut list": lambda n: _raw(ASKED + '"x":[', "1," * n, ""),
    "no JSON": lambda n: b"x" * n,
    "blank after the value": lambda n: _asked("q") + b" " * n,
    "NUL bytes": lambda n: _asked("q") + b"\0" * n,
    # turns
    "turns": lambda n: _chat(*[turn for _ in range(n) for turn in (_user(), _answer())]),
    "turns with control tokens": lambda n: _chat(*[turn for _ in range(n) for turn in (_user("<|user|>"), _answer("<|user|>"))]),
    "turns with rare characters": lambda n: _chat(*[turn for _ in range(n) for turn in (_user("e\u0301"), _answer("e\u0301"))]),
    "turns after a long question": lambda n: _chat(_user("one two " * n), *[turn for _ in range(n // 10) for turn in (_answer(), _user())], _answer()),
    "turns after a long answer": lambda n: _chat(_user(), _answer("one two " * n), *[turn for _ in range(n // 10) for turn in (_user(), _answer())]),
    "turns of one role": lambda n: _chat(_user(), *[_answer()] * n),
    "turns with names": lambda n: _chat(_user(), *[_answer(name="bob") for _ in range(n)]),
    "blank turns": lambda n: _chat(_user(), *[_answer("")] * n, _answer()),
    "turns without a role": lambda n: _chat(*[{"content": "x"}] * n),
    "turns that are no objects": lambda n: _chat(*[1] * n),
    "turns as text": lambda n: _chat(*[json.dumps(_user())] * n, _answer()),
    "all turns as one text": lambda n: _json({"messages": json.dumps([_user(), _answer()] * n)}),
    "empty turns": lambda n: _chat(*[{}] * n),
    "system turns": lambda n: _chat(*[{"role": "system", "content": "s"}] * n, _user(), _answer()),
    "weights": lambda n: _chat(_user(), *[_answer(weight=1, loss=True, train=1) for _ in range(n)]),
    "text parts": lambda n: _chat(_user([{"type": "text", "text": "some text part"}] * n), _answer()),
    "text parts with weights": lambda n: _chat(_user(), _answer([{"type": "text", "text": "x", "weight": 1}] * n)),
    "parts as text": lambda n: _chat(_user(["x"] * n), _answer()),
    "bad parts": lambda n: _chat(_user([{"type": "unknown"}] * n), _answer()),
    "parts of reasoning": lambda n: _chat(_user(), _answer([{"type": "reasoning", "text": "hm"}] * n)),
    "parts that are calls": lambda n: _chat(_user(), _answer([{"type": "tool_call", "tool_call": {"name": "f", "arguments": {"a": 1.5}}}] * n)),
    "think blocks": lambda n: _said("<think>a</think>" * n + "yes"),
    "think blocks that only open": lambda n: _said("<think>" * n + "yes"),
    "think blocks that only close": lambda n: _said("</think>" * n + "yes"),
    "thoughts": lambda n: _chat(_user(), _answer(reasoning=[f"thought {i}" for i in range(n)])),
    "thoughts as objects": lambda n: _chat(_user(), _answer(reasoning=[{"text": f"thought {i}"} for i in range(n)])),
    # calls
    "calls with objects": lambda n: _calls([_call("f", {"a": "b" * 60, "c": 2.5, "d": [1, 2, 3]}) for _ in range(n)]),
    "calls with small objects": lambda n: _calls([{"name": "f", "arguments": {"a": 1.5}} for _ in range(n)]),
    "calls with texts": lambda n: _calls([_call("f", '{"a": 1.50}') for _ in range(n)]),
    "calls with Python literals": lambda n: _calls([_call("f", "{'a': 1.50}") for _ in range(n)]),
    "calls in nested lists": lambda n: _calls(json.loads(_nested(json.dumps([_call("f", {"a": 2.5})] * n)[1:-1], 50))),
    "calls without arguments": lambda n: _calls([{"name": "f"}] * n),
    "bad calls": lambda n: _calls([[]] * n),
    "calls as one text": lambda n: _calls(json.dumps([_call("f", {"a": 2.5})] * n)),
    "calls as one text in nested lists": lambda n: _calls(_nested(json.dumps([_call("f", {"a": 2.5})] * n)[1:-1], 50)),
    "turns that call": lambda n: _chat(_user(), *[_answer(None, tool_calls=[_call("f", {"a": 2.5})]) for _ in range(n)]),
    "function_call turns": lambda n: _json(
        {"conversations": [{"from": "human", "value": "q"}, *[{"from": "function_call", "value": '{"name": "f", "arguments": {"a": 2.50}}'}] * n]}
    ),
    "GLM calls": lambda n: _chat(_user(), *[_answer('{"a": 1}', metadata="f") for _ in range(n)]),
    "floats in an argument": lambda n: _raw(CALLED + '{"a":[', "1.50," * n, "1]}}]}]}"),
    "integers in an argument": lambda n: _raw(CALLED + '{"a":[', "1," * n, "-0]}}]}]}"),
    "keys in an argument": lambda n: _calls([_call("f", {f"k{i}": 1.5 for i in range(n)})]),
    "floats in arguments as text": lambda n: _calls([_call("f", '{"a": [' + "1.50," * n + "1]}")]),
    "results by id": lambda n: _chat(
        _user(),
        _answer(None, tool_calls=[_call("f", {}, id=f"c{i}") for i in range(n)]),
        *[{"role": "tool", "content": "r", "tool_call_id": f"c{i}"} for i in reversed(range(n))],
        _answer(),
    ),
    "results by one id": lambda n: _chat(
        _user(), _answer(None, tool_calls=[_call("f", {}, id="c")] * n), *[{"role": "tool", "content": "r", "tool_call_id": "c"}] * n, _answer()
    ),
    "results by name": lambda n: _chat(
        _user(), _answer(None, tool_calls=[_call(f"f{i}") for i in range(n)]), *[{"role": "tool", "content": "r", "name": f"f{i}"} for i in reversed(range(n))]
    ),
    "results without a call": lambda n: _chat(_user(), *[{"role": "tool", "content": "r"}] * n, _answer()),
    "results of no text": lambda n: _chat(_user(), _answer(None, tool_calls=[_call()]), {"role": "tool", "content": {"a": [1.5] * n}}, _answer()),
    "calls in answers": lambda n: _chat(
        _user(), *[turn for _ in range(n) for turn in (_answer('{"name": "f", "arguments": {"a": 1.50}}'), {"role": "tool", "content": "r"})]
    ),
    "braces in an answer": lambda n: _said('{"name":"f","arguments":{"a":' + "{" * n),
    "JSON in an answer": lambda n: _said('{"name":"f","arguments":{"a":[' + "1.5," * n + "1]}}", tools=[_tool("f")]),
    "names in an answer": lambda n: _said('{"name":"' * n + '"parameters"'),
    "names and blanks in an answer": lambda n: _said('"arguments"' + '{"name" :  "x" ,    ' * n + '"parameters"'),
    "actions in an answer": lambda n: _said("Action:\n" * n + "Action Input: [{"),
    "actions and blanks in an answer": lambda n: _said("[Action Input:" + ("\n" * 50 + "Action: x") * n),
    "blank lines in an answer": lambda n: _said("[Action Input:\nAction:" + " \n" * n),
    "words before a brace": lambda n: _said("w" * n + "\n{[)]"),
    "types in an answer": lambda n: _said('"function"{' + '"type"   ' * n),
    # literals
    "a long literal": lambda n: _calls([_call("f", "{'a': '" + "x" * 65000 + "'}")] * (n // 65000 + 1)),
    "literals of escapes": lambda n: _calls([_call("f", "{'a': '" + "\\x41" * 16000 + "'}")] * (n // 16000 + 1)),
    "literals of newlines": lambda n: _calls([_call("f", "{'a': '" + "\\n" * 32000 + "'}")] * (n // 32000 + 1)),
    "literals of numbers": lambda n: _calls([_call("f", "{'a': [" + "1," * 32000 + "]}")] * (n // 32000 + 1)),
    "literals of quotes": lambda n: _calls([_call("f", "{'a': [" + '"\'",' * 16000 + "]}")] * (n // 16000 + 1)),
    "literals that do not end": lambda n: _calls([_call("f", "{'a': " + "'" * 60001)] * (n // 60000 + 1)),
    "literals that are code": lambda n: _calls([_call("f", "{'a': " + "for " * 16000)] * (n // 16000 + 1)),
    "literals of blanks": lambda n: _calls([_call("f", "{'a'" + "  " * 32000)] * (n // 16000 + 1)),
    "literals too long": lambda n: _calls([_call("f", "{'a': '" + "x" * 66000 + "'}")] * (n // 66000 + 1)),
    # tools
    "tools": lambda n: _asked("q", tools=[_tool(f"f{i}") for i in range(n)]),
    "small tools": lambda n: _asked("q", tools=[{"name": f"f{i}"} for i in range(n)]),
    "tools and calls of other names": lambda n: _calls([{"name": f"g{i}", "arguments": {}} for i in range(n)], tools=[{"name": f"f{i}"} for i in range(n)]),
    "tools and calls": lambda n: _calls([_call(f"f{i}") for i in range(n // 4)], tools=[_tool(f"f{i}") for i in range(n)]),
    "tools of each turn": lambda n: _chat(*[_user(tools=[_tool("f")]) for _ in range(n)], _answer()),
    "tools as text": lambda n: _asked("q", tools=json.dumps([_tool(f"f{i}") for i in range(n)])),
    "properties": lambda n: _asked("q", tools=[_tool("f", {f"p{i}": {"type": "string"} for i in range(n)})]),
    "an enum and calls": lambda n: _calls(
        [{"name": "f", "arguments": {"a": -1}} for _ in range(n // 200)], tools=[_tool("f", {"a": {"enum": list(range(n))}})]
    ),
    "required names and calls": lambda n: _calls([{"name": "f", "arguments": {}} for _ in range(n)], tools=[_tool("f", {}, required=["x" * n])]),
    "a long key over many": lambda n: _asked("q", tools=[_tool("f", {"k" * n: {"type": "object", "properties": {f"p{i}": {} for i in range(n // 10)}}})]),
    "a long key over nulls": lambda n: _asked("q", tools=[_tool("f", {"k" * n: {"type": "object", "properties": {f"p{i}": None for i in range(n // 10)}}})]),
    "a long key over null arguments": lambda n: _calls(
        [_call("f", {"k" * n: {f"p{i}": None for i in range(n // 10)}})], tools=[_tool("f", {"k" * n: {"type": "object", "properties": {"a": {}}}})]
    ),
    "nulls in tools": lambda n: _asked("q", tools=[_tool("f", {f"p{i}": None for i in range(n)})]),
    "deep tools": lambda n: _asked("q", tools=[_tool("f", {}, default=json.loads(_nested(",".join("1" * n), 55)))]),
    "deep tools with emoji": lambda n: _asked("q", tools=[_tool("f", {"😀": {}}, default=json.loads(_nested(",".join("1" * n), 55)))]),
    # images
    "marks": lambda n: _asked("<image>" * n),
    "marks in answers": lambda n: _said("<image>" * n),
    "marks and images": lambda n: _asked("<image>" * n, images=[f"{i}.png" for i in range(n)]),
    "numbered marks": lambda n: _asked("".join(f"<image_{i:02}>" for i in range(n)), images=[f"{i}.png" for i in range(n)]),
    "numbered marks, backwards": lambda n: _asked("".join(f"<image_{i:02}>" for i in reversed(range(n))), images=[f"{i}.png" for i in range(n)]),
    "named marks": lambda n: _json(
        {
            "image": {f"<image_{i:02}>": f"{i}.png" for i in range(n)},
            "conversations": [{"role": "user", "content": "".join(f"<image_{i:02}>" for i in range(n))}, {"role": "assistant", "content": "a"}],
        }
    ),
    "inline images": lambda n: _asked("<img>a</img>" * n),
    "inline images that do not end": lambda n: _asked("<img>" + ("a" * 4000 + "<img>") * (n // 1000)),
    "pads": lambda n: _asked("<|vision_start|>" + "<|image_pad|>" * n),
    "images of a turn": lambda n: _chat(_user("q", images=[f"{i}.png" for i in range(n)]), _answer()),
    "image parts": lambda n: _chat(_user([{"type": "image_url", "image_url": {"url": f"{i}.png"}} for i in range(n)]), _answer()),
    "one data URI": lambda n: _chat(_user([{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * n}}]), _answer()),
    "base64": lambda n: _chat(_user("q", images=["iVBORw0KGgo" + "A" * n]), _answer()),
    "images and a long text": lambda n: _asked("<image>" * 64 + "one two " * n, images=[f"{i}.png" for i in range(64)]),
    "images that are no text": lambda n: _chat(_user("q", images=[1] * n), _answer()),
    "media": lambda n: _chat(*[_user("q", video="a.mp4") for _ in range(n)], _answer()),
    **CALL_SHAPES,
}


def record_of(shape: str, size: int) -> bytes:
    """A record of this shape of at most about `size` bytes."""
    make = SHAPES[shape]
    few = 200_000 if shape.startswith(("literals", "a long literal")) else 1_000
    return make(max(1, size * few // len(make(few))))
