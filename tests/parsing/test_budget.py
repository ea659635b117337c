"""How deep a JSON text is and how many values it has, and how many a record may hold."""

import pytest

from pipelines.config import Limits
from pipelines.parsing.budget import Budget, JsonSize, json_size
from pipelines.reasons import Reject


@pytest.mark.parametrize(
    ("text", "depth", "values"),
    [
        ("", 0, 0),
        ("1", 0, 0),
        ("[]", 1, 1),
        ("{}", 1, 1),
        ("[1,2]", 1, 2),
        ('{"a":1,"b":[2,3]}', 2, 4),
        ("[[[]]]", 3, 3),
        ("[[],[]]", 2, 4),
        ('["[,{"]', 1, 1),  # what is in a text is not counted
        ('["a\\"[,"]', 1, 1),
        ('["a\\\\",[]]', 2, 3),
        ('"[', 0, 0),
        ("]]]", 0, 0),
        ("][[", 1, 2),
    ],
)
def test_the_depth_and_the_number_of_values_of_a_text_are_counted(text: str, depth: int, values: int):
    assert json_size(text.encode()) == JsonSize(depth, values)


def fits(budget: Budget, *texts: str) -> bool:
    try:
        for text in texts:
            budget.spend(text.encode())
    except Reject:
        return False
    return True


@pytest.mark.parametrize(
    ("most", "texts", "is_within"),
    [
        (3, ["[1,2,3]"], True),
        (3, ["[1,2,3,4]"], False),
        (3, ["[1]", "[1,2]"], True),  # all texts of a record together
        (3, ["[1]", "[1,2]", "[1]"], False),
        (3, ["{}", "[]", "{}"], True),
        (10_001, ["[" + "1," * 10_000 + "1]"], True),
        (10_000, ["[" + "1," * 10_000 + "1]"], False),
        (20_000, ["[" + '",",' * 15_000 + "1]"], True),  # commas in texts of a large record are no values
        (9_000, ['"' + "," * 9_001 + '"'], False),  # of a small one they are
        (10_000, ['"' + "," * 10_001 + '"'], True),
    ],
)
def test_the_number_of_values_of_a_record_is_limited(most: int, texts: list[str], is_within: bool):
    assert fits(Budget(Limits(json_values=most), 10_000_000), *texts) == is_within


def test_the_values_of_a_small_record_need_no_counting():
    text = "[1,2,3,4,5,6]"
    assert not fits(Budget(Limits(json_values=4), 3), text)
    assert fits(Budget(Limits(json_values=4), 2), text)  # so small a record cannot hold so many


def test_the_literals_of_a_record_may_be_64_times_the_size_of_one():
    assert Budget(Limits(literal_bytes=10), 1).literals == 640
