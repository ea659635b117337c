"""The bytes of a verified image, to show it to a person. tests/training/test_pictures.py says where a picture is looked for."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from pipelines.config import Config, parse_config
from pipelines.images.bytes_of import image_bytes, image_roots


@pytest.fixture
def config(tmp_path: Path) -> Config:
    for name in ("one/a.png", "two/a.png", "secret.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    sources = [
        {"name": "gui", "path": "x", "image_root": f"{tmp_path}/one"},
        {"name": "list", "path": "y", "image_root": [f"{tmp_path}/one"]},
        {"name": "both", "path": "y", "image_root": [f"{tmp_path}/one", f"{tmp_path}/two"]},
        {"name": "text", "path": "z"},
    ]
    return parse_config({"sources": sources, "output": {"root": f"{tmp_path}/out"}})


def image(uri: str, data: bytes) -> dict[str, Any]:
    return {"uri": uri, "sha256": hashlib.sha256(data).hexdigest(), "format": "PNG"}


@pytest.mark.parametrize(
    ("uri", "data"),
    [("gui/a.png", b"one/a.png"), ("list/0/a.png", b"one/a.png"), ("both/0/a.png", b"one/a.png"), ("both/1/a.png", b"two/a.png")],
)
def test_an_image_is_read_from_the_folder_of_its_source(config: Config, uri: str, data: bytes):
    assert image_bytes(image(uri, data), config) == data


@pytest.mark.parametrize(
    ("uri", "data"),
    [
        ("gui/gone.png", b"one/a.png"),
        ("gui/a.png", b"what it was"),
        ("gui/../secret.png", b"secret.png"),
        ("both/2/a.png", b"one/a.png"),
        ("s3://bucket/a.png", b"one/a.png"),
        (f"data:{hashlib.sha256(b'x').hexdigest()}", b"x"),
    ],
    ids=["gone", "changed", "outside of the folder", "no such folder", "object store", "not kept"],
)
def test_an_image_that_cannot_be_read_has_no_bytes(config: Config, uri: str, data: bytes):
    assert image_bytes(image(uri, data), config) is None


def test_a_source_has_a_list_of_folders_if_the_configuration_has_one(config: Config, tmp_path: Path):
    assert image_roots(config) == {"gui": f"{tmp_path}/one", "list": [f"{tmp_path}/one"], "both": [f"{tmp_path}/one", f"{tmp_path}/two"]}
