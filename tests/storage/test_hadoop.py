"""HDFS: what is not tested for all stores alike, and its errors as plain ones."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from hdfs_native import Client

from pipelines.storage import hadoop
from pipelines.storage.files import create_file, read_file, write_file
from pipelines.storage.hadoop import Files, _raise_plain_errors
from pipelines.storage.locations import Entry, Forbidden, StoreError, bucket_of, location_of
from pipelines.storage.opening import ObjectFile
from pipelines.storage.stores import ENVIRONMENT, _open_store, store_of, table_options
from tests.servers import Server
from tests.servers.fixtures import only_hdfs


@pytest.fixture
def files(server: Server) -> Any:
    """The file system, whose keys begin with `folder`."""
    return store_of(server.uri, ENVIRONMENT)[0]


@pytest.fixture
def folder(server: Server) -> str:
    return location_of(server.uri).key


@pytest.fixture
def hadoop_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of the Hadoop configuration, which does not exist at first. Clients read it when they are opened."""
    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path))
    _open_store.cache_clear()
    yield tmp_path / "core-site.xml"
    _open_store.cache_clear()


@only_hdfs
def test_a_folder_is_listed(server: Server, files: Files, folder: str):
    for name in ("a.jsonl", "day one/ä#%20.jsonl", "empty.jsonl"):
        server.files.put(name, b"")
    assert sorted(key for key, _ in files.entries_below(folder)) == [f"{folder}/a.jsonl", f"{folder}/day one/ä#%20.jsonl", f"{folder}/empty.jsonl"]
    folders, found = files.names_in(folder)
    assert (folders, sorted(key for key, _ in found)) == ([f"{folder}/day one"], [f"{folder}/a.jsonl", f"{folder}/empty.jsonl"])
    assert [files.has_below(f"{folder}{name}") for name in ("", "/a.jsonl", "/nothing", "/a.jsonl/below")] == [True, False, False, False]
    for nothing in ("a.jsonl", "nothing"):
        assert list(files.entries_below(f"{folder}/{nothing}")) == []
    assert folder in files.names_in("")[0]


@only_hdfs
def test_a_file_has_a_time_and_no_version(server: Server, files: Files, folder: str):
    server.files.put("a.jsonl", b"0123456789")
    entry = files.head(f"{folder}/a.jsonl")
    assert entry == Entry(10, entry.modified, "")
    assert entry.modified > 1_700_000_000 * 10**9
    for missing in ("none", "a.jsonl/below"):
        with pytest.raises(FileNotFoundError) as caught:
            files.head(f"{folder}/{missing}")
        assert caught.value.filename == f"{server.uri}/{missing}"
    with pytest.raises(FileNotFoundError, match="a folder, not a file"):
        files.head(folder)


@only_hdfs
@pytest.mark.parametrize("data", [b"in/day one/b.jsonl", b""])
def test_a_file_is_read(server: Server, files: Files, folder: str, data: bytes):
    server.files.put("a", data)
    with ObjectFile(files, f"{folder}/a") as file:
        assert (file.read(3), file.read(), file.seek(-5, 2), file.read(2)) == (data[:3], data[3:], max(0, len(data) - 5), data[-5:-3])
    assert files.read(f"{folder}/a", 2, 900)[0] == data[2:]
    assert files.read(f"{folder}/a", 50, 900)[0] == b""


@only_hdfs
def test_a_file_that_became_shorter_since_it_was_listed_is_read_to_its_end(server: Server, files: Files, folder: str, monkeypatch: pytest.MonkeyPatch):
    server.files.put("a", b"x" * 100)
    listed = files.head(f"{folder}/a")
    server.files.put("a", b"short")
    monkeypatch.setattr(files, "head", lambda key: listed)
    assert files.read(f"{folder}/a", 0, 100)[0] == b"short"
    assert files.read(f"{folder}/a", 50, 100)[0] == b""


