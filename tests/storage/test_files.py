"""Whole files are written, read, listed and deleted alike on disk and in a store."""

import errno
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.storage.files import (
    create_file,
    delete_files,
    delete_folder,
    file_exists,
    files_below,
    names_in,
    open_output,
    read_file,
    write_file,
    write_whole,
)
from pipelines.storage.locations import StoreError
from pipelines.storage.objects import MOST_DELETED, PART_BYTES
from pipelines.storage.stores import ENVIRONMENT, store_of
from tests.servers.fixtures import HDFS
from tests.storage.places import Place, open_bucket, stores_of


@pytest.fixture(params=["disk", "s3", HDFS])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    if request.param == "disk":
        yield Place(str(tmp_path / "out"), ENVIRONMENT)
        return
    if request.param == "hdfs":
        yield Place(request.getfixturevalue("running")("hdfs").folder(f"files-{uuid4().hex}").uri + "/out", ENVIRONMENT)
        return
    server = request.getfixturevalue("moto_server")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    with open_bucket(server.endpoint) as found:
        yield found


def names_below(place: Place, *folder: str) -> list[str]:
    return sorted(path.removeprefix(place.uri + "/") for path, _ in files_below(place.path(*folder), place.stores))


def test_a_file_is_written_and_replaced_as_a_whole(place: Place):
    path = place.path("a", "b.json")
    for data in (b"first", b"", b"second, longer"):
        write_file(path, data, place.stores)
        assert read_file(path, place.stores) == data
    assert names_below(place) == ["a/b.json"]  # no temporary file is left


def test_a_file_that_does_not_exist_is_file_not_found(place: Place):
    with pytest.raises(FileNotFoundError):
        read_file(place.path("none"), place.stores)
    assert not file_exists(place.path("none"), place.stores)
    write_file(place.path("a"), b"", place.stores)
    assert file_exists(place.path("a"), place.stores)
    assert not file_exists(place.path("a", "below a file"), place.stores)


def test_a_file_is_created_once(place: Place):
    path = place.path("a", "lease")
    assert create_file(path, b"first", place.stores)
    assert not create_file(path, b"second", place.stores)
    assert read_file(path, place.stores) == b"first"
    assert names_below(place) == ["a/lease"]
    delete_files([path], place.stores)
    assert create_file(path, b"third", place.stores)


def test_of_many_that_create_a_file_one_does(place: Place):
    path = place.path("lease")
    with ThreadPoolExecutor(8) as executor:
        created = list(executor.map(lambda number: create_file(path, b"%d" % number, place.stores), range(16)))
    assert created.count(True) == 1
    assert read_file(path, place.stores) == b"%d" % created.index(True)
    assert names_below(place) == ["lease"]


def test_threads_that_replace_a_file_at_once_leave_one_of_their_versions(place: Place):
    path = place.path("list.json")
    versions = [b"%d" % number * 1000 for number in range(16)]
    with ThreadPoolExecutor(8) as executor:
        list(executor.map(lambda data: write_file(path, data, place.stores), versions))
    assert read_file(path, place.stores) in versions
    assert names_below(place) == ["list.json"]


def test_files_are_listed_with_their_entries_and_folders_by_name(place: Place):
    for name in ("runs/r1/a", "runs/r1/b c%", "runs/r2/sub/c", "runs-2/d", "e"):
        write_file(place.path(name), name.encode(), place.stores)
    assert names_in(place.uri, place.stores) == ["e", "runs", "runs-2"]
    assert names_in(place.path("runs"), place.stores) == ["r1", "r2"]
    assert names_in(place.path("runs", "r1"), place.stores) == ["a", "b c%"]
    assert names_below(place, "runs") == ["runs/r1/a", "runs/r1/b c%", "runs/r2/sub/c"]
    found = {path: entry.size for path, entry in files_below(place.path("runs"), place.stores)}
    assert found == {place.path(name): len(name) for name in ("runs/r1/a", "runs/r1/b c%", "runs/r2/sub/c")}
    for path in found:
        assert read_file(path, place.stores)
    for nothing in ("none", "e"):
        assert names_in(place.path(nothing), place.stores) == []
        assert list(files_below(place.path(nothing), place.stores)) == []


def test_files_are_deleted_whether_they_exist_or_not(place: Place):
    for name in ("a", "b"):
        write_file(place.path(name), b"x", place.stores)
    delete_files([place.path("a"), place.path("none"), place.path("no", "folder")], place.stores)
    assert names_below(place) == ["b"]


