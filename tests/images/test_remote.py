"""Images in an object store: read from a local S3 server where the scheme is allowed, and refused where it is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

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


def test_an_object_is_verified_where_its_scheme_is_allowed(bucket: str, tmp_path: Path):
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
    ],
)
def test_what_is_refused_and_why(bucket: str, tmp_path: Path, ref: str, schemes: list[str], code: str):
    found = outcome(tmp_path, ref, schemes)
    assert isinstance(found, Quarantined)
    assert found.findings[0].code == code
