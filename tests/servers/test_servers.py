"""What the project relies on in every storage server: files are found as they were written, and of two writers one loses."""

from __future__ import annotations

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
from tests.servers.fixtures import only_objects


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


def test_a_version_of_a_table_is_committed_once(server: Server):
    uri, options = f"{server.uri}/table", server.options()
    write_deltalake(uri, pa.table({"a": [1]}), storage_options=options)

    def commit(table: DeltaTable, name: str) -> None:
        added = [AddAction(name, 10, {}, 0, True, '{"numRecords": 1}')]
        table.create_write_transaction(added, "append", table.schema(), commit_properties=CommitProperties(max_commit_retries=0))

    one, other = DeltaTable(uri, storage_options=options), DeltaTable(uri, storage_options=options)
    commit(one, "one.parquet")
    with pytest.raises(CommitFailedError):
        commit(other, "other.parquet")
    table = DeltaTable(uri, storage_options=options)
    assert table.version() == 1
    assert [uri.rpartition("/")[2] for uri in table.file_uris()].count("other.parquet") == 0
