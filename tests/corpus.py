"""The hostile corpus, unpacked, with the links that an archive should not carry."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

from tests.golden import DATA


def unpack(home: Path) -> Path:
    """The corpus' folder under `home`."""
    with tarfile.open(DATA / "hostile.tar.xz") as archive:
        archive.extractall(home, filter="data")
    folder = home / "hostile"
    for link in json.loads((folder / "links.json").read_text()):
        path = folder / link["link"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(link["target"])
    return folder
