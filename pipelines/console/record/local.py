"""A record of a log file, run through the pipeline now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipelines.config import ConfigError, load_config
from pipelines.console.record import Pieces, Row, View
from pipelines.flow import open_flow
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
    pieces: dict[str, Pieces | str] = {one.name: Pieces(one.vocabulary.pieces, one.vocabulary.specials) for one in flow.dialects}
    not_sent = [one.name for one in config.dialects if not one.takes(raw.origin.source)]
    return View(raw.origin.path, raw.origin.line, raw.record_id, raw.raw, rows, pieces, not_sent), lambda image: image_bytes(image, config)
