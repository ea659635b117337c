"""Paths: inside the roots and nowhere else, and at most one other spelling."""

import os
import socket
from pathlib import Path

import pytest

from pipelines.config import Source
from pipelines.images.opening import open_unlinked, real_path
from pipelines.images.resolve import Located, resolve_path
from pipelines.reasons import Reject

NFD = "cafe\u0301.png"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """images/ with a few files, a folder, links in and out, and a secret beside it."""
    folder = tmp_path / "images"
    (folder / "scr").mkdir(parents=True)
    (folder / "other").mkdir()
    for name in ("a.png", "scr/B.png", "scr/my shot.png", NFD, "twin.png", "Twin.png", "50%.png"):
        (folder / name).write_bytes(b"x")
    (tmp_path / "secret.png").write_bytes(b"s")
    (folder / "in.png").symlink_to("a.png")
    (folder / "out.png").symlink_to("../secret.png")
    (folder / "outdir").symlink_to("..")
    (folder / "loop.png").symlink_to("loop.png")
    return folder


def source(*roots: Path) -> Source:
    return Source(name="gui", path=("x",), image_root=str(roots[0]) if len(roots) == 1 else tuple(map(str, roots)))


def codes(ref: str, *roots: Path, repair: bool = True) -> str:
    with pytest.raises(Reject) as caught:
        resolve_path(ref, source(*roots), repair)
    return caught.value.findings[0].code


def found(ref: str, *roots: Path) -> Located:
    return resolve_path(ref, source(*roots), repair=True)


@pytest.mark.parametrize(
    ("prefix", "ref", "detail"),
    [
        ({}, "scr/no.png", "'scr/no.png': no such file: {root}/scr/no.png"),
        ({"/mnt/run": "scr"}, "/mnt/run/./no.png", "'/mnt/run/./no.png': no such file: {root}/scr/no.png"),
        ({}, "twIn.png", "'twIn.png': no such file, but several with a similar name: gui/Twin.png, gui/twin.png"),
    ],
)
def test_a_missing_picture_is_named_as_it_was_logged_and_where_it_was_looked_up(root: Path, prefix: dict[str, str], ref: str, detail: str):
    with pytest.raises(Reject) as caught:
        resolve_path(ref, source(root).model_copy(update={"image_prefix": prefix}), True)
    assert caught.value.findings[0].detail == detail.format(root=root)


def test_the_places_under_the_first_roots_are_named(root: Path):
    with pytest.raises(Reject) as caught:
        resolve_path("no.png", source(*(root.parent / name for name in "abcde")), True)
    places = " or ".join(f"{root.parent}/{name}/no.png" for name in "abc")
    assert caught.value.findings[0].detail == f"'no.png': no such file: {places} and in 2 more image roots"


@pytest.mark.parametrize(
    ("ref", "uri", "repairs"),
    [
        ("a.png", "gui/a.png", []),
        ("./scr/../a.png", "gui/a.png", []),
        ("in.png", "gui/in.png", []),
        ("50%.png", "gui/50%.png", []),
        ("A.PNG", "gui/a.png", ["repair.path_case"]),
        ("scr/b.png", "gui/scr/B.png", ["repair.path_case"]),
        ("caf\u00e9.png", f"gui/{NFD}", ["repair.path_unicode"]),
        ("scr\\B.png", "gui/scr/B.png", ["repair.path_separator"]),
        ("scr/my%20shot.png", "gui/scr/my shot.png", ["repair.path_percent"]),
        ("images/a.png", "gui/a.png", ["repair.path_root"]),
    ],
)
def test_a_path_leads_to_one_file_under_the_root(root: Path, ref: str, uri: str, repairs: list[str]):
    located = found(ref, root)
    assert (located.uri, [finding.code for finding in located.findings]) == (uri, repairs)


@pytest.mark.parametrize(
    ("ref", "code"),
    [
        ("nothing.png", "image.missing"),
        ("TWIN.png", "image.missing"),  # two files could be meant
        ("scr", "image.not_a_file"),
        ("../secret.png", "image.path_escape"),
        ("scr/../../secret.png", "image.path_escape"),
        ("out.png", "image.path_escape"),
        ("outdir/secret.png", "image.path_escape"),
        ("loop.png", "image.not_a_file"),
        ("/etc/hostname", "image.path_escape"),
        ("C:\\Users\\a.png", "image.path_escape"),
        ("\\\\server\\share\\a.png", "image.path_escape"),
        ("https://example.invalid/a.png", "image.remote_disabled"),
        ("s3://bucket/a.png", "image.remote_disabled"),
        ("file:///etc/hostname", "image.path_escape"),
        ("", "image.ref_bad"),
        ("a\x00.png", "image.ref_bad"),
        ("x" * 5000, "image.ref_bad"),
        ("x" * 300 + ".png", "image.not_a_file"),
        ("%2e%2e/secret.png", "image.missing"),
    ],
)
def test_what_is_refused_and_why(root: Path, ref: str, code: str, monkeypatch: pytest.MonkeyPatch):
    def refused(*_):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refused)
    assert codes(ref, root) == code


def test_without_repair_only_the_exact_path_counts(root: Path):
    assert codes("A.PNG", root, repair=False) == "image.missing"


def test_the_uri_has_the_index_of_the_first_root_with_the_file(root: Path, tmp_path: Path):
    other = tmp_path / "more"
    other.mkdir()
    (other / "only.png").write_bytes(b"y")
    (other / "a.png").write_bytes(b"y")
    assert [found(ref, root, other).uri for ref in ("a.png", "only.png")] == ["gui/0/a.png", "gui/1/only.png"]
    assert found(str(other / "a.png"), root, other).uri == "gui/1/a.png"


def test_a_part_that_becomes_a_link_after_it_was_checked_is_not_followed(root: Path):
    path = found("scr/B.png", root).path
    assert path is not None
    with open_unlinked(path) as file:
        assert file.read() == b"x"
    (root / "scr").rename(root / "was")
    (root / "scr").symlink_to(root.parent / "elsewhere")
    (root.parent / "elsewhere").mkdir()
    (root.parent / "elsewhere" / "B.png").write_bytes(b"secret")
    with pytest.raises(OSError, match="Not a directory"):
        open_unlinked(path)
    (root / "a.png").unlink()
    (root / "a.png").symlink_to("../secret.png")
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        open_unlinked(str(root / "a.png"))
    assert real_path(str(root / "a.png"), str(root)) is None


def test_a_pipe_in_the_place_of_a_file_does_not_block_a_worker(root: Path):
    path = found("a.png", root).path
    assert path is not None
    (root / "a.png").unlink()
    os.mkfifo(root / "a.png")
    with open_unlinked(path) as file:
        assert file.read() == b""
