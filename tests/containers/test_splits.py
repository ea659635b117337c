"""A large file of lines is read in splits: together they give every record once, with its own line number."""

import gzip
import hashlib
from pathlib import Path

import pytest

from pipelines import containers
from pipelines.config import Limits, Source
from pipelines.containers import LineSplit, Survey, damaged_row, read_records, read_split, survey_file
from pipelines.containers.listing import InputFile, input_file
from pipelines.reasons import Reason
from pipelines.storage.folders import Folders
from pipelines.storage.stores import ENVIRONMENT

LINES = b'{"n": 1}\n\n{"n": 2}\n{"n": "' + b"x" * 30 + b'"}\n{"n": 4}\n{"n": 5}'


def listed(path: Path) -> InputFile:
    return input_file(str(path), Source(name="kit", path=(str(path),)), Folders(ENVIRONMENT))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "a.jsonl").write_bytes(LINES)
    return tmp_path / "a.jsonl"


@pytest.mark.parametrize("chunk", [8, 10, 16, 1000])
@pytest.mark.parametrize("split_bytes", [1, 10, 25, 50, 1000])
def test_the_splits_of_a_file_give_its_records(log: Path, monkeypatch: pytest.MonkeyPatch, chunk: int, split_bytes: int):
    monkeypatch.setattr(containers, "CHUNK", chunk)
    file = listed(log)
    survey = survey_file(file, split_bytes)
    assert survey.sha256 == hashlib.sha256(LINES).hexdigest()
    whole = [(record.origin.line, record.raw) for record in read_records(file, Limits())]
    assert [line for line, _ in whole] == [1, 3, 4, 5, 6]
    if len(survey.splits) == 1:
        assert survey.splits == ((LineSplit(str(log), 0, -1), 1),)
        return
    assert split_bytes < len(LINES)
    found = [(record.origin.line, record.raw) for split, first in survey.splits for record in read_split(file, split, first, Limits())]
    assert found == whole
    ends = [split.end for split, _ in survey.splits]
    assert [split.start for split, _ in survey.splits] == [0, *ends[:-1]]
    assert ends[-1] == len(LINES)


def test_a_split_begins_after_the_first_line_end_beyond_its_size(log: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(containers, "CHUNK", 10)
    survey = survey_file(listed(log), 20)
    assert [(split.start, split.end, line) for split, line in survey.splits] == [(0, 59, 1), (59, 76, 5)]


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.json"])
def test_only_plain_lines_are_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setattr(containers, "CHUNK", 8)
    data = gzip.compress(LINES * 9) if name.endswith(".gz") else b"[\n" + b",\n".join([b'{"n": 1}'] * 20) + b"]"
    (tmp_path / name).write_bytes(data)
    assert survey_file(listed(tmp_path / name), 10) == Survey(hashlib.sha256(data).hexdigest(), ((LineSplit(f"{tmp_path}/{name}", 0, -1), 1),))


def test_a_file_that_no_longer_exists_has_no_hash(log: Path):
    file = listed(log)
    log.unlink()
    assert survey_file(file, 1) == Survey("", ((LineSplit(str(log), 0, -1), 1),))
    (row,) = read_records(file, Limits())
    assert (row.origin.line, row.raw, row.findings[0].code) == (0, b"", "file.changed_while_reading")
    assert row.findings[0].detail.startswith(f"the file was listed with {len(LINES)} bytes, but cannot be opened now: ")


def test_a_file_that_grew_is_reported_once_for_all_its_splits(log: Path):
    file = listed(log)
    log.write_bytes(LINES + b"\n")
    rows = [row for start in (0, 20) for row in read_split(file, LineSplit(str(log), start, start + 20), 1, Limits())]
    assert [(row.origin.line, row.findings[0].code, row.findings[0].detail) for row in rows] == [
        (0, "file.changed_while_reading", f"the file had {len(LINES)} bytes when it was listed, and has {len(LINES) + 1} now")
    ]


def test_the_id_of_a_damaged_file_depends_on_its_path_and_hash(log: Path):
    row = damaged_row(listed(log), Reason.FILE_CORRUPT.at("a", "b"))
    assert (row.origin.line, row.origin.sha256, row.raw) == (0, hashlib.sha256(LINES).hexdigest(), b"")
    assert row.record_id == hashlib.sha256(f"kit\0{log}\0{row.origin.sha256}".encode()).hexdigest()
