"""The bytes of a verified image by its uri, to show it to a person."""

from pathlib import Path

import pytest

from pipelines.config import Config, parse_config
from pipelines.images.bytes_of import image_bytes


@pytest.fixture
def config(tmp_path: Path) -> Config:
    for name in ("one/a.png", "one/x/b.png", "two/a.png", "secret.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "one" / "in.png").symlink_to("a.png")
    (tmp_path / "one" / "out.png").symlink_to("../secret.png")
    sources = [
        {"name": "gui", "path": "x", "image_root": f"{tmp_path}/one"},
        {"name": "both", "path": "y", "image_root": [f"{tmp_path}/one", f"{tmp_path}/two"]},
        {"name": "none", "path": "z"},
    ]
    return parse_config({"sources": sources, "output": {"root": "out"}})


@pytest.mark.parametrize(
    ("uri", "data"),
    [
        ("gui/a.png", b"one/a.png"),
        ("gui/x/b.png", b"one/x/b.png"),
        ("gui/in.png", b"one/a.png"),
        ("gui/out.png", None),
        ("gui/../secret.png", None),
        ("gui/gone.png", None),
        ("gui/x", None),
        ("both/0/a.png", b"one/a.png"),
        ("both/1/a.png", b"two/a.png"),
        ("both/2/a.png", None),
        ("none/a.png", None),
        ("data:0123", None),
    ],
)
def test_an_image_is_read_from_its_root_and_from_nowhere_else(config: Config, uri: str, data: bytes | None):
    assert image_bytes(uri, config) == data
