"""The demo's rows train and evaluate with the Trainer of Transformers, in the form of each model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, Subset
from transformers import GenerationConfig, Seq2SeqTrainingArguments, Trainer, TrainingArguments

from pipelines.training.dataset import TrainingSet
from pipelines.training.evaluation import eval_items
from tests.trainers import models

# dialect -> (model, trainer)
DIALECTS = {
    "glm_4": (models.glm, Trainer),
    "glm_4v": (models.TinyGlm4v, Trainer),
    "minicpm_v_2_6": (models.TinyMiniCPM, models.CPMTrainer),
    "agentcpm_gui": (models.TinyMiniCPM, models.CPMTrainer),
}
STEPS, ROWS = 2, 4


def arguments(folder: Path, **more: Any) -> TrainingArguments:
    """Two rows a step, all columns kept, nothing reported."""
    settings = {"per_device_train_batch_size": 2, "per_device_eval_batch_size": 2, "remove_unused_columns": False, "report_to": "none", "seed": 0}
    return TrainingArguments(output_dir=str(folder), max_steps=STEPS, logging_steps=1, save_strategy="no", use_cpu=True, disable_tqdm=True, **settings | more)


def trainer_for(dialect: str, demo: Path, folder: Path) -> Trainer:
    model, kind = DIALECTS[dialect]
    sets = {split: TrainingSet(demo, dialect, split) for split in ("train", "val", "test")}
    few = {split: Subset(rows, range(min(ROWS, len(rows)))) for split, rows in sets.items()}
    evaluated = {"val": few["val"], "test": few["test"]}
    args = arguments(folder, label_names=["labels"], prediction_loss_only=False)
    return kind(model=model(), args=args, train_dataset=few["train"], eval_dataset=evaluated, data_collator=sets["train"].collate)


def losses(trainer: Trainer) -> list[float]:
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_two_steps_and_an_evaluation_have_finite_losses(dialect: str, demo: Path, tmp_path: Path):
    trainer = trainer_for(dialect, demo, tmp_path)
    trainer.train()
    found = [*losses(trainer), *(value for name, value in trainer.evaluate().items() if name.endswith("_loss"))]
    print(f"\n{dialect}: {len(TrainingSet(demo, dialect))} rows, loss {found[:2]}, val and test {found[2:]}")
    assert len(found) == STEPS + 2
    assert all(map(math.isfinite, found))


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_step_of_evaluation_has_labels(dialect: str, split: str, demo: Path, tmp_path: Path):
    trainer = trainer_for(dialect, demo, tmp_path)
    batch = next(iter(trainer.get_eval_dataloader(trainer.eval_dataset[split])))
    loss, _, labels = trainer.prediction_step(trainer.model, dict(batch), prediction_loss_only=False)
    assert math.isfinite(loss)
    assert (labels != models.IGNORED).any(dim=1).all()


@pytest.mark.parametrize("dialect", ["glm_4", "glm_4v"])
def test_answers_are_generated_from_their_prompts(dialect: str, demo: Path, tmp_path: Path):
    """`predict_with_generate`: one item for each answer; the prompt ends where the answer begins."""
    items = eval_items(demo, dialect, "val")
    settings = GenerationConfig(max_new_tokens=4, pad_token_id=151329, eos_token_id=[151329, 151336, 151338], do_sample=False)
    args = Seq2SeqTrainingArguments(
        str(tmp_path),
        predict_with_generate=True,
        generation_config=settings,
        remove_unused_columns=False,
        report_to="none",
        use_cpu=True,
        per_device_eval_batch_size=2,
    )
    model, _ = DIALECTS[dialect]
    trainer = models.GenerationTrainer(model=model(), args=args, data_collator=items.collate)
    found = trainer.predict(Subset(items, range(4)))
    assert found.predictions.shape == (4, 4)
    for number, answer in enumerate(found.label_ids.tolist()):
        assert [token for token in answer if token >= 0][: len(items[number]["output_ids"])] == items[number]["output_ids"].tolist()


def test_the_loss_is_the_mean_over_exactly_the_tokens_that_the_rows_train(demo: Path):
    """The model shifts aligned labels itself; padding changes nothing."""
    rows = TrainingSet(demo, "glm_4")
    model = models.glm().eval()
    batch = rows.collate([rows[number] for number in range(3)])
    with torch.no_grad():
        together = model(**batch).loss
        alone = [functional.cross_entropy(*_predicted(model, rows[number]), reduction="none") for number in range(3)]
    assert torch.cat(alone).mean().item() == pytest.approx(together.item(), rel=1e-4)


def _predicted(model: Any, item: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and targets of the trained tokens of a row: a token is predicted from those before it."""
    trained = np.flatnonzero(item["labels"] != models.IGNORED)
    logits = model(input_ids=item["input_ids"][None]).logits[0]
    return logits[trained - 1], item["input_ids"][trained]


