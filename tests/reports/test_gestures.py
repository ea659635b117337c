"""What an answer does on a screen is drawn where it is, in px of the picture."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.reports.cards import card_of
from pipelines.reports.gestures import Gesture, gestures_on

SCREEN = {"uri": "u", "width": 1000, "height": 2000}
THOUSAND = "in thousandths of the screen"


def drawn(text: str, unit: str = "", **screen: int) -> list[tuple[Any, ...]]:
    """(kind, x, y), of swipes and boxes also the end."""
    (found,) = gestures_on([(text, SCREEN | screen)], unit)
    return [(one.kind, one.x, one.y, one.to_x, one.to_y) if one.kind in ("swipe", "box") else (one.kind, one.x, one.y) for one in found]


@pytest.mark.parametrize(
    ("answer", "gesture"),
    [
        ('{"thought":"go on","POINT":[500,250]}', ("tap", 500, 500)),
        ('{"POINT":[500,500],"to":"up"}', ("swipe", 500, 1000, 500, 640)),
        ('{"POINT":[100,100],"to":[900,200]}', ("swipe", 100, 200, 900, 400)),
        ('{"POINT":[100,100],"duration":1000}', ("tap", 100, 200)),
        ('tap\n{"x": 54, "y": 1200}', ("tap", 54, 1200)),
        ("Thought: go on\nAction: click(start_box='(900,40)')", ("tap", 900, 40)),
        ("Action: scroll(start_box='(90,40)', direction='down')", ("swipe", 90, 40, 90, 400)),
        ("pyautogui.click(x=0.5, y=0.25)", ("tap", 500, 500)),
        ('{"bbox_2d": [400, 80, 90, 40], "label": "icon"}', ("box", 90, 40, 400, 80)),
        ("Action: click(start_box='(90,40,190,60)')", ("box", 90, 40, 190, 60)),
        ("(100,200),(900,1000)", ("box", 100, 400, 900, 2000)),
        ("(500,500)", ("tap", 500, 1000)),
    ],
)
def test_a_tap_a_swipe_and_a_box_lie_where_the_answer_says(answer: str, gesture: tuple[Any, ...]):
    assert drawn(answer) == [pytest.approx(gesture)]


@pytest.mark.parametrize(
    "answer",
    [
        '{"PRESS":"BACK"}',
        '{"STATUS":"finish"}',
        "The meeting is at 10 (room 4, floor 2).",
        "(1,2) and then (3,4)",
        "(1,2)" + " " * 100 + "and more",
        "",
        "{broken",
    ],
)
def test_an_answer_without_a_place_draws_nothing(answer: str):
    assert drawn(answer) == []


def test_a_point_outside_its_picture_is_named_and_not_drawn_at_the_edge():
    ((gesture,),) = gestures_on([('{"POINT":[1200,250]}', SCREEN)])
    assert (gesture.kind, gesture.label) == ("outside", f"(1200, 250) is outside the picture, {THOUSAND}")
    assert drawn('tap\n{"x": 1500, "y": 40}')[0][0] == "outside"


def test_the_unit_of_the_source_decides_and_otherwise_the_label_says_how_the_numbers_are_read():
    answer = '{"action":"tap","point":[500,250]}'
    assert drawn(answer, "thousand") == [("tap", 500, 500)]
    assert drawn(answer, "px") == [("tap", 500, 250)]
    labels = [gestures_on([(answer, SCREEN)], unit)[0][0].label for unit in ("thousand", "px", "")]
    assert labels == [f"tap at (500, 250), {THOUSAND}", "tap at (500, 250), in pixels", "tap at (500, 250), read as pixels"]


def test_many_points_of_a_row_are_read_in_the_one_unit_that_explains_them():
    answers = [(f'tap\n{{"x": {x}, "y": {x}}}', SCREEN | {"width": 4000, "height": 4000}) for x in (100, 300, 500, 700, 999)]
    assert [one.x for (one,) in gestures_on(answers)] == [400, 1200, 2000, 2800, 3996]
    px = [*answers, ('tap\n{"x": 3000, "y": 1}', answers[0][1])]
    assert [one.x for (one,) in gestures_on(px)] == [100, 300, 500, 700, 999, 3000]


def test_the_tip_of_an_arrow_is_the_end_of_the_swipe():
    assert Gesture("swipe", 0, 0, 0, 100).head(10) == "0.0,100.0 -5.0,90.0 5.0,90.0"
    assert Gesture("swipe", 5, 5, 5, 5).head(10).startswith("5.0,5.0")


def test_an_answer_acts_on_the_last_image_before_it():
    """Image, answer, image, image, answer: a card draws on the first and on the third image."""
    texts = ["<img>", '{"POINT":[500,250]}', "<img>", "<img>", '{"POINT":[100,100]}']
    spans = [{"start": i, "end": i + 1} for i in range(5)]
    row = {
        "dialect": "d",
        "split": "train",
        "sample_id": "s",
        "origin": {"path": "a.jsonl", "line": 1},
        "input_ids": [0, 1, 2, 3, 4],
        "labels": [-100, 1, -100, -100, 4],
        "num_tokens": 5,
        "num_target_tokens": 2,
        "repairs": [],
        "images": [SCREEN | {"grid": None, "token_spans": [spans[i]]} for i in (0, 2, 3)],
        "turn_spans": [spans[i] | {"message": i, "role": "assistant" if i in (1, 4) else "user", "weight": None} for i in range(5)],
    }
    card = card_of(row, lambda ids: [texts[i] for i in ids], {"<img>"}, lambda image: None)
    assert [[(one.x, one.y) for one in picture.gestures] for picture in card.pictures] == [[(500, 500)], [], [(100, 200)]]
