"""Rows -> the batches of upstream trainers, compared with the golden cases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipelines.records import Sample
from pipelines.tables.schema import Row, row_of
from pipelines.training.items import aligned_item, minicpm_item, padded_batch, shifted_labels, views_of
from tests.golden import DIALECTS, cases_of, config_for, expectation, run_case

MINICPM = [name for name in DIALECTS if "cpm" in name]


def sample_row(sample: Sample, case: dict, recipe: str) -> Row:
    _, row = row_of(sample, "batch", "run", config_for(case, recipe).split)
    return row | {"attention_mask": [1] * row["num_tokens"], "position_ids": list(range(row["num_tokens"]))}


def golden_rows(dialect: str, recipe: str):
    """(expectation, row, case) of every golden case whose row has the expected tokens."""
    for case in cases_of(dialect):
        want = expectation(case, recipe)
        sample = run_case(case, recipe)
        if isinstance(sample, Sample) and "labels" in want and list(sample.tokens.input_ids) == want["input_ids"]:
            yield want, sample_row(sample, case, recipe), case


@pytest.mark.parametrize("dialect", MINICPM)
def test_a_minicpm_item_equals_the_input_of_the_upstream_trainer(dialect: str):
    count = 0
    for want, row, _ in golden_rows(dialect, "upstream"):
        if want.get("accept_labels"):
            continue  # several labellings are correct
        item = minicpm_item(row)
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
    for want, row, _ in golden_rows(dialect, "upstream"):
        item = aligned_item(row)
        if not want.get("accept_labels"):
            assert item["labels"].tolist() == want["labels"]
        assert {name: value.shape for name, value in item.items()} == dict.fromkeys(item, (len(want["input_ids"]),))
        count += 1
    assert count > 15


@given(st.lists(st.integers(0, 9), min_size=1, max_size=9))
def test_shifting_loses_nothing(ids: list[int]):
    labels = [-100, *ids]
    assert [-100, *shifted_labels(labels)[:-1].tolist()] == labels


def test_a_batch_is_padded_on_the_right_and_images_stay_lists():
    rows = [row for _, row, _ in golden_rows("minicpm_v_2_6", "sound")][:5]
    items = [minicpm_item(row) for row in rows]
    batch = padded_batch(items)
    longest = max(len(row["input_ids"]) for row in rows)
    assert batch["input_ids"].shape == batch["labels"].shape == batch["attention_mask"].shape == (5, longest)
    for i, row in enumerate(rows):
        size = len(row["input_ids"])
        assert batch["attention_mask"][i].sum() == size
        assert (batch["labels"][i][size:] == -100).all()
        assert (batch["input_ids"][i][size:] == 0).all()
    assert [bound.tolist() for bound in batch["image_bound"]] == [item["image_bound"].tolist() for item in items]


@pytest.mark.parametrize(("dialect", "max_side"), [("minicpm_v_2_6", None), ("agentcpm_gui", 1120)])
def test_the_views_of_an_image_have_the_sizes_in_the_row(dialect: str, max_side: int | None):
    count = 0
    for _, row, case in golden_rows(dialect, "sound"):
        for image in row["images"]:
            if image["width"] * image["height"] > 4_000_000:
                continue
            patch = case["options"]["patch_size"]
            views = views_of(Image.new("RGB", (image["width"], image["height"])), image, patch, case["options"].get("max_side", max_side))
            assert [(view.height // patch, view.width // patch) for view in views] == [(size["height"], size["width"]) for size in image["target_sizes"]]
            assert len(views) == len(image["token_spans"])
            count += 1
    assert count > 30


def test_the_slices_of_an_image_cover_it_row_by_row():
    left, right = (255, 0, 0), (0, 0, 255)
    picture = Image.new("RGB", (896, 448), left)
    picture.paste(right, (448, 0, 896, 448))
    image = {"grid": {"columns": 2, "rows": 1}, "target_sizes": [{"height": 22, "width": 45}, {"height": 32, "width": 32}, {"height": 32, "width": 32}]}
    _, first, second = views_of(picture, image, 14)
    assert (first.size, first.getpixel((10, 10)), second.getpixel((400, 10))) == ((448, 448), left, right)
    assert np.asarray(first).std(axis=(0, 1)).max() < 20
