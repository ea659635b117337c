"""`episodes snapshot` and `episodes explain`: what is published under an output root, without Spark."""

from __future__ import annotations

import sys
from argparse import Namespace

import orjson
import pyarrow as pa
from rich.console import Console
from rich.text import Text

from pipelines.config import ConfigError, load_config
from pipelines.config.settings import Retention
from pipelines.console.record.published import near_ids, record_id_of
from pipelines.console.record.text import marked
from pipelines.ledger.history import Seen, history_of, kept_bytes
from pipelines.reasons import reason_of
from pipelines.storage.locations import absolute
from pipelines.storage.stores import ENVIRONMENT, Stores
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.reading import NotPublished, published_snapshot, schema_of, table_files
from pipelines.tables.schema import PARTITIONS, integer, long, text
from pipelines.visible import visible

OK, USAGE = 0, 2
MOST_RAW = 4000  # characters


def snapshot(options: Namespace) -> int:
    """Prints the published state, which is named by the last row of `runs`, as JSON; with --sql as views for DuckDB."""
    root, stores, _ = root_of(options)
    try:
        found = published_snapshot(root, stores)
        if not found:
            raise NotPublished(f"nothing is published under {root}")
    except NotPublished as error:
        print(visible(f"episodes: {error}"), file=sys.stderr)
        return USAGE
    if options.sql:
        print("\n".join(view_of(table, table_files(root, table, stores=stores)) for table in found))
    else:
        sys.stdout.write(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode() + "\n")
    return OK


def explain(options: Namespace) -> int:
    """Prints one record: its bytes, what it became, and every run that saw it."""
    root, stores, _ = root_of(options)
    try:
        record_id = record_id_of(OutputRoot(root, stores), options.record_id)
        seen = list(history_of(root, record_id, stores))
    except NotPublished as error:
        print(visible(f"episodes: {error}"), file=sys.stderr)
        return USAGE
    if not seen:
        print(
            visible(f"episodes: no run under {root} has seen a record whose id begins with {options.record_id}{near_ids(OutputRoot(root, stores), record_id)}"),
            file=sys.stderr,
        )
        return USAGE
    if options.json:
        sys.stdout.write(orjson.dumps([_line(one) for one in seen], default=_text).decode() + "\n")
    else:
        _show(Console(highlight=False, soft_wrap=True), record_id, seen)
    return OK


def root_of(options: Namespace) -> tuple[str, Stores, int]:
    """(the output root, how to reach it, the days of retention), from the arguments and the configuration that they name."""
    config = None if options.config is None else load_config(options.config)
    if config is None and options.root is None:
        raise ConfigError(["give the output root, or --config"])
    root = absolute(str(options.root)) if options.root is not None or config is None else config.output.root
    return (root, ENVIRONMENT, Retention().days) if config is None else (root, config.stores, config.retention.days)


def view_of(table: str, files: list[str]) -> str:
    """A statement for DuckDB: a view of these files, or an empty view with the table's columns."""
    names = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    rows = f"read_parquet([{names}], hive_partitioning = true, hive_types_autocast = false)" if files else f"({_no_rows(table)})"
    last = ", ".join(PARTITIONS[table])  # in the order of `open_table`; DuckDB sorts them by name
    columns = f"* EXCLUDE ({last}), {last}" if last else "*"
    return f"CREATE OR REPLACE VIEW {table} AS SELECT {columns} FROM {rows};"


def _no_rows(table: str) -> str:
    columns = ", ".join(f'CAST(NULL AS {_duckdb_type(field.type)}) AS "{field.name}"' for field in schema_of(table))
    return f"SELECT {columns} WHERE false"


_DUCKDB_TYPES = {text: "VARCHAR", integer: "INTEGER", long: "BIGINT", pa.float32(): "FLOAT", pa.float64(): "DOUBLE", pa.binary(): "BLOB", pa.bool_(): "BOOLEAN"}


def _duckdb_type(kind: pa.DataType) -> str:
    """DuckDB's name for the type."""
    if pa.types.is_list(kind):
        return f"{_duckdb_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        fields = ", ".join(f'"{field.name}" {_duckdb_type(field.type)}' for field in kind)
        return f"STRUCT({fields})"
    return _DUCKDB_TYPES[kind]


def _line(seen: Seen) -> dict[str, object]:
    raw = kept_bytes(seen)
    run = {name: seen.run[name] for name in ("run_id", "batch", "kind", "finished")}
    return run | {"status": seen.status, "states": seen.states(), "raw": raw and raw.decode("utf-8", "backslashreplace"), "rows": seen.rows}


def _text(value: object) -> object:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _show(console: Console, record_id: str, seen: list[Seen]) -> None:
    # What is published counts, although a later run may have seen the record and not been published.
    last = next((one for one in reversed(seen) if one.status == "published"), seen[-1])
    rows = last.rows or {}
    place = next((f" · {row['origin']['path']}:{row['origin']['line']}" for table in ("conversations", "quarantine") for row in rows.get(table, ())), "")
    raw = next((raw for one in reversed(seen) if (raw := kept_bytes(one)) is not None), None)
    _head(console, f"raw · record_id {record_id}{place}")
    text = (
        "not available: the log file is gone or has changed, and no run kept the bytes"
        if raw is None
        else visible(raw.decode("utf-8", "backslashreplace")[:MOST_RAW])
    )
    console.print(Text(text))
    for row in rows.get("conversations", ()):
        _head(console, f"conversation · {row['format']} · {row['origin']['path']}:{row['origin']['line']} · {row['split']}")
        number = 0
        for message in row["messages"]:
            image_at = message.get("image_at") or ()
            label = Text(f"{message['role']} {message['metadata']}".rstrip(), style="cyan")
            console.print(label, marked(message["content"], image_at, number + 1), sep="\n  ")
            number += len(image_at)
    _head(console, "state" if last.status == "published" else "state in a run that was not published")
    for state in last.states():
        console.print(Text(state))
    for row in [*rows.get("conversations", ()), *rows.get("quarantine", ())]:
        for finding in row["findings"]:
            console.print(Text(f"  {finding['code']} at {finding['where'] or 'the record'}: {visible(finding['detail'], keep='')}", style="red"))
        for code in dict.fromkeys(finding["code"] for finding in row["findings"] if "reason" in row):
            console.print(Text(f"  fix: {reason_of(code).value.fix}"))
    _head(console, "runs")
    for one in seen:
        kind = "redrive of " if one.run["kind"] == "redrive" else ""
        status = "" if one.status == "published" else f"not published, {one.status.replace('_', ' ')} · "
        states = "; ".join(one.states())
        console.print(Text(f"{one.run['finished']:%Y-%m-%d %H:%M:%S} · {kind}batch {one.run['batch']} · {one.run['run_id']} · {status}{states}"))


def _head(console: Console, text: str) -> None:
    console.print(Text(f"\n{text}", style="bold"))
