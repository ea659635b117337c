"""An image root with a picture of each kind, names that differ only in spelling, links that stay inside and links that lead out."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

KINDS = {"a.png": "PNG", "b.jpg": "JPEG", "scr/c.webp": "WEBP", "scr/d.gif": "GIF", "e.bmp": "BMP"}


def picture(kind: str, width: int = 12, height: int = 9) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("P" if kind == "GIF" else "RGB").save(file, kind)
    return file.getvalue()


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("properties") / "images"
    (folder / "scr").mkdir(parents=True)
    for name, kind in KINDS.items():
        (folder / name).write_bytes(picture(kind))
    for name in ("50%.png", "cafe\u0301.png", "scr/B.png", "twin.png", "Twin.png"):
        (folder / name).write_bytes(picture("PNG"))
    (folder.parent / "secret.png").write_bytes(picture("PNG"))
    for link, target in {"in.png": "a.png", "out.png": "../secret.png", "outdir": "..", "loop.png": "loop.png", "gone.png": "nowhere"}.items():
        (folder / link).symlink_to(target)
    return folder
