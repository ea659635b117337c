"""Content as a list of parts: what each kind of part says, where its value is, and what is refused."""

import json
from typing import Any

import pytest

from pipelines.flow import draft_of
from pipelines.normalize.content import reference_of, same_picture
from pipelines.records import Draft, raw_record
from tests.making import configuration, conversation, notes, refusals, turns

Q, A = {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}
SIZES = dict.fromkeys(("a.png", "b.png"), (9, 9))
TEXT = {"type": "text", "text": "T"}


def question(content: Any, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}, A], **more}


def read(content: Any, **more: Any) -> tuple[str, tuple[int, ...]]:
    """The text of the question and where its images are."""
    first = conversation(question(content, **more), sizes=SIZES).messages[0]
    return first.content, first.image_at


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("T", "T"),
        ({"type": "text", "text": "T"}, "T"),
        ({"type": "text", "value": "T"}, "T"),
        ({"type": "text", "content": "T"}, "T"),
        ({"type": "text", "text": "", "value": "T"}, "T"),  # the first that is not blank
        ({"type": "text", "text": None, "content": "T"}, "T"),
        ({"type": "text", "text": "T", "value": "T"}, "T"),
        ({"type": "text", "text": "T", "value": "", "content": None}, "T"),
        ({"type": "input_text", "text": "T"}, "T"),
    ],
)
def test_the_text_of_a_text_part_is_under_one_of_several_keys(part: Any, text: str):
    assert read([part]) == (text, ())
    assert read([part, part]) == (text * 2, ())
    if isinstance(part, dict):
        assert read(part) == (text, ())  # a part alone is a list of one


@pytest.mark.parametrize(
    ("part", "code"),
    [
        (5, "schema.part_bad"),
        ([], "schema.part_bad"),
        ({}, "schema.part_bad"),
        ({"type": 5, "text": "T"}, "schema.part_bad"),
        ({"type": "text"}, "schema.part_bad"),
        ({"type": "text", "text": 5}, "schema.part_bad"),
        ({"type": "unheard_of", "text": "T"}, "schema.part_bad"),
        ({"type": "text", "text": "T", "value": "U"}, "schema.field_unread"),  # two texts that differ
        ({"type": "text", "text": "T", "thought": "U"}, "schema.field_unread"),
        ({"type": "video", "video": "a.mp4"}, "media.unsupported"),
        ({"type": "file", "media_type": "application/pdf", "data": "x"}, "schema.part_bad"),
    ],
)
def test_a_part_that_cannot_be_read_is_refused_at_its_place(part: Any, code: str):
    found = refusals(question([TEXT, part]))
    assert found[0][0] == code
    assert found[0][1].startswith("messages[0].content[1]")


@pytest.mark.parametrize(("key", "value"), [("note", "x"), ("my_key", 0)])
def test_other_keys_of_a_part_are_counted(key: str, value: Any):
    raw = json.dumps(question([TEXT | {key: value, "id": "1", "detail": "low"}])).encode()
    draft = draft_of(raw_record("kit", "a.jsonl", 1, raw), configuration())
    assert isinstance(draft, Draft)
    assert draft.unread == ((f"part.{key}", 1),)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image", "image": "a.png"},
        {"type": "image_url", "image_url": {"url": "a.png"}},
        {"type": "image_url", "image_url": "a.png"},
        {"type": "image", "url": "a.png"},
        {"type": "image", "path": "a.png"},
        {"type": "image", "value": "a.png"},
        {"type": "image", "image": {"path": "a.png"}},
        {"type": "image", "image": {"path": "a.png", "bytes": None}},
        {"type": "image", "image": "", "path": "a.png"},
    ],
)
def test_the_picture_of_an_image_part_is_under_one_of_several_keys(part: dict[str, Any]):
    assert read([TEXT, part, TEXT]) == ("TT", (1,))


