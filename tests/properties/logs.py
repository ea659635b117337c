"""Random records of every format, as loggers write them. `safe` records have nothing for which they would be refused."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

Record = dict[str, Any]
Made = st.SearchStrategy[Any]

CONTROL = ["<|user|>", "<|im_end|>\n<|im_start|>assistant", "<|endoftext|>", "</s>", "[gMASK]", "<unk>", "<slice>", "</image>", "<|observation|>"]
ODD = ["e\u0301", "\u2028", "\x85", "\x00", "\u202e", "\ufeff", "👩‍👩‍👧", "\U0010ffff", "\x7f", "ﬀ", "\r\n", "<think>", "```json"]
NAMES = st.sampled_from(["get_weather", "f", "搜索", "a b", "f\n<|user|>", "CLICK"])
TEXT = st.lists(st.sampled_from([*CONTROL, *ODD, "Hello", " ", "你好", '{"name": "f", "arguments": {}}', "'"]), min_size=1, max_size=4).map("".join)
FILES = ["a.png", "b.jpg", "scr/c.webp", "scr/d.gif", "e.bmp"]
NEAR = ["A.PNG", "scr\\c.webp", "a%2Epng", "images/a.png", "../secret.png", "/etc/hostname", "nothing.png", "scr", "out.png", "outdir/secret.png"]
FAR = ["file:///etc/hostname", "https://example.invalid/a.png", "s3://b/k", "data:image/png;base64,iVBORw0KGgo=", "data:,x", "", " ", "a.png\x00", "x" * 300]
REFS = st.sampled_from(FILES + NEAR + FAR)
GOOD_REFS = st.sampled_from(FILES)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 1 << 60) | st.floats(allow_nan=False, allow_infinity=False, width=32) | st.text(max_size=6) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
ARGUMENTS = st.dictionaries(st.sampled_from(["city", "days", "é", ""]), VALUES, max_size=3)
PYTHON = ARGUMENTS.map(repr)  # a printed dictionary
CODE = st.sampled_from(["__import__('os').system('x')", "{'a': 1", "", "[1]", "{1, 2}", "{'a': b'x'}", "{'a': ...}", "dict(a=1)", "null", "{'a': 1}}"])
AS_TEXT = ARGUMENTS.map(lambda values: json.dumps(values, ensure_ascii=False)) | ARGUMENTS.map(lambda values: json.dumps(values, indent=2))
SCHEMA = st.fixed_dictionaries(
    {"type": st.just("object")},
    optional={"properties": st.just({"city": {"type": "string"}, "days": {"type": "integer", "default": None}}), "required": VALUES},
)
FUNCTION = st.fixed_dictionaries({"name": NAMES}, optional={"description": TEXT, "parameters": SCHEMA})
TOOLS = st.lists(FUNCTION | FUNCTION.map(lambda one: {"type": "function", "function": one}), max_size=2)
TOOLS_ANY = TOOLS | TOOLS.map(json.dumps) | st.sampled_from([None, "", "[]", {}])
IDS = st.fixed_dictionaries(
    {}, optional={"id": st.integers(0, 3) | TEXT, "episode_id": st.sampled_from([1.50, "e", 7, ""]), "step_id": st.integers() | st.none(), "extra": VALUES}
)
WEIGHTS = st.fixed_dictionaries({}, optional={"loss": st.booleans(), "train": st.booleans(), "loss_weight": st.sampled_from([0, 0.5, 1, None])})


def drawn(draw: Any, *parts: Made) -> Record:
    made: Record = {}
    for part in parts:
        made |= draw(part)
    return made


@st.composite
def rounds(draw: Any) -> list[tuple[str, list[tuple[str, Any]], str]]:
    """Rounds of a conversation, independent of the format: (question, calls as (name, arguments), answer)."""
    return [(draw(TEXT), draw(st.lists(st.tuples(NAMES, ARGUMENTS), max_size=2)), draw(TEXT)) for _ in range(draw(st.integers(1, 3)))]


def spelled(draw: Any, name: str, arguments: Any, safe: bool) -> Any:
    """A call as it may be logged: with arguments as an object or as JSON text, and if not `safe` also as a Python literal or as code."""
    ways = [arguments, json.dumps(arguments, ensure_ascii=False)] + ([] if safe else [repr(arguments), draw(CODE), draw(VALUES)])
    return {"name": name, "arguments": draw(st.sampled_from(ways))}


@st.composite
def openai(draw: Any, safe: bool = False) -> Record:
    messages: list[Any] = []
    for number, (question, calls, answer) in enumerate(draw(rounds())):
        picture = {"type": "image_url", "image_url": draw(st.sampled_from([str, lambda ref: {"url": ref}]))(draw(GOOD_REFS if safe else REFS))}
        parts = [{"type": "text", "text": question}, *([picture] if draw(st.booleans()) else [])]
        messages.append({"role": "user", "content": draw(st.sampled_from([question, parts]))})
        if calls:
            made = [{"id": f"c{number}{i}", "type": "function", "function": spelled(draw, *call, safe)} for i, call in enumerate(calls)]
            messages.append({"role": "assistant", "content": draw(st.sampled_from([None, "", "I call."])), "tool_calls": made})
            messages += [{"role": "tool", "tool_call_id": call["id"], "content": draw(TEXT)} for call in draw(st.permutations(made))]
        thoughts = {} if draw(st.booleans()) else {"reasoning_content": draw(TEXT)}
        messages.append({"role": "assistant", "content": answer} | thoughts | draw(WEIGHTS))
    return drawn(draw, IDS) | {"messages": messages, "tools": draw(TOOLS if safe else TOOLS_ANY)}


@st.composite
def sharegpt(draw: Any, safe: bool = False) -> Record:
    turns: list[Any] = []
    images: list[Any] = []
    for question, calls, answer in draw(rounds()):
        marks = draw(st.integers(0, 2))
        images += [draw(GOOD_REFS if safe else REFS) for _ in range(marks)]
        turns.append({"from": "human", "value": "<image>" * marks + question})
        for name, arguments in calls:
            turns.append({"from": "function_call", "value": json.dumps(spelled(draw, name, arguments, safe))})
            turns.append({"from": "observation", "value": draw(TEXT)})
        turns.append({"from": "gpt", "value": answer})
    record = drawn(draw, IDS) | {"conversations": turns, "system": draw(TEXT), "tools": json.dumps(draw(TOOLS))}
    return record | ({"images": images} if images or draw(st.booleans()) else {})


@st.composite
def glm(draw: Any, safe: bool = False) -> Record:
    messages: list[Any] = [{"role": "system", "content": draw(TEXT), "tools": draw(TOOLS if safe else TOOLS_ANY)}]
    for question, calls, answer in draw(rounds()):
        picture = {} if draw(st.booleans()) else {"image": draw(GOOD_REFS if safe else REFS)}
        messages.append({"role": "user", "content": question} | picture)
        for name, _ in calls:
            messages.append({"role": "assistant", "metadata": name, "content": draw(AS_TEXT) if safe else draw(AS_TEXT | PYTHON | CODE)})
        messages += [{"role": "observation", "content": draw(TEXT)} for _ in calls]
        messages.append({"role": "assistant", "metadata": draw(st.sampled_from(["", None])), "content": answer} | draw(WEIGHTS))
    return drawn(draw, IDS) | {"messages": messages}


@st.composite
def agentcpm(draw: Any, safe: bool = False) -> Record:
    turns: list[Any] = [{"role": "system", "content": draw(TEXT)}] if draw(st.booleans()) else []
    named = {f"<image_{i:02d}>": draw(GOOD_REFS if safe else REFS) for i in range(draw(st.integers(0, 2)))}
    for number, (question, _, answer) in enumerate(draw(rounds())):
        turns.append({"role": "user", "content": ("".join(named) if number == 0 else "") + question})
        turns.append({"role": "assistant", "content": answer})
    image = named or draw(st.sampled_from([{}, *([] if safe else ["", None, []]), draw(GOOD_REFS if safe else REFS)]))
    if image and not named:
        turns[0]["content"] += draw(st.sampled_from(["", "<image>"]))
    return drawn(draw, IDS) | {"image": image, "conversations": turns}


FORMATS = {"openai": openai, "sharegpt": sharegpt, "glm": glm, "agentcpm": agentcpm}


def records(safe: bool = False) -> Made:
    return st.one_of([make(safe=safe) for make in FORMATS.values()])
