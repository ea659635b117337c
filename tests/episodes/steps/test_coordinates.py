"""Points: their unit, and their way into thousandths and back."""

import random

import pytest

from pipelines.episodes.steps import units_of
from pipelines.episodes.steps.coordinates import found_unit, outside, to_thousand
from pipelines.records import Point, Size
from tests.episodes.steps.records import sizes_of, stepwise
from tests.making import refusals


@pytest.mark.parametrize("seed", range(20))
def test_a_point_in_px_comes_back_within_half_a_thousandth_of_its_screen(seed: int):
    rng = random.Random(seed)
    for _ in range(500):
        size = Size(rng.randint(1, 5000), rng.randint(1, 5000))
        point = Point(rng.randint(0, size.width), rng.randint(0, size.height))
        made = to_thousand(point, "px", size)
        assert made is not None
        for got, given, most in zip(made, point, size, strict=True):
            assert 0 <= got <= 1000
            assert abs(got * most / 1000 - given) <= most / 2000 + 1e-9


@pytest.mark.parametrize("seed", range(20))
def test_thousandths_are_the_same_in_every_unit(seed: int):
    rng = random.Random(seed)
    for _ in range(500):
        x, y = rng.randint(0, 1000), rng.randint(0, 1000)
        size = Size(rng.randint(1, 5000), rng.randint(1, 5000))
        assert to_thousand(Point(x, y), "thousand", None) == (x, y)
        assert to_thousand(Point(x / 1000, y / 1000), "unit", None) == (x, y)
        assert to_thousand(Point(x * size.width / 1000, y * size.height / 1000), "px", size) == (x, y)


@pytest.mark.parametrize("seed", range(10))
def test_a_point_outside_is_outside_in_every_unit_and_never_moved(seed: int):
    rng = random.Random(seed)
    size = Size(rng.randint(1, 5000), rng.randint(1, 5000))
    for unit, (width, height) in {"px": size, "unit": (1, 1), "thousand": (1000, 1000)}.items():
        for x, y in ((-0.001, 0), (0, -1), (width * 1.001, 0), (0, height + 1)):
            assert to_thousand(Point(x, y), unit, size) is None
        assert to_thousand(Point(width, height), unit, size) == (1000, 1000)


@pytest.mark.parametrize("seed", range(10))
def test_a_unit_that_is_found_is_the_one_in_which_the_points_were_made(seed: int):
    """From points all over a screen; where several units are possible, none is found."""
    rng = random.Random(seed)
    size = Size(rng.randint(1001, 4000), rng.randint(1001, 4000))
    for unit, scale in {"px": size, "unit": (1, 1), "thousand": (1000, 1000)}.items():
        points = [Point(rng.random() * scale[0], rng.random() * scale[1]) for _ in range(rng.randint(0, 30))]
        assert found_unit(points) in ("", unit)
    assert found_unit([Point(1, 1)]) == found_unit([Point(0, 0)]) == found_unit([Point(2, 900)]) == ""


def test_one_point_beyond_1000_among_many_decides_nothing():
    some = [Point(500, 900)] * 8
    assert found_unit([*some, Point(7, 1005)]) == "px"
    assert found_unit([*some, Point(1, 1), Point(7, 1005)]) == ""
    assert found_unit([*some, Point(1, 1), Point(7, 1200)]) == "px"


def test_one_point_of_many_just_beyond_its_screen_decides_nothing():
    screen, some = [Size(800, 600)], [Point(400, 300)] * 8
    assert found_unit([*some, Point(803, 300)], screen) == "thousand"
    for x, y in ((803, 300), (880, 660), (0, 601)):
        assert found_unit([*some, Point(1, 1), Point(x, y)], screen) == ""
    for x, y in ((881, 300), (0, 661)):
        assert found_unit([*some, Point(1, 1), Point(x, y)], screen) == "thousand"
    assert found_unit([*some, Point(803, 1), Point(1, 603)], screen) == "thousand"


def test_an_episode_in_px_with_one_point_just_outside_is_refused():
    taps = [{"screenshot": f"s{i}.png", "action": {"type": "tap", "x": 803 if i == 9 else 400, "y": 300}} for i in range(10)]
    record = {"goal": "Go.", "screen_width": 800, "screen_height": 600, "steps": taps}
    assert {code for code, _ in refusals(record, stepwise("plain"), sizes_of(10, (800, 600)))} == {"step.coordinates_unknown"}
    in_px = stepwise("plain", coordinates={"from": "px"})
    assert refusals(record, in_px, sizes_of(10, (800, 600))) == [("step.point_outside", "steps[9]")]


@pytest.mark.parametrize(
    ("votes", "unit"),
    [
        ({("a", "px"): 1}, {"a": "px"}),
        ({("a", "px"): 1, ("a", ""): 18}, {"a": "px"}),
        ({("a", "px"): 1, ("a", ""): 19}, {"a": ""}),
        ({("a", "thousand"): 1, ("a", ""): 99}, {"a": ""}),
        ({("a", "px"): 50, ("a", "unit"): 50}, {}),
        ({("a", ""): 9}, {}),
        ({("a", "px"): 30, ("a", ""): 70, ("b", "unit"): 1}, {"a": "px", "b": "unit"}),
    ],
)
def test_the_unit_of_a_source_is_one_on_which_many_of_its_records_agree(votes: dict[tuple[str, str], int], unit: dict[str, str]):
    assert units_of(votes) == unit


def test_a_point_outside_names_its_unit():
    assert outside(Point(10, 1010), "thousand", Size(1000, 2000)) == "(10, 1010) is outside 0 to 1000, in thousandths of the screen"
    assert outside(Point(0.5, 1.5), "unit", None) == "(0.5, 1.5) is outside 0 to 1, in parts of the screen"
    assert outside(Point(10, 2010), "px", Size(1000, 2000)) == "(10, 2010) is outside 1000x2000 px"
