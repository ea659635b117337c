"""Other programs on the same conversations: datasets.map with a chat template and assistant mask, LLaMA-Factory's preprocessing, and bare
encoding by Hugging Face's tokenizers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from pipelines.demo.tools import sharegpt_talk
from tests.bench.limit import render
from tests.bench.spark_job import Ran, run_watched
from tests.bench.workload import talk

PROCESSES = 2
LLAMA_FACTORY = Path(__file__).with_name("llama_factory.py")
# A chat template with the mark that `return_assistant_tokens_mask` needs.
TEMPLATE = (
    "{% for message in messages %}{% if message.role == 'assistant' %}<|assistant|>\n{% generation %}{{ message.content }}{% endgeneration %}"
    "{% else %}<|{{ message.role }}|>\n{{ message.content }}{% endif %}{% endfor %}<|user|>"
)


def records(paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    for path in paths:
        for line in path.read_bytes().splitlines():
            yield orjson.loads(line)


def encode_only(paths: Sequence[Path], tokenizer: Any) -> int:
    """Renders and encodes whole conversations with Hugging Face's tokenizers, nothing else, and returns the number of tokens."""
    return sum(len(tokenizer.encode(render(record), add_special_tokens=False).ids) for record in records(paths))


def chat_template(paths: Sequence[Path], tokenizer: Path) -> int:
    """Runs datasets.map in one process over apply_chat_template with assistant mask and labels, and returns the number of tokens."""
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
    """Turns with a role and a text each, as a user's own script would first make of the logs."""
    text = render(record)
    turns = []
    for piece in text.split("<|")[1:]:
        role, _, content = piece.partition("|>")
        turns.append({"role": role, "content": content.removeprefix("\n")})
    return turns[:-1]


def text_records(count: int) -> Iterator[bytes]:
    return (orjson.dumps(sharegpt_talk(talk(seed))) + b"\n" for seed in range(count))


def llama_factory(
    python: Path, folder: Path, tokenizer: Path, counts: tuple[int, int], records: Callable[[int], Iterable[bytes]] = text_records, pictures: Path | None = None
) -> dict[str, float]:
    """CPU seconds per 1,000 records without start-up, the seconds from command to dataset with two processes, and the size of the larger one.

    `python` is the one in LLaMA-Factory's environment, `counts` are a small and a large number of records. All records are in sharegpt's
    form, which LLaMA-Factory reads; `pictures` is the folder of their images.
    """
    few, many = counts
    start, run = (_preprocessed(python, folder / str(count), tokenizer, records(count), pictures) for count in counts)
    cost = {"cpu_s_per_1000": round(1000 * (run.cpu - start.cpu) / (many - few), 3), "wall_s": round(run.wall, 1)}
    return cost | {"records": many, "python_mb": round(run.python_mb), "tokens": run.output["tokens"]}


def _preprocessed(python: Path, folder: Path, tokenizer: Path, records: Iterable[bytes], pictures: Path | None) -> Ran:
    folder.mkdir(parents=True)
    with open(folder / "records.jsonl", "wb") as file:
        file.writelines(records)
    return run_watched([str(python), str(LLAMA_FACTORY), str(folder), str(tokenizer), str(PROCESSES), *([str(pictures)] if pictures else [])])
