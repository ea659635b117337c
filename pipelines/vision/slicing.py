"""Slicing in the MiniCPM-V family: a picture becomes one source view, and a grid of slices too if it has more pixels than one view.

All arithmetic is upstream's, in its order and in doubles, because the last bit decides between two equally good grids.
Source: OpenBMB/MiniCPM-V finetune/dataset.py slice_image @ 0dbb566; OpenBMB/AgentCPM-GUI sft/dataset.py @ acbaf50 for `fit_side`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from pipelines.reasons import Reason, Reject
from pipelines.records import Grid, PatchSize, Size

# Beyond this ratio, upstream enlarges the short side (3000x1 px becomes 23996x14). Newer models refuse such pictures at the same ratio.
MAX_ASPECT = 200


class SliceRule(NamedTuple):
    max_slices: int
    scale_resolution: int  # px: one view has about as many pixels as a square with this side
    patch_size: int  # px


@dataclass(frozen=True, slots=True)
class SlicePlan:
    """The views of one picture, in patches: the source view, then the slices row by row. `grid` is None if there are no slices."""

    grid: Grid | None
    views: tuple[PatchSize, ...]


@lru_cache(maxsize=65536)
def slice_plan(size: Size, rule: SliceRule) -> SlicePlan:
    """The views that upstream makes of a picture of this size. Raises Reject for a picture longer than MAX_ASPECT times its width.

    >>> slice_plan(Size(1080, 2400), SliceRule(9, 448, 14)).grid
    Grid(columns=2, rows=4)
    """
    if max(size) > MAX_ASPECT * min(size):
        raise Reject(Reason.IMAGE_EXTREME_ASPECT.at("", f"{size.width}x{size.height} px; at most {MAX_ASPECT} to 1 can be sliced"))
    grid = best_grid(size, rule.max_slices, rule.scale_resolution)
    if grid is None:
        return SlicePlan(None, (_patches(_best_size(*size, rule, upscale=True), rule),))
    source = _patches(_best_size(*size, rule, upscale=False), rule)
    return SlicePlan(grid, (source, *[_patches(_slice_size(size, grid, rule), rule)] * (grid.columns * grid.rows)))


def best_grid(size: Size, max_slices: int, scale_resolution: int = 448) -> Grid | None:
    """The (columns, rows) whose shape is nearest to the picture's; None where one view is enough.

    Nearest in log aspect ratio; ties are broken by order and by float rounding, so keep `math.log` of the double quotient.

    >>> best_grid(Size(600, 600), 9), best_grid(Size(1100, 1100), 9)
    (Grid(columns=1, rows=2), Grid(columns=3, rows=2))
    """
    views = min(math.ceil(size.width * size.height / (scale_resolution * scale_resolution)), max_slices)
    if views <= 1:
        return None
    log_aspect = math.log(size.width / size.height)
    counts = [count for count in (views - 1, views, views + 1) if count != 1 and count <= max_slices]
    grids = [Grid(columns, count // columns) for count in counts for columns in range(1, count + 1) if count % columns == 0]
    return min(grids, key=lambda grid: abs(log_aspect - math.log(grid.columns / grid.rows)))  # min keeps the first of equals


def fit_side(size: Size, max_side: int) -> Size:
    """The size after AgentCPM-GUI's own resize: the height first, then the width, both by `int`. Raises Reject where a side becomes 0.

    >>> fit_side(Size(1120, 2400), 1120)
    Size(width=522, height=1120)
    """
    width, height = size
    if height > max_side:
        width, height = int(width * max_side / height), max_side
    if width > max_side:
        width, height = max_side, int(height * max_side / width)
    if width == 0 or height == 0:
        raise Reject(Reason.IMAGE_EXTREME_ASPECT.at("", f"{size.width}x{size.height} px becomes {width}x{height} px when it is made to fit {max_side} px"))
    return Size(width, height)


def _best_size(width: float, height: float, rule: SliceRule, upscale: bool) -> tuple[int, int]:
    """(width, height) in px of one view: the picture's shape, about scale_resolution squared, each side a multiple of the patch."""
    if upscale or width * height > rule.scale_resolution * rule.scale_resolution:
        aspect = width / height
        height = int(rule.scale_resolution / math.sqrt(aspect))
        width = int(height * aspect)
    return _divisible(width, rule.patch_size), _divisible(height, rule.patch_size)


def _slice_size(size: Size, grid: Grid, rule: SliceRule) -> tuple[int, int]:
    width = _divisible(size.width, grid.columns) / grid.columns
    height = _divisible(size.height, grid.rows) / grid.rows
    return _best_size(width, height, rule, upscale=True)


def _divisible(length: float, by: int) -> int:
    """Rounded as Python rounds, half to even."""
    return max(round(length / by) * by, by)


def _patches(view: tuple[int, int], rule: SliceRule) -> PatchSize:
    return PatchSize(view[1] // rule.patch_size, view[0] // rule.patch_size)
