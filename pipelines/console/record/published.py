"""A record of the published tables, or of a run that was not published, by record_id, sample_id or the beginning of either."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

import pyarrow.compute as pc

from pipelines.config import ConfigError, DialectSettings
from pipelines.console.record import Pieces, Row, View
from pipelines.dialects import open_dialect
from pipelines.ledger.books import state_of
from pipelines.ledger.history import bytes_of_origin
from pipelines.storage.stores import Stores
from pipelines.tables.publication.complete import read_manifest
from pipelines.tables.publication.root import BATCH_TABLES, OutputRoot
from pipelines.tables.publication.staged import as_of_run, full_run_id, manifest_of, staged_runs
from pipelines.tables.reading import NotPublished, open_files
from pipelines.training.pictures import PictureChanged, PictureMissing, picture_bytes
from pipelines.training.tables import Published
from pipelines.visible import did_you_mean, one_line

MOST_NAMED, MOST_NEAR = 10, 2
LEAST = 4  # characters that an id which is proposed shares with the one that was given
WHOLE = 64  # characters of a record_id


class Found(NamedTuple):
    """A record with an id that was asked for, which is `matched`. `sample_id` is None if all its rows are meant; `state` is conversation, or what
    `state_of` says of its row in quarantine."""

    record_id: str
    sample_id: str | None
    matched: str
    batch: str
    path: str
    line: int
    state: str


def published_view(root: OutputRoot, wanted: str, dialect: str | None, batch: str | None, run_id: str | None) -> tuple[View, Callable[[Row], bytes | None]]:
    """(the record with its rows, the bytes of a picture). Raises NotPublished where no record, or more than one, has such an id."""
    if run_id is None:
        published = root.published()
    else:
        published, batch = as_of_run(root, full_run_id(root, run_id))
    candidates = find_records(published, wanted, batch)
    if not candidates and run_id is None and (staged := _staged_with(root, wanted)):
        raise NotPublished(
            f"no published record under {root.uri} has an id that begins with {wanted}; run {staged} has one and was not published: add --run {staged}"
        )
    if not candidates:
        raise NotPublished(f"no published record under {root.uri} has an id that begins with {wanted}{_near_ids(published, wanted, batch)}")
    found = _only([(one, "") for one in candidates], wanted)
    _require_dialect(root, published, found.batch, dialect)
    rows = _rows(published, found, dialect)
    view = view_of_rows(root, published, found.batch, rows, dialect)
    raw = next((bytes(row["raw"]) for table, row in rows if table == "quarantine" and row["raw"] is not None), None)
    raw = raw if raw is not None else next((bytes_of_origin(row["origin"]) for _, row in rows), None)
    return replace(view, path=found.path, line=found.line, record_id=found.record_id, raw=raw), lambda image: picture_of(published, image)


def _staged_with(root: OutputRoot, wanted: str) -> str | None:
    """The last run that was not published and has a record with such an id."""
    for manifest in staged_runs(root, root.runs()):
        with suppress(NotPublished, OSError):
            published, batch = as_of_run(root, manifest["run_id"])
            if find_records(published, wanted, batch):
                return str(manifest["run_id"])
    return None


def view_of_rows(root: OutputRoot, published: Published, batch: str, rows: Sequence[tuple[str, Row]], dialect: str | None = None) -> View:
    """These rows of one record of this batch, with the vocabularies of the run that published it, and without the bytes of the record."""
    manifest = manifest_of(root, published.run_of(batch)["run_id"]) or read_manifest(root, batch)
    settings = [one for one in (manifest.get("settings") or {}).get("dialects", ()) if dialect in (None, one["name"])]
    first: Row = rows[0][1] if rows else {"origin": {"source": "", "path": "", "line": 0}, "record_id": ""}
    source, path, line = (first["origin"][name] for name in ("source", "path", "line"))
    not_sent = [one["name"] for one in settings if one["sources"] is not None and source not in one["sources"]]
    pieces = {row["dialect"]: _pieces(row["dialect"], manifest, settings, root.stores) for table, row in rows if table == "samples"}
    return View(path, line, first["record_id"], None, rows, pieces, not_sent)


def find_records(published: Published, wanted: str, batch: str | None = None, known_files: set[str] | None = None) -> list[Found]:
    """The records whose record_id or sample_id begins with this text; of a record that several batches have, that of the newest run.

    Files in `known_files` are not read; those that are read are added to it.
    """
    known_files = set() if known_files is None else known_files
    import pyarrow.dataset as ds

    wanted = wanted.strip().lower()
    names = {name: ds.field(name) for name in ("record_id", "sample_id", "batch")} | {name: ds.field("origin", name) for name in ("path", "line")}
    is_wanted = pc.starts_with(ds.field("record_id"), wanted) | pc.starts_with(ds.field("sample_id"), wanted)
    order = {row["run_id"]: place for place, row in enumerate(published.runs)}
    newest = {batch: order[published.run_of(batch)["run_id"]] for batch in published.batches}
    found: dict[str, Found] = {}
    for table in BATCH_TABLES:
        paths = [path for file in published.files(table, batch=batch) if (path := file.path) not in known_files]
        columns = names | ({"reason": ds.field("reason")} if table == "quarantine" else {})
        for row in open_files(published.root, table, paths, published.fs).to_table(columns=columns, filter=is_wanted).to_pylist():
            sample_id = None if row["record_id"].startswith(wanted) else row["sample_id"]
            state = state_of(row["reason"]) if "reason" in row else "conversation"
            one = Found(row["record_id"], sample_id, sample_id or row["record_id"], row["batch"], row["path"], row["line"], state)
            known = found.get(one.record_id)
            if known is None or newest[known.batch] < newest[one.batch]:
                found[one.record_id] = one
            elif known.sample_id != sample_id and known.batch == one.batch:  # several samples: the whole record is shown
                found[one.record_id] = known._replace(sample_id=None)
        known_files |= set(paths)
    return sorted(found.values(), key=lambda one: (one.batch, one.path, one.line))


def record_id_of(root: OutputRoot, wanted: str) -> str:
    """The record with this id, or with an id that begins with it, in what is published now, in runs that were not published, and in earlier states.

    A whole record_id is returned as it is, and so is an id that no state has. Raises NotPublished where several records have such an id.
    """
    if len(wanted) == WHOLE:
        return wanted
    found: dict[str, tuple[Found, str]] = {}
    known_files: set[str] = set()
    for published, batch, where in _states(root):
        with suppress(NotPublished, OSError):  # retention has deleted the files of that state
            for one in find_records(published, wanted, batch, known_files):
                found.setdefault(one.record_id, (one, where))
    return _only(list(found.values()), wanted).record_id if found else wanted


def near_ids(root: OutputRoot, wanted: str) -> str:
    """`; did you mean 4ae0bf35...?` for an id that no published record has; "" where none is like it."""
    runs = root.runs()
    return _near_ids(root.published(runs), wanted, None) if runs else ""


def _near_ids(published: Published, wanted: str, batch: str | None) -> str:
    """The ids that have most of the first characters. Those with other first LEAST characters are not looked for: all ids would have to be compared."""
    wanted = wanted.strip().lower()
    if len(wanted) <= LEAST:
        return ""
    near = [one.matched for one in find_records(published, wanted[:LEAST], batch)]
    best = max((_in_common(one, wanted) for one in near), default=0)
    shown = [one[: max(len(wanted), best + 4)] for one in near if _in_common(one, wanted) == best]
    return f"; did you mean {' or '.join(shown)}?" if 0 < len(shown) <= MOST_NEAR else ""


def _in_common(one: str, other: str) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _require_dialect(root: OutputRoot, published: Published, batch: str, dialect: str | None) -> None:
    """Raises NotPublished where the run of this batch had no such dialect."""
    run = published.run_of(batch)
    known = dict(manifest_of(root, run["run_id"]).get("tokenizers") or run.get("tokenizers") or {})
    if dialect is not None and known and dialect not in known:
        raise NotPublished(f"batch {batch} has no dialect {dialect}{did_you_mean(dialect, known) or '; it has ' + ', '.join(known)}")


def _states(root: OutputRoot) -> Iterator[tuple[Published, str | None, str]]:
    """What is published; then the runs that were not, and what was published before: each with its batch, and what to say of it."""
    runs = root.runs()
    if runs:
        yield root.published(runs), None, ""
    for manifest in staged_runs(root, runs):
        with suppress(NotPublished):
            yield *as_of_run(root, manifest["run_id"]), f", run {manifest['run_id']}, not published"
    for row in reversed(runs[:-1]):
        yield root.published(runs).as_of(row["run_id"]), row["batch"], f", run {row['run_id']}, replaced since"


def _only(found: Sequence[tuple[Found, str]], wanted: str) -> Found:
    """The only record. Each comes with what to say of the state of the tables that has it."""
    if len(found) == 1:
        return found[0][0]
    named = [f"  {_words(one, where)}" for one, where in found[:MOST_NAMED]]
    more = [f"  and {len(found) - MOST_NAMED:,} more"] if len(found) > MOST_NAMED else []
    raise NotPublished("\n".join([f"{len(found):,} records have an id that begins with {wanted}; give more of it:", *named, *more]))


def _words(one: Found, where: str) -> str:
    """
    >>> _words(Found("ab12", None, "cd34", "mon", "logs/a.jsonl", 3, "quarantined: image.missing"), ", run mon.r2, not published")
    'cd34  logs/a.jsonl:3  quarantined: image.missing  batch mon, run mon.r2, not published'
    """
    return f"{one.matched}  {one_line(one.path, 400)}:{one.line}  {one.state}  batch {one.batch}{where}"


def _rows(published: Published, found: Found, dialect: str | None) -> list[tuple[str, Row]]:
    """The rows of the record: each conversation, then its rows by dialect."""
    import pyarrow.dataset as ds

    rows: list[tuple[str, dict[str, Any]]] = []
    for table in BATCH_TABLES:
        files = open_files(published.root, table, [file.path for file in published.files(table, batch=found.batch)], published.fs)
        rows += [(table, row) for row in files.to_table(filter=ds.field("record_id") == found.record_id).to_pylist()]
    at = [row for _, row in rows if (row["origin"]["path"], row["origin"]["line"]) == (found.path, found.line)]  # not its duplicates
    kept = [(table, row) for table, row in rows if row in at and found.sample_id in (None, row["sample_id"])]
    kept = [(table, row) for table, row in kept if table == "conversations" or dialect in (None, row["dialect"])]
    place = {"conversations": 0, "samples": 1, "quarantine": 1}
    return sorted(kept, key=lambda one: (one[1]["sample_id"] or "", place[one[0]], one[1].get("dialect") or ""))


def _pieces(name: str, manifest: Row, settings: Sequence[Mapping[str, Any]], stores: Stores) -> Pieces | str:
    """The vocabulary that the run had, if it is still where it was."""
    mine = next((one for one in settings if one["name"] == name), None)
    if mine is None:
        return "the settings of the run are gone"
    try:
        opened = open_dialect(DialectSettings.model_validate(mine), stores)
    except (ConfigError, ValueError) as error:
        return f"the tokenizer {mine['tokenizer']} cannot be opened: {error}"
    if opened.fingerprint != manifest["tokenizers"][name]["fingerprint"]:
        return f"the tokenizer {mine['tokenizer']} has changed since"
    return Pieces(opened.vocabulary.pieces, opened.vocabulary.specials)


def picture_of(published: Published, image: Row) -> bytes | None:
    """The bytes of an element of column `images`; None where they are gone or have changed."""
    try:
        return picture_bytes(published, image)
    except (PictureMissing, PictureChanged, NotPublished):
        return None
