"""Marks in the text of records whose pictures are given as parts."""

from tests.making import conversation, refusals

SIZES = {"a.png": (64, 64)}


def logged(*parts, images=("a.png",)):
    turns = [{"role": "user", "content": [{"type": "text", "text": part} if isinstance(part, str) else part for part in parts]}]
    return {"messages": [*turns, {"role": "assistant", "content": "Fine."}], "images": list(images)}


PART = {"type": "image"}


def test_a_mark_is_text_where_the_parts_are_as_many_as_the_pictures():
    made = conversation(logged(PART, "What does <|image|> mean, and <image>?"), sizes=SIZES)
    assert (made.messages[0].content, made.messages[0].image_at) == ("What does <|image|> mean, and <image>?", (0,))


def test_without_parts_a_mark_is_the_place_of_a_picture():
    made = conversation(logged("Look: <image>"), sizes=SIZES)
    assert (made.messages[0].content, made.messages[0].image_at) == ("Look: ", (6,))


def test_parts_and_marks_that_are_together_as_many_as_the_pictures_are_places():
    made = conversation(logged(PART, "and <image>", images=("a.png", "a.png")), sizes=SIZES)
    assert (made.messages[0].content, made.messages[0].image_at) == ("and ", (0, 4))


def test_other_numbers_are_refused():
    assert refusals(logged(PART, PART, "<image>"), sizes=SIZES) == [("image.count_mismatch", "images")]
