"""The first row of every published episode: its task, which is the first user message, and the screen on which it begins."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.tables.parquet import read_in_batches
from pipelines.training.tables import DataFile, Published

ROWS = 256
PLACE = ["sample_id", "episode_id", "step_id", "origin.source", "origin.path", "origin.line", "images.list.element.sha256"]
TASK = ["messages.list.element.role", "messages.list.element.content"]
_NUMBER = re.compile(r"\d{1,18}")


class Side(NamedTuple):
    """Where an episode is: its source, and its split, or TEST_SET for one of the folder that the root is compared with."""

    source: str
    split: str

    @property
    def origin(self) -> tuple[str, bool]:
        """Equal for the splits of one source, whose prompts are alike. A folder of test sets may have the name of a source."""
        return self.source, self.split == TEST_SET


TEST_SET = "test set"


@dataclass(slots=True)
class Episode:
    """`screen` is the sha256 of its first picture. `task` numbers its distinct words, -1 where it has none; `text` is the
    beginning of its own text where its task was first seen with another one, or where it has no task. `origin` is path:line."""

    side: Side
    episode_id: str
    sample_id: str
    origin: str
    screen: str | None
    task: int = -1
    text: str | None = None


Reader = Callable[[], Iterator[tuple[Episode, str]]]  # the task of every episode, in the same order at each call


def first_rows(published: Published) -> dict[str, dict[int, Episode]]:
    """File of table `conversations` -> row -> episode: the row of each episode with the least step, batch, path and line."""
    best: dict[tuple[Side, str], tuple[tuple[int, str, str, int], str, int, str, str | None]] = {}
    for file in published.files("conversations"):
        row = -1
        for batch in _batches(published, file, PLACE):
            origins = batch["origin"]
            columns = [batch[name].to_pylist() for name in ("sample_id", "episode_id", "step_id")]
            columns += [pc.struct_field(origins, name).to_pylist() for name in ("source", "path", "line")]
            for sample_id, episode_id, step, source, path, line, screen in zip(*columns, _first_screens(batch["images"]), strict=True):
                row += 1
                key = (Side(source, file.partition["split"]), episode_id)
                order = (step_number(step), file.partition["batch"], path, line)
                if key not in best or order < best[key][0]:
                    best[key] = order, file.path, row, sample_id, screen
    rows: dict[str, dict[int, Episode]] = {}
    for (side, episode_id), ((_, _, path, line), name, row, sample_id, screen) in best.items():
        rows.setdefault(name, {})[row] = Episode(side, episode_id, sample_id, f"{path}:{line}", screen)
    return rows


def tasks_in(published: Published, rows: Mapping[str, Mapping[int, Episode]]) -> Reader:
    """Reads the tasks of these rows, one file after the other; only the rows of one batch of ROWS are in memory."""

    def read() -> Iterator[tuple[Episode, str]]:
        for file in published.files("conversations"):
            wanted, start = rows.get(file.path, {}), 0
            if not wanted:
                continue
            for batch in _batches(published, file, TASK):
                own = [at for at in range(len(batch)) if start + at in wanted]
                for at, text in zip(own, _first_questions(batch["messages"].take(pa.array(own, pa.int64()))), strict=True):
                    yield wanted[start + at], text
                start += len(batch)

    return read


def screen_hashes(published: Published, wanted: frozenset[str]) -> dict[str, int]:
    """sha256 -> difference hash of these pictures, as far as table `images` has one."""
    found: dict[str, int] = {}
    for file in published.files("images"):
        with published.fs.open_input_file(file.path) as source, pq.ParquetFile(source) as parquet:
            if "difference_hash" not in parquet.schema_arrow.names:
                continue
            for batch in read_in_batches(parquet, 1 << 16, ["sha256", "difference_hash"]):
                known = batch.filter(pc.is_valid(batch["difference_hash"]))
                found |= {sha: hashed for sha, hashed in zip(*(column.to_pylist() for column in known.columns), strict=True) if sha in wanted}
    return found


def _batches(published: Published, file: DataFile, columns: list[str]) -> Iterator[pa.RecordBatch]:
    with published.fs.open_input_file(file.path) as source, pq.ParquetFile(source) as parquet:
        yield from read_in_batches(parquet, ROWS, columns)


def step_number(step: str | None) -> int:
    """The first number in the id of a step, 0 where there is none."""
    number = _NUMBER.search(step or "")
    return int(number[0]) if number else 0


def _first_screens(images: pa.ListArray) -> list[str | None]:
    shas = pc.struct_field(images.flatten(), "sha256").to_pylist()
    starts = np.concatenate([[0], np.cumsum(pc.list_value_length(images).to_numpy(zero_copy_only=False))])
    return [shas[start] if end > start else None for start, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)]


def _first_questions(messages: pa.ListArray) -> list[str]:
    """The text of the first user message of each row, "" where there is none."""
    flat, parents = messages.flatten(), pc.list_parent_indices(messages).to_numpy()
    at = np.flatnonzero(pc.equal(pc.struct_field(flat, "role"), "user").to_numpy(zero_copy_only=False))
    rows, first = np.unique(parents[at], return_index=True)
    texts = ["" for _ in range(len(messages))]
    for row, text in zip(rows.tolist(), pc.struct_field(flat, "content").take(pa.array(at[first])).to_pylist(), strict=True):
        texts[row] = text
    return texts
