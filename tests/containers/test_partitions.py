"""Columns in the names of folders, as Hive and Spark write them."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.config import Limits, Source
from pipelines.containers import read_records
from pipelines.containers.listing import list_inputs
from pipelines.containers.partitions import columns_of, with_columns
from pipelines.flow import draft_of
from pipelines.records import Draft, raw_record
from tests.making import asked, configuration, run_lines, write_lines


@pytest.mark.parametrize(
    ("path", "patterns", "columns"),
    [
        ("/in/episode_id=ep1/a.jsonl", ["/in"], {"episode_id": "ep1"}),
        ("/in/episode_id=ep1/a.jsonl", ["/in/*/*.jsonl"], {"episode_id": "ep1"}),
        ("/in/episode_id=ep1/a.jsonl", ["/in/episode_id=*/a.jsonl"], {"episode_id": "ep1"}),
        ("/in/episode_id=ep1/a.jsonl", ["/in/episode_id=ep1"], {}),
        ("/in/episode_id=ep1/a.jsonl", ["/in/episode_id=ep1/a.jsonl"], {}),
        ("/in/episode_id=ep1/a.jsonl", ["/in/episode_id=ep1/*.jsonl", "/in"], {"episode_id": "ep1"}),
        ("/in/x/a=1/b/c=%2Fd%3D/e.jsonl", ["/in"], {"a": "1", "c": "/d="}),
        ("/in/a=__HIVE_DEFAULT_PARTITION__/b=/c.jsonl", ["/in"], {"a": None, "b": ""}),
        ("/in/a=1/x=y.jsonl", ["/in"], {"a": "1"}),
        ("/in/night=2026-11-22/a=1/b.jsonl", ["/in/night={batch}"], {"a": "1"}),
        ("/inner/a=1/b.jsonl", ["/in"], {}),
    ],
)
def test_columns_come_from_the_folders_below_the_path_of_the_source(path: str, patterns: list[str], columns: dict[str, str | None]):
    assert columns_of(path, patterns) == columns


def test_a_value_of_the_record_takes_precedence():
    """A key that holds null is no key."""
    assert with_columns({"a": None, "b": 2}, "/in/a=1/b=1/c=1/x.jsonl", ["/in"]) == {"a": "1", "b": 2, "c": "1"}


def test_the_bytes_of_a_parquet_row_include_the_columns(tmp_path: Path):
    (tmp_path / "a=1" / "b=2").mkdir(parents=True)
    pq.write_table(pa.table({"b": [None, 7], "c": [1, 2]}), tmp_path / "a=1" / "b=2" / "x.parquet")
    (file,) = list_inputs(Source(name="s", path=(str(tmp_path),)), None).files
    assert [record.raw for record in read_records(file, Limits())] == [b'{"a":"1","b":"2","c":1}', b'{"a":"1","b":7,"c":2}']


def test_a_line_keeps_its_bytes_and_its_conversation_has_the_column(tmp_path: Path):
    path = write_lines(tmp_path / "episode_id=ep%201" / "a.jsonl", [asked(), asked("own", episode_id="mine")])
    first, second = run_lines(configuration(source={"path": str(tmp_path)}), path)
    assert (first.episode_id, second.episode_id) == ("ep 1", "mine")


def test_a_record_that_is_run_again_from_its_kept_bytes_has_the_column():
    config = configuration(source={"name": "s", "path": "/in/{batch}"})
    draft = draft_of(raw_record("s", "/in/night/episode_id=ep1/gone.jsonl", 1, json.dumps(asked()).encode()), config)
    assert isinstance(draft, Draft)
    assert draft.episode_id == "ep1"
