"""Segments become ids with aligned labels: what is trained has its id as its label, everything else -100."""

import numpy as np
import pytest

from pipelines.chat.image_layout import tagged_slices, wrapped_slices
from pipelines.chat.segments import CachedText, Control, Segment, Slots, Text, assemble, joined, texts_of
from pipelines.chat.turns import Turn, make_turns
from pipelines.records import Grid, Message, PatchSize, Span
from pipelines.vision.slicing import SlicePlan


def ids(*numbers: int) -> bytes:
    return np.array(numbers, dtype=np.int32).tobytes()


CONTROL = {"<user>": ids(1), "<slot>": ids(2)}
SHARED = {"tools": ids(7, 8, 9)}
TEXTS = {"a": [11], "ab": [11, 12], "abc": [11, 12, 13]}


def row(*segments: Segment, images: int = 0) -> tuple[list[int], list[int], list[list[Span]]]:
    texts = [np.array(TEXTS[text], dtype=np.int32) for text in texts_of(segments)]
    made = assemble(segments, texts, images, CONTROL, SHARED)
    return made.input_ids.tolist(), made.labels.tolist(), made.spans


@pytest.mark.parametrize(
    ("segment", "input_ids", "labels"),
    [
        (Control("<user>"), [1], [-100]),
        (Control("<user>", True), [1], [1]),
        (Text("abc"), [11, 12, 13], [-100, -100, -100]),
        (Text("abc", True), [11, 12, 13], [11, 12, 13]),
        (Text("abc", True, 1), [11, 12, 13], [-100, 12, 13]),
        (Text("abc", True, 2), [11, 12, 13], [-100, -100, 13]),
        (Text("a", False, 0, Control("<user>")), [1, 11], [-100, -100]),
        (Text("a", True, 0, Control("<user>")), [1, 11], [-100, 11]),
        (Text("a", False, 0, Control("<user>", True)), [1, 11], [1, -100]),
        (Text("ab", True, 1, Control("<user>", True)), [1, 11, 12], [1, -100, 12]),
        (CachedText("tools"), [7, 8, 9], [-100, -100, -100]),
    ],
)
def test_a_segment_becomes_its_ids_and_says_which_are_trained(segment: Segment, input_ids: list[int], labels: list[int]):
    assert row(segment) == (input_ids, labels, [])
    assert row(Control("<user>"), segment, Control("<user>", True)) == ([1, *input_ids, 1], [-100, *labels, 1], [])
    assert row(Text("a", True), segment, Text("a", True)) == ([11, *input_ids, 11], [11, *labels, 11], [])
    assert row(CachedText("tools"), segment, Text("a", True))[1] == [-100, -100, -100, *labels, 11]


def test_a_row_without_segments_is_empty():
    assert row() == ([], [], [])


def test_the_spans_of_an_image_are_the_positions_of_its_slots():
    assert row(Slots(0, "<slot>", 2), Text("a", True), Slots(1, "<slot>", 1), Slots(1, "<slot>", 2), images=3) == (
        [2, 2, 11, 2, 2, 2],
        [-100, -100, 11, -100, -100, -100],
        [[Span(0, 2)], [Span(3, 4), Span(4, 6)], []],
    )


def test_consecutive_cached_texts_are_joined():
    segments = [CachedText("a"), CachedText("b"), CachedText("c"), Text("x"), CachedText("d"), Control("<user>"), CachedText("e"), CachedText("f")]
    assert joined(segments) == [CachedText("abc"), Text("x"), CachedText("d"), Control("<user>"), CachedText("ef")]
    assert joined([]) == []


def written(plan: SlicePlan) -> tuple[str, str]:
    """The views of an image in both layouts, `*` for its slots."""
    names = []
    for layout in (tagged_slices, wrapped_slices):
        parts = layout(0, plan, 4)
        names.append("".join("*" if isinstance(part, Slots) else part.text if isinstance(part, Text) else getattr(part, "name", "") for part in parts))
    return names[0], names[1]


@pytest.mark.parametrize(
    ("grid", "tagged", "wrapped"),
    [
        (None, "<image>*</image>", "<image>*</image>"),
        (Grid(1, 1), "<image>*</image><slice>*</slice>", "<image>*</image><slice><image>*</image></slice>"),
        (Grid(2, 1), "<image>*</image><slice>*</slice><slice>*</slice>", "<image>*</image><slice><image>*</image><image>*</image></slice>"),
        (Grid(1, 2), "<image>*</image><slice>*</slice>\n<slice>*</slice>", "<image>*</image><slice><image>*</image>\n<image>*</image></slice>"),
    ],
)
def test_the_slices_of_an_image_are_written_row_by_row(grid: Grid | None, tagged: str, wrapped: str):
    assert written(SlicePlan(grid, (PatchSize(1, 1),))) == (tagged, wrapped)


def message(role: str, content: str = "x", **more: object) -> Message:
    return Message(role, content, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("roles", "loss", "trained"),
    [
        ("", "all", []),
        ("u", "last_turn", []),
        ("ua", "all", [1]),
        ("uaua", "all", [1, 3]),
        ("uaua", "last_turn", [3]),
        ("uauaa", "last_turn", [3, 4]),
        ("uaauou", "last_turn", [1, 2]),
        ("aau", "last_turn", [0, 1]),
        ("a", "last_turn", [0]),
        ("sosu", "all", []),
    ],
)
def test_all_answers_or_the_last_consecutive_ones_are_trained(roles: str, loss: str, trained: list[int]):
    names = {"u": "user", "a": "assistant", "o": "observation", "s": "system"}
    turns = make_turns([message(names[role]) for role in roles], loss, range(len(roles)))
    assert [i for i, turn in enumerate(turns) if turn.trained] == trained


@pytest.mark.parametrize(("weight", "trained"), [(None, True), (1.0, True), (0.5, True), (-1.0, True), (0.0, False)])
def test_a_weight_of_zero_masks_an_answer(weight: float | None, trained: bool):
    (turn,) = make_turns([message("assistant", loss_weight=weight)], "all", [0])
    assert turn.trained == trained


def test_images_are_numbered_in_text_order_over_all_turns():
    messages = [message("user", "ab", image_at=(0, 2)), message("assistant"), message("user", "c", image_at=(1,))]
    turns = make_turns(messages, "all", range(3))
    assert [turn.images for turn in turns] == [((0, 0), (2, 1)), (), ((1, 2),)]


def test_a_turn_knows_its_place_in_the_conversation():
    turns = make_turns([message("system"), message("user"), message("assistant")], "all", [0, 5, 6])
    assert [turn.place for turn in turns] == [0, 5, 6]


def test_a_turn_is_its_texts_images_and_control_tokens_in_order():
    assert list(Turn(message("user", "abc")).parts()) == ["abc"]
    assert list(Turn(message("user", "abc"), images=((0, 4), (2, 5), (3, 6))).parts()) == ["", 4, "ab", 5, "c", 6, ""]
    tagged = Turn(message("user", "<t>b</t>"), images=((4, 0),), trained=True, tags=((0, "<t>"), (4, "</t>")))
    assert list(tagged.parts()) == ["", Control("<t>", True), "b", 0, "", Control("</t>", True), ""]
    assert list(Turn(message("user", "<t>"), tags=((0, "<t>"),)).parts()) == ["", Control("<t>", False), ""]


def test_a_turn_with_metadata_is_a_call():
    assert [Turn(message("assistant", metadata=name)).is_call for name in ("", "look")] == [False, True]
