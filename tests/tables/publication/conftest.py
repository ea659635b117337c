"""An output root on disk and in a store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.tables.publication.root import OutputRoot
from tests.storage.places import open_bucket, serve_s3


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    with serve_s3() as endpoint:
        yield endpoint


@pytest.fixture
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OutputRoot]:
    """An empty output root on disk, or in a store where a test asks for both."""
    if getattr(request, "param", "disk") == "disk":
        yield OutputRoot(str(tmp_path / "out"))
        return
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    with open_bucket(request.getfixturevalue("s3_server")) as place:
        yield OutputRoot(*place)
