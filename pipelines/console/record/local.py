"""A record of a log file, run through the pipeline now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipelines.config import Config, ConfigError, load_config
from pipelines.console.record import Pieces, Row, View
from pipelines.flow import Flow, open_flow
from pipelines.images.bytes_of import image_bytes
from pipelines.local import record_outcomes
from pipelines.tables.schema import row_of


def local_view(
    path: Path, settings: list[str], dialect: str | None, file: str, line: int, batch: str | None
) -> tuple[View | None, Callable[[Row], bytes | None]]:
    """(what becomes of this record, None where there is none; the bytes of a picture). Raises ConfigError and FileNotFoundError."""
    config = load_config(path, settings)
    if dialect:
        chosen = tuple(one for one in config.dialects if one.name == dialect)
        if not chosen:
            raise ConfigError([f"--dialect {dialect}: unknown dialect; the configuration has {', '.join(one.name for one in config.dialects) or 'none'}"])
        config = config.model_copy(update={"dialects": chosen})
    flow = open_flow(config)
    raw, outcomes = record_outcomes(flow, file, line, batch)
    if raw is None:
        return None, lambda image: None
    rows = [row_of(outcome, "", "", config.split) for outcome in outcomes]
    not_sent = [one.name for one in config.dialects if not one.takes(raw.origin.source)]
    return View(raw.origin.path, raw.origin.line, raw.record_id, raw.raw, rows, _pieces(flow), not_sent), lambda image: image_bytes(image, config)


def view_of_row(table: str, row: Row, config: Config) -> tuple[View, Callable[[Row], bytes | None]]:
    """(this row, which the configuration made, without the bytes of its record; the bytes of a picture). Raises ConfigError."""
    dialects = tuple(one for one in config.dialects if one.name == row.get("dialect"))
    pieces = _pieces(open_flow(config.model_copy(update={"dialects": dialects})))
    if table == "samples" and not dialects:
        pieces = {row["dialect"]: "the configuration has no such dialect"}
    return View(row["origin"]["path"], row["origin"]["line"], row["record_id"], None, [(table, row)], pieces), lambda image: image_bytes(image, config)


def _pieces(flow: Flow) -> dict[str, Pieces | str]:
    return {one.name: Pieces(one.vocabulary.pieces, one.vocabulary.specials) for one in flow.dialects}