@only_hdfs
def test_a_file_is_replaced_only_if_it_is_still_the_one_that_was_seen(server: Server, files: Files, folder: str):
    key = f"{folder}/new/a.json"
    seen = files.write(key, b"one")
    assert files.head(key).identity == seen
    with pytest.raises(FileExistsError) as caught:
        files.write(key, b"three", "")
    assert caught.value.filename == f"{server.uri}/new/a.json"
    now = files.write(key, b"longer", seen)
    assert files.head(key).identity == now
    for one in (key, f"{folder}/new/none"):
        with pytest.raises(OSError, match="the file has changed") as raised:
            files.write(one, b"four", seen)
        assert raised.value.errno == errno.ESTALE
    assert server.files.keys() == ["new/a.json"]
    assert server.files.get("new/a.json") == b"longer"


@only_hdfs
def test_of_many_that_replace_what_they_have_seen_one_does(server: Server, files: Files, folder: str):
    key = f"{folder}/a"
    for _ in range(5):
        seen, errors = files.write(key, b"seen"), list[int | None]()

        def replace(number: int, seen: str = seen, errors: list[int | None] = errors) -> bool:
            try:
                files.write(key, b"%d" % number, seen)
            except OSError as error:
                errors.append(error.errno)
                return False
            return True

        with ThreadPoolExecutor(8) as executor:
            replaced = list(executor.map(replace, range(16)))
        assert (replaced.count(True), set(errors)) == (1, {errno.ESTALE})
        assert (server.files.keys(), server.files.get("a")) == (["a"], b"%d" % replaced.index(True))


@only_hdfs
def test_a_writer_that_died_while_it_replaced_a_file_keeps_no_other_from_it_for_long(
    server: Server, files: Files, folder: str, monkeypatch: pytest.MonkeyPatch
):
    key = f"{folder}/a"
    seen = files.write(key, b"seen")
    server.files.put(".a.turn", b"of the dead")
    with pytest.raises(OSError, match="the file has changed"):
        files.write(key, b"new", seen)
    assert server.files.keys() == [".a.turn", "a"]
    monkeypatch.setattr(hadoop, "TURN_SECONDS", 0)
    with pytest.raises(OSError, match="the file has changed"):
        files.write(key, b"new", seen)
    files.write(key, b"new", seen)
    assert (server.files.keys(), server.files.get("a")) == (["a"], b"new")


@only_hdfs
def test_an_output_is_there_with_its_folders_before_it_is_closed(server: Server, files: Files, folder: str):
    with files.open_output(f"{folder}/new/a.parquet") as sink:
        sink.write(b"ab")
        assert server.files.keys() == ["new/a.parquet"]
        sink.write(memoryview(b"c"))
        assert sink.tell() == 3
    assert server.files.get("new/a.parquet") == b"abc"


@only_hdfs
def test_a_folder_is_deleted_and_not_only_its_files(server: Server, files: Files, folder: str):
    for name in ("work/run/a", "work/run/sub/b", "work/c"):
        server.files.put(name, b"x")
    files.delete_below(f"{folder}/work/run")
    files.delete_below(f"{folder}/work/none")
    assert files.names_in(f"{folder}/work") == ([], [(f"{folder}/work/c", files.head(f"{folder}/work/c"))])
    files.delete([f"{folder}/work/c", f"{folder}/work/none"])
    assert server.files.keys() == []


@only_hdfs
def test_the_user_is_that_of_the_environment_and_needs_permission(server: Server, folder: str, monkeypatch: pytest.MonkeyPatch):
    server.files.put("a", b"x")
    Client(bucket_of(server.uri)).set_permission(f"/{folder}", 0o700)
    monkeypatch.setenv("HADOOP_USER_NAME", "somebody")
    files = Files(Client(bucket_of(server.uri)), bucket_of(server.uri))  # another client, since one of this process is kept
    for act in (
        lambda: files.head(f"{folder}/a"),
        lambda: files.read(f"{folder}/a", 0, 1),
        lambda: list(files.entries_below(folder)),
        lambda: files.write(f"{folder}/b", b"y"),
    ):
        with pytest.raises(Forbidden, match=r"permission denied \(user=somebody, access=\w+, inode=\"/test-"):
            act()


