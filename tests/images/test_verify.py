"""A reference of a record becomes a verified image, or the reason why there is none."""

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipelines.config import Config, parse_config
from pipelines.images.references import ImageChecker, locate, verified_image
from pipelines.images.verify import Verdict, rests_on_limit, verify
from pipelines.reasons import Reason, Reject
from pipelines.records import Image as Verified
from pipelines.records import ImageRef


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.new("RGB", (6, 4)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def config(folder: Path, **more: Any) -> Config:
    return parse_config({"sources": [{"name": "gui", "path": "x", "image_root": str(folder)}], "output": {"root": "out"}} | more)


def verdict(picture: Path, settings: Config, size: int | None = None, modified: int | None = None) -> Verdict:
    status = picture.stat()
    return verify("gui/a.png", status.st_size if size is None else size, status.st_mtime_ns if modified is None else modified, str(picture), None, settings)


def test_a_good_picture_has_its_hash_format_and_size(picture: Path):
    found = verdict(picture, config(picture.parent))
    assert found == Verdict(
        "gui/a.png",
        picture.stat().st_size,
        picture.stat().st_mtime_ns,
        hashlib.sha256(picture.read_bytes()).hexdigest(),
        "PNG",
        6,
        4,
        "good",
        None,
        None,
        "decode",
    )


@pytest.mark.parametrize(("more", "reason"), [(0, None), (-1, "image.pixel_limit")])
def test_a_file_may_be_as_large_as_the_limit_says(picture: Path, more: int, reason: str | None):
    found = verdict(picture, config(picture.parent, limits={"image_bytes": picture.stat().st_size + more}))
    assert (found.reason, found.sha256 is None, found.width is None) == (reason, reason is not None, reason is not None)


@pytest.mark.parametrize(("max_pixels", "reason"), [(24, None), (23, "image.pixel_limit")])
def test_a_picture_may_have_as_many_pixels_as_the_limit_says(picture: Path, max_pixels: int, reason: str | None):
    found = verdict(picture, config(picture.parent, images={"max_pixels": max_pixels}))
    assert (found.reason, found.sha256 is None, found.verdict) == (reason, False, "bad" if reason else "good")


def test_a_picture_that_is_written_to_during_the_run_is_refused(picture: Path):
    size, modified = picture.stat().st_size, picture.stat().st_mtime_ns
    settings = config(picture.parent)
    for wrong in ({"size": size - 1}, {"size": size + 1}, {"modified": modified + 1}):
        assert verdict(picture, settings, **wrong).reason == "file.changed_while_reading"


def test_a_picture_that_is_gone_is_missing(picture: Path):
    size, modified = picture.stat().st_size, picture.stat().st_mtime_ns
    picture.rename(picture.parent / "b.png")
    found = verify("gui/a.png", size, modified, str(picture), None, config(picture.parent))
    assert (found.verdict, found.reason, found.sha256) == ("bad", "image.missing", None)


@pytest.mark.parametrize(("level", "reason"), [("header", None), ("structure", "image.truncated"), ("decode", "image.truncated")])
def test_the_level_of_the_settings_is_the_one_that_is_checked(picture: Path, level: str, reason: str | None):
    picture.write_bytes(picture.read_bytes()[:-4])
    found = verdict(picture, config(picture.parent, images={"verify": level}))
    assert (found.reason, found.level) == (reason, level)


@pytest.mark.parametrize("reason", Reason)
def test_only_a_verdict_about_the_pixel_limit_depends_on_the_settings(reason: Reason):
    assert rests_on_limit(reason.code) == (reason is Reason.IMAGE_PIXEL_LIMIT)


def test_an_image_in_the_log_is_named_by_the_hash_of_its_bytes(picture: Path):
    settings = config(picture.parent)
    data = picture.read_bytes()
    uri = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    located = locate(uri, settings.sources[0], settings)
    assert (located.uri, located.path, located.size, located.modified) == (f"data:{hashlib.sha256(data).hexdigest()}", None, len(data), 0)
    found = verify(located.uri, located.size, located.modified, None, uri, settings)
    assert (found.verdict, found.width, found.height) == ("good", 6, 4)
    assert verify("data:x", 0, 0, None, None, settings).reason == "image.data_uri_bad"


def test_another_spelling_is_found_where_repairs_are_allowed(picture: Path):
    settings = config(picture.parent)
    assert locate("A.png", settings.sources[0], settings).uri == "gui/a.png"
    with pytest.raises(Reject):
        locate("A.png", settings.sources[0], config(picture.parent, normalize={"repair": "none"}))


@pytest.mark.parametrize(("schemes", "code"), [([], "image.remote_disabled"), (["gs"], "image.remote_disabled")])
def test_a_scheme_is_read_only_where_the_settings_allow_it(picture: Path, schemes: list[str], code: str):
    settings = config(picture.parent, images={"allow_schemes": schemes})
    with pytest.raises(Reject) as caught:
        locate("s3://bucket/a.png", settings.sources[0], settings)
    assert caught.value.findings[0].code == code


GOOD = {"uri": "gui/a.png", "sha256": "s", "format": "PNG", "width": 6, "height": 4, "verdict": "good", "reason": None, "detail": None}


def test_an_image_row_is_an_image_or_the_reason_against_it_before_other_findings():
    note = Reason.REPAIR_PATH_CASE.at("", "x")
    assert verified_image(GOOD, (note,)).image == Verified("gui/a.png", "s", "PNG", 6, 4)
    assert verified_image(GOOD, (note,)).findings == (note,)
    bad = verified_image(GOOD | {"verdict": "bad", "reason": "image.corrupt", "detail": "d"}, (note,))
    assert (bad.image, [(finding.code, finding.detail) for finding in bad.findings]) == (
        None,
        [("image.corrupt", "gui/a.png: d"), ("repair.path_case", "x")],
    )
    assert verified_image(GOOD | {"verdict": "bad"}, (note,)).findings == (note,)


def test_a_reference_is_checked_once_for_every_source(picture: Path):
    sources = [{"name": name, "path": name, "image_root": str(picture.parent)} for name in ("gui", "other")]
    checker = ImageChecker(config(picture.parent, sources=sources))
    ref = ImageRef("a.png", "a.png", "image")
    first = checker.check(ref, "gui")
    os.utime(picture, ns=(0, 0))
    picture.write_bytes(b"")
    assert checker.check(ref, "gui") is first
    assert first.image is not None
    assert checker.check(ref, "other").image is None
