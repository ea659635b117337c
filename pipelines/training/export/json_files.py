"""Files of JSON, one row a line, so that they can be counted and read without a parser for all of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pipelines.training.export.job import Codes, Entry, Job
from pipelines.training.export.rows import Row

Write = Callable[[Job, str, Iterable[Row]], Iterator[tuple[Row, Codes]]]


def one_list(entry: Entry) -> Write:
    """Writes `<split>.json`, a list; in ASCII, since MiniCPM-V's script opens it in the encoding of the machine."""

    def write(job: Job, split: str, rows: Iterable[Row]) -> Iterator[tuple[Row, Codes]]:
        with open(job.staging / f"{split}.json", "w", encoding="ascii") as file:
            file.write("[")
            for row in rows:
                made, codes = entry(row, job)
                file.write(("," if row.index else "") + "\n" + json.dumps(made))
                yield row, codes
            file.write("\n]\n")

    return write


def lines(entry: Entry) -> Write:
    """Writes `<split>.jsonl`, one object a line, in UTF-8."""

    def write(job: Job, split: str, rows: Iterable[Row]) -> Iterator[tuple[Row, Codes]]:
        with open(job.staging / f"{split}.jsonl", "w", encoding="utf-8", newline="\n") as file:
            for row in rows:
                made, codes = entry(row, job)
                file.write(json.dumps(made, ensure_ascii=False) + "\n")
                yield row, codes

    return write


def count_list(folder: Path, split: str) -> int:
    return len(json.loads((folder / f"{split}.json").read_bytes()))


def count_lines(folder: Path, split: str) -> int:
    with open(folder / f"{split}.jsonl", "rb") as file:
        return sum(isinstance(json.loads(line), dict) for line in file)