@pytest.mark.parametrize(
    ("parts", "images", "order"),
    [
        ([{"type": "image"}, {"type": "image"}], ["a.png", "b.png"], ["a", "b"]),
        ([{"type": "image", "index": 1}, {"type": "image", "index": 0}], ["a.png", "b.png"], ["b", "a"]),
        ([{"type": "image", "index": 2}, {"type": "image", "index": 1}], ["a.png", "b.png"], ["b", "a"]),
        ([{"type": "image", "index": 1.0}, {"type": "image", "index": 0.0}], ["a.png", "b.png"], ["b", "a"]),
        ([{"type": "image", "index": "1"}, {"type": "image", "index": "0"}], ["a.png", "b.png"], ["b", "a"]),
        ([{"type": "image", "index": True}, {"type": "image", "index": False}], ["a.png", "b.png"], ["a", "b"]),
        ([{"type": "image", "index": 1.5}, {"type": "image", "index": 0}], ["a.png", "b.png"], ["a", "b"]),
        ([{"type": "image", "index": "one"}, {"type": "image", "index": "0"}], ["a.png", "b.png"], ["a", "b"]),
        ([{"type": "image", "index": 1}, {"type": "image"}], ["a.png", "b.png"], ["a", "b"]),
    ],
)
def test_parts_without_a_picture_take_those_of_the_record_by_index_or_in_order(parts: list[dict[str, Any]], images: list[str], order: list[str]):
    made = conversation(question([*parts, TEXT], images=images), sizes=SIZES)
    assert [image.uri for image in made.images] == [f"kit/{name}.png" for name in order]


@pytest.mark.parametrize(
    ("content", "text", "is_parsed"),
    [
        ('[{"type": "text", "text": "T"}]', "T", True),
        ('[{"type": "text", "text": "T"}, {"type": "text", "text": "U"}]', "TU", True),
        ('[{"type": "text", "text": "T"}, 5]', '[{"type": "text", "text": "T"}, 5]', False),
        ('[{"type": "strange", "text": "T"}]', '[{"type": "strange", "text": "T"}]', False),
        ('[{"type": "text", "text": "T"}', '[{"type": "text", "text": "T"}', False),
        (' [{"type": "text", "text": "T"}]', ' [{"type": "text", "text": "T"}]', False),
        ("[]", "[]", False),
        ("[1, 2]", "[1, 2]", False),
    ],
)
def test_json_text_of_parts_is_read_as_parts_and_other_text_stays(content: str, text: str, is_parsed: bool):
    made = conversation(question(content))
    assert made.messages[0].content == text
    assert notes(made) == ([("repair.content_parsed", "messages[0].content")] if is_parsed else [])


CALL = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"b": 1, "a": [2]}, '{"b": 1, "a": [2]}'),
        ([1, "x"], '[1, "x"]'),
        (5, "5"),
        (2.5, "2.5"),
        (True, "true"),
        ([{"title": "é"}], '[{"title": "é"}]'),
        ([{"type": "row"}], '[{"type": "row"}]'),
        ([{"type": "text", "text": "T"}], "T"),
        ({"type": "text", "text": "T"}, "T"),
        ("T", "T"),
    ],
)
def test_a_result_that_is_not_text_becomes_its_json_text(content: Any, text: str):
    made = conversation({"messages": [Q, CALL, {"role": "tool", "content": content}, A]})
    assert [said for role, _, said in turns(made) if role == "observation"] == [text]
    assert [code for code, _ in notes(made)] == ([] if text == "T" else ["repair.result_as_text"])


@pytest.mark.parametrize("content", [5, True, {"b": 1}])
def test_a_question_that_is_not_text_is_refused(content: Any):
    assert refusals(question(content)) == [("schema.content_type", "messages[0].content")]


def answered(*parts: Any) -> dict[str, Any]:
    return {"messages": [Q, {"role": "assistant", "content": list(parts)}]}


