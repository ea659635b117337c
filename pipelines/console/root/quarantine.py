"""`episodes quarantine`: the records that were put aside, by reason, source and file, the worst first; with a filter the rows themselves."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.config import ConfigError
from pipelines.console.published import root_of
from pipelines.ledger.books import ASIDE
from pipelines.reasons import Reason, reason_of
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.publication.staged import as_of_run, full_run_id, staged_runs
from pipelines.tables.reading import NotPublished, open_files
from pipelines.visible import counted, did_you_mean, one_line, visible

if TYPE_CHECKING:
    import pyarrow.dataset as ds

OK, USAGE = 0, 2
MOST_GROUPS, MOST_ROWS = 20, 20
MOST_RAW, MOST_PATH = 200, 400  # characters
COLUMNS = ("record_id", "sample_id", "dialect", "origin", "stage", "reason", "findings", "raw", "episode_id", "run_id", "batch")

Row = Mapping[str, Any]


def run(options: Namespace) -> int:
    if options.reason is not None:
        _require_reason(options.reason)
    root_uri, stores, _ = root_of(options)
    root = OutputRoot(root_uri, stores)
    try:
        table, hints = _open(root, options.batch, options.run)
    except NotPublished as error:
        print(visible(f"episodes: {error}"), file=sys.stderr)
        return USAGE
    rows = _places(table, options)
    if options.source is not None and not len(rows):
        _require_source(options.source, root)
    is_filtered = any((options.reason, options.source, options.file))
    lines = _lines(table, rows, is_filtered, as_json=options.json)
    if not options.json:
        lines = _with_head(root_uri, rows, lines, is_filtered)
    for line in lines:
        print(line if options.json else visible(line))
    print(*map(visible, hints), sep="\n", end="\n" if hints else "", file=sys.stderr)
    return OK


def _require_reason(code: str) -> None:
    codes = [reason.code for reason in Reason]
    if code not in codes:
        raise ConfigError([f"--reason {code}: unknown reason{did_you_mean(code, codes)}"])


def _require_source(source: str, root: OutputRoot) -> None:
    runs = root.runs()
    staged = {one["source"] for manifest in staged_runs(root, runs) for one in manifest.get("sources") or ()}
    known = sorted({name for run in runs for name in run["sources"] or ()} | staged)
    if known and source not in known:
        named = did_you_mean(source, known) or f"; the sources are {', '.join(known)}"
        raise ConfigError([f"--source {source}: no run has a source of this name{named}"])


def _open(root: OutputRoot, batch: str | None, run_id: str | None) -> tuple[ds.Dataset, list[str]]:
    """(table `quarantine` of all batches, of one, or of one run, and hints about staged runs). Raises NotPublished."""
    if run_id is not None:
        published, batch = as_of_run(root, full_run_id(root, run_id))
        return open_files(root.uri, "quarantine", [file.path for file in published.files("quarantine", batch=batch)], published.fs), []
    runs = root.runs()
    newest = {row["batch"]: row["finished"].isoformat() for row in runs}
    staged: dict[str, Row] = {}
    for manifest in staged_runs(root, runs, batch):
        staged.setdefault(manifest["batch"], manifest)
    hints = [
        f"batch {name}: run {manifest['run_id']} was not published; its rows: episodes quarantine {root.uri} --run {manifest['run_id']}"
        for name, manifest in staged.items()
        if name not in newest or manifest["finished"] > newest[name]
    ]
    if not runs or (batch is not None and batch not in newest):
        what = f"batch {batch} is not published" if batch is not None and runs else "nothing is published"
        raise NotPublished("\n".join([f"{what} under {root.uri}", *hints]))
    published = root.published(runs)
    return open_files(root.uri, "quarantine", [file.path for file in published.files("quarantine", batch=batch)], published.fs), hints


def _places(table: ds.Dataset, options: Namespace) -> pa.Table:
    """The reason, place and batch of the rows that were asked for."""
    import pyarrow.dataset as ds

    wanted = pc.scalar(True)
    if options.reason is not None:
        wanted &= ds.field("reason") == options.reason
    if options.source is not None:
        wanted &= ds.field("origin", "source") == options.source
    if options.file is not None:  # a whole path, or its end
        path = ds.field("origin", "path")
        wanted &= (path == options.file) | pc.ends_with(path, "/" + options.file.removeprefix("./").lstrip("/"))
    names = {name: ds.field("origin", name) for name in ("source", "path", "line")}
    names |= {name: ds.field(name) for name in ("reason", "batch")}
    return table.to_table(columns=names, filter=wanted)


def _lines(table: ds.Dataset, rows: pa.Table, is_filtered: bool, as_json: bool) -> Iterator[str]:
    if is_filtered:
        shown = _in_order(rows) if as_json else _in_order(rows)[:MOST_ROWS]
        full = _rows_at(table, shown)
        yield from (_json(_plain(row)) for row in full) if as_json else _row_lines(full, len(rows))
        return
    groups = _groups(rows)
    shown = groups if as_json else groups[:MOST_GROUPS]
    first = {(row["reason"], row["origin"]["source"], row["origin"]["path"], row["origin"]["line"]): row for row in _rows_at(table, shown)}
    made = [_group(group, first.get((group["reason"], group["source"], group["path"], group["line"]))) for group in shown]
    yield from map(_json, made) if as_json else _group_lines(made, len(groups))


def _with_head(root: str, rows: pa.Table, lines: Iterator[str], is_filtered: bool) -> Iterator[str]:
    batches = pc.unique(rows["batch"]).to_pylist()
    if not batches:
        yield f"{root}: no record put aside matches" if is_filtered else f"{root}: nothing was put aside"
        return
    records = len(rows.group_by(["source", "path", "line", "batch"]).aggregate([]))  # by place: duplicates have the same id
    of = f"batch {batches[0]}" if len(batches) == 1 else f"{len(batches):,} batches"
    yield f"{root}: {counted(len(rows), 'row')} for {counted(records, 'record')} put aside, {of}"
    yield from lines


def _groups(rows: pa.Table) -> list[dict[str, Any]]:
    """Per reason, source and file: the rows, their records, and the first line; the most records first, and those without fault last."""
    found = rows.group_by(["reason", "source", "path"]).aggregate([([], "count_all"), ("line", "count_distinct"), ("line", "min")])
    groups = [
        {"reason": row["reason"], "source": row["source"], "path": row["path"], "line": row["line_min"]}
        | {"records": row["line_count_distinct"], "rows": row["count_all"]}
        for row in found.to_pylist()
    ]
    return sorted(groups, key=lambda row: (row["reason"] in ASIDE, -row["records"], row["reason"], row["source"], row["path"]))


def _group(group: Row, first: Row | None) -> dict[str, Any]:
    finding = _finding(first) if first else {"where": "", "detail": ""}
    named = {"where": "" if finding["where"] == group["path"] else finding["where"], "detail": finding["detail"], "fix": reason_of(group["reason"]).value.fix}
    return dict(group) | named | {"dialect": first["dialect"] if first else None}


def _group_lines(groups: Sequence[Row], total: int) -> Iterator[str]:
    if groups:
        yield f"{'records':>9}   {'reason':25} {'source':12} first of them"
    for group in groups:
        yield f"{group['records']:>9,}   {group['reason']:25} {group['source']:12} {_place(group['path'], group['line'])}"
        yield f"{'':12}{_what(group)}"
        yield f"{'':12}fix: {group['fix']}"
    if total > len(groups):
        yield f"and {counted(total - len(groups), 'more group')}: --json prints all; --reason, --source and --file show the rows of some"


def _place(path: str, line: int) -> str:
    """Line 0 is the file itself."""
    return one_line(path, MOST_PATH) + (f":{line}" if line else "")


def _what(row: Row) -> str:
    """The dialect, the place in the record, and what was found there; `the whole record` where the finding says neither."""
    parts = [row["dialect"] or "", f"at {row['where']}" if row["where"] else "", row["detail"]]
    return ": ".join(part for part in parts if part) or "the whole record"


def _row_lines(rows: Sequence[Row], total: int) -> Iterator[str]:
    for row in rows:
        finding = _finding(row)
        yield f"{_place(row['origin']['path'], row['origin']['line'])}   {row['reason']}: {_what({'dialect': row['dialect'], **finding})}"
        yield f"    record {row['record_id']}"
        if row["raw"] is not None:
            yield "    " + one_line(bytes(row["raw"])[: 4 * MOST_RAW].decode("utf-8", "backslashreplace"), MOST_RAW)
    if total > len(rows):
        yield f"and {counted(total - len(rows), 'more row')}: --json prints all"
    for code, count in Counter(row["reason"] for row in rows).most_common():
        yield f"fix of {code} ({counted(count, 'row')} above): {reason_of(code).value.fix}"


def _in_order(rows: pa.Table) -> list[dict[str, Any]]:
    ordered: list[dict[str, Any]] = rows.sort_by([(name, "ascending") for name in ("source", "path", "line", "reason")]).to_pylist()
    return sorted(ordered, key=lambda row: row["reason"] in ASIDE)


def _rows_at(table: ds.Dataset, places: Sequence[Row]) -> list[dict[str, Any]]:
    """The whole rows at these places, in this order; several where dialects or batches have one each."""
    import pyarrow.dataset as ds

    if not places:
        return []
    lines = ds.field("origin", "line").isin(sorted({place["line"] for place in places}))
    paths = ds.field("origin", "path").isin(sorted({place["path"] for place in places}))
    at: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for batch in table.to_batches(columns=list(COLUMNS), filter=lines & paths):
        for row in batch.to_pylist():
            at.setdefault((row["reason"], row["origin"]["source"], row["origin"]["path"], row["origin"]["line"]), []).append(row)
    keys = dict.fromkeys((place["reason"], place["source"], place["path"], place["line"]) for place in places)
    return [row for key in keys for row in sorted(at.get(key, ()), key=lambda row: (row["batch"], row["dialect"] or ""))]


def _finding(row: Row) -> Row:
    """The finding that gave the row its reason."""
    none = {"where": "", "detail": ""}
    return next((finding for finding in row["findings"] or () if finding["code"] == row["reason"]), none)


def _plain(row: Row) -> dict[str, Any]:
    raw = row["raw"]
    return dict(row) | {"raw": None if raw is None else bytes(raw).decode("utf-8", "backslashreplace"), "fix": reason_of(row["reason"]).value.fix}


def _json(row: Row) -> str:
    return orjson.dumps(row, default=str).decode()
