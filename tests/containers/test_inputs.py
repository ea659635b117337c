"""Which files a batch has, and which sources may have none."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.config import Config, ConfigError, parse_config
from pipelines.containers.inputs import inputs_of


def config(root: Path, **sources: dict[str, object]) -> Config:
    return parse_config({"sources": [{"name": name, **settings} for name, settings in sources.items()], "output": {"root": str(root / "out")}})


def test_every_source_without_files_is_named_with_its_path(tmp_path: Path):
    (tmp_path / "folder" / "n0").mkdir(parents=True)
    (tmp_path / "here.jsonl").touch()
    sources = {
        "glob": {"path": f"{tmp_path}/{{batch}}/*.jsonl"},
        "folder": {"path": f"{tmp_path}/folder/{{batch}}"},
        "absent": {"path": f"{tmp_path}/{{batch}}.jsonl"},
        "here": {"path": f"{tmp_path}/here.jsonl"},
    }
    with pytest.raises(ConfigError) as error:
        inputs_of(config(tmp_path, **sources), "n0")
    assert error.value.faults == (
        f"source glob: no log files at {tmp_path}/n0/*.jsonl; set allow_empty: true if a batch may have none",
        f"source folder: no log files at {tmp_path}/folder/n0; set allow_empty: true if a batch may have none",
        f"source absent: no such file or folder: {tmp_path}/n0.jsonl; set allow_empty: true if a batch may have none",
    )


def test_a_source_that_may_be_empty_gives_the_files_that_it_has(tmp_path: Path):
    (tmp_path / "b.jsonl").touch()
    paths = [f"{tmp_path}/absent", f"{tmp_path}/*.jsonl", f"{tmp_path}/b.jsonl"]
    found = inputs_of(config(tmp_path, a={"path": paths, "allow_empty": True}, b={"path": f"{tmp_path}/nothing", "allow_empty": True}), "n0")
    assert [(file.source, Path(file.path).name) for file in found.files] == [("a", "b.jsonl")]


def test_one_empty_glob_among_others_is_accepted(tmp_path: Path):
    (tmp_path / "b.jsonl").touch()
    found = inputs_of(config(tmp_path, a={"path": [f"{tmp_path}/*.parquet", f"{tmp_path}/*.jsonl"]}), "n0")
    assert len(found.files) == 1
