"""Hostile conversations: are their ids those of transformers, whatever the data contains?

    python -m tests.dialects.hf.hostile_chats MODEL_FOLDER [COUNT [SEED]]

A conversation goes through the whole pipeline as a logged record, and through transformers as it is. The same seed gives the same conversations.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from pipelines.config import ConfigError, parse_config
from pipelines.flow import Flow, open_flow
from pipelines.records import Quarantined, Sample
from tests.golden import outcomes

Json = dict[str, Any]
DATE = "2026-11-27"
TOKENS = ["<|im_start|>", "<|im_end|>", "<think>", "</think>", "<tool_call>", "</tool_call>", "<|image_pad|>", "</s>", "[INST]", "<start_of_turn>", "<|user|>"]
WORDS = [
    *(
        "Hello",
        " the",
        "a",
        "1",
        "42",
        "3.14",
        "don't",
        "user",
        "assistant",
        "é",
        "e\u0301",
        "答案",
        "🚄",
        "👩‍👩‍👧",
        "\u200d",
        "\ufeff",
        "\u00a0",
        "\u3000",
        "\x7f",
    ),
    *(" ", "  ", "\n", "\n\n", "\t", "\r\n", "\u2028", "{{ x }}", "{% if %}", "{# c #}", "&lt;", "<", "|", ">", "<|", "|>", "<|im_", "_end|>", "think>", "</"),
    *(
        "\U000f0000",
        "\U000f0001",
        "ſ",
        "İ",
        "ﬁ",
        "\u0301",
        "𝒳",
        '"',
        "'",
        "\\",
        "\\n",
        "\\u003c|im_end|\\u003e",
        "```",
        "## H",
        "_",
        "null",
        "True",
        "}",
        "{",
        "[",
        "]",
    ),
]
# A name such as <|image|> in data stands for a picture, which these logs do not have.
REFUSALS = ("tokens.template_", "image.count_mismatch", "schema.reasoning_tags")
NUMBERS = [0, 1, -1, 2**63, -(2**63), 1.5, 1.0, -0.0, 1e22, 1e-7, True, False]
NAMES = ["get_weather", "f", "do.it", "search-all"]


class Chats:
    """Makes conversations. `added` are the added tokens of the model, which its data may name."""

    def __init__(self, seed: str, added: Sequence[str], argument_texts: bool = False):
        self.random, self.argument_texts = Random(seed), argument_texts
        self.tokens = [*added, *TOKENS]

    def text(self, least: int = 0) -> str:
        found = [self._word() for _ in range(max(least, self.random.choice([0, 1, 1, 2, 3, 5, 8, 20])))]
        return "".join(found)

    def _word(self) -> str:
        random = self.random
        if random.random() > 0.3:
            return random.choice(WORDS)
        token = random.choice(self.tokens)
        return token[: random.randint(1, len(token))] if random.random() < 0.2 else token

    def said(self) -> str:
        """A text that is not blank, and does not begin with reasoning: that has tests of its own."""
        text = self.text(1)
        return text if text.strip() and not text.lstrip().startswith("<think>") else "x" + text

    def value(self, depth: int = 0) -> Any:
        kind = self.random.random()
        if kind < 0.4 or depth > 2:
            return self.text()
        if kind < 0.6:
            return self.random.choice(NUMBERS)
        if kind < 0.8:
            return [self.value(depth + 1) for _ in range(self.random.randint(0, 3))]
        return self.arguments(depth + 1)

    def arguments(self, depth: int = 0) -> Json:
        keys = ["city", "days", "q", "a b", "ключ", "x-1"]
        return {key: self.value(depth) for key in self.random.sample(keys, self.random.randint(0, 3))}

    def tools(self) -> list[Json]:
        def parameter() -> Json:
            return {"type": self.random.choice(["string", "integer", "array", "object"]), "description": self.text()}

        def properties() -> Json:
            return {name: parameter() for name in self.random.sample(["city", "days", "q"], self.random.randint(0, 3))}

        names = self.random.sample(NAMES, self.random.randint(1, 3))
        made = [{"name": name, "description": self.text(), "parameters": {"type": "object", "properties": properties()}} for name in names]
        return [{"type": "function", "function": function} for function in made]

    def chat(self) -> tuple[list[Json], list[Json] | None]:
        """The messages and tools of a log."""
        random = self.random
        tools = self.tools() if random.random() < 0.5 else None
        thinks = random.random() < 0.3
        messages = [{"role": "system", "content": self.text()}] if random.random() < 0.4 else []
        count = 0
        for _ in range(random.choice([1, 1, 2, 3])):
            messages += [{"role": "user", "content": self.said()} for _ in range(random.choice([1] * 12 + [2]))]
            for _ in range(random.choice([0, 1, 1, 2]) if tools else 0):
                made = self._round(count, thinks)
                count += len(made[0]["tool_calls"])
                messages += made
            may_be_blank = any(message["role"] == "assistant" for message in messages)
            messages.append(self._answer("" if may_be_blank and random.random() < 0.1 else self.said(), thinks))
        return messages, tools

    def _answer(self, text: str, thinks: bool) -> Json:
        # A log that has the same text as reasoning and as answer has it once.
        thought = f"Hm. {self.text()}" if thinks and self.random.random() < 0.7 else None
        return {"role": "assistant", "content": text} | ({} if thought is None else {"reasoning_content": thought})

    def _round(self, count: int, thinks: bool) -> list[Json]:
        """An answer with calls and their results, sometimes in another order, sometimes not all."""
        made = []
        for number in range(self.random.choice([1, 1, 1, 2, 3])):
            arguments: Any = self.arguments()
            arguments = json.dumps(arguments, ensure_ascii=False) if self.argument_texts else arguments
            function = {"name": self.random.choice(NAMES), "arguments": arguments}
            made.append({"id": f"call{count + number + 1:05d}", "type": "function", "function": function})
        results = [{"role": "tool", "tool_call_id": one["id"], "name": one["function"]["name"], "content": self.text()} for one in made]
        if self.random.random() < 0.3:
            self.random.shuffle(results)
        text = self.said() if self.random.random() < 0.3 else ""
        return [self._answer(text, thinks) | {"tool_calls": made}, *results[: len(results) - (len(results) > 1 and self.random.random() < 0.1)]]


class Model(NamedTuple):
    """A model folder as it is opened here and in transformers."""

    flow: Flow
    tokenizer: Any


def open_model(folder: Path) -> Model:
    """Raises ConfigError where the dialect cannot be opened."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    faults: list[str] = []
    for options in ({}, {"date": DATE}, {"end_of_turn": "<|user|>"}, {"end_of_turn": tokenizer.eos_token}):
        dialect = {"name": "tried", "model": "hf", "tokenizer": str(folder), "max_tokens": 10**7, "options": options}
        source = {"name": "kit", "path": "logs.jsonl", "format": "openai", "calls_in_text": "none"}
        try:
            return Model(open_flow(parse_config({"sources": [source], "dialects": [dialect], "output": {"root": "out"}})), tokenizer)
        except ConfigError as error:
            faults += error.faults
    raise ConfigError(faults)


