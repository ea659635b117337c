"""The ends of answers and the image processor of a model, compared with those that rows of `hf` were made with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.training.chat_files import chat_faults, chat_parts

ENDS, IMAGES = "generation_config.json", "preprocessor_config.json"


def folder(path: Path, **files: Any) -> Path:
    path.mkdir(exist_ok=True)
    for name, held in files.items():
        (path / f"{name}.json").write_text(held if isinstance(held, str) else json.dumps(held))
    return path


def noted(path: Path) -> dict[str, Any]:
    return chat_parts(
        folder(path, generation_config={"eos_token_id": [7, 5]}, preprocessor_config={"patch_size": 14, "processor_class": "A", "size": {"height": 9}})
    )


def test_the_ends_and_the_settings_of_the_image_processor_are_noted(tmp_path: Path):
    assert noted(tmp_path) == {"ends": [5, 7], "processor": {"patch_size": 14, "size": {"height": 9}}}
    assert chat_parts(folder(tmp_path / "one", generation_config={"eos_token_id": 5})) == {"ends": [5], "processor": None}
    assert chat_parts(tmp_path / "nothing") == {"ends": None, "processor": None}


def test_the_same_folder_fits_also_when_a_newer_library_has_saved_it(tmp_path: Path):
    model = folder(
        tmp_path / "model",
        generation_config={"eos_token_id": [5, 7], "temperature": 1},
        processor_config={"image_processor": {"patch_size": 14, "size": {"height": 9}, "do_resize": True}, "processor_class": "B"},
    )
    assert chat_faults(noted(tmp_path), model) == ([], ["the ends of answers are the same", "2 settings of the image processor are the same"])


def test_other_ends_and_another_patch_size_do_not_fit(tmp_path: Path):
    model = folder(tmp_path / "model", generation_config={"eos_token_id": 5}, preprocessor_config={"patch_size": 16})
    assert chat_faults(noted(tmp_path), model).faults == [
        "generation_config.json: eos_token_id is [5] in the model, and [5, 7] where the rows were made",
        "the image processor's patch_size is 16 in the model, and 14 where the rows were made",
    ]


def test_what_one_side_does_not_state_is_not_compared(tmp_path: Path):
    found = chat_faults(noted(tmp_path), folder(tmp_path / "model"))
    assert found.faults == []
    assert all(note.startswith("not compared") for note in found.notes)
    assert len(found.notes) == 2
    assert chat_faults(None, tmp_path) == ((), ())
    assert chat_faults(noted(tmp_path), None).notes[0].startswith("not compared")


@pytest.mark.parametrize("held", ["[", "[1]", "[" * 200_000])
def test_a_file_that_cannot_be_read_does_not_fit(tmp_path: Path, held: str):
    found = chat_faults(noted(tmp_path), folder(tmp_path / "model", generation_config=held))
    assert found.faults[0].startswith("generation_config.json cannot be read")
