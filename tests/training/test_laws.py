"""What a row must hold before it reaches a trainer."""

import re
from typing import Any

import pytest

from pipelines.training.laws import LawBroken, check_row
from tests.golden import DIALECTS
from tests.training.rows import golden_rows, image, row, turn

S = 90  # the placeholder
IDS = [1, S, S, 2, S, S, 3, 7, 8]
TURNS = [turn("user", 1, 6), turn("assistant", 7, 8)]
PICTURE = image((1, 3), (4, 6), grid=(1, 1))


def good(**more: Any) -> dict:
    return row(IDS, {7, 8}, images=[PICTURE], turn_spans=TURNS) | more


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("recipe", ["sound", "upstream"])
def test_every_golden_row_keeps_the_laws(dialect: str, recipe: str):
    count = 0
    for _, one, _ in golden_rows(dialect, recipe):
        check_row(one, recipe, {"model": dialect})
        count += 1
    assert count > 15


def test_the_placeholder_that_is_noted_stands_for_pictures_alone():
    noted = {"model": "minicpm_v_2_6", "tokenizer": {"specials": {"<unk>": S}}}
    check_row(good(), settings=noted)
    for broken, fault in [
        (good(images=[]), "4 placeholder tokens, and token_spans cover 0"),
        (good(images=None), "4 placeholder tokens, and token_spans cover 0"),
        (row([1, 2, 2, 7, 8], {3, 4}, images=[image((1, 3))]), "token_spans [1, 3) holds tokens other than untrained placeholders"),
    ]:
        with pytest.raises(LawBroken, match=re.escape(fault)):
            check_row(broken, settings=noted)
    check_row(good(images=[]), settings={"model": "glm_4", "tokenizer": {"specials": {"<|endoftext|>": S}}})


def test_every_answer_is_trained_with_its_end_but_for_minicpm_v_2_that_has_one_end():
    two = row([1, 2, 3, 4, 5], {1, 3, 4}, turn_spans=[turn("assistant", 1, 2), turn("assistant", 3, 4)])
    check_row(two, settings={"model": "minicpm_v_2"})
    check_row(two, "upstream", {"model": "glm_4"})
    with pytest.raises(LawBroken, match=re.escape("the answer [1, 2) is trained, and the token that ends it is not")):
        check_row(two, settings={"model": "glm_4"})
    with pytest.raises(LawBroken, match=re.escape("the answer [3, 4) is trained, and the token that ends it is not")):
        check_row(two | {"labels": [-100, 2, -100, 4, -100]}, settings={"model": "minicpm_v_2"})


def test_a_row_of_an_older_version_has_fewer_columns():
    check_row({"input_ids": [1, 2], "labels": [-100, 2]})
    check_row(good(turn_spans=None, attention_mask=None))


def test_pictures_of_any_model_may_be_parted_or_have_their_source_view_last():
    def no_sizes(*spans: tuple[int, int], grid: tuple[int, int] | None = (1, 1)) -> dict:
        return image(*spans, grid=grid) | {"target_sizes": []}

    for good_one in (image((1, 3), (4, 6), sizes=[(4, 2)]), no_sizes((1, 3), (4, 6)), no_sizes((4, 6), (1, 3)), no_sizes((1, 3), (4, 6), grid=None)):
        check_row(good(images=[good_one]))
    for broken in (no_sizes((1, 3), (1, 3)), no_sizes((4, 6), (1, 3), (1, 3), grid=(2, 1))):
        with pytest.raises(LawBroken, match="token_spans are not in order"):
            check_row(good(images=[broken]))


