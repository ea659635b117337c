"""What several tests need: the hostile corpus unpacked, and the real records where they are."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from tests.golden import DATA


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the hostile corpus, with the links that an archive should not carry."""
    home = tmp_path_factory.mktemp("corpus")
    with tarfile.open(DATA / "hostile.tar.xz") as archive:
        archive.extractall(home, filter="data")
    folder = home / "hostile"
    for link in json.loads((folder / "links.json").read_text()):
        path = folder / link["link"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(link["target"])
    return folder


@pytest.fixture(scope="session")
def real() -> Path:
    """Public records as they are; they are not part of this repository."""
    checkout = Path(__file__).parents[1]
    for folder in (checkout / "shared" / "real", checkout.parent / "shared" / "real"):
        if folder.is_dir():
            return folder
    pytest.skip("the folder shared/real with public records is not here")
