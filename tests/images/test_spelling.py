"""Paths on disk that resemble a logged one."""

from pathlib import Path

import pytest

from pipelines.images.spelling import other_spellings

COMPOSED, DECOMPOSED = "caf\u00e9.png", "cafe\u0301.png"


@pytest.mark.parametrize(
    ("on_disk", "logged", "found"),
    [
        (["a.png"], "a.png", [("a.png", [])]),
        (["a.png"], "A.PNG", [("a.png", ["repair.path_case"])]),
        (["A.png", "a.png"], "a.png", [("A.png", ["repair.path_case"]), ("a.png", [])]),
        ([DECOMPOSED], COMPOSED, [(DECOMPOSED, ["repair.path_unicode"])]),
        ([DECOMPOSED.upper()], COMPOSED, [(DECOMPOSED.upper(), ["repair.path_case"])]),
        (["x/a.png", "X/A.png"], "x/a.png", [("X/A.png", ["repair.path_case"]), ("x/a.png", [])]),
        (["X/a.png"], "x/A.png", [("X/a.png", ["repair.path_case"])]),
        (["x/a.png"], "b.png", []),
        (["x/a.png"], "x/a.png/b.png", []),  # a file is no folder
        ([], "x/a.png", []),
    ],
)
def test_paths_that_resemble_a_logged_one_are_found_with_their_difference(tmp_path: Path, on_disk: list[str], logged: str, found: list[tuple[str, list[str]]]):
    for name in on_disk:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert [(path, [repair.code for repair in repairs]) for path, repairs in other_spellings(str(tmp_path), logged)] == found


def test_a_missing_folder_has_no_paths(tmp_path: Path):
    assert list(other_spellings(f"{tmp_path}/none", "a.png")) == []
    assert list(other_spellings(f"{tmp_path}/none", "x/a.png")) == []


def test_a_file_that_is_added_later_is_found(tmp_path: Path):
    assert list(other_spellings(str(tmp_path), "a.png")) == []
    (tmp_path / "a.png").write_bytes(b"")
    assert list(other_spellings(str(tmp_path), "a.png")) == [("a.png", ())]
