"""The text workload: random tool-calling conversations in English and Chinese, about 1,060 tokens on average, some ten times as long."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import orjson

from pipelines.demo.tools import TALKS, Record
from tests.bench.words import name, prose

TOOLS = 2000  # distinct definitions; each conversation has a few of them
FILES = 4


def write_text(folder: Path, conversations: int, first: int = 0) -> list[Path]:
    """JSON Lines files with openai, sharegpt and glm records in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"talks-{first:09d}-{number}.jsonl" for number in range(min(FILES, conversations))]
    forms = list(TALKS.values())
    for number, path in enumerate(paths):
        with path.open("wb") as file:
            for seed in range(first + number, first + conversations, len(paths)):
                file.write(orjson.dumps(forms[seed // len(paths) % len(forms)](talk(seed))) + b"\n")
    return paths


def talk(seed: int) -> Record:
    """One conversation, independent of the format, as in `pipelines.demo.tools`."""
    random = Random(f"bench:{seed}")
    chinese = random.random() < 0.4
    tools = [tool(number) for number in sorted({random.randrange(TOOLS) for _ in range(random.choice((1, 1, 2, 2, 3, 4)))})]
    length = min(12.0, random.lognormvariate(0.0, 0.75))  # most are short, some are ten times as long
    rounds = [_round(random, tools, chinese, length) for _ in range(max(1, min(12, round(random.lognormvariate(0.45, 0.6)))))]
    return {"id": f"bench-{seed}", "system": prose(random, random.randrange(8, 60), chinese), "tools": tools, "rounds": rounds}


@cache
def tool(number: int) -> Record:
    random = Random(f"tool:{number}")
    chinese = random.random() < 0.3
    properties = {name(random): _property(random, chinese) for _ in range(random.randrange(1, 5))}
    parameters = {"type": "object", "properties": properties, "required": sorted(properties)[: random.randrange(1, 3)]}
    return {"type": "function", "function": {"name": f"{name(random)}_{number}", "description": prose(random, 12, chinese), "parameters": parameters}}


def _property(random: Random, chinese: bool) -> Record:
    kind = random.choice(("string", "string", "string", "integer", "number", "boolean", "array"))
    made: Record = {"type": kind, "description": prose(random, random.randrange(3, 12), chinese)}
    return made | ({"items": {"type": "string"}} if kind == "array" else {})


def _round(random: Random, tools: list[Record], chinese: bool, length: float) -> Record:
    calls = [_call(random, random.choice(tools), chinese) for _ in range(random.choice((1, 1, 1, 2)))]
    results = [{name(random): _value(random, random.choice(("string", "number", "array")), chinese) for _ in range(random.randrange(1, 5))} for _ in calls]
    question = prose(random, max(4, round(34 * length * random.uniform(0.3, 1.7))), chinese)
    answer = prose(random, max(4, round(85 * length * random.uniform(0.3, 1.7))), chinese)
    return {"question": question, "calls": calls, "results": results, "answer": answer}


def _call(random: Random, tool: Record, chinese: bool) -> tuple[str, Record]:
    function = tool["function"]
    return function["name"], {key: _value(random, one["type"], chinese) for key, one in function["parameters"]["properties"].items()}


def _value(random: Random, kind: str, chinese: bool) -> Any:
    if kind == "boolean":
        return random.random() < 0.5
    if kind in ("integer", "number"):
        return random.randrange(100_000) if kind == "integer" else round(random.uniform(-1000, 1000), 2)
    return [prose(random, 2, chinese) for _ in range(random.randrange(1, 4))] if kind == "array" else prose(random, random.randrange(1, 9), chinese)


def dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
