"""The steps that complete a publication: the run itself takes them, or the next run where it was killed.

The last row of `runs` says what is published. Tables with later changes are rolled back, the report of that row is moved in, and the
staging folders of dead runs are removed. Each step can be repeated.
"""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import orjson

from pipelines.ledger.manifest import Json, manifest_bytes
from pipelines.spark.publishing.tables import SNAPSHOT_TABLES, Tables
from pipelines.storage.locks import is_abandoned
from pipelines.tables.reading import RETIRED, Row, last_run, run_rows

SECONDS_A_DAY = 86_400


def recover(tables: Tables, run_id: str) -> list[str]:
    """Brings the root to the state that `runs` names; returns what was rolled back, in words. The caller holds the publication lock."""
    rolled_back = tables.roll_back(run_id)
    last = last_run(tables.root)
    if last is not None:
        _move_report(tables, last)
    _remove_abandoned(tables)
    return rolled_back


def report_folder(tables: Tables, batch: str) -> Path:
    return tables.root / "reports" / batch


def staged_report(tables: Tables, run_id: str) -> Path:
    return tables.root / "_staging" / run_id / "report"


def read_manifest(tables: Tables, batch: str) -> Json:
    """The manifest of a published batch; {} where there is none."""
    path = report_folder(tables, batch) / "manifest.json"
    return orjson.loads(path.read_bytes()) if path.is_file() else {}


def apply_retention(tables: Tables, days: int, now: datetime) -> None:
    """Deletes what only states older than `days` days need. The state of the last run stays readable."""
    for folder in [*(tables.root / RETIRED).glob("*"), *(folder for folder in (tables.root / "_staging").glob("*") if _ended_unpublished(folder))]:
        if now.timestamp() - folder.stat().st_mtime > days * SECONDS_A_DAY:
            shutil.rmtree(folder)
            tables.on_point("retention: folder removed")
    if any((now - row["finished"]).days >= days for row in run_rows(tables.root)):
        for table in SNAPSHOT_TABLES:
            tables.form.clean(tables.spark, tables.root, table, days)
            tables.on_point(f"retention: {table}")


def _move_report(tables: Tables, last: Row) -> None:
    """Moves the report of the last run in; the manifest goes last, so where it is, the report is too."""
    staged = staged_report(tables, last["run_id"])
    if (staged / "manifest.json").is_file():
        folder = report_folder(tables, last["batch"])
        folder.mkdir(parents=True, exist_ok=True)
        published = {"versions": last["versions"], "files": last["files"]}
        manifest = orjson.loads((staged / "manifest.json").read_bytes())
        manifest |= {"published": published, "finished": last["finished"].isoformat()}
        for name, data in (("report.html", (staged / "report.html").read_bytes()), ("manifest.json", manifest_bytes(manifest))):
            temporary = folder / f".{name}.{last['run_id']}"
            temporary.write_bytes(data)
            temporary.replace(folder / name)
            tables.on_point(f"{name}: moved in")
    staging = tables.root / "_staging" / last["run_id"]
    if staging.is_dir():
        shutil.rmtree(staging)
        tables.on_point("staging: removed")


def _remove_abandoned(tables: Tables) -> None:
    """Removes the staging folders of runs that died. A run that ended unpublished keeps its rows and report for a reader."""
    for folder in (tables.root / "_staging").glob("*"):
        if folder.is_dir() and is_abandoned(folder) and remove_staging(folder):
            tables.on_point("staging of a dead run: removed")


def clean_up(tables: Tables, run_id: str) -> None:
    """Removes a run's staging folder as it ends. A run that published but failed before its report was moved in leaves it for the next run."""
    last = last_run(tables.root)
    if last is None or last["run_id"] != run_id:
        remove_staging(tables.root / "_staging" / run_id)


def remove_staging(staging: Path) -> bool:
    """Removes a staging folder, unless its run ended unpublished: then its rows and report are kept for a reader."""
    if not staging.is_dir() or _ended_unpublished(staging):
        return False
    shutil.rmtree(staging)
    return True


def _ended_unpublished(folder: Path) -> bool:
    manifest = folder / "report" / "manifest.json"
    return manifest.is_file() and orjson.loads(manifest.read_bytes())["status"] != "published"
