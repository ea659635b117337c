"""The split depends on the key alone."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.config import Fractions, Split
from pipelines.split import side_of
from tests.making import asked, configuration, conversation


def expected_side(key: str, salt: str, train: float, val: float) -> str:
    place = int(hashlib.sha256(salt.encode() + b"\0" + key.encode()).hexdigest()[:16], 16) / 2**64
    return "train" if place < train else "val" if place < train + val else "test"


@given(key=st.text(st.characters(exclude_categories=["Cs"])), salt=st.text("abv1"), train=st.floats(0, 0.8), val=st.floats(0, 0.1))
def test_the_side_is_the_first_eight_bytes_of_the_hash(key: str, salt: str, train: float, val: float):
    fractions = Fractions(train=train, val=val, test=1 - train - val)
    assert side_of(key, Split(salt=salt, fractions=fractions)) == expected_side(key, salt, train, val)


@pytest.mark.parametrize(("train", "val", "test"), [(1, 0, 0), (0, 1, 0), (0, 0, 1)])
def test_a_split_with_fraction_0_gets_nothing(train: float, val: float, test: float):
    split = Split(fractions=Fractions(train=train, val=val, test=test))
    expected = "train" if train else "val" if val else "test"
    assert {side_of(str(i), split) for i in range(500)} == {expected}


def test_shares_are_close_to_the_fractions():
    split = Split(fractions=Fractions(train=0.8, val=0.1, test=0.1))
    sides = [side_of(f"episode {i}", split) for i in range(10_000)]
    assert abs(sides.count("train") - 8000) < 200
    assert abs(sides.count("val") - 1000) < 150


def test_the_steps_of_an_episode_stay_together_even_if_its_id_is_a_number():
    steps = [conversation(asked(f"step {i}", episode_id=42, step_id=i)) for i in range(5)]
    assert {step.episode_id for step in steps} == {"42"}
    assert conversation(asked(episode_id="42")).episode_id == "42"
    assert len({step.sample_id for step in steps}) == 5


def test_the_same_record_has_the_same_ids_in_every_configuration():
    one = conversation(asked(episode_id="e"))
    other = conversation(asked(episode_id="e"), configuration(source={"name": "kit"}))
    assert (one.episode_id, one.record_id) == (other.episode_id, other.record_id)


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
def test_a_key_at_the_end_of_a_share_belongs_to_the_next_split(train: float, val: float, test: float, side: str):
    fractions = Fractions.model_construct(train=train, val=val, test=test)
    assert side_of("episode", Split.model_construct(salt="v1", fractions=fractions)) == side


def test_the_salt_moves_a_key_and_a_lone_surrogate_is_a_valid_key():
    half = Split(fractions=Fractions(train=0.5, val=0, test=0.5))
    assert {side_of("episode", half.model_copy(update={"salt": salt})) for salt in "abcdefgh"} == {"train", "test"}
    assert side_of("\ud800", half) in ("train", "test")
