"""The code of docs/training.md that needs no torch, and its commands, run on small published tables. `make trainers-test` runs the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.cli import main
from tests.trainers.page import TEXT, blocks, export_commands
from tests.training.publishing import publish
from tests.training.rows import golden_rows
from tests.training.scene import dialect_note, tokenizer_note, with_pictures

SPLITS = ("train", "val", "test")
PIXELS = 700_000  # keeps the pictures small


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """out/demo with rows of two dialects in all splits, and their pictures in out/demo-input/screens."""
    folder = tmp_path_factory.mktemp("page")
    screens = folder / "out" / "demo-input" / "screens"
    rows = [row for _, row, _ in golden_rows("glm_4", "sound")][:6]
    pictures = [row for _, row, _ in golden_rows("minicpm_v_2_6", "sound") if 0 < sum(image["width"] * image["height"] for image in row["images"]) < PIXELS]
    pictures = [with_pictures(row, screens) for row in pictures[:6]]
    for image in (image for row in pictures for image in row["images"]):
        image["uri"] = image["uri"].replace("kit/", "gui/")
    samples = [
        {name: value for name, value in row.items() if name != "findings"} | {"dialect": dialect, "split": SPLITS[number % 3]}
        for dialect, kept in (("glm_4", rows), ("minicpm_v_2_6", pictures))
        for number, row in enumerate(kept)
    ]
    notes = {name: dialect_note(name, tokenizer=tokenizer_note(standin=name == "glm_4")) for name in ("glm_4", "minicpm_v_2_6")}
    publish(folder / "out" / "demo", {"samples": samples}, {"dialects": notes, "image_roots": {"gui": str(screens)}})
    return folder


@pytest.mark.parametrize("heading", blocks(with_torch=False))
def test_the_code_of_the_page_runs(heading: str, workplace: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(workplace)
    exec(blocks(with_torch=False)[heading], {})


@pytest.mark.parametrize("words", export_commands(), ids=lambda words: words[2])
def test_the_exports_of_the_page_are_written(words: list[str], workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(workplace)
    ended = main(words)
    if words[2] == "swift":  # needs table conversations, which these tables lack
        assert (ended, "conversations" in capsys.readouterr().err) == (2, True)
    else:
        assert ended == 0
        assert any((workplace / words[-1]).iterdir())


def test_every_trainer_of_the_command_has_a_place_on_the_page():
    from pipelines.cli import TRAINERS

    assert [name for name in TRAINERS if f"`--to {name}`" not in TEXT] == []