@pytest.mark.parametrize("dialect", ["minicpm_v_2_6", "agentcpm_gui"])
def test_a_label_of_minicpm_is_the_token_after_it(dialect: str, demo: Path):
    """Its trainer does not shift, so the items are shifted; unshifted rows would train each token to repeat itself."""
    rows = TrainingSet(demo, dialect)
    for number in range(8):
        item = rows[number]
        trained = np.flatnonzero(item["labels"] != models.IGNORED)
        assert torch.equal(item["labels"][trained], item["input_ids"][trained + 1])


@pytest.mark.parametrize("dialect", ["minicpm_v_2_6", "agentcpm_gui"])
def test_pictures_change_the_loss_and_every_view_has_a_gradient(dialect: str, demo: Path):
    rows = TrainingSet(demo, dialect)
    model = models.TinyMiniCPM()
    batch = rows.collate([rows[0], rows[1]])
    labels = batch.pop("labels")
    views = [view.requires_grad_() for item in batch["pixel_values"] for view in item]
    logits = model(data=batch).logits
    functional.cross_entropy(logits.flatten(0, 1), labels.flatten()).backward()
    assert views
    assert all(view.grad is not None and view.grad.abs().sum() > 0 for view in views)


def test_rows_train_in_worker_processes(demo: Path):
    """A worker that is spawned opens the tables itself."""
    rows = Subset(TrainingSet(demo, "minicpm_v_2_6"), range(4))
    loader = DataLoader(rows, batch_size=2, num_workers=2, collate_fn=rows.dataset.collate, multiprocessing_context="spawn")
    alone = [rows.dataset.collate([rows[0], rows[1]]), rows.dataset.collate([rows[2], rows[3]])]
    for want, got in zip(alone, loader, strict=True):
        assert torch.equal(want["input_ids"], got["input_ids"])
        assert all(torch.equal(a, b) for x, y in zip(want["pixel_values"], got["pixel_values"], strict=True) for a, b in zip(x, y, strict=True))


@pytest.mark.parametrize("model", [lambda: models.glm("Glm4"), models.qwen_vl], ids=["Glm4ForCausalLM", "Qwen2_5_VLForConditionalGeneration"])
def test_three_columns_train_any_model_of_transformers(model: Any, demo: Path, tmp_path: Path):
    rows = TrainingSet(demo, "glm_4", form="hf")
    trainer = Trainer(model=model(), args=arguments(tmp_path), train_dataset=Subset(rows, range(ROWS)), data_collator=rows.collate)
    trainer.train()
    assert all(map(math.isfinite, losses(trainer)))


def test_weights_reach_the_trainer(demo: Path):
    rows = TrainingSet(demo, "glm_4", weights=True)
    batch = rows.collate([rows[0], rows[1]])
    assert batch["loss_weight"].shape == batch["labels"].shape
    assert ((batch["loss_weight"] > 0) <= (batch["labels"] != models.IGNORED)).all()
