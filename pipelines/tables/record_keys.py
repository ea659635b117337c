"""Which records other batches have published (`duplicates: root`), from 8 bytes of each in a few files.

    _record_keys/<name>.keys    a line of JSON, [[run_id, number of keys], ...], and then the keys: 8 bytes each, little-endian

A key is the first 8 bytes of a record_id. The newest run of each other batch has its keys in one of these files; what is missing is read from the
tables once and added. Sixteen files of about one size become one. A key that is found only points to a batch: its tables decide, so
what somebody deleted there does not count, and files here may be lost or be too many.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.storage.files import delete_files, names_in, write_file
from pipelines.storage.opening import open_file
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.schema import Row, long, text
from pipelines.training.tables import Published

Keys = npt.NDArray[np.uint64]
FOLDER = "_record_keys"
FOUND = pa.schema([("record_id", text), ("batch", text), ("path", text), ("line", long)])
MERGED = 16  # files of one size that become one
BITS = 8  # of the table that drops most keys before they are looked up, beyond the number of wanted ones
MOST_BITS = 26


class _File(NamedTuple):
    name: str
    runs: list[tuple[str, int]]


def find_published(root: OutputRoot, runs: Sequence[Row], batch: str, wanted: Keys, name: str, has_content: Sequence[str]) -> pa.Table:
    """record_id, batch, path and line of those of these records that another batch has published; of several batches the first by name.

    `runs` are the rows of `runs`, `wanted` comes from `keys_of`. A record counts as published if it has a conversation, or a row of quarantine
    with one of the reasons `has_content`. `name` is that of a new file of keys.
    """
    newest = {row["batch"]: row["run_id"] for row in runs if row["batch"] != batch}
    if not newest or not len(wanted):
        return FOUND.empty_table()
    published = root.published(runs)
    batches = {run_id: other for other, run_id in newest.items()}
    are_in = _lookup(wanted)
    files = _known_files(root)
    found = {batches[run_id] for run_id, keys in _each_run(root, files, batches) if are_in(keys).any()}
    known = {run_id for file in files for run_id, _ in file.runs}
    missing = {run_id: _published_keys(published, other, has_content) for run_id, other in batches.items() if run_id not in known}
    found |= {batches[run_id] for run_id, keys in missing.items() if are_in(keys).any()}
    if missing:
        _write(root, name, missing)
        _merge(root, [*files, _File(f"{name}.keys", [(run_id, len(keys)) for run_id, keys in missing.items()])], batches, f"{name}-merged")
    return _rows(published, sorted(found), are_in, has_content)


def keys_of(columns: Iterable[pa.Array]) -> Keys:
    """The keys of the records with these ids, sorted, each once.

    >>> [hex(key) for key in keys_of([pa.array(["00000000000000ff" + "0" * 48])])]
    ['0xff']
    """
    parts = list(map(_keys, columns))
    return np.unique(np.concatenate(parts)) if parts else np.empty(0, np.uint64)


def _keys(record_ids: pa.Array) -> Keys:
    data = bytes.fromhex("".join(pc.utf8_slice_codeunits(record_ids, 0, 16).to_pylist()))
    return np.frombuffer(data, dtype=">u8").astype(np.uint64)


def _lookup(wanted: Keys) -> Callable[[Keys], npt.NDArray[np.bool_]]:
    """A function that says which keys are looked for. Most are dropped by their first bits alone."""
    bits = min(MOST_BITS, math.ceil(math.log2(len(wanted) + 1)) + BITS)
    shift = np.uint64(64 - bits)
    is_possible = np.zeros(1 << bits, dtype=np.bool_)
    is_possible[wanted >> shift] = True

    def are_in(keys: Keys) -> npt.NDArray[np.bool_]:
        found = is_possible[keys >> shift]
        left = keys[found]
        found[found] = wanted[np.minimum(np.searchsorted(wanted, left), len(wanted) - 1)] == left
        return found

    return are_in


def _known_files(root: OutputRoot) -> list[_File]:
    found = []
    for name in (one for one in names_in(root.path(FOLDER), root.stores) if one.endswith(".keys")):
        with suppress(FileNotFoundError), open_file(root.path(FOLDER, name), root.stores) as source:
            found.append(_File(name, [(run_id, count) for run_id, count in orjson.loads(source.readline())]))
    return found


def _each_run(root: OutputRoot, files: Sequence[_File], wanted: Mapping[str, str]) -> Iterator[tuple[str, Keys]]:
    """The keys of each wanted run, once."""
    seen: set[str] = set()
    for file in files:
        with suppress(FileNotFoundError), open_file(root.path(FOLDER, file.name), root.stores) as source:
            source.readline()
            for run_id, count in file.runs:
                data = source.read(8 * count)
                if run_id in wanted and run_id not in seen:
                    seen.add(run_id)
                    yield run_id, np.frombuffer(data, dtype="<u8")


def _published_keys(published: Published, batch: str, has_content: Sequence[str]) -> Keys:
    return keys_of(rows["record_id"].combine_chunks() for rows in _holding(published, batch, has_content))


def _holding(published: Published, batch: str, has_content: Sequence[str], *columns: str) -> Iterator[pa.Table]:
    """record_id and these columns of the batch's records that count as published, as tables of a few rows."""
    for rows in published.record_batches("conversations", columns=["record_id", *columns], batch=batch):
        yield _flat(rows)
    reasons = pa.array(has_content, pa.string())
    for rows in published.record_batches("quarantine", columns=["record_id", "reason", *columns], batch=batch):
        flat = _flat(rows)
        yield flat.filter(pc.is_in(flat["reason"], reasons))


