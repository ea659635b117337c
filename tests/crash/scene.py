"""The scene of the crash campaign: an output root with two published batches, the inputs of the next runs, and what readers may see.

n0            published, and never run again
n1            published, then amended; the amending run is disturbed
n2            the next batch
"""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
from PIL import Image
from pyspark.sql import SparkSession

from pipelines.config import Config
from pipelines.config.stores import Storage, stores_of
from pipelines.console.published import view_of
from pipelines.spark.run.batch import RunOptions, run_batch
from pipelines.spark.run.completion import Result
from pipelines.storage.files import delete_folder, files_below, names_in, read_file, write_file
from pipelines.storage.stores import ENVIRONMENT
from pipelines.tables.publication.delta import files_in, open_delta
from pipelines.tables.publication.root import OnPoint, OutputRoot
from pipelines.training.tables import Published
from tests.making import asked, configuration, write_lines

TABLES = ("conversations", "samples", "quarantine", "images")
LOGS = ("_delta_log/", "_change_data/")
REQUESTS_AT_ONCE = 16
_numbers = count()

View = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scene:
    """Logs and pictures are in the folder, and so is the output root, unless it is in a store, with these settings under `storage`."""

    folder: Path
    store: str = ""
    storage: dict[str, Any] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """The output root on disk. That of a store has a copy here while the scene is kept or restored."""
        return self.folder / "out"

    @property
    def uri(self) -> str:
        return self.store or str(self.root)

    def config(self, **more: Any) -> Config:
        source = {"path": str(self.folder / "logs" / "{batch}" / "*.jsonl"), "image_root": str(self.folder / "screens")}
        settings = {"gates": {"max_quarantined": 0.5}, "storage": self.storage} | more
        return configuration("minicpm_v_2_5", source=source, output={"root": self.uri}, **settings)

    def write(self, batch: str, records: list[Any]) -> None:
        write_lines(self.folder / "logs" / batch / "a.jsonl", records)

    def output(self, on_point: OnPoint = lambda point: None) -> OutputRoot:
        return OutputRoot(self.uri, stores_of(Storage.model_validate(self.storage)), on_point)

    def run_id(self, batch: str) -> str:
        """Forks count alike, so the process has its number too."""
        return f"{batch}.{datetime.now(UTC):%H%M%S%f}.{os.getpid()}.{next(_numbers)}"

    def run(self, spark: SparkSession, batch: str, config: Config | None = None, **options: Any) -> Result:
        started = options["now"]() if "now" in options else datetime.now(UTC)
        return run_batch(spark, config or self.config(), batch, self.run_id(batch), started, RunOptions(**options))

    def restored(self) -> Scene:
        """This scene as it was when it was kept. The folder must not move, because rows name their files."""
        if self.folder.exists():
            shutil.rmtree(self.folder)
        shutil.copytree(self._kept, self.folder, symlinks=True)
        if self.store:
            root = self.output()
            delete_folder(root.uri, root.stores)
            self._copy(str(self.root), root.uri)
        return self

    def keep(self) -> None:
        if self.store:
            self._copy(self.uri, str(self.root))
        shutil.copytree(self.folder, self._kept, symlinks=True)

    def _copy(self, source: str, target: str) -> None:
        stores = self.output().stores
        with ThreadPoolExecutor(REQUESTS_AT_ONCE) as executor:
            paths = [path for path, _ in files_below(source, stores)]
            list(executor.map(lambda path: write_file(f"{target}{path.removeprefix(source)}", read_file(path, stores), stores), paths))

    @property
    def _kept(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}-kept")


def steps(batch: str, numbers: range, screen: str) -> list[Any]:
    made = [asked(f"{batch} {number}?", episode_id=f"e{number}") for number in numbers]
    shown = {"messages": [{"role": "user", "content": "<image>What?"}, {"role": "assistant", "content": f"{batch}"}], "images": [screen]}
    return [*made, shown | {"episode_id": "e0"}, b"{broken in " + batch.encode()]


def build(spark: SparkSession, scene: Scene) -> None:
    """Publishes two batches and writes the input of the disturbed run. Runs in a fork."""
    folder = scene.folder
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
    """What a reader sees in one snapshot: the rows of every table, without run ids and the folder of the scene."""
    return view_of_snapshot(scene, scene.output().published())


def view_of_snapshot(scene: Scene, published: Published) -> View:
    seen: View = {}
    for table in TABLES:
        rows = published.table(table).to_pylist()
        seen[table] = sorted(json.dumps(_essence(row), sort_keys=True, default=repr).replace(scene.uri, "").replace(str(scene.folder), "") for row in rows)
    return seen


def _essence(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in ("run_id", "modified")}


def without_batch(seen: View, batch: str) -> View:
    return {table: [row for row in rows if json.loads(row).get("batch") != batch] for table, rows in seen.items()}


def without_n0(seen: View) -> View:
    """Where n0 was never published, its picture is not known either."""
    return {table: [row for row in rows if "/0.png" not in row or table != "images"] for table, rows in without_batch(seen, "n0").items()}


