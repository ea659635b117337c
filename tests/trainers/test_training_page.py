"""The code of docs/training.md that needs torch runs on the demo's tables, with a tiny model in the place of the real one."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainingArguments

from pipelines.training.export import export
from tests.trainers import folders, models
from tests.trainers.conftest import ROOT
from tests.trainers.page import blocks


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with out/, an export and a model, as the page assumes them."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "out").symlink_to(ROOT / "out")
    folders.model_folder(folder / "model", models.glm(), folders.glm_tokenizer())
    export("trl", "out/demo", folder / "exports" / "trl", dialect="glm_4")
    return folder


def given(heading: str, folder: Path) -> dict[str, Any]:
    """What the page takes from the script around a block."""
    settings = {"max_steps": 2, "per_device_train_batch_size": 2, "logging_steps": 1, "remove_unused_columns": False, "report_to": "none"}
    args = TrainingArguments(str(folder / "trained"), use_cpu=True, disable_tqdm=True, label_names=["labels"], **settings)
    model = models.glm() if heading == "Weights" else models.TinyMiniCPM()
    return {"CPMTrainer": models.CPMTrainer, "training_args": args, "model": model}


@pytest.mark.parametrize("heading", blocks(with_torch=True))
def test_the_code_of_the_page_runs(heading: str, workplace: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(workplace)
    # The demo's GLM rows are of a stand-in vocabulary, which the certificate refuses.
    code = re.sub(r', model="models/[^"]*"\)', ")", blocks(with_torch=True)[heading]).replace("models/GLM-4-9B-Chat", "model")
    code = code.replace("out/trl", "trained").replace("out/hf", "trained").replace('report_to="none"', 'report_to="none", use_cpu=True, bf16=False')
    names = given(heading, workplace)
    exec(code, names)
    if "loss" in names:
        assert math.isfinite(names["loss"].item())
    else:
        assert names["trainer"].state.global_step == 2
        assert all(math.isfinite(value) for name, value in names["trainer"].evaluate().items() if name == "eval_loss")
