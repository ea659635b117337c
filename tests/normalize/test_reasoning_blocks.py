"""Where the blocks of reasoning are in a text, and what is left when they are dropped."""

from typing import Any

import pytest

from pipelines.normalize.reasoning import blocks_of, has_thoughts, leading_thought, without
from tests.making import configuration, conversation, refusals

Q = {"role": "user", "content": "Q"}
DROP = configuration(normalize={"reasoning": "drop"})


@pytest.mark.parametrize("thought", ["a</think>b", "<think>a", "a</think><think>b"])
@pytest.mark.parametrize("config", [None, DROP])
def test_reasoning_between_texts_has_no_tags_of_its_own(thought: str, config: Any):
    """With one, `drop` would leave a part of the reasoning in the text."""
    content = [{"type": "text", "text": "one"}, {"type": "thinking", "thinking": thought}, {"type": "text", "text": "two"}]
    assert ("schema.reasoning_tags", "messages[1].content[1]") in refusals({"messages": [Q, {"role": "assistant", "content": content}]}, config)


@pytest.mark.parametrize(
    ("text", "blocks", "left"),
    [
        ("A", [], "A"),
        ("<think>R</think>A", ["<think>R</think>"], "A"),
        ("A<think>R</think>B", ["<think>R</think>"], "AB"),
        ("<think>R</think>A<think>S</think>", ["<think>R</think>", "<think>S</think>"], "A"),
        ("<think>R<think>S</think>T</think>A", ["<think>R<think>S</think>T</think>"], "A"),
        ("<think>R<think>S</think>", ["<think>R<think>S</think>"], ""),  # still open at the end
        ("<think>R", ["<think>R"], ""),
        (" <think>R", ["<think>R"], " "),
        ("A<think>R", [], "A<think>R"),  # open, and not at the beginning
        ("<think>R</think>A<think>S", ["<think>R</think>"], "A<think>S"),
        ("R</think>\nA", ["R</think>"], "\nA"),
        ("R</think>", ["R</think>"], ""),
        ("R</think>A", [], "R</think>A"),  # closed in the middle of a line
        ("<think>R</think>S</think>\n", ["<think>R</think>"], "S</think>\n"),
    ],
)
def test_a_block_of_reasoning_ends_at_its_own_tag(text: str, blocks: list[str], left: str):
    found = blocks_of(text)
    assert [text[start:end] for start, end in found] == blocks
    assert without(text, found) == left
    assert has_thoughts(text) or not blocks


@pytest.mark.parametrize(
    ("text", "thought", "rest"),
    [
        ("<think>R</think>A", "<think>R</think>", "A"),
        (" \n<think>R</think> A", "<think>R</think>", " A"),
        ("<think>R</think>", "", "<think>R</think>"),  # nothing follows: it is the answer
        ("A<think>R</think>B", "", "A<think>R</think>B"),
        ("A", "", "A"),
        ("", "", ""),
    ],
)
def test_a_text_may_begin_with_a_block_of_reasoning(text: str, thought: str, rest: str):
    assert leading_thought(text) == (thought, rest)


@pytest.mark.parametrize(
    ("text", "left", "gone"),
    [
        ("<think>R</think>A", "A", 16),
        ("<think>R</think>\n\nA", "A", 18),
        (" <think>R</think> A", "A", 18),
        ("A<think>R</think> B", "A B", 16),
        ("<think>R</think>\nA<think>S</think> B", "A B", 33),
        ("A", "A", 0),
    ],
)
def test_blanks_after_dropped_reasoning_at_the_beginning_of_a_text_are_removed(text: str, left: str, gone: int):
    made = conversation({"messages": [Q, {"role": "assistant", "content": text}]}, DROP)
    assert made.messages[1].content == left
    assert [finding.detail for finding in made.findings] == ([f"{gone} characters of reasoning"] if gone else [])


def answered(**more: Any) -> dict[str, Any]:
    return {"messages": [Q, {"role": "assistant", "content": "A", **more}]}


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"reasoning": "R"}, "<think>R</think>A"),
        ({"reasoning": ["R", "S"]}, "<think>R</think><think>S</think>A"),
        ({"reasoning": {"text": "R"}}, "<think>R</think>A"),
        ({"reasoning": {"text": "", "thinking": "R"}}, "<think>R</think>A"),
        ({"reasoning": {"data": "x"}}, "A"),  # encrypted
        ({"reasoning": [{"text": 5}, 7, None]}, "A"),
        ({"reasoning": True}, "A"),
        ({"reasoning": ""}, "A"),
        ({"reasoning": " \n"}, "A"),
        ({"reasoning": "R", "thought": "S"}, "<think>R</think><think>S</think>A"),
        ({"reasoning": "R", "thought": " R "}, "<think>R</think>A"),
        ({"reasoning": "R", "content": "<think> R </think>A"}, "<think> R </think>A"),
        ({"reasoning": "S", "content": "<think>R</think>A"}, "<think>S</think><think>R</think>A"),
    ],
)
def test_reasoning_beside_an_answer_is_put_before_it_once(more: dict[str, Any], text: str):
    assert conversation(answered(**more)).messages[1].content == text


@pytest.mark.parametrize("value", [5, 1.5])
def test_reasoning_that_is_a_number_is_refused(value: Any):
    assert refusals(answered(reasoning=value)) == [("schema.field_type", "messages[1].reasoning")]


def test_reasoning_alone_is_an_answer_and_blank_content_is_not():
    assert conversation({"messages": [Q, {"role": "assistant", "reasoning": "R"}]}).messages[1].content == "<think>R</think>"
    assert refusals({"messages": [Q, {"role": "assistant"}, Q, {"role": "assistant", "content": "A"}]}) == [("schema.content_missing", "messages[1]")]


def test_a_picture_keeps_its_place_if_reasoning_before_it_is_added_or_dropped():
    parts = [{"type": "text", "text": "<think>R</think>\nAB"}, {"type": "image", "image": "a.png"}, {"type": "text", "text": "C"}]
    record = {"messages": [Q, {"role": "assistant", "content": parts}]}
    for config, text, at in ((configuration(), "<think>R</think>\nABC", 19), (DROP, "ABC", 2)):
        message = conversation(record, config, {"a.png": (9, 9)}).messages[1]
        assert (message.content, message.image_at) == (text, (at,))
    message = conversation({"messages": [Q, {"role": "assistant", "content": [parts[2], parts[1]], "thought": "R"}]}, sizes={"a.png": (9, 9)}).messages[1]
    assert (message.content, message.image_at) == ("<think>R</think>C", (17,))


@pytest.mark.parametrize(
    ("text", "may_hold"),
    [
        ("A", False),
        ("A < b", False),
        ("[1]", True),
        (" <b>", True),
        ("◁x", True),
        ("R</think>", True),
        ("R[/THINK]", True),
        ("R◁/think▷", True),
        ("a/b [c]", False),
    ],
)
def test_a_quick_check_rules_out_most_texts_without_reasoning(text: str, may_hold: bool):
    assert has_thoughts(text) == may_hold


@pytest.mark.parametrize(("opened", "closed"), [("<think>", "</think>"), ("<THINKING>", "</thinking>"), ("[THINK]", "[/THINK]"), ("◁think▷", "◁/think▷")])
def test_reasoning_in_every_spelling_is_dropped_even_without_its_opening_tag(opened: str, closed: str):
    for text in (f"{opened}R{closed}\nA", f"R{closed}\nA"):
        assert conversation({"messages": [Q, {"role": "assistant", "content": text}]}, DROP).messages[1].content == "A"
