"""Items for `predict_with_generate`: the prompt up to an answer, and the answer's ids, one item for each trained answer.

val = eval_items("out/demo", "glm_4", "val")
Seq2SeqTrainer(..., eval_dataset=val)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from pipelines.training.collate import COLLATE, GLM_PAD, as_torch, padded
from pipelines.training.dataset import TrainingSet, as_arrays
from pipelines.training.items import Item, Row, is_trained_answer, item_of, one_number
from pipelines.training.laws import IGNORE_INDEX, check_row

GLM_USER = 151336  # <|user|>, which ends an answer of GLM-4
NEWLINE = 198  # in the vocabulary of Qwen2


def eval_items(root: Any, dialect: str, split: str = "val", **options: Any) -> EvalItems:
    """The items of a split, as a map-style data set; `options` are those of TrainingSet, but for `weights` and `pictures`.

    Raises what TrainingSet raises, and ValueError where the rows have no `turn_spans`, as an older version published them.
    """
    return EvalItems(TrainingSet(root, dialect, split, weights=True, **options))


class EvalItems:
    """Items with the arrays of the set's form up to the answer, header included, without labels; and `output_ids` int64, the answer with its end.

    The end of an answer is the token that is trained for it; for forms glm4 and glm4v always <|user|>, 151336, as upstream has it.
    Source: THUDM/GLM-4 finetune/finetune.py process_batch_eval (combine: false), finetune_vision.py process_batch_eval @ f27a106.
    """

    def __init__(self, rows: TrainingSet):
        self.rows = rows
        self._places = [(number, turn) for number in range(len(rows)) for turn in _trained_answers(rows.row(number))]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, number: int) -> Item:
        at, turn = self._places[one_number(number)]
        row = self.rows.row(at)
        check_row(row, self.rows.settings["recipe"], self.rows.settings)
        start, end = self._prompt_end(row, row["turn_spans"][turn]), row["turn_spans"][turn]["end"]
        prompt = _cut(row, start)
        item = item_of(prompt, self.rows.form) | self.rows.pixels(prompt)
        del item["labels"]
        item["output_ids"] = np.append(np.asarray(row["input_ids"][start:end], dtype=np.int64), self._ending(row, end))
        return as_arrays(item) if self.rows.arrays == "torch" else item

    def __iter__(self) -> Iterator[Item]:
        return (self[number] for number in range(len(self)))

    def place(self, number: int) -> tuple[str, int]:
        """(sample_id, index in the row's turn_spans) of an item."""
        at, turn = self._places[number]
        return self.rows.row(at)["sample_id"], turn

    def collate(self, items: list[Item]) -> Item:
        """A batch whose prompts are padded on the left, as generation needs, and whose `output_ids` are padded on the right.

        `labels` is None, as transformers' DataCollatorForSeq2Seq has it: finetune.py deletes it, whether it is there or not.
        """
        arrays = self.rows.arrays
        fill = GLM_PAD if self._is_glm else 0
        outputs = padded([item["output_ids"] for item in items], fill)
        batch = COLLATE[self.rows.form](items, arrays=arrays, side="left")
        return batch | {"labels": None, "output_ids": as_torch(outputs) if arrays == "torch" else outputs}

    @property
    def _is_glm(self) -> bool:
        return self.rows.form in ("glm4", "glm4v")

    def _prompt_end(self, row: Row, turn: Row) -> int:
        # AgentCPM-GUI trains the newline of an answer's header; where it is a token of its own, a prompt for generation has it.
        is_header = self.rows.settings["model"] == "agentcpm_gui" and turn["start"] < turn["end"] and row["input_ids"][turn["start"]] == NEWLINE
        return turn["start"] + is_header

    def _ending(self, row: Row, end: int) -> list[int]:
        if self._is_glm:
            return [GLM_USER]
        is_ended = end < len(row["labels"]) and row["labels"][end] == row["input_ids"][end]
        return [int(row["input_ids"][end])] if is_ended else []


def _trained_answers(row: Row) -> list[int]:
    """Which of the row's turns are answers with trained tokens."""
    trained = np.asarray(row["labels"]) != IGNORE_INDEX
    return [number for number, turn in enumerate(row["turn_spans"]) if is_trained_answer(turn, trained)]


def _cut(row: Row, end: int) -> Row:
    """The row up to this token, with the images that stand before it."""
    images = [image for image in row["images"] if all(span["end"] <= end for span in image["token_spans"])]
    return {"sample_id": row["sample_id"], "input_ids": row["input_ids"][:end], "labels": row["labels"][:end], "images": images}
