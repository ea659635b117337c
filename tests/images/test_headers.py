"""Sizes that are read from a part of a picture's file are those of the whole file."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipelines.config import Config, parse_config
from pipelines.images import headers
from pipelines.images.headers import size_of, verify_header
from pipelines.images.references import locate
from pipelines.images.verify import Verdict, verify
from pipelines.reasons import Reject
from tests.images.hostile_pictures import drawn, png_chunk, webp_chunk

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")


def config(folder: Path, **more: Any) -> Config:
    return parse_config(
        {"sources": [{"name": "gui", "path": "x", "image_root": str(folder)}], "images": {"verify": "header"}, "output": {"root": "out"}} | more
    )


def both(path: Path, settings: Config) -> tuple[Verdict, Verdict]:
    """The verdicts by a part of the file, and by all of it."""
    status = path.stat()
    given = (f"gui/{path.name}", status.st_size, status.st_mtime_ns, str(path.resolve()), None, settings)
    return verify_header(*given), verify(*given)


def assert_same(path: Path, settings: Config) -> None:
    part, whole = both(path, settings)
    shown = ("format", "width", "height", "verdict", "reason", "detail", "level")
    assert [getattr(part, name) for name in shown] == [getattr(whole, name) for name in shown], path.name


@pytest.mark.parametrize("head", [16, 64, 1 << 14])
def test_every_picture_of_the_hostile_corpus_gets_the_verdict_of_its_whole_header(hostile: Path, monkeypatch: pytest.MonkeyPatch, head: int):
    monkeypatch.setattr(headers, "HEAD", head)
    paths = [path for path in sorted((hostile / "images").rglob("*")) if path.is_file() and not path.is_symlink()]
    for path in paths:
        assert_same(path, config(hostile / "images"))
    assert len(paths) > 30


def turned(kind: str) -> bytes:
    """A picture of 12 x 9 px that is shown turned, as its last bytes say."""
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    if kind == "PNG":
        whole = drawn("PNG")
        return whole[:-12] + png_chunk(b"eXIf", exif[6:]) + whole[-12:]
    size = (11).to_bytes(3, "little") + (8).to_bytes(3, "little")
    body = b"WEBP" + webp_chunk(b"VP8X", b"\x08\0\0\0" + size) + drawn("WEBP")[12:] + webp_chunk(b"EXIF", exif)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_orientation_at_the_end_of_the_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str):
    monkeypatch.setattr(headers, "HEAD", 40)
    path = tmp_path / "a"
    path.write_bytes(turned(kind))
    part, whole = both(path, config(tmp_path))
    assert (part.width, part.height) == (whole.width, whole.height) == (9, 12)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("cut", [0, 1, 10, 100])
def test_a_picture_that_is_cut_gets_the_verdict_of_the_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, cut: int):
    monkeypatch.setattr(headers, "HEAD", 32)
    path = tmp_path / "a"
    data = drawn(kind)
    path.write_bytes(data[: len(data) - cut])
    assert_same(path, config(tmp_path))


@pytest.mark.parametrize("more", [{"limits": {"image_bytes": 10}}, {"images": {"verify": "header", "max_pixels": 107}}])
def test_the_limits_are_those_of_a_run(tmp_path: Path, more: dict[str, Any]):
    path = tmp_path / "a.png"
    path.write_bytes(drawn("PNG"))
    assert_same(path, config(tmp_path, **more))
    assert both(path, config(tmp_path, **more))[0].reason == "image.pixel_limit"


def test_a_picture_that_was_written_to_or_is_gone_is_refused(tmp_path: Path):
    path = tmp_path / "a.png"
    path.write_bytes(drawn("PNG"))
    status = path.stat()
    assert verify_header("gui/a.png", status.st_size, 0, str(path), None, config(tmp_path)).reason == "file.changed_while_reading"
    path.unlink()
    assert verify_header("gui/a.png", status.st_size, status.st_mtime_ns, str(path), None, config(tmp_path)).reason == "image.missing"


def test_a_picture_in_the_log_is_read_from_the_log(tmp_path: Path):
    uri = f"data:image/png;base64,{base64.b64encode(drawn('PNG')).decode()}"
    settings = config(tmp_path)
    located = locate(uri, settings.sources[0], settings)
    found = verify_header(located.uri, located.size, located.modified, located.path, uri, settings)
    assert (found.format, found.width, found.height, found.verdict) == ("PNG", 12, 9, "good")


def test_of_a_large_png_only_the_places_of_its_chunks_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    asked: list[int] = []
    read = headers.os.pread
    monkeypatch.setattr(headers.os, "pread", lambda descriptor, count, at: asked.append(count) or read(descriptor, count, at))
    file = io.BytesIO()
    Image.effect_noise((900, 900), 90).save(file, "PNG")
    path = tmp_path / "a.png"
    path.write_bytes(file.getvalue())
    with path.open("rb") as opened:
        assert size_of(opened, path.stat().st_size, 1 << 26) == ("PNG", (900, 900))
    assert sum(asked) < headers.HEAD + 1000 < path.stat().st_size / 10


def test_only_the_whole_file_can_refuse_a_picture(tmp_path: Path):
    path = tmp_path / "a.svg"
    path.write_bytes(b" " * (headers.HEAD + 1) + b"<svg")
    with path.open("rb") as opened, pytest.raises(Reject, match=r"image\.format_not_allowed"):
        size_of(opened, path.stat().st_size, 1 << 26)