def reader_view(scene: Scene) -> tuple[View, list[str]]:
    """What a reader sees, and where other readers see something else: DuckDB, and a report of a run that was not published."""
    published = scene.output().published()
    seen = view_of_snapshot(scene, published)
    counts = {table: len(rows) for table, rows in seen.items()}
    by_sql = _counted_by_duckdb(scene, published)
    faults = [] if by_sql == counts else [f"DuckDB counts {by_sql}, pyarrow {counts}"]
    return seen, faults + _false_reports(scene, published)


def _counted_by_duckdb(scene: Scene, published: Published) -> dict[str, int]:
    with duckdb.connect() as database, TemporaryDirectory() as folder:
        for table in TABLES:
            database.execute(view_of(table, [_on_disk(scene, published.path_of(file), folder) for file in published.files(table)]))
        return {table: database.sql(f"SELECT count(*) FROM {table}").fetchall()[0][0] for table in TABLES}


def _on_disk(scene: Scene, path: str, folder: str) -> str:
    """A file of the root, or a copy of it where the root is in a store, which DuckDB has no settings for."""
    if not scene.store:
        return path
    copy = folder + path.removeprefix(scene.uri)
    write_file(copy, read_file(path, scene.output().stores), ENVIRONMENT)
    return copy


def _below(scene: Scene, *folder: str) -> list[str]:
    """The names in a folder of the root."""
    root = scene.output()
    return names_in(root.path(*folder), root.stores)


def _manifests(scene: Scene, folder: str) -> dict[str, dict[str, Any]]:
    """By name the manifests in the folders of this folder."""
    root = scene.output()
    return {name: root.read_json(folder, name, "manifest.json") for name in _below(scene, folder) if root.exists(folder, name, "manifest.json")}


def _false_reports(scene: Scene, published: Published) -> list[str]:
    """Reports in the batches' folders of runs that were not published."""
    runs = {row["run_id"] for row in published.runs}
    reported = {batch: manifest["run_id"] for batch, manifest in _manifests(scene, "reports").items()}
    return [f"the report of {batch} is that of run {run_id}, which was not published" for batch, run_id in reported.items() if run_id not in runs]


def leftovers(scene: Scene) -> list[str]:
    """What a root must not have once a batch was run again: work folders, leases, files of dead runs, lagging tables, or reports of earlier runs."""
    published = scene.output().published()
    left = [f"{folder}/{name}" for folder in ("_work", "_leases") for name in _below(scene, folder)]
    return [*left, *_dead_runs(scene, published), *_beyond(scene), *_lagging(scene, published), *_reports(scene, published)]


def ended(scene: Scene) -> set[str]:
    """Runs that have ended and were not meant to be published."""
    return {run_id for run_id, manifest in _manifests(scene, "_runs").items() if manifest["status"] != "published"}


def _dead_runs(scene: Scene, published: Published) -> list[str]:
    known = {row["run_id"] for row in published.runs} | ended(scene)
    return [f"_runs/{name}" for name in _below(scene, "_runs") if name not in known]


def _beyond(scene: Scene) -> list[str]:
    """Data files that no table has, that no run has replaced, and that no run which ended unpublished keeps for its reader."""
    root = scene.output()
    kept: dict[str, set[str]] = {table: {file.path for file in files_in(open_delta(root, table))} for table in (*TABLES, "runs")}
    for name in _below(scene, "_replaced"):
        replaced = root.read_json("_replaced", name)
        kept[replaced["table"]] |= set(replaced["files"])
    for run_id in ended(scene):
        for table, files in root.read_json("_runs", run_id, "plan.json")["tables"].items():
            kept[table] |= {file["path"] for file in files}
    found = {table: {path.removeprefix(f"{root.path(table)}/") for path, _ in files_below(root.path(table), root.stores)} for table in kept}
    data = {table: {name for name in names if name.endswith(".parquet") and not name.startswith(LOGS)} for table, names in found.items()}
    return [f"{table}/{name} belongs to nothing" for table, names in data.items() for name in sorted(names - kept[table])]


def _lagging(scene: Scene, published: Published) -> list[str]:
    """A bare table, read without the snapshot, must hold the same files when no run is publishing."""
    newest = published.runs[-1]["version"]
    lagging = [table for table in TABLES if published.state(table).in_log < newest]
    return [f"{table}: lags behind table runs" for table in lagging]


def _reports(scene: Scene, published: Published) -> list[str]:
    found = []
    last = {row["batch"]: row["run_id"] for row in published.runs}
    manifests = _manifests(scene, "reports")
    for batch, run_id in last.items():
        reported = manifests.get(batch, {}).get("run_id")
        if reported != run_id:
            found.append(f"the report of {batch} is that of run {reported}, but run {run_id} was published")
    return found + [f"a report of {name}, which was never published" for name in sorted(set(_below(scene, "reports")) - set(last) - {"index.html"})]
