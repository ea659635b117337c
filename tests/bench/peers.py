"""How a user would do it otherwise, on the same conversations: datasets.map with a chat template and assistant mask, and bare encoding by Hugging Face."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from tests.bench.limit import render

# ChatML with the mask that `return_assistant_tokens_mask` wants.
TEMPLATE = (
    "{% for message in messages %}{% if message.role == 'assistant' %}<|assistant|>\n{% generation %}{{ message.content }}{% endgeneration %}"
    "{% else %}<|{{ message.role }}|>\n{{ message.content }}{% endif %}{% endfor %}<|user|>"
)


def records(paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    for path in paths:
        for line in path.read_bytes().splitlines():
            yield orjson.loads(line)


def encode_only(paths: Sequence[Path], tokenizer: Any) -> int:
    """Number of tokens: rendering, and encoding whole conversations by Hugging Face's tokenizers. Nothing else."""
    return sum(len(tokenizer.encode(render(record), add_special_tokens=False).ids) for record in records(paths))


def chat_template(paths: Sequence[Path], tokenizer: Path) -> int:
    """Number of tokens: datasets.map in one process over apply_chat_template with assistant mask and labels."""
    import datasets
    from transformers import PreTrainedTokenizerFast

    hugging = PreTrainedTokenizerFast(tokenizer_file=str(tokenizer))
    hugging.chat_template = TEMPLATE

    def row(record: dict[str, str]) -> dict[str, list[int]]:
        made = hugging.apply_chat_template(orjson.loads(record["messages"]), return_dict=True, return_assistant_tokens_mask=True)
        ids = made["input_ids"]
        return {"input_ids": ids, "labels": [i if trained else -100 for i, trained in zip(ids, made["assistant_masks"], strict=True)]}

    datasets.disable_progress_bars()
    source = datasets.Dataset.from_list([{"messages": orjson.dumps(messages_of(record)).decode()} for record in records(paths)])
    with tempfile.TemporaryDirectory() as folder:
        mapped = source.map(row, remove_columns=["messages"], cache_file_name=f"{folder}/mapped.arrow")
        return sum(map(len, mapped["input_ids"]))


def messages_of(record: dict[str, Any]) -> list[dict[str, str]]:
    """Turns with a plain role and text each: what a user's own script would make of the logs first."""
    text = render(record)
    turns = []
    for piece in text.split("<|")[1:]:
        role, _, content = piece.partition("|>")
        turns.append({"role": role, "content": content.removeprefix("\n")})
    return turns[:-1]