def test_a_folder_is_deleted_with_all_that_is_in_it_and_nothing_else(place: Place):
    for name in ("r1/a", "r1/sub/b", "r10/c", "r1.json"):
        write_file(place.path(name), b"x", place.stores)
    delete_folder(place.path("r1"), place.stores)
    assert names_below(place) == ["r1.json", "r10/c"]
    delete_folder(place.path("r1"), place.stores)
    delete_folder(place.path("none"), place.stores)
    assert names_below(place) == ["r1.json", "r10/c"]
    assert names_in(place.uri, place.stores) == ["r1.json", "r10"]


def test_an_output_is_there_with_all_its_bytes_when_it_is_closed(place: Place):
    path = place.path("new", "folder", "a.parquet")
    table = pa.table({"number": range(1000)})
    with open_output(path, place.stores) as sink:
        pq.write_table(table, sink, row_group_size=100)
        size = sink.tell()
    assert len(read_file(path, place.stores)) == size
    assert pq.read_table(pa.BufferReader(read_file(path, place.stores))).equals(table)
    with open_output(path, place.stores) as sink:
        pass
    assert read_file(path, place.stores) == b""


@given(st.lists(st.binary(max_size=30)))
def test_an_output_has_the_bytes_that_were_written_in_order(tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]):
    path = str(tmp_path_factory.mktemp("out") / "a")
    with open_output(path, ENVIRONMENT) as sink:
        for part in parts:
            assert sink.write(part) == len(part)
        assert sink.tell() == sum(map(len, parts))
    write_whole(Path(path + ".whole"), b"".join(parts))
    assert read_file(path, ENVIRONMENT) == read_file(path + ".whole", ENVIRONMENT)


@pytest.fixture
def store(bucket: str, s3_endpoint: str) -> Any:
    return store_of("s3://logs/x", stores_of(s3_endpoint))[0]


def test_an_object_does_not_appear_before_its_output_is_closed(store: Any):
    data = bytes(range(256)) * (PART_BYTES // 100)  # more than two parts
    output = store.open_output("a")
    assert output.writable()
    for start in range(0, len(data), 1_000_003):
        output.write(data[start : start + 1_000_003])
    assert output.tell() == len(data)
    with pytest.raises(FileNotFoundError):
        store.head("a")
    output.close()
    output.close()
    assert store.read("a", 0, len(data) + 1)[0] == data


def test_an_object_is_replaced_only_if_it_is_still_the_one_that_was_seen(store: Any):
    store.write("a", b"one")
    seen = store.head("a").identity
    store.write("a", b"two", seen)
    with pytest.raises(OSError, match="the object has changed") as raised:
        store.write("a", b"three", seen)
    assert raised.value.errno == errno.ESTALE
    with pytest.raises(FileExistsError):
        store.write("a", b"four", "")
    assert store.read("a", 0, 9)[0] == b"two"
    store.delete(["a"])
    with pytest.raises(OSError, match="object") as raised:
        store.write("a", b"five", seen)
    assert raised.value.errno in (errno.ESTALE, errno.ENOENT)
    with pytest.raises(FileNotFoundError):
        store.head("a")


def test_of_many_that_replace_what_they_have_seen_one_does(store: Any):
    store.write("a", b"seen")
    seen = store.head("a").identity

    def replace(number: int) -> bool:
        try:
            store.write("a", b"%d" % number, seen)
        except OSError:
            return False
        return True

    with ThreadPoolExecutor(8) as executor:
        replaced = list(executor.map(replace, range(16)))
    assert replaced.count(True) == 1
    assert store.read("a", 0, 9)[0] == b"%d" % replaced.index(True)


def test_more_objects_are_deleted_than_one_request_takes(store: Any, monkeypatch: pytest.MonkeyPatch):
    assert MOST_DELETED == 1000
    monkeypatch.setattr("pipelines.storage.objects.MOST_DELETED", 3)
    for number in range(8):
        store.write(f"in/{number}", b"x")
    store.delete([f"in/{number}" for number in range(7)] + ["in/none"])
    assert [key for key, _ in store.entries_below("in")] == ["in/7"]


def test_a_write_to_a_bucket_that_does_not_exist_is_an_error_of_the_store(s3_endpoint: str, s3: Any):
    for write in (write_file, create_file):
        with pytest.raises(StoreError, match="no such bucket: s3://nowhere"):
            write("s3://nowhere/a", b"x", stores_of(s3_endpoint))
