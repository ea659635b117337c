"""The scene of the crash campaign: an output root with two published batches, the inputs of the next runs, and what readers may see.

n0            published, and never run again
n1            published, then amended; the amending run is disturbed
n2            the next batch
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
from deltalake import DeltaTable
from PIL import Image
from pyspark.sql import SparkSession

from pipelines.config import Config
from pipelines.console.published import view_of
from pipelines.spark.run.batch import RunOptions, run_batch
from pipelines.spark.run.completion import Result
from pipelines.tables.reading import open_table, run_rows, table_files
from tests.making import asked, configuration, write_lines

TABLES = ("conversations", "samples", "quarantine", "images")
_numbers = count()

View = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scene:
    folder: Path
    form: str

    @property
    def root(self) -> Path:
        return self.folder / "out"

    def config(self, **more: Any) -> Config:
        source = {"path": str(self.folder / "logs" / "{batch}" / "*.jsonl"), "image_root": str(self.folder / "screens")}
        output = {"root": str(self.root), "format": self.form}
        return configuration("minicpm_v_2_5", source=source, output=output, **({"gates": {"max_quarantined": 0.5}} | more))

    def write(self, batch: str, records: list[Any]) -> None:
        write_lines(self.folder / "logs" / batch / "a.jsonl", records)

    def run(self, spark: SparkSession, batch: str, config: Config | None = None, **options: Any) -> Result:
        started = datetime.now(UTC)
        return run_batch(spark, config or self.config(), batch, f"{batch}.{started:%H%M%S%f}.{next(_numbers)}", started, RunOptions(**options))

    def restored(self) -> Scene:
        """This scene as it was when it was kept. The folder must not move, because rows name their files."""
        if self.folder.exists():
            shutil.rmtree(self.folder)
        shutil.copytree(self._kept, self.folder, symlinks=True)
        return self

    def keep(self) -> None:
        shutil.copytree(self.folder, self._kept, symlinks=True)

    @property
    def _kept(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}-kept")


def steps(batch: str, numbers: range, screen: str) -> list[Any]:
    made = [asked(f"{batch} {number}?", episode_id=f"e{number}") for number in numbers]
    shown = {"messages": [{"role": "user", "content": "<image>What?"}, {"role": "assistant", "content": f"{batch}"}], "images": [screen]}
    return [*made, shown | {"episode_id": "e0"}, b"{broken in " + batch.encode()]


def build(spark: SparkSession, folder: Path, form: str) -> None:
    """Publishes two batches and writes the input of the disturbed run. Runs in a fork."""
    scene = Scene(folder, form)
    for name in ("0.png", "1.png", "2.png"):
        (folder / "screens").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 32 + int(name[0])), "red").save(folder / "screens" / name)
    scene.write("n0", steps("n0", range(6), "0.png"))
    scene.write("n1", steps("n1", range(4), "0.png"))
    scene.run(spark, "n0")
    scene.run(spark, "n1")
    scene.write("n1", steps("n1 amended", range(2, 9), "1.png"))
    scene.write("n2", steps("n2", range(5), "2.png"))


def view(scene: Scene) -> View:
    """What a reader of the snapshot sees: the rows of every table, without run ids and the folder of the scene."""
    if not run_rows(scene.root):
        return {}
    seen: View = {}
    for table in TABLES:
        found = open_table(scene.root, table).to_table()
        rows = found.to_pylist() if found.num_columns else []
        seen[table] = sorted(json.dumps(_essence(row), sort_keys=True, default=repr).replace(str(scene.folder), "") for row in rows)
    return seen


def counted_by_duckdb(scene: Scene) -> dict[str, int]:
    """Rows of each table in DuckDB's views of the snapshot."""
    with duckdb.connect() as database:
        for table in TABLES:
            database.execute(view_of(table, table_files(scene.root, table)))
        return {table: database.sql(f"SELECT count(*) FROM {table}").fetchall()[0][0] for table in TABLES}


def _essence(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in ("run_id", "modified")}


def leftovers(scene: Scene) -> list[str]:
    """What a recovered root must not have: staged rows of killed runs, files outside the snapshot, or reports of earlier runs."""
    return [*_staged(scene), *_beyond(scene), *_reports(scene)]


def _staged(scene: Scene) -> list[str]:
    return [f"_staging/{path.name}" for path in (scene.root / "_staging").glob("*")]


def _beyond(scene: Scene) -> list[str]:
    """A bare table, read without the snapshot, must hold the same files when no run is publishing."""
    found = []
    for table in TABLES:
        folder = scene.root / table
        bare = DeltaTable(str(folder)).file_uris() if scene.form == "delta" else [str(path) for path in folder.rglob("*.parquet")]
        beyond = set(bare) ^ set(table_files(scene.root, table))
        found += [f"{table}: {len(beyond)} files are in the bare table or in the snapshot, and not in both"] if beyond else []
    return found


def false_reports(scene: Scene) -> list[str]:
    """Published reports of runs that were not published."""
    published = {row["run_id"] for row in run_rows(scene.root)}
    reported = {path.parent.name: json.loads(path.read_bytes())["run_id"] for path in (scene.root / "reports").glob("*/manifest.json")}
    return [f"the report of {batch} is that of run {run_id}, which was not published" for batch, run_id in reported.items() if run_id not in published]


def _reports(scene: Scene) -> list[str]:
    found = []
    last = {row["batch"]: row["run_id"] for row in run_rows(scene.root)}
    for batch, run_id in last.items():
        manifest = scene.root / "reports" / batch / "manifest.json"
        reported = json.loads(manifest.read_bytes())["run_id"] if manifest.is_file() else None
        if reported != run_id:
            found.append(f"the report of {batch} is that of run {reported}, but run {run_id} was published")
    strange = {path.name for path in (scene.root / "reports").glob("*")} - set(last)
    return found + [f"a report of {name}, which was never published" for name in sorted(strange)]
