"""What the project relies on in every storage server: files are found as they were written, and of two writers one loses."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import obstore
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction, CommitProperties
from obstore.exceptions import AlreadyExistsError, PreconditionError

from pipelines.config.stores import Storage, stores_of
from pipelines.storage.stores import store_of
from tests.servers import Server
from tests.servers.fixtures import only_hdfs, only_objects


def test_a_folder_is_empty_at_first_and_has_what_was_written(server: Server):
    assert server.files.keys() == []
    server.files.put("day one/ä#%20[x].jsonl", b"one")
    server.files.put("a", b"two")
    server.files.put("a", b"three")
    assert (server.files.keys(), server.files.get("a")) == (["a", "day one/ä#%20[x].jsonl"], b"three")
    server.files.delete("a")
    assert server.files.keys() == ["day one/ä#%20[x].jsonl"]
    with pytest.raises(FileNotFoundError):
        server.files.get("a")


@pytest.fixture
def store(server: Server) -> Any:
    """The store as the product opens it, with the settings of the configuration and the environment; the bucket is its root."""
    return store_of(server.uri, stores_of(Storage.model_validate(server.settings)))[0]._store  # type: ignore[attr-defined]


@only_objects
def test_an_existing_object_is_not_created_again(server: Server, store: Any):
    key = f"{server.uri.rpartition('/')[2]}/lease"
    obstore.put(store, key, b"first", mode="create")
    with pytest.raises(AlreadyExistsError):
        obstore.put(store, key, b"second", mode="create")
    assert server.files.get("lease") == b"first"


@only_objects
def test_an_object_is_replaced_only_where_it_is_as_it_was_read(server: Server, store: Any):
    key = f"{server.uri.rpartition('/')[2]}/lease"
    old = obstore.put(store, key, b"first")
    new = obstore.put(store, key, b"second", mode={"e_tag": old["e_tag"]})
    with pytest.raises(PreconditionError):
        obstore.put(store, key, b"third", mode={"e_tag": old["e_tag"]})
    assert server.files.get("lease") == b"second"
    assert obstore.head(store, key)["e_tag"] == new["e_tag"]


def commit(table: DeltaTable, name: str) -> None:
    """Commits a file to the version after that of `table`, or raises CommitFailedError."""
    added = [AddAction(name, 10, {}, 0, True, '{"numRecords": 1}')]
    table.create_write_transaction(added, "append", table.schema(), commit_properties=CommitProperties(max_commit_retries=0))


def test_a_version_of_a_table_is_committed_once(server: Server):
    uri, options = f"{server.uri}/table", server.options()
    write_deltalake(uri, pa.table({"a": [1]}), storage_options=options)

    one, other = DeltaTable(uri, storage_options=options), DeltaTable(uri, storage_options=options)
    commit(one, "one.parquet")
    with pytest.raises(CommitFailedError):
        commit(other, "other.parquet")
    table = DeltaTable(uri, storage_options=options)
    assert table.version() == 1
    assert [uri.rpartition("/")[2] for uri in table.file_uris()].count("other.parquet") == 0


WRITERS = 8


def winners(write: Callable[[int], object], lost: type[Exception]) -> list[int]:
    """Which of the writers succeeded, when all write at once."""
    barrier = Barrier(WRITERS)

    def attempt(number: int) -> bool:
        barrier.wait()
        try:
            write(number)
        except lost:
            return False
        return True

    with ThreadPoolExecutor(WRITERS) as writers:
        return [number for number, won in enumerate(writers.map(attempt, range(WRITERS))) if won]


@only_objects
def test_of_writers_that_create_an_object_at_once_one_wins(server: Server, store: Any):
    for turn in range(5):
        key = f"{server.uri.rpartition('/')[2]}/lease-{turn}"
        (winner,) = winners(lambda number, key=key: obstore.put(store, key, b"%d" % number, mode="create"), AlreadyExistsError)
        assert server.files.get(f"lease-{turn}") == b"%d" % winner


@only_objects
def test_of_writers_that_replace_an_object_at_once_one_wins(server: Server, store: Any):
    for turn in range(5):
        key = f"{server.uri.rpartition('/')[2]}/lease-{turn}"
        old = obstore.put(store, key, b"old")["e_tag"]
        (winner,) = winners(lambda number, key=key, old=old: obstore.put(store, key, b"%d" % number, mode={"e_tag": old}), PreconditionError)
        assert server.files.get(f"lease-{turn}") == b"%d" % winner


@only_hdfs
@pytest.mark.parametrize("way", ["create", "rename"])
def test_of_writers_of_a_file_in_hdfs_one_wins(server: Server, way: str):
    """HDFS replaces no file on a condition. What takes its place: a new name each time, created or renamed without overwriting."""
    files: Any = server.files
    for turn in range(5):
        target = f"{files.folder}/lease-{turn}"

        def write(number: int, turn: int = turn, target: str = target) -> None:
            own = target if way == "create" else f"{target}-{number}"
            with files.client.create(own) as file:
                file.write(b"%d" % number)
            if way == "rename":
                files.client.rename(own, target, overwrite=False)

        (winner,) = winners(write, OSError)
        assert server.files.get(f"lease-{turn}") == b"%d" % winner


def test_of_writers_that_commit_a_version_at_once_one_wins(server: Server):
    uri, options = f"{server.uri}/table", server.options()
    write_deltalake(uri, pa.table({"a": [1]}), storage_options=options)
    for turn in range(3):
        tables = [DeltaTable(uri, storage_options=options) for _ in range(WRITERS)]
        (winner,) = winners(lambda number, tables=tables, turn=turn: commit(tables[number], f"{turn}-{number}.parquet"), CommitFailedError)
        found = DeltaTable(uri, storage_options=options)
        assert found.version() == turn + 1
        assert [file.rpartition("/")[2] for file in found.file_uris()].count(f"{turn}-{winner}.parquet") == 1
