"""One of the two runs that are compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipelines.tables.publication.root import OutputRoot, newest_of
from pipelines.tables.publication.staged import as_of_run, full_run_id, manifest_of, staged_runs
from pipelines.tables.reading import input_rows_of
from pipelines.tables.schema import Row
from pipelines.training.tables import NotPublished, Published, run_rows


@dataclass(frozen=True, slots=True)
class Side:
    """A run, published or not. `fingerprints` are those of code, configuration and tokenizers; `settings` by their places; `files` with their counts."""

    run_id: str
    batch: str
    status: str
    finished: datetime
    states: Mapping[str, int]
    reasons: Mapping[str, int]
    fingerprints: Mapping[str, Any]
    settings: Mapping[str, Any]
    files: Sequence[Mapping[str, Any]]
    published: Published


def side_of(root: OutputRoot, name: str) -> Side:
    """The newest run of the batch with this name, also one that was not published where no other was; or the run whose id begins so. Raises NotPublished."""
    runs = run_rows(root.filesystem(), root.uri)
    newest = newest_of(runs, name)
    staged = () if newest else staged_runs(root, runs, name)
    run_id = newest["run_id"] if newest else staged[0]["run_id"] if staged else full_run_id(root, name)
    try:
        published, batch = as_of_run(root, run_id)
    except NotPublished as error:
        raise NotPublished(str(error).replace("no run", "there is no batch or run", 1)) from None
    manifest = manifest_of(root, run_id)
    row = next((row for row in runs if row["run_id"] == run_id), None)
    if row is None:
        tokenizers = {dialect: fact["fingerprint"] for dialect, fact in manifest["tokenizers"].items()}
        row = {"states": manifest["counts"], "reasons": manifest["reasons"], "finished": datetime.fromisoformat(manifest["finished"])}
        row |= {"code": manifest["code"], "config": manifest["config"], "tokenizers": tokenizers}
    status = "published" if any(one["run_id"] == run_id for one in runs) else manifest["status"]
    prints = {"code": row["code"], "configuration": row["config"], "tokenizers": dict(row["tokenizers"] or {})}
    settings = dict(_places("", manifest.get("settings") or {}))
    states, reasons = dict(row["states"] or {}), dict(row["reasons"] or {})
    return Side(run_id, batch, status, row["finished"], states, reasons, prints, settings, _files(root, run_id), published)


def _files(root: OutputRoot, run_id: str) -> list[Row]:
    try:
        return input_rows_of(root, run_id)
    except (FileNotFoundError, NotPublished):
        return []


def _places(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    """`gates.max_quarantined` -> 0.05; the sources and dialects by their names."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _places(f"{place}.{key}".lstrip("."), inner)
    elif isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
        for item in value:
            yield from _places(f"{place}[{item['name']}]", item)
    else:
        yield place, value
