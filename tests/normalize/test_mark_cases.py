"""Which marks and pictures match, by their number, role and spelling, and what a mismatch says."""

from typing import Any

import pytest

from tests.making import configuration, conversation, notes, refusals, run

NAMES = ("a.png", "b.png", "c.png")
SIZES = dict.fromkeys(NAMES, (9, 9))


def talk(*turns: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": text} for role, text in turns], **more}


def placed(record: dict[str, Any]) -> list[tuple[str, tuple[int, ...]]]:
    return [(message.content, message.image_at) for message in conversation(record, sizes=SIZES).messages]


def detail(record: dict[str, Any]) -> str:
    return run(record, sizes=SIZES)[0].findings[0].detail  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("turns", "images", "expected"),
    [
        ([("user", "<image>Q"), ("assistant", "A")], ["a.png"], [("Q", (0,)), ("A", ())]),
        ([("user", "<image>Q<image>"), ("assistant", "A")], ["a.png", "b.png"], [("Q", (0, 1)), ("A", ())]),
        (
            [("user", "<image>Q"), ("assistant", "A"), ("user", "R<image>"), ("assistant", "B")],
            ["a.png", "b.png"],
            [("Q", (0,)), ("A", ()), ("R", (1,)), ("B", ())],
        ),
        ([("system", "<image> is a mark"), ("user", "<image>Q"), ("assistant", "A")], ["a.png"], [("<image> is a mark", ()), ("Q", (0,)), ("A", ())]),
        ([("system", "S<image>"), ("user", "Q"), ("assistant", "A")], ["a.png"], [("S", (1,)), ("Q", ()), ("A", ())]),
        ([("system", "S<image>"), ("user", "<image>Q"), ("assistant", "A")], ["a.png", "b.png"], [("S", (1,)), ("Q", (0,)), ("A", ())]),
        ([("user", "Q"), ("assistant", "A <image>")], [], [("Q", ()), ("A <image>", ())]),
        ([("user", "Q"), ("assistant", "A")], ["a.png"], [("\nQ", (0,)), ("A", ())]),
        ([("system", "S"), ("user", "Q"), ("assistant", "A")], ["a.png"], [("S", ()), ("\nQ", (0,)), ("A", ())]),
    ],
)
def test_marks_take_the_pictures_of_a_list_in_order(turns: list[tuple[str, str]], images: list[str], expected: list[tuple[str, tuple[int, ...]]]):
    assert placed(talk(*turns, images=images)) == expected


ASKED = (("user", "Q"), ("assistant", "A"))


@pytest.mark.parametrize(
    ("turns", "images", "said"),
    [
        ([("user", "<image>Q"), ("assistant", "A")], [], "found 1 image mark, but 0 images"),
        ([("user", "<image>Q"), ("assistant", "A")], ["a.png", "b.png"], "found 1 image mark, but 2 images"),
        (ASKED, ["a.png", "b.png"], "found 0 image marks, but 2 images"),
        ([("user", "Q"), ("assistant", "<image>A")], ["a.png"], "found 0 image marks and 1 mark in answers, but 1 image"),
        ([("user", "<image>Q"), ("assistant", "<image><image>")], ["a.png"], "found 1 image mark and 2 marks in answers, but 1 image"),
        ([("assistant", "A")], ["a.png"], "found 0 image marks, but 1 image"),  # no question to put it before
    ],
)
def test_a_mismatch_says_how_many_marks_and_pictures_there_are(turns: list[tuple[str, str]], images: list[str], said: str):
    record = talk(*turns, images=images)
    assert refusals(record, sizes=SIZES)[0][0] == "image.count_mismatch"
    assert detail(record) == said


@pytest.mark.parametrize(
    ("images", "place"),
    [([], "messages[2].content"), (["a.png"], "images"), (["a.png", "b.png", "c.png"], "images"), ("a.png", "images")],
)
def test_a_mismatch_is_at_the_list_of_pictures_or_where_there_is_none_at_the_first_mark(images: Any, place: str):
    turns = [("user", "Q"), ("assistant", "A"), ("user", "<image>R"), ("assistant", "B"), ("user", "<image>S"), ("assistant", "C")]
    assert refusals(talk(*turns, images=images), sizes=SIZES) == [("image.count_mismatch", place)]


def by_name(text: str, *names: str, answer: str = "A") -> dict[str, Any]:
    return {"conversations": [{"role": "user", "content": text}, {"role": "assistant", "content": answer}], "image": dict(zip(names, NAMES * 9, strict=False))}


@pytest.mark.parametrize(
    ("record", "order"),
    [
        (by_name("<image_00>Q<image_01>", "<image_00>", "<image_01>"), ["a", "b"]),
        (by_name("<image_01>Q<image_00>", "<image_00>", "<image_01>"), ["b", "a"]),
        (by_name("<image>Q<image>", "<image_00>", "<image_01>"), ["a", "b"]),  # marks of another spelling
        (by_name("Q", "<image_00>"), ["a"]),
    ],
)
def test_pictures_by_name_go_to_their_marks(record: dict[str, Any], order: list[str]):
    assert [image.uri for image in conversation(record, sizes=SIZES).images] == [f"kit/{name}.png" for name in order]


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (by_name("<image_00>Q", "<image_01>"), "found 1 image mark, but 1 image; the marks are <image_00>; the images are <image_01>"),
        (by_name("<image_00><image_00>", "<image_00>"), "found 2 image marks, but 1 image; the marks are <image_00>; the images are <image_00>"),
        (by_name("Q", "<image_00>", "<image_01>"), "found 0 image marks, but 2 images; the images are <image_00>, <image_01>"),
        (
            by_name("<image_00>Q", "<image_00>", answer="<image_00>"),
            "found 1 image mark and 1 mark in answers, but 1 image; the marks are <image_00>; the images are <image_00>",
        ),
        (by_name("Q", "<image_00>", answer="<image_00>"), "found 0 image marks and 1 mark in answers, but 1 image; the images are <image_00>"),
    ],
)
def test_names_that_do_not_match_their_marks_are_listed(record: dict[str, Any], said: str):
    assert detail(record) == said


