"""A prefix in a store is listed like a folder on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.config import Source
from pipelines.config.stores import Storage, stores_of
from pipelines.containers.listing import list_inputs
from pipelines.storage.folders import Folders
from pipelines.storage.locations import StoreError
from pipelines.storage.stores import Stores
from tests.servers import Server
from tests.servers.fixtures import only_moto

FILES = (
    "a.jsonl",
    "b.png",
    ".hidden.jsonl",
    "_tmp/c.jsonl",
    "day one/ä#%20[x].jsonl",
    "day=1/x.jsonl",
    "day=1/deep/y.jsonl",
    "day=2/x.jsonl",
    "notes",
)


@pytest.fixture
def stores(s3_endpoint: str) -> Stores:
    return Stores((("s3", (("endpoint", s3_endpoint), ("region", "us-east-1"))),))


@pytest.fixture
def both(server: Server, tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"just words\n" if name == "notes" else b'{"messages": []}\n')
    server.upload(tmp_path)
    return tmp_path


def listed(base: str, pattern: str, stores: Stores) -> Any:
    source = Source(name="s", path=(f"{base}/{pattern}" if pattern else base,))
    found = list_inputs(source, None, folders=Folders(stores))
    return (
        [(file.path.removeprefix(base), file.size, file.columns) for file in found.files],
        [(passed.path.removeprefix(base), passed.why) for passed in found.passed_over],
    )


@pytest.mark.parametrize(
    "pattern",
    ["", "*", "*.jsonl", "**/*", "**/*.jsonl", "day=*", "day=*/x.jsonl", "*/*", "day=1", "a.jsonl", "day one/*", "day one/ä#%20[x].jsonl", ".*", "z*"],
)
def test_a_prefix_is_listed_as_the_same_folder_is(server: Server, both: Path, pattern: str):
    stores = stores_of(Storage.model_validate(server.settings))
    assert listed(server.uri, pattern, stores) == listed(str(both), pattern, stores)


def test_an_empty_folder_of_a_console_is_no_file(s3: Any, bucket: str, stores: Stores):
    for key in ("in/", "in/empty/", "in/empty.jsonl"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    assert listed("s3://logs", "in", stores) == ([("/in/empty.jsonl", 0, "{}")], [])


@only_moto
def test_an_object_beside_a_folder_of_its_name_is_read_too(s3: Any, bucket: str, stores: Stores):
    for key in ("in", "in/a.jsonl"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"{}\n")
    assert [path for path, *_ in listed("s3://logs", "in", stores)[0]] == ["/in", "/in/a.jsonl"]


@only_moto
def test_a_key_with_an_empty_part_is_a_fault_that_names_it(s3: Any, bucket: str, stores: Stores):
    s3.put_object(Bucket=bucket, Key="in//a.jsonl", Body=b"{}\n")
    with pytest.raises(StoreError, match=r'in: .*"in//a.jsonl" contained empty path segment; such keys cannot be read'):
        listed("s3://logs", "in", stores)


def test_a_folder_that_was_listed_alone_is_found_below_its_parent(s3: Any, bucket: str, stores: Stores):
    for key in ("in/day=1/a.jsonl", "in/day=2/deep/b.jsonl"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"{}\n")
    folders = Folders(stores)
    assert list(folders.matches("s3://logs/in/day=2/deep/*")) == ["s3://logs/in/day=2/deep/b.jsonl"]
    assert [names for _, _, names in folders.walk("s3://logs/in", lambda error: None)] == [[], ["a.jsonl"], [], ["b.jsonl"]]


def test_the_etag_is_the_version_of_an_object(s3: Any, bucket: str, stores: Stores):
    etag = s3.put_object(Bucket=bucket, Key="in/a.jsonl", Body=b"{}\n")["ETag"].strip('"')
    (file,) = list_inputs(Source(name="s", path=("s3://logs/in",)), None, folders=Folders(stores)).files
    assert (file.version, Folders(stores).stat(file.path).version) == (f"etag:{etag}", f"etag:{etag}")


def test_a_missing_bucket_is_one_sentence(s3: Any, stores: Stores):
    with pytest.raises(StoreError) as caught:
        listed("s3://nowhere", "in", stores)
    assert str(caught.value) == "no such bucket: s3://nowhere"


def test_a_server_that_does_not_answer_is_given_up(s3: Any):
    with pytest.raises(StoreError) as caught:
        listed("s3://logs", "in", Stores((("s3", (("endpoint", "http://127.0.0.1:9"),)),)))
    assert str(caught.value) == "s3://logs cannot be reached: no answer from http://127.0.0.1:9"


def test_missing_credentials_are_one_sentence(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match="s3://logs: no credentials in the environment, and this machine has no role"):
        listed("s3://logs", "in", Stores((("s3", (("endpoint", s3_endpoint), ("region", "eu-west-1"))),)))
