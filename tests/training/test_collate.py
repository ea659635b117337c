"""Items -> batches."""

import numpy as np
import pytest

from pipelines.training.collate import collate_glm4, collate_glm4v, collate_hf, collate_minicpm
from pipelines.training.items import item_of
from tests.training.rows import golden_rows, plain, row, turn

ROWS = [row([1, 2, 3], {1, 2}), row([4], {0})]


def test_rows_are_padded_on_the_right_under_a_mask():
    batch = collate_hf([item_of(one, "hf") for one in ROWS], "numpy", pad_token=9)
    assert plain(batch) == {"input_ids": [[1, 2, 3], [4, 9, 9]], "attention_mask": [[1, 1, 1], [1, 0, 0]], "labels": [[-100, 2, 3], [4, -100, -100]]}
    assert {str(value.dtype) for value in batch.values()} == {"int64"}


def test_glm_4_gets_its_padding_token_and_a_mask():
    batch = collate_glm4([item_of(one, "glm4") for one in ROWS], "numpy")
    assert plain(batch) == {
        "input_ids": [[1, 2, 3], [4, 151329, 151329]],
        "labels": [[-100, 2, 3], [4, -100, -100]],
        "attention_mask": [[1, 1, 1], [1, 0, 0]],
    }


def test_weights_are_padded_with_zero():
    rows = [one | {"turn_spans": [turn("assistant", 0, 3, 0.5)]} for one in ROWS]
    batch = collate_hf([item_of(one, "hf", weights=True) for one in rows], "numpy")
    assert batch["loss_weight"].tolist() == [[0, 0.5, 0.5], [0.5, 0, 0]]


def test_glm_4v_stacks_the_pictures_of_a_batch_of_which_all_have_one():
    with_picture, without = item_of(ROWS[0], "glm4v") | {"images": np.ones((3, 2, 2), dtype=np.float32)}, item_of(ROWS[1], "glm4v")
    assert collate_glm4v([with_picture] * 2, "numpy")["images"].shape == (2, 3, 2, 2)
    assert "images" not in collate_glm4v([without] * 2, "numpy")
    with pytest.raises(ValueError, match=r"1 of 2 rows of this batch have a picture; .*PictureBatches"):
        collate_glm4v([with_picture, without], "numpy")


def test_the_views_of_minicpm_stay_lists():
    rows = [one for _, one, _ in golden_rows("minicpm_v_2_6", "sound")][:5]
    items = [item_of(one, "minicpm") | {"pixel_values": [np.zeros((3, 14, 14))] * len(one["images"])} for one in rows]
    batch = collate_minicpm(items, "numpy")
    longest = max(len(one["input_ids"]) for one in rows)
    assert batch["input_ids"].shape == batch["labels"].shape == batch["attention_mask"].shape == batch["position_ids"].shape == (5, longest)
    for i, one in enumerate(rows):
        size = len(one["input_ids"])
        assert batch["attention_mask"][i].sum() == size
        assert (batch["labels"][i][size:] == -100).all()
        assert (batch["input_ids"][i][size:] == 0).all()
    assert plain(batch["image_bound"]) == [plain(item["image_bound"]) for item in items]
    assert plain(batch["tgt_sizes"]) == [plain(item["tgt_sizes"]) for item in items]
    assert [len(views) for views in batch["pixel_values"]] == [len(one["images"]) for one in rows]


def test_padding_on_the_left_moves_the_views():
    items = [item_of(one, "minicpm") | {"pixel_values": []} for one in ROWS]
    items[1]["image_bound"] = np.array([[0, 1]])
    batch = collate_minicpm(items, "numpy", side="left")
    assert batch["input_ids"].tolist() == [[1, 2, 3], [0, 0, 4]]
    assert batch["attention_mask"].tolist() == [[True] * 3, [False, False, True]]
    assert plain(batch["image_bound"]) == [[], [[2, 3]]]


def test_without_torch_the_error_says_what_to_do():
    try:
        import torch  # noqa: F401
    except ImportError:
        with pytest.raises(ImportError, match="arrays='numpy'"):
            collate_hf([item_of(ROWS[0], "hf")])
