"""The demo's rows train and evaluate with TRL's SFTTrainer, which takes three columns that are tokenized already."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from pipelines.training.dataset import TrainingSet
from tests.trainers import folders, models

COLUMNS = ("input_ids", "attention_mask", "labels")


def three_columns(demo: Path, split: str) -> Dataset:
    rows = TrainingSet(demo, "glm_4", split, form="hf", arrays="numpy")
    return Dataset.from_list([{name: item[name] for name in COLUMNS} for item in rows])


def trainer_for(demo: Path, folder: Path, **settings) -> SFTTrainer:
    args = SFTConfig(
        output_dir=str(folder),
        max_steps=2,
        per_device_train_batch_size=2,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
        bf16=False,
        disable_tqdm=True,
        **settings,
    )
    sets = {"train_dataset": three_columns(demo, "train"), "eval_dataset": {split: three_columns(demo, split) for split in ("val", "test")}}
    return SFTTrainer(model=models.glm(), args=args, processing_class=folders.glm_tokenizer(), **sets)


def test_two_steps_and_an_evaluation_have_finite_losses(demo: Path, tmp_path: Path):
    trainer = trainer_for(demo, tmp_path, max_length=None)
    trainer.train()
    found = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    found += [value for name, value in trainer.evaluate().items() if name.endswith("_loss")]
    print(f"\nTRL: {len(trainer.train_dataset)} rows, loss {found[:2]}, val and test {found[2:]}")
    assert len(found) == 4
    assert all(map(math.isfinite, found))


def test_the_batches_have_the_labels_of_the_rows(demo: Path, tmp_path: Path):
    """None is computed anew, and none is cut."""
    trainer = trainer_for(demo, tmp_path, max_length=None)
    rows = three_columns(demo, "val")
    batch = next(iter(trainer.get_eval_dataloader(trainer.eval_dataset["val"])))
    for row, ids, labels in zip(rows, batch["input_ids"].tolist(), batch["labels"].tolist(), strict=False):
        length = len(row["input_ids"])
        assert (ids[:length], labels[:length]) == (row["input_ids"], row["labels"])
        assert set(labels[length:]) <= {-100}


def test_the_default_of_trl_cuts_rows_without_a_warning(demo: Path, tmp_path: Path):
    """Why `max_length=None` is in docs/training.md: this fails when TRL changes its default."""
    assert SFTConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False).max_length == 1024


@pytest.mark.parametrize("column", ["images"])
def test_a_column_of_pictures_is_refused_for_a_text_model(column: str, demo: Path, tmp_path: Path):
    rows = three_columns(demo, "val").add_column(column, [[] for _ in range(6)])
    args = SFTConfig(output_dir=str(tmp_path), max_length=None, report_to="none", use_cpu=True, bf16=False)
    with pytest.raises(ValueError, match="vision"):
        SFTTrainer(model=models.glm(), args=args, processing_class=folders.glm_tokenizer(), train_dataset=rows)