def _flat(rows: pa.RecordBatch) -> pa.Table:
    """The path and line of `origin` as columns; text as Arrow compares it, since other writers store it as string_view."""
    columns = {name: rows[name].cast(pa.string()) for name in ("record_id", "reason") if name in rows.schema.names}
    if "origin" in rows.schema.names:
        columns |= {"path": pc.struct_field(rows["origin"], "path").cast(pa.string()), "line": pc.struct_field(rows["origin"], "line")}
    return pa.table(columns)


def _write(root: OutputRoot, name: str, keys: Mapping[str, Keys]) -> None:
    head = orjson.dumps([(run_id, len(one)) for run_id, one in keys.items()]) + b"\n"
    write_file(root.path(FOLDER, f"{name}.keys"), head + b"".join(one.astype("<u8").tobytes() for one in keys.values()), root.stores)
    root.on_point("record keys: written")


def _merge(root: OutputRoot, files: Sequence[_File], wanted: Mapping[str, str], name: str) -> None:
    """Merges files of one size. A run that reads them at the same time reads the tables instead."""
    sizes: dict[int, list[_File]] = {}
    for file in files:
        sizes.setdefault(int(math.log(max(len(file.runs), 1), MERGED)), []).append(file)
    for size, alike in sizes.items():
        if len(alike) >= MERGED:
            _write(root, f"{name}-{size}", dict(_each_run(root, alike, wanted)))
            delete_files([root.path(FOLDER, file.name) for file in alike], root.stores)


def _rows(published: Published, batches: Sequence[str], are_in: Callable[[Keys], npt.NDArray[np.bool_]], has_content: Sequence[str]) -> pa.Table:
    found = [FOUND.empty_table()]
    for batch in batches:
        for rows in _holding(published, batch, has_content, "origin"):
            some = rows.filter(pa.array(are_in(_keys(rows["record_id"]))))
            found.append(some.append_column("batch", pa.repeat(pa.scalar(batch), len(some))).select(FOUND.names))
    ordered = pa.concat_tables(found).sort_by([(name, "ascending") for name in ("batch", "path", "line")])
    first = ordered.group_by("record_id", use_threads=False).aggregate([(name, "first") for name in ("batch", "path", "line")])
    return first.select(["record_id", "batch_first", "path_first", "line_first"]).rename_columns(FOUND.names)
