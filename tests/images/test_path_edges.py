"""Logged paths and data: URIs that only just name a picture, or only just do not."""

import base64
from pathlib import Path

import pytest

from pipelines.config import parse_config
from pipelines.images.data_uri import decode_data_uri, is_data_uri
from pipelines.images.resolve import resolve_path
from pipelines.reasons import Reject


def located(root: Path, logged: str, prefixes: dict[str, str] | None = None, repair: bool = True, more: tuple[Path, ...] = ()) -> tuple[str, list[str]] | str:
    """(uri, codes of the repairs), or the code of the reason."""
    roots = [str(root), *map(str, more)] if more else str(root)
    source = {"name": "s", "path": "logs", "image_root": roots, "image_prefix": prefixes or {}}
    try:
        found = resolve_path(logged, parse_config({"sources": [source], "output": {"root": "out"}}).sources[0], repair)
    except Reject as reject:
        return reject.findings[0].code
    return found.uri, [finding.code for finding in found.findings]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("images/a.png", "images/scr/b.png", "images/scr/C d.png", "images/é.png", "images/x/y.png", "images/X/Y.png", "more/a.png", "more/m.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path / "images"


@pytest.mark.parametrize(
    ("logged", "found"),
    [
        ("a.png", ("s/a.png", [])),
        ("./scr/../a.png", ("s/a.png", [])),
        ("A.png", ("s/a.png", ["repair.path_case"])),
        ("e\u0301.png", ("s/é.png", ["repair.path_unicode"])),
        ("scr\\b.png", ("s/scr/b.png", ["repair.path_separator"])),
        ("scr/C%20d.png", ("s/scr/C d.png", ["repair.path_percent"])),
        ("scr%5CC%20D.png", "image.missing"),  # decoded once, and only then the separators
        ("images/a.png", ("s/a.png", ["repair.path_root"])),
        ("IMAGES/a.png", "image.missing"),
        ("images\\A.png", ("s/a.png", ["repair.path_separator", "repair.path_root", "repair.path_case"])),
        ("x/Y.png", "image.missing"),  # two files could be meant
        ("x/y.png", ("s/x/y.png", [])),
        ("b.png", "image.missing"),
        ("scr", "image.not_a_file"),
        ("../more/a.png", "image.path_escape"),
        ("..", "image.path_escape"),
        ("../images/a.png", ("s/a.png", [])),
        ("..a.png", "image.missing"),
        ("", "image.ref_bad"),
        (" ", "image.ref_bad"),
        ("a\x1f.png", "image.ref_bad"),
        ("a\x7f.png", "image.ref_bad"),
        ("a\ud800.png", "image.ref_bad"),
        ("C:\\a.png", "image.path_escape"),
        ("C:/a.png", "image.path_escape"),
        ("\\\\host\\a.png", "image.path_escape"),
        ("https://h/a.png", "image.remote_disabled"),
        ("S3://h/a.png", "image.remote_disabled"),
        ("gopher://h/a.png", "image.uri_scheme"),
    ],
)
def test_a_path_names_one_file_under_its_root(root: Path, logged: str, found):
    assert located(root, logged) == found


@pytest.mark.parametrize("logged", ["A.png", "scr\\b.png", "scr/C%20d.png", "images/a.png", "e\u0301.png"])
def test_without_repair_a_path_is_used_unchanged(root: Path, logged: str):
    assert located(root, logged, repair=False) == "image.missing"
    assert located(root, "a.png", repair=False) == ("s/a.png", [])


def test_a_whole_path_is_inside_its_root_or_leads_out(root: Path):
    assert located(root, f"{root}/a.png") == ("s/a.png", [])
    assert located(root, f"file://{root}/a.png") == ("s/a.png", [])
    assert located(root, f"file://localhost{root}/scr/C%20d.png") == ("s/scr/C d.png", [])
    assert located(root, f"{root}2/a.png") == "image.path_escape"
    assert located(root, f"{root.parent}/more/a.png") == "image.path_escape"


@pytest.mark.parametrize(("length", "code"), [(4096, "image.not_a_file"), (4097, "image.ref_bad")])
def test_a_path_may_be_as_long_as_the_file_system_allows(root: Path, length: int, code: str):
    assert located(root, "a" * length) == code
    assert located(root, "é" * (length // 2) + "a" * (length % 2)) == code


@pytest.mark.parametrize(
    ("logged", "prefixes", "found"),
    [
        ("/old/a.png", {"/old": ""}, ("s/a.png", [])),
        ("/old/b.png", {"/old": "scr"}, ("s/scr/b.png", [])),
        ("/old/b.png", {"/old/": "scr/"}, ("s/scr/b.png", [])),
        ("/older/b.png", {"/old": "scr"}, "image.path_escape"),
        ("/old/scr/b.png", {"/old": "x", "/old/scr": "scr"}, ("s/scr/b.png", [])),  # the longest
        ("D:\\shots\\b.png", {"D:\\shots": "scr"}, ("s/scr/b.png", [])),
        ("D:\\shots\\b.png", {"D:\\shots\\": "scr"}, ("s/scr/b.png", [])),
        ("D:\\shots2\\b.png", {"D:\\shots": "scr"}, "image.path_escape"),
        ("https://h/b.png", {"https://h": "scr"}, ("s/scr/b.png", [])),
        ("file:///old/b.png", {"/old": "scr"}, ("s/scr/b.png", [])),
        ("file:///old/b.png", {"file:///old": "scr"}, ("s/scr/b.png", [])),
        ("b.png", {"/old": "scr"}, "image.missing"),
    ],
)
def test_an_old_prefix_is_replaced_where_it_ends_at_a_folder(root: Path, logged: str, prefixes: dict[str, str], found):
    assert located(root, logged, prefixes) == found


def test_the_file_comes_from_the_first_root_that_has_it(root: Path):
    more = (root.parent / "more",)
    assert located(root, "a.png", more=more) == ("s/0/a.png", [])
    assert located(root, "m.png", more=more) == ("s/1/m.png", [])
    assert located(root, f"{more[0]}/a.png", more=more) == ("s/1/a.png", [])
    assert located(root, "M.png", more=more) == ("s/1/m.png", ["repair.path_case"])
    assert located(root, "A.png", more=more) == "image.missing"  # both have one
    assert located(root, "/nowhere/a.png", more=more) == "image.path_escape"


def test_links_stay_inside_the_root(root: Path):
    (root / "in.png").symlink_to("a.png")
    (root / "out.png").symlink_to("../more/a.png")
    (root / "gone.png").symlink_to("nothing.png")
    assert located(root, "in.png") == ("s/in.png", [])
    assert located(root, "out.png") == "image.path_escape"
    assert located(root, "gone.png") == "image.missing"


def decoded(uri: str) -> bytes | str:
    try:
        return decode_data_uri(uri)
    except Reject as reject:
        return reject.findings[0].code


DATA = base64.b64encode(b"\xfb\xef\xff").decode()


@pytest.mark.parametrize(
    ("uri", "data"),
    [
        (f"data:image/png;base64,{DATA}", b"\xfb\xef\xff"),
        (f"data:image;base64,{DATA}", b"\xfb\xef\xff"),
        (f"DATA:IMAGE/PNG;charset=x;BASE64,{DATA}", b"\xfb\xef\xff"),
        ("data:image/png;base64,----", b"\xfb\xef\xbe"),  # the alphabet of URLs
        ("data:image/png;base64,++ +\n+", b"\xfb\xef\xbe"),
        (f"data:text/plain;base64,{DATA}", "image.data_uri_bad"),
        (f"data:;base64,{DATA}", "image.data_uri_bad"),
        (f"data:imagery;base64,{DATA}", "image.data_uri_bad"),
        (f"data:image/png,{DATA}", "image.data_uri_bad"),
        ("data:image/png;base64", "image.data_uri_bad"),
        ("data:image/png;base64,", "image.data_uri_bad"),
        ("data:image/png;base64,+++", "image.data_uri_bad"),
        ("data:image/png;base64,+*++", "image.data_uri_bad"),
    ],
)
def test_a_data_uri_is_base64_of_an_image(uri: str, data: bytes | str):
    assert decoded(uri) == data


@pytest.mark.parametrize(("text", "is_one"), [("data:x", True), (" \nDATA:", True), ("data", False), ("data.png", False), ("xdata:", False)])
def test_a_data_uri_is_known_by_its_beginning(text: str, is_one: bool):
    assert is_data_uri(text) == is_one
