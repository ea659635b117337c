"""Keys that nothing reads: counted, shown short, and refused where their name and value mean something."""

from typing import Any

import pytest

from pipelines.formats.keys import Unread, clip_key
from pipelines.formats.meaning import carries_meaning


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
        ("imagery", "of the sea", False),
        ("my_images", "a.png", True),
        ("beforeScreenshot", "a.png", True),
        ("image_b64", "iVBORw0KGgo", True),
        ("image_width", 7, False),
        ("image_description", "A red square.", False),
        ("num_images", 2, False),
        ("frames", ["a.png"], True),
        ("files", ["a.py"], False),
        ("files", ["a.png"], True),
        ("seen", "shots/a.png", True),  # a picture matters under any name
        ("seen", "data:image/png;base64," + "A" * 64, True),
        ("seen", "https://a.org/a.png", False),
        ("avatar", "a.png", False),
        ("response_2", "No.", True),
        ("output2", "No.", True),
        ("responseB", "No.", True),
        ("model_response", "No.", True),
        ("corrected_answer", "No.", True),
        ("edited_content", "No.", True),
        ("response_model", "m", False),
        ("response_time", "3 s", False),
        ("promptTokens", 7, False),
        ("prompt_id", "p7", False),
        ("original_question", "What?", False),
        ("has_answer", True, False),
        ("answer", 42, False),
        ("context", "It snows.", True),
        ("source_documents", [{"page_content": "It snows."}], True),
        ("chat_history", "Human: Hi", True),
        ("intermediate_steps", [["f", "4"]], True),
        ("steps", 7, False),
        ("response", {"id": "r", "model": "m", "usage": {}}, False),
        ("last_response", {"id": "r", "model": "m"}, False),
        ("toolCall", {"name": "f"}, True),
        ("tool_input", {"q": 1}, True),
        ("code", "print(1)", True),
        ("language_code", "en", False),
        ("rationale", "because", True),
        ("reasoning", "on", False),
        ("reasoning", {"effort": "high", "summary": "auto"}, False),
        ("thinking", {"type": "enabled", "budget_tokens": 1024}, False),
        ("extra", [{"role": "user", "content": "Q"}], True),
        ("extra", {"name": "f", "arguments": {"a": 1}}, True),
        ("extra", {"function": {"name": "f", "arguments": "{}"}}, True),
        ("extra", {"name": "ann", "age": 7}, False),
        ("history", "[]", False),
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


@pytest.mark.parametrize(
    ("kind", "key", "value", "means_something"),
    [
        ("turn", "error", "the stream broke", True),
        ("record", "error", "the stream broke", False),
        ("turn", "deleted", True, True),
        ("turn", "deleted", False, False),
        ("record", "deleted", True, False),
        ("turn", "attachments", [{"name": "a.pdf"}], True),
        ("record", "attachments", [{"name": "a.pdf"}], False),
        ("tool", "input_examples", [{"a": 1}], False),
        ("tool", "actions", ["a"], True),
    ],
)
def test_what_has_a_key_can_decide_what_it_means(kind: str, key: str, value: Any, means_something: bool):
    assert carries_meaning(key, value, kind) == means_something


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
