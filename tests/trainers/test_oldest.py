"""The training side with the oldest libraries that pyproject.toml permits: every row and picture of the demo is read, checked and exported."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from pipelines.training.dataset import TrainingSet
from pipelines.training.evaluation import eval_items
from pipelines.training.export import FORMS, export
from pipelines.training.pictures import PictureMissing
from pipelines.training.tables import open_root

DIALECTS = {"glm_4": 54, "glm_4v": 386, "minicpm_v_2_6": 413, "agentcpm_gui": 413}
DIALECT_OF = {"minicpm_v": "minicpm_v_2_6", "agentcpm": "agentcpm_gui", "glm4v": "glm_4v"}


@pytest.mark.parametrize("name", ["numpy", "pyarrow", "pillow"])
def test_the_lower_bound_is_what_is_installed_here(name: str):
    bound = re.search(rf'"{name}>=([\d.]+)"', Path("pyproject.toml").read_text())
    assert bound
    assert (version(name) + ".").startswith(bound[1] + ".")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_row_is_an_item(dialect: str, demo: Path):
    count = 0
    for split in ("train", "val", "test"):
        rows = TrainingSet(demo, dialect, split, arrays="numpy")
        items = [rows[number] for number in range(min(len(rows), 20))]
        batch = rows.collate(items[:1])
        assert batch["labels"].dtype == np.int64
        assert len(eval_items(demo, dialect, split, arrays="numpy")) >= len(rows)
        count += len(rows)
    assert count == DIALECTS[dialect]


def test_a_missing_picture_is_named(demo: Path, tmp_path: Path):
    rows = TrainingSet(demo, "minicpm_v_2_6", arrays="numpy", image_root=tmp_path)
    (number, *_) = (number for number in range(len(rows)) if not rows.row(number)["images"][0]["uri"].startswith("data:"))
    with pytest.raises(PictureMissing, match="no such file"):
        rows[number]


@pytest.mark.parametrize("trainer", FORMS)
def test_every_export_has_every_row(trainer: str, demo: Path, tmp_path: Path):
    dialect = DIALECT_OF.get(trainer, "glm_4")
    summary = export(trainer, demo, tmp_path / "out", dialect=dialect)
    assert sum(summary["rows"].values()) == DIALECTS[dialect]


def test_the_tables_are_those_of_the_newest_run(demo: Path):
    published = open_root(demo)
    assert sum(published.files("samples") != [] for _ in published.batches) == 1
