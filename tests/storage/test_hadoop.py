"""The code that reads HDFS through a file system of pyarrow, tested with a local one."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from pipelines.storage.hadoop import Files
from pipelines.storage.opening import ObjectFile
from pipelines.storage.stores import Entry


@pytest.fixture
def files(tmp_path: Path) -> Files:
    for name in ("in/a.jsonl", "in/day one/b.jsonl", "in/empty.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"" if "empty" in name else name.encode())
    return Files(SubTreeFileSystem(str(tmp_path), LocalFileSystem()), "hdfs://name-node:8020")


def test_a_folder_is_listed(files: Files):
    assert sorted(key for key, _ in files.entries_below("in")) == ["in/a.jsonl", "in/day one/b.jsonl", "in/empty.jsonl"]
    folders, found = files.names_in("in")
    assert (folders, sorted(key for key, _ in found)) == (["in/day one"], ["in/a.jsonl", "in/empty.jsonl"])
    assert (files.has_below("in"), files.has_below("in/a.jsonl"), files.has_below("nothing")) == (True, False, False)
    assert list(files.entries_below("nothing")) == []


def test_a_file_has_a_time_and_no_version(files: Files, tmp_path: Path):
    assert files.head("in/a.jsonl") == Entry(10, (tmp_path / "in/a.jsonl").stat().st_mtime_ns, "")
    with pytest.raises(FileNotFoundError) as caught:
        files.head("in/none")
    assert caught.value.filename == "hdfs://name-node:8020/in/none"


@pytest.mark.parametrize(("name", "data"), [("in/day one/b.jsonl", b"in/day one/b.jsonl"), ("in/empty.jsonl", b"")])
def test_a_file_is_read(files: Files, name: str, data: bytes):
    with ObjectFile(files, name) as file:
        assert (file.read(3), file.read(), file.seek(-5, 2), file.read(2)) == (data[:3], data[3:], max(0, len(data) - 5), data[-5:-3])


def test_a_file_is_written_whole_under_a_condition_or_none(files: Files, tmp_path: Path):
    files.write("new/a.json", b"one")
    files.write("new/a.json", b"two")
    seen = files.head("new/a.json").identity
    with pytest.raises(FileExistsError):
        files.write("new/a.json", b"three", "")
    files.write("new/a.json", b"longer", seen)
    for key in ("new/a.json", "new/none"):
        with pytest.raises(OSError, match="the file has changed") as raised:
            files.write(key, b"four", seen)
        assert raised.value.errno == errno.ESTALE
    files.write("new/b.json", b"five", "")
    assert {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()} == {"a.json": b"longer", "b.json": b"five"}


def test_an_output_and_the_deletion_of_files(files: Files, tmp_path: Path):
    with files.open_output("new/folder/a.parquet") as sink:
        sink.write(b"ab")
        sink.write(b"c")
        assert sink.tell() == 3
    assert (tmp_path / "new/folder/a.parquet").read_bytes() == b"abc"
    files.delete(["new/folder/a.parquet", "in/none", "in/a.jsonl"])
    assert sorted(key for key, _ in files.entries_below("")) == ["in/day one/b.jsonl", "in/empty.jsonl"]
