"""`episodes init` where the names of pictures repeat in several folders: no record gets the picture of another episode."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from pipelines.cli import main
from tests.making import asked, write_lines


def episode(folder: Path, color: int, logged: str, shots: str = "screens", logs: str = ".") -> None:
    """A log of two records, and their pictures, which are of this color."""
    (folder / shots).mkdir(parents=True, exist_ok=True)
    for number in range(2):
        Image.new("RGB", (64, 48), (color, number, 0)).save(folder / shots / f"{number}.png")
    (folder / logs).mkdir(parents=True, exist_ok=True)
    write_lines(folder / logs / "a.jsonl", [asked(f"<image>Q{color}-{number}", images=[logged.format(number)]) for number in range(2)])


def made(tmp_path: Path, capsys: pytest.CaptureFixture[str], logs: Path) -> tuple[list[dict[str, Any]], str, str]:
    """(sources, the file as text, what was said)"""
    conf = tmp_path / "mine.yaml"
    assert main(["init", str(logs), "--out", str(conf)]) == 0
    said = capsys.readouterr().err
    return yaml.safe_load(conf.read_text())["sources"], conf.read_text(), said


@pytest.mark.parametrize(
    ("logged", "shots", "logs", "root"),
    [
        ("screens/{}.png", "screens", ".", ""),
        ("{}.png", "screens", ".", "/screens"),
        ("screens/{}.png", "screens", "logs", ""),
        ("/sdcard/run/screens/{}.png", "screens", ".", ""),
    ],
)
def test_folders_with_pictures_of_the_same_names_become_sources(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], logged: str, shots: str, logs: str, root: str
):
    for number in range(3):
        episode(tmp_path / "all" / f"ep{number}", number, logged, shots, logs)
    sources, text, said = made(tmp_path, capsys, tmp_path / "all")
    assert [source["image_root"] for source in sources] == [f"all/ep{number}{root}" for number in range(3)]
    assert [source["path"] for source in sources] == [str(Path(f"all/ep{number}") / logs) for number in range(3)]
    assert text.count("# 2 of 2 pictures were found here") == 3
    names = ", ".join(source["name"] for source in sources)
    assert f"{tmp_path}/all: the names of pictures repeat in its sub-folders, so there are 3 sources, each with its own image_root: {names}" in said
    assert "with this configuration, 6 of 6 records become rows" in said


REPEAT = "the names of pictures repeat in several folders, for example '{0}/{1}/screens/0.png' and '{0}/{2}/screens/0.png', so no single image_root is right. "
MEND = "Write paths into the logs that are unique below one folder, such as '{1}/screens/0.png', or absolute ones; or write a source for each folder"


@pytest.mark.parametrize("names", [["2026-11-01", "2026-11-02", "2026-11-03"], [f"ep{number:02}" for number in range(21)]])
def test_no_root_is_written_for_dates_and_many_folders_with_pictures_of_the_same_names(tmp_path: Path, capsys: pytest.CaptureFixture[str], names: list[str]):
    for color, name in enumerate(names):
        episode(tmp_path / "all" / name, color, "screens/{}.png")
    sources, text, said = made(tmp_path, capsys, tmp_path / "all")
    assert [source.get("image_root") for source in sources] == [None]
    words = (REPEAT + MEND).format(tmp_path / "all", *names)
    assert f"    # image_root: {words}" in text
    assert f"source all: {words}" in said
    assert "pictures were found" not in text


def test_an_image_root_that_is_of_one_date_is_said_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for day in (1, 2):
        episode(tmp_path / "all" / f"2026-11-0{day}", day, "screens/{}.png")
    sources, text, _ = made(tmp_path, capsys, tmp_path / "all" / "2026-11-02")
    assert [(source["path"], source["image_root"]) for source in sources] == [("all/{batch}/*.jsonl", "all/2026-11-02")]
    assert "# This image_root is of 2026-11-02 alone: the pictures of another date need a source and image_root of their own," in text


def test_a_folder_without_its_pictures_does_not_get_those_of_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for number in range(3):
        episode(tmp_path / "all" / f"ep{number}", number, "screens/{}.png")
    for shot in (tmp_path / "all" / "ep2" / "screens").iterdir():
        shot.unlink()
    sources, _, said = made(tmp_path, capsys, tmp_path / "all")
    assert [source.get("image_root") for source in sources] == [None]
    assert "so no single image_root is right" in said


def test_folders_with_pictures_of_other_names_stay_one_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for number in range(2):
        folder = tmp_path / "all" / f"ep{number}"
        episode(folder, number, f"{number}-{{}}.png")
        for shot in list((folder / "screens").iterdir()):
            shot.rename(shot.with_name(f"{number}-{shot.name}"))
    sources, text, _ = made(tmp_path, capsys, tmp_path / "all")
    assert [source["image_root"] for source in sources] == [["all/ep0/screens", "all/ep1/screens"]]
    assert "# 4 of 4 pictures were found here" in text


def test_the_pictures_beside_a_log_come_before_those_of_another_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for number in range(2):
        episode(tmp_path / "all" / f"ep{number}", number, "screens/{}.png")
    sources, _, _ = made(tmp_path, capsys, tmp_path / "all" / "ep1")
    assert [source["image_root"] for source in sources] == ["all/ep1"]