@only_hdfs
@pytest.mark.parametrize("kind", ["hdfs://", "hdfs://ours", "viewfs://ours"])
def test_the_name_node_may_come_from_the_hadoop_configuration(server: Server, folder: str, kind: str, hadoop_configuration: Path):
    address = bucket_of(server.uri)
    settings = {
        "fs.defaultFS": address,
        "dfs.ha.namenodes.ours": "one,two",
        "dfs.namenode.rpc-address.ours.one": "127.0.0.1:1",  # nobody listens there
        "dfs.namenode.rpc-address.ours.two": address.removeprefix("hdfs://"),
        "fs.viewfs.mounttable.ours.linkFallback": f"{address}/",
    }
    lines = [f"<property><name>{name}</name><value>{value}</value></property>" for name, value in settings.items()]
    hadoop_configuration.write_text(f"<configuration>{''.join(lines)}</configuration>")
    root = f"{kind}/{folder}" if kind != "hdfs://" else f"hdfs:///{folder}"
    write_file(f"{root}/a", b"x", ENVIRONMENT)
    assert not create_file(f"{root}/a", b"y", ENVIRONMENT)
    assert read_file(f"{server.uri}/a", ENVIRONMENT) == b"x"
    write_deltalake(f"{root}/table", pa.table({"a": [1]}), storage_options=table_options(root, ENVIRONMENT))
    assert DeltaTable(f"{server.uri}/table", storage_options=server.options()).version() == 0


@pytest.mark.parametrize("uri", ["viewfs://nobody/a", "hdfs:///a"])
def test_a_cluster_that_no_configuration_names_is_one_sentence(uri: str, hadoop_configuration: Path):
    with pytest.raises(StoreError, match=r"cannot be used: .+; is HADOOP_CONF_DIR set\?$"):
        store_of(uri, ENVIRONMENT)


def test_a_name_node_that_refuses_connections_is_given_up():
    client = Client("hdfs://127.0.0.1:1", {"dfs.client.failover.max.attempts": "1"})
    with pytest.raises(StoreError, match="Connection refused"):
        Files(client, "hdfs://127.0.0.1:1").head("a")


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (FileNotFoundError("File does not exist: /a\n\tat java"), FileNotFoundError, "no such file"),
        (FileExistsError("/a for client 127.0.0.1 already exists\n\tat java"), FileExistsError, "the file exists already"),
        (
            RuntimeError(r'RPCError("org.apache.hadoop.security.AccessControlException", "Permission denied: user=me, access=READ\n\tat org.apache")'),
            Forbidden,
            "permission denied (user=me, access=READ)",
        ),
        (
            RuntimeError(r'RPCError("org.apache.hadoop.fs.ParentNotDirectoryException", "/a (is not a directory)\n\tat org.apache")'),
            NotADirectoryError,
            "a file is in the place of a folder",
        ),
        (
            RuntimeError(r'RPCError("org.apache.hadoop.hdfs.server.namenode.SafeModeException", "Name node is in safe mode.\n\tat org.apache")'),
            StoreError,
            "hdfs://n/a: Name node is in safe mode.",
        ),
        (RuntimeError("SASLError(no tickets)"), StoreError, "hdfs://n/a: SASLError(no tickets)"),
        (ConnectionRefusedError(111, "Connection refused"), StoreError, "hdfs://n/a: [Errno 111] Connection refused"),
    ],
)
def test_an_error_is_a_plain_one_of_one_line(error: Exception, kind: type[Exception], text: str):
    with pytest.raises(kind) as caught, _raise_plain_errors("hdfs://n/a"):
        raise error
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hdfs://n/a" in str(caught.value)
