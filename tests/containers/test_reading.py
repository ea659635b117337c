"""Files -> records: each file is listed once, read as bytes, and nothing is silently lost."""

import gzip
import json
import os
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.config import Limits, Source
from pipelines.containers import read_records, read_split, survey_file
from pipelines.containers.listing import InputFile, list_inputs
from pipelines.local import index_records
from pipelines.records import RawRecord
from tests.making import asked, configuration, run_lines, write_lines

LIMITS = Limits()


def listed(path: Path) -> InputFile:
    stat = path.stat()
    return InputFile("logs", str(path), stat.st_size, stat.st_mtime_ns)


def read(path: Path, limits: Limits = LIMITS) -> list[RawRecord]:
    return list(read_records(listed(path), limits))


def lines(records: list[RawRecord]) -> list[tuple[int, bytes]]:
    return [(record.origin.line, record.raw) for record in records]


def names(source: Source, batch: str | None = "night") -> list[str]:
    return [Path(file.path).name for file in list_inputs(source, batch).files]


def test_a_folder_a_glob_and_a_list_name_each_file_once(tmp_path: Path):
    for name in ("night/a.jsonl", "night/sub/b.json.gz", "night/_temporary/c.jsonl", "night/.hidden.jsonl", "night/notes.txt", "other/d.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("see the other folder" if name.endswith(".txt") else "{}")
    assert names(Source(name="a", path=(f"{tmp_path}/{{batch}}",))) == ["a.jsonl", "b.json.gz"]
    assert names(Source(name="a", path=(f"{tmp_path}/{{batch}}/*.jsonl", f"{tmp_path}/night/a.jsonl"))) == ["a.jsonl"]
    assert names(Source(name="a", path=(f"{tmp_path}/{{batch}}/*.csv",))) == []


def test_a_plain_path_that_does_not_exist_is_an_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"source a: no such file or folder: .*/night\.jsonl"):
        list_inputs(Source(name="a", path=(f"{tmp_path}/{{batch}}.jsonl",)), "night")


@pytest.mark.parametrize("pattern", ["*.jsonl", "", "gone.jsonl"])
def test_a_broken_link_is_listed_and_reported(tmp_path: Path, pattern: str):
    (tmp_path / "gone.jsonl").symlink_to("nowhere")
    (file,) = list_inputs(Source(name="a", path=(str(tmp_path / pattern),)), "night").files
    (row,) = read_records(file, LIMITS)
    assert (row.origin.line, row.findings[0].code) == (0, "file.changed_while_reading")


def test_a_file_that_changes_after_it_was_listed_is_left_to_the_next_run(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"{}\n")
    file = listed(path)
    path.write_bytes(b"{}\n{}\n")
    assert [row.findings[0].code for row in read_records(file, LIMITS)] == ["file.changed_while_reading"]
    path.unlink()
    (row,) = read_records(file, LIMITS)
    assert row.findings[0].detail == "the file was listed with 3 bytes, but cannot be opened now: No such file or directory"


def test_a_file_that_changes_while_it_is_read_says_so_after_its_records(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"{}\n{}\n")
    rows = read_records(listed(path), LIMITS)
    first = next(rows)
    os.utime(path, ns=(1, 1))
    assert [first.origin.line, *(row.origin.line for row in rows)] == [1, 2, 0]


# The first line says that this is a file of lines: a lone bracket would make it an array.
TEXTS = st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1).map(str.encode).filter(bytes.strip), max_size=12).map(
    lambda lines: [b'{"n": 1}', *lines]
)


@given(records=TEXTS, end=st.sampled_from([b"", b"\n", b"\r\n\n \n"]))
def test_lines_end_only_at_newlines_and_no_byte_is_lost(tmp_path_factory, records: list[bytes], end: bytes):
    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    path.write_bytes(b"\n".join(records) + end)
    found = [raw.rstrip(b"\r") for _, raw in lines(read(path))]
    assert found == [record.rstrip(b"\r") for record in records]


@given(
    values=st.lists(
        st.recursive(st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])), st.lists, max_leaves=6), max_size=8
    ),
    indent=st.sampled_from([None, 2]),
)
def test_elements_of_an_array_are_their_exact_bytes(tmp_path_factory, values: list, indent: int | None):
    path = tmp_path_factory.mktemp("array") / "a.json"
    path.write_text(json.dumps(values, indent=indent, ensure_ascii=False), encoding="utf-8")
    found = lines(read(path))
    assert [json.loads(raw) for _, raw in found] == values
    assert [line for line, _ in found] == list(range(1, len(values) + 1))
    text = path.read_bytes()
    places = [0]
    for _, raw in found:
        places.append(text.index(raw, places[-1]) + len(raw))
    assert all(a < b for a, b in pairwise(places))


def test_every_member_of_a_gz_is_read(tmp_path: Path):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b"1\n") + gzip.compress(b"2\n3\n"))
    assert [raw for _, raw in lines(read(path))] == [b"1", b"2", b"3"]


def test_a_line_over_the_limit_is_replaced_by_its_size_hash_and_first_bytes(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n' + b"x" * 5000 + b'\n{"b": 2}\n')
    rows = read(path, Limits(line_bytes=1000))
    assert [row.origin.line for row in rows] == [1, 2, 3]
    assert rows[1].findings[0].code == "line.too_large"
    kept = json.loads(rows[1].raw)
    assert (sorted(kept), kept["bytes"]) == (["bytes", "head_base64", "sha256"], 5000)


@pytest.mark.parametrize("split_bytes", [1, 7, 100, 10_000])
def test_the_splits_together_give_the_whole_file(tmp_path: Path, split_bytes: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipelines.containers.CHUNK", 64)
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join(b'{"n": %d, "t": "%s"}' % (n, b"x" * (n % 37)) for n in range(500)) + b"\n\n")
    file = listed(path)
    survey = survey_file(file, split_bytes)
    parts = [record for split, first in survey.splits for record in (read_split(file, split, first, LIMITS) if split.end >= 0 else read_records(file, LIMITS))]
    assert parts == read(path)
    assert len(parts) == 500
    assert len(survey.splits) > 1


def test_a_parquet_row_is_json_with_sorted_keys_and_binary_as_base64(tmp_path: Path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"b": [1, None], "a": ["ü", "x"], "c": pa.array([b"\x00\xff", None], pa.binary())}), path)
    assert [raw for _, raw in lines(read(path))] == ['{"a":"ü","b":1,"c":"AP8="}'.encode(), b'{"a":"x","b":null,"c":null}']


def test_a_file_that_changes_between_the_two_passes_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write_lines(tmp_path / "logs.jsonl", [asked()])
    counted = index_records

    def count_and_change(*arguments):
        index = counted(*arguments)
        os.utime(path, ns=(1, 1))
        return index

    monkeypatch.setattr("pipelines.local.index_records", count_and_change)
    monkeypatch.setattr("pipelines.local.KEPT_BYTES", 0)  # as where the file is too large to be kept
    (row,) = run_lines(configuration(source={"path": str(path)}), path)
    assert (row.raw.origin.line, row.findings[0].code) == (0, "file.changed_while_reading")