@pytest.mark.parametrize(("pictures", "end"), [(20, "<image_19>"), (21, "<image_19> and 1 more"), (22, "<image_19> and 2 more")])
def test_at_most_20_names_are_listed(pictures: int, end: str):
    record = by_name("Q", *(f"<image_{number:02}>" for number in range(pictures)))
    assert detail(record).endswith(f"the images are <image_00>, {', '.join(f'<image_{number:02}>' for number in range(1, 19))}, {end}")


@pytest.mark.parametrize(
    ("marks", "order"),
    [
        ("<|image_1|><|image_0|>", ["b", "a"]),
        ("<|image_2|><|image_1|>", ["b", "a"]),
        ("<|image_1|><image_0>", ["b", "a"]),
        ("<|image|><|image|>", ["a", "b"]),
        ("<image_placeholder><|vision_start|><|image_pad|><|vision_end|>", ["a", "b"]),
    ],
)
def test_a_mark_may_have_its_number_in_either_spelling(marks: str, order: list[str]):
    made = conversation(talk(("user", f"{marks}Q"), ("assistant", "A"), images=["a.png", "b.png"]), sizes=SIZES)
    assert [image.uri for image in made.images] == [f"kit/{name}.png" for name in order]


@pytest.mark.parametrize(
    ("marks", "is_refused"),
    [
        ("<image_5>", False),  # one mark and one picture, whatever its number
        ("<image_7><image_5>", True),
        ("<image_5><image_7>", False),
        ("<image_5><image_5>", True),
        ("<image_7><image>", False),
        ("<image_2><image_1>", False),
        ("<image_1><image_0>", False),
    ],
)
def test_numbered_marks_must_count_or_increase(marks: str, is_refused: bool):
    record = talk(("user", f"{marks}Q"), ("assistant", "A"), images=list(NAMES[: marks.count("<")]))
    if is_refused:
        assert refusals(record, sizes=SIZES)[0][0] == "image.count_mismatch"
    else:
        assert len(conversation(record, sizes=SIZES).images) == marks.count("<")


@pytest.mark.parametrize(("marks", "code"), [(10_000, "image.count_mismatch"), (10_001, "image.too_many")])
def test_at_most_ten_thousand_marks_are_counted(marks: int, code: str):
    assert refusals(talk(("user", "<image>" * marks), ("assistant", "A"), images=["a.png"]), sizes=SIZES)[0][0] == code
    assert conversation(talk(("user", "< <image_file>" * 6000), ("assistant", "A")))  # signs that are no marks


def test_a_limit_above_ten_thousand_images_allows_as_many_marks():
    config = configuration(limits={"images_per_record": 10_001})
    assert refusals(talk(("user", "<image>" * 10_001), ("assistant", "A"), images=["a.png"]), config, SIZES)[0][0] == "image.count_mismatch"


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        ({"content": "<image>Q", "images": ["a.png"]}, ("Q", (0,))),
        ({"content": "Q", "images": ["a.png"]}, ("Q", (0,))),  # before its text
        ({"content": "Q", "images": ["a.png", "b.png"]}, ("Q", (0, 0))),
        ({"content": "Q<image>R<image>", "images": ["a.png", "b.png"]}, ("QR", (1, 2))),
        ({"content": "<img>a.png</img>Q"}, ("Q", (0,))),
        ({"content": "<img>a.png</img>Q", "images": ["a.png"]}, ("Q", (0,))),  # the same picture
        ({"content": "<img>a.png</img>Q", "images": ["b.png"]}, ("Q", (0, 0))),
    ],
)
def test_the_pictures_of_a_turn_go_to_its_marks_or_before_its_text(turn: dict[str, Any], expected: tuple[str, tuple[int, ...]]):
    assert placed({"messages": [{"role": "user", **turn}, {"role": "assistant", "content": "A"}]})[0] == expected


@pytest.mark.parametrize("images", [["a.png", "b.png"], ["a.png", "b.png", "c.png"]])
def test_a_turn_with_more_pictures_than_marks_is_a_mismatch(images: list[str]):
    turn = {"role": "user", "content": "<image>Q", "images": images}
    assert refusals({"messages": [turn, {"role": "assistant", "content": "A"}]}, sizes=SIZES)[0] == ("image.count_mismatch", "messages[0].images")


def test_a_list_may_repeat_the_pictures_of_parts():
    parts = [{"type": "image", "image": "a.png"}, {"type": "image"}, {"type": "text", "text": "Q"}]
    record = {"messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": "A"}]}
    for images in (["b.png"], ["a.png", "b.png"], ["./a.png", "b.png"]):
        made = conversation(record | {"images": images}, sizes=SIZES)
        assert [image.uri for image in made.images] == ["kit/a.png", "kit/b.png"]
    assert refusals(record | {"images": ["b.png", "a.png"]}, sizes=SIZES)[0][0] == "image.count_mismatch"
    assert refusals(record, sizes=SIZES)[0] == ("schema.part_bad", "messages[0].content[1]")


def test_a_single_picture_without_a_mark_is_noted_at_the_question_that_gets_it():
    parts = [{"type": "text", "text": "Q"}]
    record = {"messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": "A"}], "images": ["a.png"]}
    assert notes(conversation(record, sizes=SIZES)) == [("repair.placeholder_added", "messages[0]")]
