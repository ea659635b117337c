"""A key at the very share of a split belongs to the next one."""

import hashlib

import pytest

from pipelines.config import Fractions, Split
from pipelines.split import side_of

# Where this key lies between 0 and 1: about 0.68.
PLACE = int.from_bytes(hashlib.sha256(b"v1\0episode").digest()[:8], "big") / 2**64


@pytest.mark.parametrize(
    ("train", "val", "test", "side"),
    [
        (PLACE, 0.0, 1 - PLACE, "test"),
        (PLACE, 0.1, 0.9 - PLACE, "val"),
        (PLACE + 1e-9, 0.0, 1 - PLACE, "train"),
        (0.0, PLACE, 1 - PLACE, "test"),
        (0.0, PLACE + 1e-9, 1 - PLACE, "val"),
        (0.25, 0.25, 0.0, "val"),  # no share for test: what rounding leaves over is not a test split
        (0.25, 0.25, 0.5, "test"),
    ],
)
def test_the_side_of_a_key_by_the_shares(train: float, val: float, test: float, side: str):
    fractions = Fractions.model_construct(train=train, val=val, test=test)
    assert side_of("episode", Split.model_construct(salt="v1", fractions=fractions)) == side


def test_the_salt_moves_a_key_and_half_a_character_has_a_place_too():
    half = Split(fractions=Fractions(train=0.5, val=0, test=0.5))
    assert {side_of("episode", half.model_copy(update={"salt": salt})) for salt in "abcdefgh"} == {"train", "test"}
    assert side_of("\ud800", half) in ("train", "test")
