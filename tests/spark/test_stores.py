"""A run over logs and pictures in a store, with its tables in the store, publishes the same rows as a run over the same files on disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines.config import Config
from pipelines.containers import survey_file
from pipelines.containers.inputs import inputs_of
from pipelines.demo import BATCH
from pipelines.reading import open_table, run_rows
from pipelines.storage.stores import ENVIRONMENT, Stores
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.reading import input_rows_of
from tests.conftest import demo_config
from tests.servers import Server

pytestmark = pytest.mark.spark
ROOT = Path(__file__).parents[2]


def rows_of(root: str, base: str, stores: Stores = ENVIRONMENT) -> dict[str, list[str]]:
    """Every row of the tables as text, without the paths of the logs, the run, and values derived from them."""
    tables = {}
    for table in ("conversations", "samples", "quarantine"):
        rows = open_table(root, table, stores=stores).to_table().to_pylist()
        for row in rows:
            row.pop("run_id", None)
            row["record_id"] = row["record_id"] if row["origin"]["line"] else ""
        tables[table] = sorted(repr(row).replace(base, "BASE") for row in rows)
    return tables


def submit(config: Config, folder: Path, batch: str) -> subprocess.Popen[str]:
    """The job as a process of its own, whose workers have the environment of the server."""
    conf = folder / f"conf-{batch}.json"  # JSON is YAML
    conf.write_text(json.dumps(config.model_dump(mode="json", exclude_defaults=True, by_alias=True)))
    command = [sys.executable, "jobs/run.py", "--config", str(conf), "--batch", batch]
    environment = os.environ | {"PYSPARK_PYTHON": sys.executable}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def line_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, errors = process.communicate(timeout=1500)
    assert out, errors[-3000:]
    line: dict[str, Any] = json.loads(out)
    return line


def test_the_demo_in_a_store_gives_the_rows_of_the_demo_on_disk(demo_run: Any, demo: Any, server: Server, tmp_path: Path):
    """Logs, pictures and tables are in the store. Two runs at once: one is published. Nothing is left over. The next run has nothing to do, unless an
    object has changed."""
    folder, _ = demo
    server.upload(folder, "in/")
    base, root = f"{server.uri}/in", f"{server.uri}/tables"
    paths = [f"sources[0].path={base}/gui/{{batch}}", f"sources[0].image_root={base}/screens", f"sources[1].path={base}/tools/{{batch}}"]
    there = demo_config(folder, root, *paths, f"storage={json.dumps(server.settings)}")
    first, second = submit(there, tmp_path, BATCH), submit(there, tmp_path, BATCH)
    ended = sorted(line_of(process)["status"] for process in (first, second))
    assert ended in (["lost_race", "published"], ["published", "unchanged"]), ended  # the second may start when the first has ended
    found, wanted = rows_of(root, base, there.stores), rows_of(str(demo_run[1]), str(folder))
    assert found == wanted
    (run,) = run_rows(root, there.stores)
    inputs = input_rows_of(OutputRoot(root, there.stores), run["run_id"])
    assert all(row["sha256"].startswith("etag:") for row in inputs) == (server.name != "hdfs")
    assert not [key for key in server.files.keys() if key.startswith(("tables/_work", "tables/_leases"))]  # noqa: SIM118
    assert line_of(submit(there, tmp_path, BATCH))["status"] == "unchanged"
    changed = inputs[0]["path"].removeprefix(f"{server.uri}/")
    server.files.put(changed, server.files.get(changed) + b"\n")
    published = {(row["source"], row["path"]): row["sha256"] for row in inputs}
    now = {(file.source, file.path): survey_file(file, 1 << 30, there.stores).sha256 for file in inputs_of(there, BATCH).files}
    assert {path for (_, path), sha256 in now.items() ^ published.items()} == {inputs[0]["path"]}  # so a run would have something to do
