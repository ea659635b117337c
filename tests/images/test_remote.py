"""Images in an object store: read from a local S3 server where the scheme is allowed, and refused where it is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from pipelines.console.picture_stores import BUILT_IN, LOADED
from pipelines.images.remote import MOST_CLIENTS, SCHEMES, open_store
from pipelines.records import Conversation, Quarantined
from tests.making import configuration, run_lines, write_lines


@pytest.fixture(scope="module")
def bucket(hostile: Path) -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        settings = {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
        for name, value in (settings | {"AWS_EC2_METADATA_DISABLED": "true"}).items():
            patch.setenv(name, value)
        client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
        client.create_bucket(Bucket="screens")
        client.put_object(Bucket="screens", Key="day one/a.png", Body=(hostile / "images" / "scr" / "dc0c3947.png").read_bytes())
        client.put_object(Bucket="screens", Key="broken.png", Body=b"<html>not here</html>")
        yield "screens"
    server.stop()


def outcome(tmp_path: Path, ref: str, schemes: list[str]) -> Conversation | Quarantined:
    record = {"messages": [{"role": "user", "content": "Look.", "image": ref}, {"role": "assistant", "content": "Yes."}]}
    (found,) = run_lines(configuration(images={"allow_schemes": schemes}), write_lines(tmp_path / "a.jsonl", [record]))
    assert isinstance(found, (Conversation, Quarantined))
    return found


def test_an_object_is_verified_if_its_scheme_is_allowed(bucket: str, tmp_path: Path):
    found = outcome(tmp_path, f"s3://{bucket}/day one/a.png", ["s3"])
    assert isinstance(found, Conversation)
    (image,) = found.images
    assert (image.uri, image.format, image.width, image.height) == ("s3://screens/day one/a.png", "PNG", 63, 52)


@pytest.mark.parametrize(
    ("ref", "schemes", "code"),
    [
        ("s3://screens/day one/a.png", [], "image.remote_disabled"),
        ("s3://screens/day one/a.png", ["gs"], "image.remote_disabled"),
        ("https://example.invalid/a.png", ["s3"], "image.remote_disabled"),
        ("s3://screens/nothing.png", ["s3"], "image.missing"),
        ("s3://screens/broken.png", ["s3"], "image.not_image"),
        ("s3://screens/day one", ["s3"], "image.not_a_file"),
        ("s3://screens/a.png?endpoint_override=http://10.0.0.1", ["s3"], "image.ref_bad"),
        ("s3://key:secret@screens/a.png", ["s3"], "image.ref_bad"),
        ("s3://", ["s3"], "image.ref_bad"),
        ("s3:///a.png", ["s3"], "image.ref_bad"),
        ("file:///etc/hostname", ["file"], "image.missing"),
        ("mock://bucket/a.png", ["mock"], "image.uri_scheme"),
        ("https://example.invalid/a.png", ["https"], "image.remote_disabled"),
    ],
)
def test_what_is_refused_and_why(bucket: str, tmp_path: Path, ref: str, schemes: list[str], code: str):
    found = outcome(tmp_path, ref, schemes)
    assert isinstance(found, Quarantined)
    assert found.findings[0].code == code


@pytest.mark.parametrize(
    "ref",
    [
        "hdfs://10.0.0.1/a.png",
        "hdfs://name-node:8020/a.png",
        "viewfs://cluster/a.png",
        "abfs://account.dfs.core.windows.net/container/a.png",
        "abfss://container@account.dfs.core.windows.net/a.png",
        "abfs://account@127.0.0.1:10000/container/a.png",
        "s3://127.0.0.1:9000/a.png",
    ],
)
def test_a_reference_that_names_a_host_is_refused(tmp_path: Path, ref: str):
    clients = open_store.cache_info().misses
    found = outcome(tmp_path, ref, list(SCHEMES))
    assert isinstance(found, Quarantined)
    assert (found.findings[0].code, "names a host or account" in found.findings[0].detail) == ("image.ref_bad", True)
    assert open_store.cache_info().misses == clients


def test_a_path_of_the_default_name_node_is_no_bad_reference(tmp_path: Path):
    found = outcome(tmp_path, "hdfs:///a.png", ["hdfs"])
    assert isinstance(found, Quarantined)
    assert found.findings[0].code in ("image.uri_scheme", "image.missing")  # without Hadoop's libraries, and with them


def test_the_number_of_clients_is_bounded_however_many_buckets_a_log_names():
    for i in range(MOST_CLIENTS + 8):
        open_store("gs", f"bucket-{i}")
    assert open_store.cache_info().currsize == MOST_CLIENTS


def test_episodes_check_knows_the_same_schemes():
    assert {*BUILT_IN, *LOADED} == {*SCHEMES}
