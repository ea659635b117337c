"""The views of an image in each model's row: their grid, their spans and their sizes in patches."""

from typing import Any

import pytest

from pipelines.records import Grid, ImageTokens, Sample
from tests.making import configuration, run


def view(dialect: str, size: tuple[int, int], **options: Any) -> ImageTokens:
    record = {"messages": [{"role": "user", "content": "<image>Q"}, {"role": "assistant", "content": "A"}], "images": ["a.png"]}
    row = run(record, configuration(dialect, options={"options": options} if options else {}), {"a.png": size})[-1]
    assert isinstance(row, Sample), row
    (image,) = row.tokens.images
    return image


@pytest.mark.parametrize(
    ("dialect", "size", "grid", "views"),
    [
        ("glm_4v", (300, 300), None, [(80, 80)]),
        ("glm_4v", (3000, 200), None, [(80, 80)]),  # brought to 1120x1120 px, whatever it was
        ("minicpm_v_2", (448, 448), None, [(32, 32)]),
        ("minicpm_v_2_5", (448, 448), None, [(32, 32)]),
        ("minicpm_v_2_6", (448, 448), None, [(32, 32)]),
        ("minicpm_v_2_6", (896, 448), Grid(2, 1), [(23, 45)] + [(32, 32)] * 2),
        ("minicpm_v_2_6", (448, 896), Grid(1, 2), [(45, 23)] + [(32, 32)] * 2),
        ("agentcpm_gui", (448, 448), None, [(32, 32)]),
        ("agentcpm_gui", (1120, 1120), Grid(3, 2), [(32, 32)] + [(39, 26)] * 6),
        ("agentcpm_gui", (2240, 2240), Grid(3, 2), [(32, 32)] + [(39, 26)] * 6),  # made to fit 1120 px first
    ],
)
def test_an_image_has_one_view_of_the_whole_and_one_of_each_slice(dialect: str, size: tuple[int, int], grid: Grid | None, views: list[tuple[int, int]]):
    image = view(dialect, size)
    assert (image.grid, [(one.height, one.width) for one in image.target_sizes]) == (grid, views)
    slots = {span.end - span.start for span in image.token_spans}
    assert (len(image.token_spans), slots) == (len(views), {1 if dialect == "glm_4v" else 64})


@pytest.mark.parametrize(
    ("options", "slices"), [({}, 9), ({"max_slices": 4}, 4), ({"max_slices": 1}, 0), ({"scale_resolution": 896}, 4), ({"query_tokens": 32}, 9)]
)
def test_the_options_of_a_dialect_change_its_views(options: dict[str, int], slices: int):
    image = view("minicpm_v_2_6", (1344, 1344), **options)
    assert len(image.token_spans) == 1 + slices
    assert image.token_spans[0].end - image.token_spans[0].start == options.get("query_tokens", 64)