@pytest.mark.parametrize(
    "broken, fault",
    [
        ({"input_ids": []}, "input_ids are not token ids: []"),
        ({"input_ids": [1, -1, *IDS[2:]]}, "input_ids are not token ids"),
        ({"labels": [-100, 7]}, "9 ids, 2 labels"),
        ({"labels": [-100] * 9}, "no label is trained"),
        ({"num_tokens": 8}, "num_tokens is 8, and the row has 9"),
        ({"num_target_tokens": 3}, "num_target_tokens is 3, and the row has 2"),
        ({"attention_mask": [1] * 8 + [0]}, "attention_mask is not all ones"),
        ({"position_ids": list(range(1, 10))}, "position_ids is not 0, 1, 2 and so on"),
        ({"labels": [-100] * 6 + [7, 8, -100]}, "the label at 6 is 7, and its id is 3: labels are not aligned"),
        ({"images": [image((1, 3), grid=(1, 1))]}, "image 0 has 2 views, 1 token_spans, 1 target_sizes"),
        ({"images": [image((1, 3), (4, 6))]}, "image 0 has 1 views, 2 token_spans, 2 target_sizes"),
        ({"images": [image((1, 3), (4, 6), grid=(1, 1), sizes=[(32, 0), (1, 1)])]}, "image 0 has an empty view"),
        ({"images": [image((4, 6), (1, 3), grid=(1, 1))]}, "token_spans are not in order"),
        ({"images": [image((1, 3), (2, 6), grid=(1, 1))]}, "token_spans are not in order"),
        ({"images": [image((1, 3), (8, 10), grid=(1, 1))]}, "lie outside of 9 ids"),
        ({"images": [image((1, 3), (3, 5), grid=(1, 1))]}, "token_spans [3, 5) holds tokens other than untrained placeholders"),
        ({"images": [image((1, 3))]}, "4 placeholder tokens, and token_spans cover 2"),
        ({"labels": [-100, S, *[-100] * 5, 7, 8], "turn_spans": None}, "token_spans [1, 3) holds tokens other than untrained placeholders"),
        ({"turn_spans": [turn("user", 5, 9)]}, "2 of 4 tokens of turn 0 (user) are trained"),
        ({"turn_spans": [turn("assistant", 6, 8)]}, "1 of 2 tokens of turn 0 (assistant) are trained"),
        ({"turn_spans": [TURNS[1], TURNS[0]]}, "turn_spans are not in order"),
        ({"turn_spans": [turn("assistant", 7, 10)]}, "lie outside of 9 ids"),
        ({"turn_spans": TURNS[:1]}, "the token at 7 is trained, and belongs to no answer"),
        ({"turn_spans": [turn("assistant", 6, 7)]}, "the token at 7 is trained, and belongs to no answer"),
        ({"labels": [-100] * 7 + [7, -100]}, "the answer [7, 8) is trained, and the token that ends it is not"),
        ({"turn_spans": [turn("assistant", 7, 8, message=-2)]}, "turn 0 is of message -2"),
        ({"turn_spans": [turn("assistant", 7, 8, 0.0)]}, "turn 0 has weight 0, and is trained"),
        ({"turn_spans": [turn("user", 1, 6, -1.0), TURNS[1]]}, "turn 0 has weight -1.0"),
        ({"turn_spans": [turn("assistant", 7, 8, float("nan"))]}, "turn 0 has weight nan"),
        ({"turn_spans": [turn("assistant", 7, 8, float("inf"))]}, "turn 0 has weight inf"),
        ({"images": [image((1, 2), (2, 3), (4, 6), grid=(2, 1), sizes=[(9, 9), (4, 4), (4, 5)])]}, "image 0 has slices of different target_sizes"),
        ({"images": [image((1, 3), (4, 6), grid=(-1, -1))]}, "image 0 has a grid of -1 columns and -1 rows"),
        ({"images": [image(grid=(-1, 1))]}, "image 0 has a grid of -1 columns and 1 rows"),
        ({"images": [image((1, 3)) | {"token_spans": None}]}, "image 0 has 1 views, 0 token_spans, 1 target_sizes"),
        ({"labels": None}, "9 ids, 1 labels"),
    ],
)
def test_a_broken_law_names_the_row_and_what_is_wrong(broken: dict[str, Any], fault: str):
    check_row(good())
    with pytest.raises(LawBroken, match="sample s1: .*" + re.escape(fault)):
        check_row(good(**broken))


def test_the_stray_end_label_passes_under_recipe_upstream_alone():
    stray = row([1, 2, 3, 4, 5], {2, 3}, labels=[-100, -100, 3, 4, 4], turn_spans=[turn("assistant", 2, 3)])
    check_row(stray, "upstream")
    with pytest.raises(LawBroken, match="the label at 4 is 4, and its id is 5"):
        check_row(stray)
    with pytest.raises(LawBroken, match="the label at 1 is 9"):
        check_row(row([1, 2, 3], {2}, labels=[-100, 9, 3]), "upstream")


def test_shifted_labels_are_never_taken_for_aligned_ones():
    shifted = row([1, 2, 3, 4], {2, 3}, labels=[-100, 3, 4, -100])
    for recipe in ("sound", "upstream"):
        with pytest.raises(LawBroken, match="labels are not aligned"):
            check_row(shifted, recipe)
