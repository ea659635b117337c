"""Slicing against a second, independent statement of the rule (FACTS of the upstream: OpenBMB/MiniCPM-V finetune/dataset.py @ 0dbb566)."""

import math
from random import Random

import pytest

from pipelines.reasons import Reject
from pipelines.records import Grid, PatchSize, Size
from pipelines.vision.slicing import SlicePlan, SliceRule, best_grid, fit_side, slice_plan

RULE = SliceRule(9, 448, 14)


def stated(width: int, height: int, most: int, side: int, patch: int) -> tuple[tuple[int, int] | None, list[tuple[int, int]]]:
    """The rule as one function, written without looking at ours: (grid, sizes of the views in patches as (h, w))."""

    def whole(x: float, unit: int) -> int:
        return max(unit, unit * round(x / unit))

    def view(w: float, h: float, enlarge: bool) -> tuple[int, int]:
        if enlarge or w * h > side * side:
            shape = w / h
            h = int(side / math.sqrt(shape))
            w = int(h * shape)
        return whole(h, patch) // patch, whole(w, patch) // patch

    wanted = min(-(-width * height // side**2), most)
    if wanted <= 1:
        return None, [view(width, height, True)]
    best, grid = math.inf, (1, 1)
    for count in (wanted - 1, wanted, wanted + 1):
        if count == 1 or count > most:
            continue
        columns = 1
        while columns <= count:
            if count % columns == 0:
                error = abs(math.log(width / height) - math.log(columns / (count // columns)))
                if error < best:
                    best, grid = error, (columns, count // columns)
            columns += 1
    part = view(whole(width, grid[0]) / grid[0], whole(height, grid[1]) / grid[1], True)
    return grid, [view(width, height, False)] + [part] * (grid[0] * grid[1])


def agrees(width: int, height: int, rule: SliceRule) -> bool:
    if max(width, height) > 200 * min(width, height):
        with pytest.raises(Reject):
            slice_plan(Size(width, height), rule)
        return True
    grid, views = stated(width, height, *rule)
    return slice_plan(Size(width, height), rule) == SlicePlan(grid and Grid(*grid), tuple(PatchSize(*view) for view in views))


def test_a_hundred_thousand_random_sizes_agree_with_the_stated_rule():
    random = Random(4481)
    rules = [RULE, RULE, SliceRule(1, 448, 14), SliceRule(4, 448, 14), SliceRule(16, 336, 16), SliceRule(9, 512, 28)]
    wrong = []
    for _ in range(100_000):
        width, height, rule = int(2 ** random.uniform(0, 12.5)), int(2 ** random.uniform(0, 12.5)), random.choice(rules)
        if not agrees(width, height, rule):
            wrong.append((width, height, rule))
    assert wrong == []


def test_all_squares_up_to_4000_px_have_the_grids_that_float_rounding_gives():
    edges = []
    last: Grid | None = Grid(0, 0)
    for side in range(1, 4001):
        assert agrees(side, side, RULE)
        grid = slice_plan(Size(side, side), RULE).grid
        if grid != last:
            edges.append((side, grid and tuple(grid)))
            last = grid
    # 1x2 and 3x2 for a square: log(2/3) and -log(1.5) differ in the last bit, and the first of equals wins.
    assert edges == [(1, None), (449, (1, 2)), (634, (2, 2)), (1002, (3, 2)), (1186, (3, 3))]


@pytest.mark.parametrize(
    ("size", "fitted"),
    [((1120, 2400), (522, 1120)), ((2400, 1080), (1120, 504)), ((1120, 1120), (1120, 1120)), ((3000, 2000), (1120, 746)), ((100, 50), (100, 50))],
)
def test_agentcpm_fits_the_height_first_and_the_width_second(size, fitted):
    assert fit_side(Size(*size), 1120) == Size(*fitted)


def test_a_picture_with_a_side_of_zero_after_resizing_is_refused():
    with pytest.raises(Reject) as caught:
        fit_side(Size(2, 2400), 1120)
    assert caught.value.findings[0].code == "image.extreme_aspect"


def test_with_at_most_one_slice_there_is_one_view():
    assert best_grid(Size(4000, 4000), 1) is None


@pytest.mark.parametrize("most", [1, 9, 100])
@pytest.mark.parametrize("size", [(1, 1), (1, 200), (200, 1), (1, 201), (320_000, 1600), (1600, 320_000), (8000, 8000), (1, 64_000_000), (64_000_000, 1)])
def test_extreme_sizes_agree_with_the_stated_rule(size: tuple[int, int], most: int):
    assert agrees(*size, SliceRule(most, 448, 14))


def test_an_image_never_has_fewer_slices_under_a_higher_bound():
    """So the highest bound that fits into a row can be found by bisection."""
    random = Random(1)
    for _ in range(1000):
        size = Size(int(2 ** random.uniform(5, 12.5)), int(2 ** random.uniform(5, 12.5)))
        if max(size) <= 200 * min(size):
            slices = [len(slice_plan(size, SliceRule(bound, 448, 14)).views) for bound in range(1, 20)]
            assert slices == sorted(slices), size
