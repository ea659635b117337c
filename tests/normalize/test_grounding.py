"""Names and boxes of objects in pictures go where their marks are."""

from typing import Any

import pytest

from tests.making import asked, configuration, conversation, refusals, turns

SIZES = {"a.png": (108, 240), "b.png": (1000, 500)}


def grounded(answer: str, objects: Any, question: str = "<image>Open it", **more: Any) -> dict[str, Any]:
    return asked(question, answer, images=["a.png"], objects=objects) | more


def answer_of(record: dict[str, Any]) -> str:
    return turns(conversation(record, sizes=SIZES))[1][2]


@pytest.mark.parametrize(
    ("answer", "objects", "written"),
    [
        ("click(<bbox>)", {"ref": [], "bbox": [[54, 120]]}, "click((500,500))"),
        ("click(<bbox>)", '{"bbox": [[54, 120]]}', "click((500,500))"),
        ("<bbox> or <bbox>", {"bbox": [[0, 0, 107, 239], [54.5, 60]]}, "(0,0),(990,995) or (504,250)"),
        ("<ref-object> is at <bbox>.", {"ref": ["The icon"], "bbox": [[54, 120]]}, "The icon is at (500,500)."),
        ("<bbox>", {"bbox": [[0.1, 0.25]], "bbox_type": "norm1"}, "(100,250)"),
        ("No mark", {"ref": [], "bbox": []}, "No mark"),
    ],
)
def test_marks_take_the_objects_in_order(answer: str, objects: Any, written: str):
    assert answer_of(grounded(answer, objects)) == written


def test_a_box_is_of_the_picture_that_it_names():
    two = {"images": ["a.png", "b.png"]}
    record = grounded("<bbox> and <bbox>", {"bbox": [[54, 120], [54, 120]], "image_id": [1]}, "<image><image>Which?", **two)
    assert answer_of(record) == "(54,240) and (500,500)"


def test_pictures_after_a_box_stay_in_their_place():
    record = grounded("Yes", {"ref": ["icon"], "bbox": [[54, 120]]}, "Is <ref-object> at <bbox> in <image> ?")
    made = conversation(record, sizes=SIZES)
    content = made.messages[0].content
    assert (content, [content[:at] for at in made.messages[0].image_at]) == ("Is icon at (500,500) in  ?", ["Is icon at (500,500) in "])


@pytest.mark.parametrize(
    ("answer", "objects"),
    [
        ("<bbox>", {"bbox": []}),
        ("A", {"bbox": [[1, 2]]}),
        ("<bbox> <bbox>", {"bbox": [[1, 2]]}),
        ("<ref-object>", {"ref": []}),
        ("<bbox>", {"bbox": [[1, 2, 3]]}),
        ("<bbox>", {"bbox": [["1", "2"]]}),
        ("<bbox>", {"bbox": [[1, 2]], "bbox_type": "other"}),
        ("<bbox>", {"bbox": [[1.1, 0]], "bbox_type": "norm1"}),
        ("<bbox>", {"bbox": [[-1, 2]]}),
        ("<bbox>", {"bbox": [[1, 241]]}),
        ("<bbox>", {"bbox": [[1, 2]], "image_id": [1]}),
        ("<bbox>", {"bbox": [[1, 2]], "image_id": [-1]}),
        ("<bbox>", {"bbox": [[1, 2]], "scores": [1]}),
        ("<bbox>", [{"bbox": [1, 2]}]),
    ],
)
def test_objects_that_do_not_fit_the_marks_refuse_the_record(answer: str, objects: Any):
    assert refusals(grounded(answer, objects), sizes=SIZES) == [("schema.field_unread", "objects")]


def test_objects_can_be_ignored_and_marks_without_objects_are_text():
    record = grounded("<bbox>", {"bbox": [[54, 120]]})
    assert turns(conversation(record, configuration(source={"ignore": ["objects"]}), SIZES))[1][2] == "<bbox>"
    assert turns(conversation(asked("Q", "<bbox>")))[1][2] == "<bbox>"
