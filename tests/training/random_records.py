"""Records that golden cases do not have: masks, weights, blank turns, calls in words, marks in odd places; the same ones every time."""

from __future__ import annotations

import json
from random import Random
from typing import Any

Row = dict[str, Any]

WORDS = [
    "tap",
    "the",
    "button",
    "12345",
    "Ünï",
    "打开设置",
    "a_b",
    "{}",
    "<b>",
    "</p>",
    "e\u0301",
    "🙂",
    "don't",
    '"x"',
    "x < y",
    "<|",
    "|>",
    "<image",
    "\u2028",
    "\t",
]
BREAKS = [" ", " ", " ", "\n", "\n\n", "  ", " \n"]
RARE = ["<think>", "<image_00>", "<image>", "<|im_end|>", "<|user|>", "</s>", "<tool_call>", "<think>\n\n</think>\n\n", "[MASK]"]
SIZES = [(30, 20), (448, 448), (600, 600), (1120, 500), (500, 1300), (20, 448)]


def text(random: Random, blank: float = 0.0) -> str:
    if random.random() < blank:
        return random.choice(["", " ", "\n", "\n\n"])
    parts = [part for _ in range(random.randint(1, 12)) for part in (random.choice(WORDS), random.choice(BREAKS))]
    if random.random() < 0.06:
        parts.insert(random.randrange(len(parts)), random.choice(RARE))
    lead = random.choice(["", "", "", "\n", "\n\n", " "])
    return lead + "".join(parts).rstrip(" " if random.random() < 0.5 else " \n\t")


def with_pictures(random: Random, content: str, count: int) -> str:
    """The text with `count` marks at random places, some with newlines around them as upstream's JSON gives them."""
    for _ in range(count):
        at = random.choice([0, 0, len(content), random.randint(0, len(content))])
        mark = "<image>" if random.random() < 0.4 else "\n<image>\n"
        content = content[:at] + mark + content[at:]
    return content


def record(seed: int, has_tools: bool, max_pictures: int) -> Row:
    """A record in format openai, with `<image>` marks in its texts; pictures are named by their size."""
    random = Random(seed)
    messages: list[Row] = []
    images: list[str] = []
    if random.random() < 0.35:
        messages.append({"role": "system", "content": text(random, blank=0.1)})
    for turn in range(random.choice([1, 1, 1, 2, 3])):
        count = random.choice([0, 1, 1, 1, 2]) if turn == 0 or random.random() < 0.4 else 0
        count = min(count, max_pictures - len(images))
        images += [f"{width}x{height}.png" for width, height in random.choices(SIZES, k=count)]
        messages.append({"role": "user", "content": with_pictures(random, text(random), count)})
        if has_tools and random.random() < 0.6:
            messages += _calls(random)
        answer: Row = {"role": "assistant", "content": text(random, blank=0.05)}
        if random.random() < 0.12:
            answer["weight"] = random.choice([0, 0, 1, 0.5])
        messages.append(answer)
    if random.random() < 0.05:
        messages.append({"role": "user", "content": text(random)})
    made: Row = {"id": f"r{seed}", "messages": messages}
    if images:
        made["images"] = images
    if has_tools:
        made["tools"] = [_function(name) for name in random.sample(["weather", "search", "send_mail"], k=random.randint(1, 3))]
    return made


def _calls(random: Random) -> list[Row]:
    calls = [
        {"id": f"c{i}", "type": "function", "function": {"name": "weather", "arguments": json.dumps({"city": text(random)}, ensure_ascii=False)}}
        for i in range(random.choice([1, 1, 2]))
    ]
    asked: Row = {"role": "assistant", "content": random.choice([None, text(random)]), "tool_calls": calls}
    return [asked, *({"role": "tool", "tool_call_id": call["id"], "content": text(random)} for call in calls)]


def _function(name: str) -> Row:
    """Definitions that differ in their keys, which datasets would fill with nulls in the others."""
    extra = {"weather": {"days": {"type": "integer", "minimum": 1}}, "search": {"q": {"type": "string", "enum": ["a", "b"]}}}.get(name, {})
    return {
        "type": "function",
        "function": {"name": name, "description": f"{name}: 中文", "parameters": {"type": "object", "properties": {"city": {"type": "string"}} | extra}},
    }
