"""The columns of `samples` that a training set needs, in memory or in a file that the processes of a machine share."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.training.tables import Published

FLAT = ("input_ids", "labels")  # come out as int32 arrays that share Arrow's memory


class Columns:
    """Rows by number: 8 bytes a token for ids and labels, about 130 for a picture and 16 for each of its views, 30 for a turn, 50 for a row."""

    def __init__(self, batches: Sequence[pa.RecordBatch]):
        self._batches = [batch for batch in batches if batch.num_rows]
        self._starts = [0, *accumulate(batch.num_rows for batch in self._batches)]

    def __len__(self) -> int:
        return self._starts[-1]

    @property
    def nbytes(self) -> int:
        """Bytes of Arrow memory; of a file that is mapped, the part that other processes share."""
        return sum(batch.nbytes for batch in self._batches)

    def row(self, number: int) -> dict[str, Any]:
        """This row; ids and labels as arrays that must not be written to."""
        at = bisect_right(self._starts, number) - 1
        batch, index = self._batches[at], number - self._starts[at]
        row: dict[str, Any] = {}
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            value = column[index]
            row[name] = value.values.to_numpy(zero_copy_only=False) if name in FLAT and value.is_valid else value.as_py()
        return row

    def lengths(self, name: str) -> np.ndarray:
        """How many entries each row has in this column of lists, 0 where it is null."""
        parts = [batch.column(name).value_lengths().fill_null(0).to_numpy() for batch in self._batches]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32)

    def null_count(self, name: str) -> int:
        return sum(batch.column(name).null_count for batch in self._batches)


def read_columns(published: Published, names: Sequence[str], cache: str | os.PathLike[str] | None, **where: str | None) -> Columns:
    """These columns of `samples`, in memory; with `cache`, a folder, memory-mapped from an Arrow IPC file that the first process writes there."""
    if cache is None:
        return Columns(list(published.record_batches("samples", columns=names, **where)))
    path = Path(cache) / f"samples-{_digest(published, names, where)}.arrow"
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.with_suffix(".lock")):
        if not _is_whole(path):
            _write(path, published, names, where)
    return Columns(_mapped(path))


def _mapped(path: Path) -> list[pa.RecordBatch]:
    reader = pa.ipc.open_file(pa.memory_map(str(path)))
    return [reader.get_batch(number) for number in range(reader.num_record_batches)]


def _is_whole(path: Path) -> bool:
    """Whether the file is there and has its end, which a full disk or a crash of the machine may have cut off."""
    try:
        _mapped(path)
    except (OSError, pa.ArrowInvalid):
        return False
    return True


def _digest(published: Published, names: Sequence[str], where: dict[str, str | None]) -> str:
    """Names what is in the cache, by the run that published it and by the files that it is of. A root that was made anew at the same path may
    have files of the same names."""
    paths = [file.path for file in published.files("samples", **where)]
    files = [(info.path, info.size, info.mtime_ns) for info in published.fs.get_file_info(paths)]
    return hashlib.sha256(json.dumps([published.root, published.runs[-1]["run_id"], list(names), files]).encode()).hexdigest()[:24]


def _write(path: Path, published: Published, names: Sequence[str], where: dict[str, str | None]) -> None:
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    schema = published.table_schema("samples", columns=names, **where)
    with pa.OSFile(str(temporary), "wb") as file, pa.ipc.new_file(file, schema) as writer:
        for batch in published.record_batches("samples", columns=names, **where):
            writer.write_batch(batch)
    temporary.replace(path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """While this process alone holds the lock; the others of the machine wait for the file that it writes."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