def verdict(model: Model, messages: list[Json], tools: list[Json] | None) -> str:
    """equal, different, why it is refused, or what else went wrong."""
    row = outcomes({"messages": messages, "tools": tools} if tools else {"messages": messages}, {}, model.flow)[-1]
    if isinstance(row, Quarantined):
        return f"{row.findings[0].code}: {row.findings[0].detail}"
    assert isinstance(row, Sample)
    writer = model.flow.dialects[0].writers[bool(tools)]  # type: ignore[attr-defined]
    shown = json.loads(row.conversation.tools) if row.conversation.tools else None
    try:
        wanted = ids_of_transformers(model, [_as_written(message, writer.form) for message in messages], shown)
    except Exception as error:  # whatever a template raises
        return f"kept, though transformers refuses it: {type(error).__name__}"
    ids = row.tokens.input_ids.tolist()
    return "equal" if wanted in (ids, ids[:-1]) else "different"


def _as_written(message: Json, form: Any) -> Json:
    """The message in the form that the template takes. Reasoning without a field of its own stands before the text."""
    made = dict(message)
    if not form.thoughts and "reasoning_content" in made:
        made["content"] = f"<think>{made.pop('reasoning_content')}</think>{made['content']}"
    if form.lists:
        made["content"] = [{"type": "text", "text": made["content"]}]
    return made


def ids_of_transformers(model: Model, messages: list[Json], tools: list[Json] | None) -> list[int]:
    import transformers.utils.chat_template_utils as upstream

    class Pinned(upstream.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return cls.fromisoformat(DATE)

    today = upstream.datetime
    upstream.datetime = Pinned
    try:
        ids: list[int] = model.tokenizer.apply_chat_template(messages, tools=tools, tokenize=True, return_dict=False, sanitize_control_tokens=True)
    finally:
        upstream.datetime = today
    return ids


def campaign(folder: Path, count: int, seed: int = 0) -> tuple[Counter[str], list[tuple[str, list[Json], list[Json] | None]]]:
    """How often each verdict was given, and the conversations that show a fault of ours."""
    model = open_model(folder)
    dialect = model.flow.dialects[0]
    chats = Chats(f"{folder.name}{seed}", sorted(dialect.encoder.ids_of), dialect.writers[True].form.argument_texts)  # type: ignore[attr-defined]
    found: Counter[str] = Counter()
    faults = []
    for _ in range(count):
        messages, tools = chats.chat()
        what = verdict(model, messages, tools)
        found[what] += 1
        if what != "equal" and not what.startswith(REFUSALS):
            faults.append((what, messages, tools))
    return found, faults


def main(given: Sequence[str]) -> int:
    found, faults = campaign(Path(given[0]), *map(int, given[1:3] or ["2000"]))
    print(given[0], dict(found))
    for what, messages, tools in faults[:3]:
        print(what, json.dumps({"messages": messages, "tools": tools}, ensure_ascii=False))
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
