"""An output root on disk and in a store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.tables.publication.root import OutputRoot
from tests.storage.places import open_bucket


@pytest.fixture
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OutputRoot]:
    """An empty output root on disk, or in a store where a test asks for both."""
    if getattr(request, "param", "disk") == "disk":
        yield OutputRoot(str(tmp_path / "out"))
        return
    server = request.getfixturevalue("moto_server")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    with open_bucket(server.endpoint) as place:
        yield OutputRoot(*place)
