"""The rows of a dialect as a map-style data set: what a trainer's collator gets, with pixels made on the fly.

training_set = TrainingSet("out/demo", "minicpm_v_2_6", model="models/MiniCPM-V-2_6")
DataLoader(training_set, batch_size=2, collate_fn=training_set.collate)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from pipelines.training.certificate import certify
from pipelines.training.collate import COLLATE, as_torch
from pipelines.training.columns import read_columns
from pipelines.training.how_tokenized import one_way
from pipelines.training.items import FORM_OF_MODEL, Item, Row, item_of, one_number
from pipelines.training.laws import LawBroken, check_row
from pipelines.training.pictures import ImageRoot, PictureChanged, PictureMissing, check_image_root, open_picture
from pipelines.training.pixels import glm4v_pixels, minicpm_pixels
from pipelines.training.tables import SPLITS, Published, open_root

WITH_PIXELS = ("glm4v", "minicpm")
PICTURES = ("any", "only", "without")
_COLUMNS = ("sample_id", "input_ids", "labels", "images", "turn_spans", "num_tokens", "num_target_tokens")  # the last three for the laws


class TrainingSet:
    """The rows of one dialect and split in the order of the tables, in the state that was published when the set was made.

    `form` is hf, glm4, glm4v or minicpm (items.py), or auto: that of the dialect's model. `arrays` is torch or numpy; GLM-4V's `images` are
    numpy in both, since finetune_vision.py raises on tensors. `weights` adds `loss_weight`, float32 for each token. `pictures` keeps the rows
    with a picture (only) or those without one. `model`, the folder that the trainer names or its tokenizer, is checked against the tables first. With `cache`,
    a folder, the processes of a machine share one memory-mapped file of 8 bytes a token; else each process that is spawned holds its own.

    Each row is checked before it leaves; see `check_row` for the changes it cannot detect. Raises NotPublished, MixedSettings, CertificateError,
    TypeError, ValueError when it is made; LawBroken,
    PictureMissing, PictureChanged for a row.
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | Published,
        dialect: str,
        split: str = "train",
        *,
        batch: str | None = None,
        form: str = "auto",
        model: Any = None,
        image_root: ImageRoot | None = None,
        weights: bool = False,
        arrays: str = "torch",
        pictures: str = "any",
        cache: str | os.PathLike[str] | None = None,
        allow_standin: bool = False,
    ):
        self.published = root if isinstance(root, Published) else open_root(root)
        self.settings = one_way(self.published, dialect, batch)
        self.form = FORM_OF_MODEL.get(self.settings["model"], "hf") if form == "auto" else form
        _refuse_unknown(split=(split, SPLITS), form=(self.form, COLLATE), arrays=(arrays, ("torch", "numpy")), pictures=(pictures, PICTURES))
        check_image_root(self.published, image_root)
        if model is not None:
            certify(self.published, dialect, model, batch=batch, allow_standin=allow_standin)
        self.where: dict[str, str | None] = {"dialect": dialect, "split": split, "batch": batch}
        self.image_root, self.weights, self.arrays, self.pictures, self.cache = image_root, weights, arrays, pictures, cache
        self._open()

    def _open(self) -> None:
        self._columns = read_columns(self.published, _COLUMNS, self.cache, **self.where)
        if self.weights and self._columns.null_count("turn_spans"):
            raise ValueError("some rows have no turn_spans, which tell weights and answers: an older version published them; run their batch again")
        has_picture = self._columns.lengths("images") > 0
        if self.pictures != "any":
            self._rows = np.flatnonzero(has_picture == (self.pictures == "only"))
        else:
            self._rows = np.arange(len(has_picture))
        self.has_picture = has_picture[self._rows]
        if self.form not in WITH_PIXELS and self.has_picture.any():
            raise ValueError(
                f"{int(self.has_picture.sum())} rows have pictures, for which form {self.form} has no pixels: give another form, or pictures='without'"
            )

    def __getstate__(self) -> dict[str, Any]:
        """A worker that is spawned opens the rows itself."""
        return {name: value for name, value in vars(self).items() if name not in ("_columns", "_rows", "has_picture")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._open()

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, number: int) -> Item:
        """The item of this row, with the arrays of its form (items.py) and its pixels."""
        row = self.row(number)
        check_row(row, self.settings["recipe"], self.settings)
        item = item_of(row, self.form, self.weights) | self.pixels(row)
        return as_arrays(item) if self.arrays == "torch" else item

    def __iter__(self) -> Iterator[Item]:
        return (self[number] for number in range(len(self)))

    def row(self, number: int) -> Row:
        """sample_id, input_ids, labels, images, turn_spans, num_tokens and num_target_tokens, as in table `samples`; unchecked."""
        number = one_number(number)
        if not -len(self) <= number < len(self):
            raise IndexError(f"row {number} of {len(self)}")
        return self._columns.row(int(self._rows[number]))

    @property
    def nbytes(self) -> int:
        """Bytes that the rows take in memory."""
        return self._columns.nbytes

    @property
    def collate(self) -> Callable[[list[Item]], Item]:
        """The function that makes a batch of items of this set."""
        return partial(COLLATE[self.form], arrays=self.arrays)

    def pixels(self, row: Row) -> Item:
        """`pixel_values` of form minicpm, `images` of form glm4v where the row has a picture; nothing in other forms."""
        if self.form not in WITH_PIXELS:
            return {}
        options = self.settings["options"]
        found = []
        for image in row["images"]:
            try:
                picture = open_picture(self.published, image, self.image_root)
                if self.form == "glm4v":
                    return {"images": glm4v_pixels(picture, image)}
                found += minicpm_pixels(picture, image, options.get("patch_size", 14), options.get("max_side"))
            except (PictureMissing, PictureChanged, LawBroken, OSError) as error:
                if hasattr(error, "add_note"):  # not in Python 3.10
                    error.add_note(f"sample {row['sample_id']}")
                raise
        return {"pixel_values": found} if self.form == "minicpm" else {}


def as_arrays(item: Item) -> Item:
    """The item's arrays as torch tensors; but GLM-4V's `images`."""
    return {
        name: value if name == "images" else [as_torch(view) for view in value] if isinstance(value, list) else as_torch(value) for name, value in item.items()
    }


def _refuse_unknown(**given: tuple[str, Any]) -> None:
    for name, (value, known) in given.items():
        if value not in known:
            raise ValueError(f"{name}={value!r}: it is one of {', '.join(known)}")
