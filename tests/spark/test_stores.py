"""A run over logs and pictures in a store publishes the same rows as a run over the same files on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.demo import BATCH
from pipelines.reading import open_table, run_rows
from pipelines.storage.stores import ENVIRONMENT, Stores
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.reading import input_rows_of
from tests.conftest import demo_config, keys_of, upload

pytestmark = pytest.mark.spark


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


def test_the_demo_in_a_store_gives_the_rows_of_the_demo_on_disk(run_job: Any, demo: Any, s3: Any, bucket: str, s3_endpoint: str, tmp_path: Path):
    """Logs, pictures and tables are in the store."""
    folder, _ = demo
    upload(s3, bucket, folder)
    paths = ["sources[0].path=s3://logs/gui/{batch}", "sources[0].image_root=s3://logs/screens", "sources[1].path=s3://logs/tools/{batch}"]
    store = [f"storage.s3.endpoint={s3_endpoint}", "storage.s3.region=us-east-1"]
    root = "s3://logs/tables"
    there = demo_config(folder, root, *paths, *store)
    result = run_job(there, BATCH)
    assert (result.exit_code, result.report) == (0, f"{root}/reports/{BATCH}/report.html")
    assert run_job(demo_config(folder, tmp_path / "here"), BATCH).exit_code == 0
    found, wanted = rows_of(root, "s3://logs", there.stores), rows_of(str(tmp_path / "here"), str(folder))
    assert found == wanted
    (run,) = run_rows(root, there.stores)
    inputs = input_rows_of(OutputRoot(root, there.stores), run["run_id"])
    assert {row["sha256"].partition(":")[0] for row in inputs} == {"etag"}
    assert not [key for key in keys_of(s3, bucket) if key.startswith(("tables/_work", "tables/_leases"))]
    assert run_job(there, BATCH).status == "unchanged"
    changed = inputs[0]["path"].removeprefix("s3://logs/")
    s3.put_object(Bucket=bucket, Key=changed, Body=s3.get_object(Bucket=bucket, Key=changed)["Body"].read() + b"\n")
    assert run_job(there, BATCH).status != "unchanged"
