"""Which records other batches have published (`duplicates: root`), at a cost that does not grow with their number.

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
from pipelines.tables.schema import Row
from pipelines.training.tables import Published

Keys = npt.NDArray[np.uint64]
FOLDER = "_record_keys"
MERGED = 16  # files of one size that become one
BITS = 8  # of the table that drops most keys before they are looked up, beyond the number of wanted ones
MOST_BITS = 26


class _File(NamedTuple):
    name: str
    runs: list[tuple[str, int]]


def find_published(root: OutputRoot, runs: Sequence[Row], batch: str, record_ids: Sequence[str], name: str, has_content: Sequence[str]) -> list[Row]:
    """The record_id, batch, path and line of those records that another batch has published; of several batches the first by name.

    `runs` are the rows of `runs`. A record counts as published if it has a conversation, or a row of quarantine with one of the reasons
    `has_content`. `name` is that of a new file of keys.
    """
    newest = {row["batch"]: row["run_id"] for row in runs if row["batch"] != batch}
    if not newest or not record_ids:
        return []
    published = root.published(runs)
    batches = {run_id: other for other, run_id in newest.items()}
    may_be_in = _lookup(keys_of(record_ids))
    files, found = _known_files(root), set()
    for run_id, keys in _each_run(root, files, batches):
        if may_be_in(keys):
            found.add(batches[run_id])
    known = {run_id for file in files for run_id, _ in file.runs}
    missing = {run_id: _published_keys(published, other, has_content) for run_id, other in batches.items() if run_id not in known}
    found |= {batches[run_id] for run_id, keys in missing.items() if may_be_in(keys)}
    if missing:
        _write(root, name, missing)
        _merge(root, [*files, _File(f"{name}.keys", [(run_id, len(keys)) for run_id, keys in missing.items()])], batches, f"{name}-merged")
    return _rows(published, sorted(found), record_ids, has_content)


def keys_of(record_ids: Iterable[str]) -> Keys:
    """The keys of these records, sorted, each once.

    >>> [hex(key) for key in keys_of(["00000000000000ff" + "0" * 48])]
    ['0xff']
    """
    data = bytes.fromhex("".join(record_id[:16] for record_id in record_ids))
    return np.unique(np.frombuffer(data, dtype=">u8").astype(np.uint64))


def _lookup(wanted: Keys) -> Callable[[Keys], bool]:
    """A function that says whether one of the wanted keys is among some. Most of these are dropped by their first bits alone."""
    bits = min(MOST_BITS, math.ceil(math.log2(len(wanted) + 1)) + BITS)
    shift = np.uint64(64 - bits)
    is_possible = np.zeros(1 << bits, dtype=np.bool_)
    is_possible[wanted >> shift] = True

    def may_be_in(keys: Keys) -> bool:
        left = keys[is_possible[keys >> shift]]
        places = np.searchsorted(wanted, left)
        return bool(np.any(wanted[np.minimum(places, len(wanted) - 1)] == left))

    return may_be_in


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
    return keys_of(record_id for rows in _holding(published, batch, has_content) for record_id in rows["record_id"].to_pylist())


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


def _rows(published: Published, batches: Sequence[str], record_ids: Sequence[str], has_content: Sequence[str]) -> list[Row]:
    wanted = pa.array(record_ids, pa.string())
    found: dict[str, Row] = {}
    for batch in batches:
        for table in _holding(published, batch, has_content, "origin"):
            for row in table.filter(pc.is_in(table["record_id"], wanted)).select(["record_id", "path", "line"]).to_pylist():
                one = row | {"batch": batch}
                found[row["record_id"]] = min(one, found.get(row["record_id"], one), key=lambda each: (each["batch"], each["path"], each["line"]))
    return list(found.values())
