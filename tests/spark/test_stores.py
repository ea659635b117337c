"""A run over logs and pictures in a store publishes the same rows as a run over the same files on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.demo import BATCH
from pipelines.reading import open_table, run_rows
from tests.conftest import demo_config
from tests.servers.fixtures import only_moto, upload

pytestmark = [pytest.mark.spark, only_moto]  # uploads with an ACL


def rows_of(root: Path, base: str) -> dict[str, list[str]]:
    """Every row of the tables as text, without the paths of the logs, the run, and values derived from them."""
    tables = {}
    for table in ("conversations", "samples", "quarantine"):
        rows = open_table(root, table).to_table().to_pylist()
        for row in rows:
            row.pop("run_id", None)
            row["record_id"] = row["record_id"] if row["origin"]["line"] else ""
        tables[table] = sorted(repr(row).replace(base, "BASE") for row in rows)
    return tables


def test_the_demo_in_a_store_gives_the_rows_of_the_demo_on_disk(run_job: Any, demo: Any, s3: Any, bucket: str, s3_endpoint: str, tmp_path: Path):
    folder, _ = demo
    upload(s3, bucket, folder, ACL="public-read")
    paths = ["sources[0].path=s3://logs/gui/{batch}", "sources[0].image_root=s3://logs/screens", "sources[1].path=s3://logs/tools/{batch}"]
    # Anonymous, because the workers of this session have the environment in which the session was started.
    store = [f"storage.s3.endpoint={s3_endpoint}", "storage.s3.anonymous=true", "storage.s3.region=us-east-1"]
    there = demo_config(folder, tmp_path / "there", *paths, *store)
    assert run_job(there, BATCH).exit_code == 0
    assert run_job(demo_config(folder, tmp_path / "here"), BATCH).exit_code == 0
    found, wanted = rows_of(tmp_path / "there", "s3://logs"), rows_of(tmp_path / "here", str(folder))
    assert found == wanted
    (run,) = run_rows(tmp_path / "there")
    assert {row["sha256"].partition(":")[0] for row in run["inputs"]} == {"etag"}
    assert run_job(there, BATCH).status == "unchanged"
    changed = run["inputs"][0]["path"].removeprefix("s3://logs/")
    s3.put_object(Bucket=bucket, Key=changed, Body=s3.get_object(Bucket=bucket, Key=changed)["Body"].read() + b"\n", ACL="public-read")
    assert run_job(there, BATCH).status != "unchanged"