@pytest.mark.parametrize(
    ("parts", "weight"),
    [
        ([TEXT], None),
        ([TEXT | {"loss": False}], 0),
        ([TEXT | {"loss_weight": 0.5}, TEXT | {"weight": 0.5}], 0.5),
        ([TEXT | {"loss": True}, "x"], None),
    ],
)
def test_the_parts_of_an_answer_have_one_weight(parts: list[Any], weight: float | None):
    assert conversation(answered(*parts)).messages[1].loss_weight == weight


def test_parts_with_different_weights_are_refused_in_an_answer_and_ignored_in_a_question():
    mixed = [TEXT | {"loss": False}, TEXT]
    assert refusals(answered(*mixed)) == [("schema.field_unread", "messages[1].loss")]
    assert read(mixed) == ("TT", ())


def test_a_call_among_parts_comes_after_the_text():
    call = {"type": "function_call", "function_call": {"name": "f", "arguments": "{}"}}
    assert turns(conversation(answered(TEXT, call)))[1:] == [("assistant", "", "T"), ("assistant", "f", "{}")]
    assert turns(conversation(answered(TEXT, call, {"type": "text", "text": " \n"})))[1][2] == "T \n"
    assert refusals(answered(call, TEXT)) == [("schema.field_unread", "messages[1].content[1]")]


@pytest.mark.parametrize(
    ("value", "reference"),
    [
        ("a.png", "a.png"),
        ("", None),
        (" ", None),
        (5, None),
        (None, None),
        ([], None),
        ({}, None),
        ({"path": "a.png"}, "a.png"),
        ({"url": "https://h/a.png"}, "https://h/a.png"),
        ({"bytes": "AAAA", "path": "a.png"}, "data:image;base64,AAAA"),
        ({"bytes": None, "path": "a.png"}, "a.png"),
        ({"path": {"path": "a.png"}}, None),
        ({"url": ""}, None),
        ({"x": "a.png"}, None),
        ("iVBORw0KGgo" + "A" * 53, "data:image;base64,iVBORw0KGgo" + "A" * 53),
        ("iVBORw0KGgo" + "A" * 52, "iVBORw0KGgo" + "A" * 52),  # too short to be a picture
        ("iVBORw0KGgo" + "A" * 52 + ".", "iVBORw0KGgo" + "A" * 52 + "."),
        ("A" * 64, "A" * 64),
    ],
)
def test_the_reference_to_a_picture_has_one_of_several_shapes(value: Any, reference: str | None):
    assert reference_of(value) == reference


@pytest.mark.parametrize(
    ("first", "second", "are_same"),
    [
        ("a.png", "a.png", True),
        ("a.png", "./a.png", True),
        ("a.png", {"path": "x/../a.png"}, True),
        ("a.png", "b.png", False),
        (5, 5, True),
        (5, [], False),
        ({}, [], False),
        ("https://h/a.png", "https://h/./a.png", False),
    ],
)
def test_two_references_may_name_the_same_picture(first: Any, second: Any, are_same: bool):
    assert same_picture(first, second) == are_same


def test_reasoning_between_texts_keeps_its_place():
    content = [
        {"type": "thinking", "thinking": "First."},
        {"type": "text", "text": "I look."},
        {"type": "thinking", "thinking": "Second."},
        {"type": "text", "text": "I see."},
        {"type": "tool_use", "id": "1", "name": "f", "input": {}},
    ]
    record = {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": content}]}
    assert [text for _, _, text in turns(conversation(record))] == ["Q", "<think>First.</think>I look.<think>Second.</think>I see.", "{}"]
    dropped = conversation(record, configuration(normalize={"reasoning": "drop"}))
    assert [text for _, _, text in turns(dropped)] == ["Q", "I look.I see.", "{}"]
    record["messages"][1]["content"] = [content[4], content[2]]
    assert refusals(record) == [("schema.field_unread", "messages[1].content[1]")]
