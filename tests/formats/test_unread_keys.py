"""Keys that nothing reads: counted, shown short, and refused where their name and value mean something."""

from typing import Any

import pytest

from pipelines.formats.keys import Unread, carries_meaning, clip_key


@pytest.mark.parametrize(
    ("key", "value", "means_something"),
    [
        ("note", "x", False),
        ("label", True, True),
        ("label", False, True),
        ("label", 1, False),
        ("images", ["a.png"], True),
        ("images", None, False),
        ("images", "", False),
        ("images", [], False),
        ("images", {}, False),
        ("images", 0, True),
        ("images", False, False),
        ("image_2", "a.png", True),
        ("screenshot_paths", "a.png", True),
        ("imagery", "a.png", False),
        ("my_images", "a.png", False),
        ("REJECTED_answer", "No.", True),
        ("function_call", "auto", False),
        ("function_call", "none", False),
        ("function_call", "f", True),
        ("tool_calls", "auto", False),
        ("actions", "auto", True),
        ("loss", True, False),
        ("loss", 1, False),
        ("loss", 1.0, False),
        ("loss", 0, True),
        ("loss", False, True),
        ("loss", 0.5, True),
        ("train_on_input", True, False),
        ("weight", 1, False),
        ("weight", 2, True),
        ("no_loss", True, True),
        ("no_loss", False, False),
        ("masked", False, False),
        ("is_masked", False, False),
        ("is_masked", True, True),
        ("masked", 0, True),
        ("loss_mask", False, True),  # a mask may mean either
        ("loss_mask", 1, True),
        ("loss_mask", [], False),
    ],
)
def test_a_key_carries_meaning_by_its_name_and_value(key: str, value: Any, means_something: bool):
    assert carries_meaning(key, value) == means_something


@pytest.mark.parametrize(("key", "shown"), [("k" * 64, "k" * 64), ("k" * 65, "k" * 64 + "…"), ("a\nb", "a␊b")])
def test_a_key_is_shown_short_and_on_one_line(key: str, shown: str):
    assert clip_key(key) == shown
    unread = Unread()
    unread.add("turn", "messages[0]", key, None)
    assert unread.counted() == ((f"turn.{shown}", 1),)


def test_at_most_256_keys_are_counted_separately():
    unread = Unread()
    for number in range(258):
        unread.add("turn", "", f"key {number}", "x")
    unread.add("turn", "", "key 0", "x")
    unread.add("turn", "", "key 255", "x")
    unread.add("part", "", "key", "x")
    counts = dict(unread.counted())
    assert (counts["turn.key 0"], counts["turn.key 254"], counts["turn.key 255"]) == (2, 1, 2)
    assert (counts["turn.(other keys)"], counts["part.(other keys)"], len(counts)) == (2, 1, 258)


def test_an_ignored_or_meaningless_key_is_counted_but_not_refused():
    unread = Unread(["thought"])
    unread.add("turn", "messages[0]", "thought", "x")
    unread.add("turn", "messages[0]", "note", "x")
    unread.add("record", "", "note", "x", meaning="it is refused whatever its name is")
    unread.add("record", "", "thought", "x", meaning="and this one is ignored")
    assert unread.counted() == (("turn.thought", 1), ("turn.note", 1), ("record.note", 1), ("record.thought", 1))
    assert [(finding.where, finding.detail) for finding in unread.findings] == [("note", "it is refused whatever its name is")]


def test_the_unread_keys_of_an_object_are_neither_read_nor_harmless_nor_null():
    unread = Unread()
    unread.add_others("turn", "messages[0]", {"role": "user", "timestamp": 5, "note": "x", "empty": None, "thought": "y"}, {"role"})
    assert unread.counted() == (("turn.note", 1), ("turn.thought", 1))
    assert [finding.where for finding in unread.findings] == ["messages[0].thought"]
