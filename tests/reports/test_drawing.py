"""The bars and dots of the report with their positions, the examples of a reason, and the pieces of a card."""

import base64
import io

import pytest
from PIL import Image

from pipelines.reports.cards import MOST_TOKENS, Picture, card_of, thumbnail
from pipelines.reports.causes import example_of
from pipelines.reports.data import ImageSize
from pipelines.reports.plots import length_bars, percentile, size_dots


def bars(counts: dict[int, int], most: int) -> list[tuple[int, float, str]]:
    """(x, height, label) of each bar."""
    return [(round(bar.x), bar.height, bar.label) for bar in length_bars(counts, most)]


def test_a_bar_counts_all_lengths_of_its_range_including_both_ends():
    assert bars({1: 1, 2: 3, 3: 4, 80: 2}, 80) == [
        (0, 120.0, "1 to 2 tokens: 4 rows"),
        (8, 120.0, "3 to 4 tokens: 4 rows"),
        (312, 60.0, "79 to 80 tokens: 2 rows"),
    ]


def test_a_bar_of_a_single_length_names_that_length():
    assert bars({1: 1, 2: 5}, 40) == [(0, 20.0, "1 token: 1 row"), (8, 100.0, "2 tokens: 5 rows")]


def test_the_first_and_the_last_bar_include_lengths_outside_the_range():
    assert bars({0: 1, 81: 1}, 80) == [(0, 120.0, "1 to 2 tokens: 1 row"), (312, 120.0, "79 to 80 tokens: 1 row")]
    assert bars({1: 1, 41: 1}, 41) == [(0, 120.0, "1 to 2 tokens: 1 row"), (160, 120.0, "41 to 42 tokens: 1 row")]
    assert bars({}, 80) == []


def test_bars_start_at_the_bottom_and_have_gaps_between_them():
    low, high = length_bars({1: 1, 80: 4}, 80)
    assert (low.y, low.height, low.width, high.y, high.height) == (90, 30, 7, 0, 120)


@pytest.mark.parametrize(("share", "length"), [(0.0, 10), (0.25, 10), (0.26, 20), (0.5, 20), (0.51, 30), (1.0, 30)])
def test_a_percentile_is_the_smallest_length_that_covers_the_share(share: float, length: int):
    assert percentile({30: 2, 10: 1, 20: 1}, share) == length
    assert percentile({}, share) == 0


def test_a_dot_is_placed_by_image_size_and_its_area_grows_with_the_number_of_images():
    wide, tall = size_dots([ImageSize(200, 100, "PNG", 4), ImageSize(50, 400, "JPEG", 16)])
    assert (wide.x, wide.y, wide.radius, wide.label) == (130, 195, 7.5, "200x100 px PNG: 4 images")
    assert (tall.x, tall.y, tall.radius) == (32.5, 0, 12)
    assert size_dots([]) == []


def test_an_example_shows_the_finding_with_its_reason_and_no_other():
    findings = [{"code": "a.b", "where": "here", "detail": "no"}, {"code": "c.d", "where": "there", "detail": "yes"}]
    row = {"origin": {"path": "p", "line": 3}, "findings": findings, "raw": b"\xff{}\n"}
    example = example_of("c.d", row)
    assert (example.path, example.line, example.where, example.detail) == ("p", 3, "there", "yes")
    assert "{}" in example.head
    assert example_of("c.d", row | {"raw": None}).head == ""
    assert example_of("e.f", row).detail == ""


def row_of_tokens(count: int, trained: int = 0) -> dict:
    """A row of `samples` of which the last tokens are trained."""
    ids = list(range(count))
    return {
        "dialect": "d",
        "split": "train",
        "sample_id": "s",
        "origin": {"path": "logs/a.jsonl", "line": 4},
        "input_ids": ids,
        "labels": [-100] * (count - trained) + ids[count - trained :],
        "num_tokens": count,
        "num_target_tokens": trained,
        "repairs": ["r"],
        "images": [],
    }


def letters(ids) -> list[str]:
    return ["#" if number in (1, 2, 3) else "@" if number == 5 else "\n" if number == 6 else "" if number == 7 else "a" for number in ids]


def test_a_card_joins_repeated_control_tokens_and_keeps_all_other_tokens_separate():
    card = card_of(row_of_tokens(10, trained=2), letters, {"#", "@"}, lambda uri: None)
    assert [(piece.text, piece.kind, piece.count) for piece in card.pieces] == [
        ("a", "context", 1),
        ("#", "slot", 3),
        ("a", "context", 1),
        ("@", "control", 1),
        ("⏎\n", "context", 1),
        ("a", "trained", 1),
        ("a", "trained", 1),
    ]
    assert (card.place, card.num_tokens, card.num_target_tokens, card.repairs, card.left_out) == ("a.jsonl:4", 10, 2, ("r",), 0)


@pytest.mark.parametrize(("count", "shown"), [(MOST_TOKENS, MOST_TOKENS), (MOST_TOKENS + 5, MOST_TOKENS)])
def test_a_card_shows_the_first_700_tokens_and_says_how_many_it_leaves_out(count: int, shown: int):
    card = card_of(row_of_tokens(count, trained=1), lambda ids: ["a"] * len(ids), set(), lambda uri: None)
    assert (len(card.pieces), card.left_out) == (shown, count - shown)


def picture_file(width: int, height: int, orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, "JPEG", exif=exif)
    return file.getvalue()


@pytest.mark.parametrize(("size", "orientation", "shown"), [((840, 210), 1, (420, 105)), ((840, 210), 6, (105, 420)), ((100, 50), 1, (100, 50))])
def test_a_thumbnail_is_rotated_upright_and_at_most_420_px_long(size, orientation: int, shown):
    head, _, data = thumbnail(picture_file(*size, orientation)).partition(",")
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert (head, image.size) == ("data:image/jpeg;base64", shown)


def test_an_image_on_a_card_has_its_grid_and_no_thumbnail_if_the_file_is_gone():
    image = {"uri": "u", "width": 30, "height": 20}
    row = row_of_tokens(1) | {"images": [image | {"grid": {"columns": 3, "rows": 2}}, image | {"grid": None}]}
    card = card_of(row, letters, set(), lambda uri: None)
    assert card.pictures == (Picture("", "u", 30, 20, 3, 2), Picture("", "u", 30, 20, 1, 1))
    assert card_of(row, letters, set(), lambda uri: picture_file(30, 20)).pictures[0].source.startswith("data:image/jpeg")


def test_a_card_shows_the_first_eight_images_and_says_how_many_it_leaves_out():
    opened: list[str] = []
    row = row_of_tokens(1) | {"images": [{"uri": f"{number}", "width": 30, "height": 20, "grid": None} for number in range(10)]}
    card = card_of(row, letters, set(), lambda image: opened.append(image["uri"]))
    assert ([picture.uri for picture in card.pictures], card.pictures_left_out) == ([str(number) for number in range(8)], 2)
    assert opened == [str(number) for number in range(8)]
    assert len(card_of(row, letters, set(), lambda image: None, most_pictures=10).pictures) == 10
