"""A batch sampler for models that take rows with or without a picture in a batch, but not both."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.random import default_rng  # always with a seed

from pipelines.training.dataset import TrainingSet


class PictureBatches:
    """Row numbers in batches whose rows all have a picture, or all have none; each row once. For `DataLoader(set, batch_sampler=...)`.

    `shuffle` orders rows and batches by `seed` and the epoch, which `set_epoch` sets. The last batch of each kind may be smaller.
    """

    def __init__(self, training_set: TrainingSet, batch_size: int, shuffle: bool = True, seed: int = 0):
        self._has_picture = training_set.has_picture
        self.batch_size, self.shuffle, self.seed, self.epoch = batch_size, shuffle, seed, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        counts = (int(self._has_picture.sum()), int((~self._has_picture).sum()))
        return sum(-(-count // self.batch_size) for count in counts)

    def __iter__(self) -> Iterator[list[int]]:
        order = default_rng((self.seed, self.epoch))
        batches = []
        for kind in (True, False):
            rows = np.flatnonzero(self._has_picture == kind)
            rows = order.permutation(rows) if self.shuffle else rows
            batches += [rows[start : start + self.batch_size].tolist() for start in range(0, len(rows), self.batch_size)]
        if self.shuffle:
            batches = [batches[number] for number in order.permutation(len(batches))]
        return iter(batches)
