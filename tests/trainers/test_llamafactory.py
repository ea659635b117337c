"""LLaMA-Factory's own loader, collator and trainer take the exports: text and pictures, with the ids, labels and views of the tables."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
from llamafactory.data.collator import SFTDataCollatorWith4DAttentionMask
from llamafactory.hparams import DataArguments, ModelArguments
from llamafactory.train.tuner import run_exp
from torch.nn import functional
from transformers import Seq2SeqTrainingArguments

from pipelines.training.export import export
from pipelines.training.tables import open_root
from tests.trainers import folders, models
from tests.trainers.minicpm_processor import Processor

SPLITS = {"train": "train_dataset", "val": "eval_dataset"}


def exported(demo: Path, dialect: str, folder: Path) -> Path:
    export("llamafactory", demo, folder, dialect=dialect)
    return folder


def loaded(folder: Path, words: Any, processor: Any = None) -> tuple[Any, dict[str, Any]]:
    """(template, data sets), as LLaMA-Factory's run_sft gets them with the configuration of the export."""
    settings = yaml.safe_load((folder / "llamafactory.yaml").read_text())
    names = ("template", "tokenized_path", "dataset", "val_size", "cutoff_len")
    data = DataArguments(**{name: settings[name] for name in names})
    template = get_template_and_fix_tokenizer(words, data)
    training = Seq2SeqTrainingArguments(output_dir=str(folder / "output"), use_cpu=True)
    return template, get_dataset(template, ModelArguments(model_name_or_path="none"), data, training, "sft", tokenizer=words, processor=processor)


def test_text_trains_and_evaluates_with_the_configuration_of_the_export(demo: Path, tmp_path: Path):
    folder = exported(demo, "glm_4", tmp_path / "export")
    model = folders.model_folder(tmp_path / "model", models.glm(), folders.glm_tokenizer())
    settings = yaml.safe_load((folder / "llamafactory.yaml").read_text().replace("MODEL", str(model)))
    run_exp(
        settings
        | {"output_dir": str(tmp_path / "out"), "max_steps": 2, "logging_steps": 1, "eval_steps": 2, "bf16": False, "use_cpu": True, "disable_tqdm": True}
    )
    log = [json.loads(line) for line in (tmp_path / "out" / "trainer_log.jsonl").read_text().splitlines()]
    found = [entry[name] for entry in log for name in ("loss", "eval_loss") if entry.get(name) is not None]
    print(f"\nLLaMA-Factory: losses of two steps and of the evaluation {found}")
    assert len(found) == 3
    assert all(map(math.isfinite, found))


def test_the_loader_gives_the_rows_of_the_tables(demo: Path, tmp_path: Path):
    _, sets = loaded(exported(demo, "glm_4", tmp_path / "export"), folders.glm_tokenizer())
    for split, name in SPLITS.items():
        rows = list(open_root(demo).rows("samples", dialect="glm_4", split=split))
        assert [(row["input_ids"], row["labels"]) for row in rows] == [(row["input_ids"], row["labels"]) for row in sets[name]]


@pytest.fixture(scope="module", params=["minicpm_v_2_6", "agentcpm_gui"])
def pictures(request: pytest.FixtureRequest, demo: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Any, dict[str, Any]]:
    """(dialect, export, collator, data sets) of rows with pictures, with LLaMA-Factory's template for them."""
    settings = open_root(demo).settings()["dialects"][request.param]
    folder = exported(demo, request.param, tmp_path_factory.mktemp("pictures") / "export")
    words = folders.qwen_tokenizer(settings["tokenizer"]["specials"])
    configured = yaml.safe_load((folder / "llamafactory.yaml").read_text())
    processor = Processor(words, settings["options"], image_max_pixels=configured["image_max_pixels"])
    template, sets = loaded(folder, words, processor)
    return request.param, folder, SFTDataCollatorWith4DAttentionMask(template=template, tokenizer=words, processor=processor), sets


def test_the_views_of_every_picture_fit_the_tokens_of_its_row(demo: Path, pictures):
    dialect, folder, collator, sets = pictures
    inexact = {json.loads(line)["sample_id"] for line in (folder / "inexact.jsonl").read_text().splitlines()}
    collator.processor.image_processor.with_pixels = False
    wrong = []
    for split, name in SPLITS.items():
        rows = list(open_root(demo).rows("samples", dialect=dialect, split=split))
        for row, item in zip(rows, sets[name], strict=True):
            data = collator([dict(item)])["data"]
            spans = [[span["start"], span["end"]] for image in row["images"] for span in image["token_spans"]]
            sizes = [[size["height"], size["width"]] for image in row["images"] for size in image["target_sizes"]]
            length = len(row["input_ids"])
            assert data["input_ids"][0, :length].tolist() == row["input_ids"]
            assert data["labels"][0, :length].tolist() == row["labels"]
            if data["image_bound"][0].tolist() != spans or data["tgt_sizes"][0].tolist() != sizes:
                wrong.append(row["sample_id"])
    print(f"\n{dialect}: {sum(map(len, sets.values()))} rows, {len(wrong)} of them with views that do not fit; {len(inexact)} are named")
    assert set(wrong) <= inexact
    collator.processor.image_processor.with_pixels = True


def test_at_the_default_of_llama_factory_pictures_are_shrunk_and_their_views_do_not_fit(pictures):
    """Why the configuration of the export has image_max_pixels: without it, no error tells."""
    dialect, _, collator, sets = pictures
    kept, collator.processor.image_max_pixels = collator.processor.image_max_pixels, 768 * 768
    collator.processor.image_processor.with_pixels = False
    data = [collator([dict(item)])["data"] for item in list(sets["train_dataset"])[:40]]
    collator.processor.image_max_pixels, collator.processor.image_processor.with_pixels = kept, True
    wrong = sum(len(each["image_bound"][0]) != len(each["tgt_sizes"][0]) for each in data)
    # AgentCPM-GUI's pictures have at most 1,120 px a side, so some are small enough for the default.
    assert wrong > 0 or dialect == "agentcpm_gui"


def test_pictures_train_a_step(pictures):
    _, _, collator, sets = pictures
    batch = collator([dict(sets["train_dataset"][number]) for number in range(2)])
    model = models.TinyMiniCPM()
    logits = model(batch["data"]).logits
    loss = functional.cross_entropy(logits[:, :-1].flatten(0, 1), batch["labels"][:, 1:].flatten())  # aligned: MiniCPM-V's llm shifts them here
    loss.backward()
    assert torch.isfinite(loss)
    assert model.patches.weight.grad.abs().sum() > 0
