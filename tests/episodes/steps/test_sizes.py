"""The logged size of a screen: points in px land where the log means, or the record is refused."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.episodes.steps.sizes import read_size
from pipelines.records import Size
from tests.episodes.steps.records import SIZE, android, answers, rows_of, sizes_of, stepwise
from tests.making import refusals

PX = stepwise("plain", coordinates={"from": "px"})
WIDTH, HEIGHT = 2 * SIZE[0], 2 * SIZE[1]  # of the screen: twice the picture's
MIDDLE = {"action": "tap", "point": [500, 500]}
WRITTEN = ([WIDTH, HEIGHT], {"width": WIDTH, "height": HEIGHT}, {"w": str(WIDTH), "h": float(HEIGHT)}, f"{WIDTH}x{HEIGHT}")


def steps(**more: Any) -> dict[str, Any]:
    return {"goal": "Go.", "steps": [{"screenshot": "s0.png", "action": {"type": "tap", "x": WIDTH // 2, "y": HEIGHT // 2}} | more]}


def chat(turn: Any = (), **more: Any) -> dict[str, Any]:
    asked = {"role": "user", "content": "<image>Open it."} | dict(turn)
    return {"messages": [asked, {"role": "assistant", "content": f"Action: click({WIDTH // 2}, {HEIGHT // 2})"}], "image": "s0.png"} | more


@pytest.mark.parametrize("value", WRITTEN)
@pytest.mark.parametrize(
    "key", ["size", "display", "dimensions", "screen_dimensions", "imageSize", "screen", "resolution", "device_info", "viewport", "window"]
)
def test_a_size_is_read_under_its_names_in_all_its_forms(key: str, value: Any):
    for record in (steps(**{key: value}), steps() | {key: value}, chat(**{key: value}), chat({key: value})):
        assert answers(rows_of(record, PX))[0] == MIDDLE


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("1080x2400", Size(1080, 2400)),
        ("1080*2400", Size(1080, 2400)),
        ("1080,2400", Size(1080, 2400)),
        (" 1080 X 2400 px", Size(1080, 2400)),
        ("(1080, 2400)", Size(1080, 2400)),
        ("1080px × 2400px", Size(1080, 2400)),
        (["1080", 2400.0], Size(1080, 2400)),
        ([[1080, 2400], [1080, 2400]], Size(1080, 2400)),
        ([[1080, 2400], [540, 1200]], None),
        ("1080p", None),
        ("1080", None),
        ("0x0", None),
        ([1080, 2400, 3], None),
        ([1080.5, 2400], None),
        ([-1080, 2400], None),
        ([True, True], None),
        ("1" * 10**6, None),
        ("1 " * 10**6 + "x", None),
    ],
)
def test_a_size_is_two_whole_numbers_above_0(value: Any, size: Size | None):
    assert read_size(value) == size


@pytest.mark.parametrize(
    "record",
    [
        steps(screen_width=WIDTH, screen_height=HEIGHT),
        steps(observation={"viewport": {"width": WIDTH, "height": HEIGHT}}),
        steps(metadata={"screenWidth": WIDTH, "screenHeight": HEIGHT}),
        steps(device_info=f'{{"width": {WIDTH}, "height": {HEIGHT}, "name": "Pixel"}}'),
        steps(screenshot={"path": "s0.png", "width": WIDTH, "height": HEIGHT}),
        steps(size="1.2 MB", window="Clock", display="main", dimensions=768, resolution=[WIDTH, HEIGHT]),
        steps(screen_size=[WIDTH, HEIGHT], dimensions=["usability", "speed"], size=[{"name": "speed"}, None, True]),
        steps(image_width=WIDTH, image_height=HEIGHT) | {"resolution": "FHD", "screen_size": "6.1 inch", "device": {"dimensions": [1, 2, 3]}},
        steps(resolution=[WIDTH, HEIGHT]) | {"resolution": [1, 1]},  # the step's own value of a key counts
        steps(resolution=[WIDTH, HEIGHT], screen_size=f"{WIDTH}x{HEIGHT}") | {"device_dim": [HEIGHT, WIDTH]},  # turned
        chat({"content": [{"type": "image", "image": "s0.png", "width": WIDTH, "height": HEIGHT}, {"type": "text", "text": "Open it."}]}, image=None),
        chat({"content": [{"type": "image_url", "image_url": {"url": "s0.png", "width": WIDTH, "height": HEIGHT}}, "Open it."]}, image=None),
        chat(images=[{"path": "s0.png", "width": WIDTH, "height": HEIGHT}], image=None),
        chat(image_sizes=[[WIDTH, HEIGHT]]),
        {"messages": [{"role": "system", "content": f"Screen size: {WIDTH} x {HEIGHT} px"}, *chat()["messages"]], "image": "s0.png"},
        chat(tools=[{"type": "computer_20241022", "name": "computer", "display_width_px": WIDTH, "display_height_px": HEIGHT}]),
        {"messages": [{"role": "system", "content": f"* The screen's resolution is {WIDTH}x{HEIGHT}."}, *chat()["messages"]], "image": "s0.png"},
    ],
)
def test_a_size_is_found_where_logs_have_it(record: Any):
    assert answers(rows_of(record, PX))[0] == MIDDLE


@pytest.mark.parametrize(
    ("record", "where"),
    [
        (steps(screen_size="full HD"), "steps[0].screen_size"),
        (steps() | {"resolution": "1080p"}, "resolution"),
        (steps(resolution=[0, 0]), "steps[0].resolution"),
        (steps(size=[1, 2, 3]), "steps[0].size"),
        (steps(dimensions=["10 px", "20 px"]), "steps[0].dimensions"),
        (steps(dimensions=[{"width": 1}, {"width": 2}]), "steps[0].dimensions"),
        (steps(image_size=["small", "large"]), "steps[0].image_size"),
        (steps(screen_size="big") | {"resolution": "FHD"}, "steps[0].screen_size resolution"),
        (steps(screen_size="big") | {"resolution": [WIDTH, HEIGHT]}, "steps[0].screen_size"),
        (steps(screen_size="big", image_size=[WIDTH, HEIGHT]), "steps[0].screen_size"),
        (steps(screen_width=WIDTH), "steps[0].screen_width"),
        (steps(screen_width=WIDTH, screen_height="tall"), "steps[0].screen_width"),
        (steps(screen_size=[WIDTH, HEIGHT], image_size=list(SIZE)), "steps[0].image_size"),
        (steps(image_size=list(SIZE)) | {"device_info": {"width": WIDTH, "height": HEIGHT}}, "device_info.width"),
        (steps(screenshot={"path": "s0.png", "size": list(SIZE)}, screen_size=[WIDTH, HEIGHT]), "steps[0].screen_size"),
        (chat(image_size="big"), "image_size"),
        (chat({"resolution": list(SIZE)}, resolution=[WIDTH, HEIGHT], screen_size=[WIDTH, HEIGHT]), "screen_size"),
        (chat({"content": [{"type": "image", "image": "s0.png", "width": WIDTH, "height": HEIGHT, "resized_width": 108, "resized_height": 240}, "Open it."]},
              image=None),
         "messages[0].content[0].resized_width"),
        (android([{"action_type": "click", "x": 5, "y": 6}], screenshot_widths=["wide", 108]), "screenshot_widths[0]"),
    ],
)  # fmt: skip
def test_a_size_that_is_not_understood_or_contradicted_refuses_points_in_px(record: Any, where: str):
    assert refusals(record, PX, sizes_of(2)) == [("step.size_mismatch", one) for one in where.split(" ")]


def test_a_size_that_is_not_understood_matters_for_points_in_px_only():
    assert answers(rows_of(steps(screen_size="big"), stepwise("plain", coordinates={"from": "thousand"})))[0]["point"] == [108, 240]
    assert answers(rows_of(steps(screen_size="big", action="press_home()"), PX))[0] == {"action": "home"}
    assert refusals(steps(screen_size="big"), stepwise("plain"), sizes_of(1)) == [("step.size_mismatch", "steps[0].screen_size")]


def test_a_resolution_that_is_not_said_of_the_screen_is_not_its_size():
    system = {"role": "system", "content": f"Pictures have a resolution of at most {WIDTH}x{HEIGHT}."}
    assert answers(rows_of({"messages": [system, *chat()["messages"]], "image": "s0.png"}, PX))[0]["point"] == [1000, 1000]


@pytest.mark.parametrize("key", ["metadata", "meta", "env", "environment", "window", "display", "device", "device_info", "screen", "viewport"])
@pytest.mark.parametrize("text", ["A page that shows an ad of 10x20", "photo 10x20.jpg - Viewer", "Pixel 7, 10x20", "10x20 and 30x40"])
def test_a_size_among_other_words_is_not_read(key: str, text: str):
    """It may be that of anything, and would decide where a point lands."""
    tap = {"type": "tap", "x": SIZE[0] // 2, "y": SIZE[1] // 2}
    for record in (steps(action=tap, **{key: text}), steps(action=tap) | {key: text}, chat({key: text}), chat(**{key: text})):
        given = answers(rows_of(record, PX))[0]["point"]
        assert given == ([1000, 1000] if "messages" in record else [500, 500])
    assert refusals(steps(action=tap, **{key: text}), stepwise("plain"), sizes_of(1)) == [("step.coordinates_unknown", "steps[0]")]
    assert refusals(steps(action=tap, observation=text), PX, sizes_of(1)) == [("schema.field_unread", "steps[0].observation")]


@pytest.mark.parametrize("key", ["meta", "metadata", "env", "environment"])
def test_a_text_under_a_name_that_is_not_a_screens_is_no_size(key: str):
    assert answers(rows_of(steps(action={"type": "tap", "x": SIZE[0], "y": SIZE[1]}, **{key: f"{WIDTH}x{HEIGHT}"}), PX))[0]["point"] == [1000, 1000]


def test_a_size_that_is_named_in_ignore_does_not_count():
    config = stepwise("plain", {"ignore": ["image_size"]}, coordinates={"from": "px"})
    assert answers(rows_of(steps(screen_size=[WIDTH, HEIGHT], image_size=list(SIZE)), config))[0] == MIDDLE


def test_a_size_of_another_shape_than_the_picture_is_refused():
    assert refusals(chat(image_size=[WIDTH, WIDTH + HEIGHT]), PX, sizes_of(1)) == [("step.size_mismatch", "messages[1]")]
