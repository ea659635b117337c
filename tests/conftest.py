"""Fixtures of several tests: the hostile corpus, public records, and the demo."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from pipelines.config import Config, load_config
from pipelines.demo import BATCH, Written, write_demo
from pipelines.flow import open_flow
from pipelines.local import run_files
from pipelines.records import Outcome
from tests.corpus import unpack

DEMO_CONF = Path(__file__).parents[1] / "conf" / "demo.yaml"


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the hostile corpus."""
    return unpack(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of public records, which are not part of this repository. Skips the test without them."""
    checkout = Path(__file__).parents[1]
    for folder in (checkout / "shared" / "real", checkout.parent / "shared" / "real"):
        if folder.is_dir():
            return folder
    pytest.skip("the folder shared/real with public records is not here")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Written]:
    """The folder with the input of the demo, and what was written."""
    folder = tmp_path_factory.mktemp("demo") / "demo-input"
    return folder, write_demo(folder)


def demo_config(folder: Path, root: Path, *settings: str) -> Config:
    """conf/demo.yaml with other folders for input and output."""
    gui = [f"sources[0].path={folder}/gui/{{batch}}", f"sources[0].image_root={folder}/screens"]
    model = f"dialects[4].tokenizer={folder}/chatml_standin"
    return load_config(DEMO_CONF, [*gui, f"sources[1].path={folder}/tools/{{batch}}", model, f"output.root={root}", *settings])


@pytest.fixture(scope="session")
def demo_outcomes(demo: tuple[Path, Written]) -> list[Outcome]:
    """The outcomes of the demo without Spark."""
    folder, _ = demo
    files = [str(path) for kind in ("gui", "tools") for path in sorted((folder / kind / BATCH).iterdir())]
    return list(run_files(open_flow(demo_config(folder, folder / "out")), files, BATCH))


# moto logs every request in the test's own log, accepts any key, and checks unsigned requests against the ACL of the object.
only_moto = pytest.mark.skipif("TEST_S3_ENDPOINT" in os.environ, reason="needs the server of this test run")


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The address of an S3 server started for this test run, or of the one in TEST_S3_ENDPOINT, whose keys must be `test` and `test`."""
    if given := os.environ.get("TEST_S3_ENDPOINT"):
        yield given
        return
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the server. Credentials and region are in the environment, as on a cluster."""
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    return boto3.client("s3", endpoint_url=s3_endpoint, region_name="us-east-1")


@pytest.fixture
def bucket(s3: Any) -> Iterator[str]:
    """An empty bucket, which is deleted after the test."""
    s3.create_bucket(Bucket="logs")
    yield "logs"
    for found in s3.list_objects_v2(Bucket="logs").get("Contents", ()):
        s3.delete_object(Bucket="logs", Key=found["Key"])
    s3.delete_bucket(Bucket="logs")


def upload(s3: Any, bucket: str, folder: Path, prefix: str = "", **settings: Any) -> None:
    """Uploads every file below the folder as an object of the same name."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            s3.put_object(Bucket=bucket, Key=prefix + path.relative_to(folder).as_posix(), Body=path.read_bytes(), **settings)
