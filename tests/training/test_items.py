"""Rows -> the items of each trainer, compared with the golden cases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.training.items import item_of, loss_weights, shifted
from tests.golden import DIALECTS
from tests.training.rows import golden_rows, image, plain, row, turn

MINICPM = [name for name in DIALECTS if "cpm" in name]


@pytest.mark.parametrize("dialect", MINICPM)
def test_a_minicpm_item_equals_the_input_of_the_upstream_trainer(dialect: str):
    count = 0
    for want, one, _ in golden_rows(dialect, "upstream"):
        if want.get("accept_labels"):
            continue  # several labellings are correct
        item = item_of(one, "minicpm")
        # The golden labels are those of upstream shifted back, so shifted again they are those of upstream.
        assert item["labels"].tolist() == [*want["labels"][1:], -100]
        assert item["input_ids"].tolist() == want["input_ids"]
        assert item["position_ids"].tolist() == list(range(len(want["input_ids"])))
        assert item["attention_mask"].all()
        if "token_spans" in want:
            assert item["image_bound"].tolist() == want["token_spans"]
        if want.get("target_sizes"):
            assert item["tgt_sizes"].tolist() == want["target_sizes"]
        count += 1
    assert count > 40


@pytest.mark.parametrize("dialect", ["glm_4", "glm_4v"])
def test_glm_items_are_aligned(dialect: str):
    count = 0
    for want, one, _ in golden_rows(dialect, "upstream"):
        item = item_of(one, "glm4")
        assert item["input_ids"].tolist() == want["input_ids"]
        if not want.get("accept_labels"):
            assert item["labels"].tolist() == want["labels"]
        count += 1
    assert count > 15


@pytest.mark.parametrize(
    "form, columns",
    [
        ("hf", {"input_ids": "int64", "attention_mask": "int64", "labels": "int64"}),
        ("glm4", {"input_ids": "int64", "labels": "int64"}),
        ("glm4v", {"input_ids": "int64", "attention_mask": "int64", "labels": "int64"}),
        (
            "minicpm",
            {"input_ids": "int64", "position_ids": "int64", "labels": "int64", "attention_mask": "bool", "image_bound": "int64", "tgt_sizes": "int32"},
        ),
    ],
)
def test_an_item_has_the_columns_that_its_collator_pads_and_no_others(form: str, columns: dict[str, str]):
    item = item_of(row([1, 2, 3], {2}), form)
    assert {name: str(value.dtype) for name, value in item.items()} == columns


def test_a_row_without_pictures_has_no_views():
    item = item_of(row([1, 2, 3], {2}), "minicpm")
    assert (item["image_bound"].shape, item["tgt_sizes"].shape) == ((0, 2), (0, 2))


def test_the_views_of_all_images_are_in_text_order():
    pictures = [image((1, 3)), image((4, 6), (7, 9), grid=(1, 1), sizes=[(32, 32), (20, 40)])]
    item = item_of(row(list(range(12)), {11}, images=pictures), "minicpm")
    assert item["image_bound"].tolist() == [[1, 3], [4, 6], [7, 9]]
    assert item["tgt_sizes"].tolist() == [[32, 32], [32, 32], [20, 40]]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=9))
def test_shifting_loses_nothing(ids: list[int]):
    labels = [-100, *ids]
    assert [-100, *shifted(np.array(labels), -100)[:-1].tolist()] == labels


TALK = row(
    [1, 9, 10, 11, 9, 12, 13, 9, 14, 9, 15, 9],
    {5, 6, 7, 10, 11},
    turn_spans=[turn("user", 2, 4), turn("assistant", 5, 7, 0.5), turn("assistant", 8, 9, 0.0), turn("assistant", 10, 11)],
)


def test_the_tokens_of_a_turn_and_its_end_have_its_weight():
    assert loss_weights(TALK).tolist() == [0, 0, 0, 0, 0, 0.5, 0.5, 0.5, 0, 0, 1, 1]
    assert plain(item_of(TALK, "hf", weights=True)["loss_weight"]) == plain(loss_weights(TALK))


def test_weights_move_with_the_labels():
    item = item_of(TALK, "minicpm", weights=True)
    assert item["loss_weight"].tolist() == [0, 0, 0, 0, 0.5, 0.5, 0.5, 0, 0, 1, 1, 0]
    assert ((item["loss_weight"] > 0) == (item["labels"] != -100)).all()
    assert item["loss_weight"].dtype == np.float32


def test_a_header_that_upstream_trains_has_the_weight_of_its_turn():
    one = row([1, 2, 3, 4, 5], {2, 3}, turn_spans=[turn("user", 1, 2), turn("assistant", 3, 4, 0.25)])
    assert loss_weights(one).tolist() == [0, 0, 0.25, 0.25, 0]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("recipe", ["sound", "upstream"])
def test_trained_tokens_and_no_others_have_a_weight_in_every_golden_row(dialect: str, recipe: str):
    for _, one, _ in golden_rows(dialect, recipe):
        if all(turn["weight"] is None for turn in one["turn_spans"]):
            assert loss_weights(one).tolist() == [float(label != -100) for label in one["labels"]]
