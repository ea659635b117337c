"""Edge cases of turns: weights, marks, tools, results and calls that a small change of the rules would change."""

import json
from typing import Any

import pytest

from tests.making import asked, configuration, conversation, notes, refusals, turns

Q, A = {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}


def weights(*answers: dict[str, Any]) -> list[float | None]:
    made = conversation({"messages": [turn for answer in answers for turn in (Q, A | answer)]})
    return [message.loss_weight for message in made.messages if message.role == "assistant"]


@pytest.mark.parametrize(
    ("loss", "weight"),
    [
        ({}, None),
        ({"loss": True}, None),
        ({"loss": "TRUE "}, None),
        ({"loss": 1}, None),
        ({"loss": False}, 0),
        ({"loss": "false"}, 0),
        ({"loss": 0}, 0),
        ({"weight": 1}, 1),
        ({"weight": True}, None),
        ({"loss_weight": 0.5}, 0.5),
        ({"loss_scale": 1}, 1),
        ({"weight": 3e38}, 3e38),
        ({"weight": 1e-45}, 1e-45),
        ({"weight": 1e-50}, 0),  # what a float32 holds as 0 is not trained
        ({"train": False, "weight": 0.5}, 0),
        ({"train": True, "weight": 0.5}, 0.5),
        ({"weight": 0.5, "loss_weight": 0.5}, 0.5),
    ],
)
def test_a_turn_has_one_weight(loss: dict[str, Any], weight: float | None):
    assert weights({}, loss) == [None, weight]


@pytest.mark.parametrize("loss", [{"weight": 3.1e38}, {"weight": -0.1}, {"weight": "x"}, {"loss": []}, {"weight": 0.5, "loss_weight": 0.6}, {"loss": "0"}])
def test_a_weight_that_no_trainer_could_use_is_refused(loss: dict[str, Any]):
    assert refusals({"messages": [Q, A | loss]})[0][0] == "schema.field_type"


@pytest.mark.parametrize(("most", "is_refused"), [(2, False), (1, True)])
def test_the_number_of_pictures_in_a_record_is_limited(most: int, is_refused: bool):
    record = {"messages": [{"role": "user", "content": "<image><image>Q"}, A], "images": ["a.png", "b.png"]}
    config, sizes = configuration(limits={"images_per_record": most}), {"a.png": (9, 9), "b.png": (9, 9)}
    if is_refused:
        assert ("image.too_many", "") in refusals(record, config, sizes)
    else:
        assert len(conversation(record, config, sizes).images) == 2


PICTURES = dict.fromkeys(("a.png", "b.png", "c.png"), (9, 9))


def placed(record: dict[str, Any]) -> list[tuple[str, tuple[int, ...]]]:
    made = conversation(record, sizes=PICTURES)
    assert all(image.width == 9 for image in made.images)
    return [(message.content, message.image_at) for message in made.messages]


def names(record: dict[str, Any]) -> list[str]:
    return [image.uri.removeprefix("kit/").removesuffix(".png") for image in conversation(record, sizes=PICTURES).images]


def marked(text: str, image: Any, *more: dict[str, Any]) -> dict[str, Any]:
    return {"conversations": [{"role": "user", "content": text}, A, *more], "image": image}


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("<image_00><image_01><image_02>", ["a", "b", "c"]),
        ("<image_02><image_00><image_01>", ["c", "a", "b"]),
        ("<image_1><image_3><image_2>", ["a", "c", "b"]),  # from 1
        ("<image_2><image_3><image_4>", ["a", "b", "c"]),  # from nothing known: in text order
        ("<image_2><image><image_0>", ["a", "b", "c"]),
    ],
)
def test_numbered_marks_take_the_pictures_with_their_numbers_only_if_all_numbers_exist(text: str, order: list[str]):
    assert names(marked(text, ["a.png", "b.png", "c.png"])) == order


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("<image><image>Q", ["a.png"]),
        ("<image>Q", ["a.png", "b.png"]),
        ("Q", ["a.png", "b.png"]),
        ("<image_00>Q", {"<image_00>": "a.png", "<image_01>": "b.png"}),
        ("<image_00><image_02>Q", {"<image_00>": "a.png", "<image_01>": "b.png"}),
        ("<image>", {"<image_00>": "a.png", "<image_01>": "b.png"}),
    ],
)
def test_different_numbers_of_marks_and_pictures_are_a_mismatch(text: str, image: Any):
    assert refusals(marked(text, image), sizes=PICTURES)[0][0] == "image.count_mismatch"


@pytest.mark.parametrize("image", ["a.png", ["a.png"], {"<image_00>": "a.png"}, {"<image>": "a.png"}])
def test_a_mark_in_an_answer_has_no_picture(image: Any):
    record = {"conversations": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "<image>" if "<image_00>" not in image else "<image_00>"}]}
    assert refusals(record | {"image": image}, sizes=PICTURES)[0][0] == "image.count_mismatch"


def test_named_pictures_get_newlines_around_them_and_listed_ones_do_not():
    assert placed(marked("x<image_00>y<image_01>", {"<image_00>": "a.png", "<image_01>": "b.png"}))[0] == ("x\n\ny\n\n", (2, 5))
    assert placed(marked("x<image>y<image>", ["a.png", "b.png"]))[0] == ("xy", (1, 2))
    assert placed(marked("x<image>y<image>", {"<image_00>": "a.png", "<image_01>": "b.png"}))[0] == ("xy", (1, 2))


def test_the_only_picture_without_a_mark_goes_before_the_first_question():
    record = {"conversations": [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}, A, {"role": "user", "content": "R"}, A]}
    for image in ("a.png", {"<image_00>": "a.png"}):
        assert placed(record | {"image": image})[:2] == [("S", ()), ("\nQ", (0,))]
        assert notes(conversation(record | {"image": image}, sizes=PICTURES)) == [("repair.placeholder_added", "conversations[1]")]


@pytest.mark.parametrize("ref", [7, True, [], {"x": 1}, " "])
def test_a_reference_that_is_not_text_is_refused(ref: Any):
    assert refusals({"messages": [{"role": "user", "content": [{"type": "image", "image": ref}, {"type": "text", "text": "Q"}]}, A]}) != []
    assert refusals({"messages": [{"role": "user", "content": "<image>Q"}, A], "images": [ref]})[0][0] in ("image.ref_type", "image.count_mismatch")


def call(name: str = "f", number: str | None = None, arguments: Any = "{}") -> dict[str, Any]:
    logged = {"function": {"name": name, "arguments": arguments}} | ({"id": number} if number else {})
    return {"role": "assistant", "tool_calls": [logged]}


def result(text: str = "4", **more: Any) -> dict[str, Any]:
    return {"role": "tool", "content": text, **more}


def talk(*between: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [Q, *between, A]}


def two_calls(first: str | None, second: str | None, *given: dict[str, Any]) -> list[str]:
    """The results in their order."""
    both = {"role": "assistant", "tool_calls": [*call("f", first)["tool_calls"], *call("g", second)["tool_calls"]]}
    return [content for role, _, content in turns(conversation(talk(both, *given))) if role == "observation"]


def test_results_are_put_in_the_order_of_their_calls():
    assert two_calls("1", "2", result("b", tool_call_id="2"), result("a", tool_call_id="1")) == ["a", "b"]
    assert two_calls(None, None, result("b", name="g"), result("a", name="f")) == ["a", "b"]
    assert two_calls(None, None, result("a"), result("b")) == ["a", "b"]
    assert two_calls(None, None, result("b", name="g"), result("a")) == ["a", "b"]
    assert two_calls("1", "1", result("a", tool_call_id="1"), result("b", tool_call_id="1")) == ["a", "b"]


@pytest.mark.parametrize(
    "record",
    [
        talk(result()),
        talk(call(), result(), result()),
        talk(call(number="1"), result(tool_call_id="2")),
        talk(call(number="1"), result(tool_call_id="1"), result(tool_call_id="1")),
        talk(call(), A, result()),
    ],
)
def test_an_extra_result_is_an_orphan(record: dict[str, Any]):
    assert refusals(record)[0][0] == "tool.result_orphan"


@pytest.mark.parametrize(
    ("record", "places"),
    [
        (talk(call()), ["messages[1].tool_calls[0]"]),
        (talk(call(), result()), []),
        ({"messages": [Q, call()]}, []),  # the record ends with the call
        (talk(call(), call("g"), result()), ["messages[2].tool_calls[0]"]),
        (talk(call(), result(), call("g")), ["messages[3].tool_calls[0]"]),
        ({"messages": [Q, call(), call("g"), result()]}, ["messages[2].tool_calls[0]"]),
    ],
)
def test_a_call_whose_result_is_missing_is_noted_unless_it_ends_the_record(record: dict[str, Any], places: list[str]):
    assert notes(conversation(record)) == [("tool.result_missing", place) for place in places]


@pytest.mark.parametrize("role", ["user", "system", "tool"])
@pytest.mark.parametrize(("calls", "is_refused"), [([], False), ({}, False), ("", False), ("auto", False), ("none", False), ([{"name": "f"}], True)])
def test_only_an_answer_can_contain_a_call(role: str, calls: Any, is_refused: bool):
    logged = {"messages": [Q, *([call()] if role == "tool" else []), {"role": role, "content": "x", "tool_calls": calls}, A]}
    found = refusals(logged) if is_refused else []
    assert [code for code, _ in found] == (["schema.field_unread"] if is_refused else [])
    assert is_refused or conversation(logged)


@pytest.mark.parametrize(("value", "is_noted"), [(None, False), ("", False), ({}, False), ([], False), ("x", True), (7, True)])
def test_metadata_of_a_question_is_left_out_with_a_note(value: Any, is_noted: bool):
    found = notes(conversation({"messages": [Q | {"metadata": value}, A]}))
    assert found == ([("schema.field_unread", "messages[0].metadata")] if is_noted else [])


@pytest.mark.parametrize("metadata", ["f", " f"])
def test_an_answer_with_metadata_is_a_call_of_that_name(metadata: str):
    made = conversation({"messages": [Q, {"role": "assistant", "metadata": metadata, "content": '{"x": 1}'}, {"role": "observation", "content": "4"}, A]})
    assert turns(made)[1] == ("assistant", metadata, '{"x": 1}')


@pytest.mark.parametrize("metadata", ["", " ", "\n"])
def test_an_answer_with_blank_metadata_is_an_answer(metadata: str):
    assert turns(conversation({"messages": [Q, A | {"metadata": metadata}]})) == [("user", "", "Q"), ("assistant", "", "A")]


@pytest.mark.parametrize(
    ("tools", "text"),
    [
        (None, None),
        ([], None),
        ("", None),
        (" ", None),
        ("[]", None),
        ([{"name": "f"}], '[{"type": "function", "function": {"name": "f"}}]'),
        ({"name": "f"}, '[{"type": "function", "function": {"name": "f"}}]'),
        ([{"type": "function", "function": {"name": "f", "strict": None}}], '[{"type": "function", "function": {"name": "f"}}]'),
        ([{"type": "function", "name": "f"}], '[{"type": "function", "function": {"name": "f"}}]'),
        ([{"type": "retrieval", "name": "f"}], '[{"type": "function", "function": {"type": "retrieval", "name": "f"}}]'),
        ([json.dumps({"name": "é"})], '[{"type": "function", "function": {"name": "é"}}]'),
        ([{"name": "f", "parameters": {"enum": [None]}}], '[{"type": "function", "function": {"name": "f", "parameters": {"enum": [null]}}}]'),
    ],
)
def test_tool_definitions_have_one_form(tools: Any, text: str | None):
    assert conversation(asked(tools=tools)).tools == text


@pytest.mark.parametrize(
    ("tools", "code"), [(7, "schema.field_type"), ("x", "schema.field_type"), ([7], "tool.schema_invalid"), ([{"name": ""}], "tool.schema_invalid")]
)
def test_an_entry_that_defines_no_tool_is_refused(tools: Any, code: str):
    assert refusals(asked(tools=tools))[0][0] == code


def thoughts(key: Any, content: str = "A", reasoning: str = "keep") -> str:
    made = conversation(
        {"messages": [Q, {"role": "assistant", "content": content, "reasoning_content": key}]}, configuration(normalize={"reasoning": reasoning})
    )
    return made.messages[-1].content


@pytest.mark.parametrize(
    ("key", "content", "kept"),
    [
        ("t", "A", "<think>t</think>A"),
        (" ", "A", "A"),
        (["t", "u", "t"], "A", "<think>t</think><think>u</think>A"),
        ([{"text": "t"}, {"summary": "u"}, {"data": "x"}], "A", "<think>t</think><think>u</think>A"),
        ("t", "<think> t </think>A", "<think> t </think>A"),
        ("u", "<think>t</think>A", "<think>u</think><think>t</think>A"),
        ({"text": "t"}, "A", "<think>t</think>A"),
        (True, "A", "A"),
    ],
)
def test_reasoning_is_put_once_before_the_answer(key: Any, content: str, kept: str):
    assert thoughts(key, content) == kept


@pytest.mark.parametrize(
    ("content", "rest"),
    [
        ("<think>t</think> A", "A"),
        ("t\n</think>\nA", "A"),  # the template opened it
        ("t</think>A", "t</think>A"),  # in a line: the answer speaks of the tag
        ("A<think>t</think> B", "A B"),
        ("A<think>t", "A<think>t"),
        ("<think>a</think>A<think>b</think>B", "AB"),
        (" A", " A"),
    ],
)
def test_dropped_reasoning_leaves_the_answer_alone(content: str, rest: str):
    assert thoughts("u", content, "drop") == rest


CALL_TEXT = '{"name": "f", "arguments": {"x": 1}}'


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"name": "f", "arguments": {"x": 1, "x": 2}}', "json.duplicate_key"),
        ('{"name": "f", "arguments": {"x": NaN}}', "json.nonfinite"),
        ('{"name": "f", "arguments": {"x": 1e999}}', "json.huge_number"),
    ],
)
def test_a_call_in_the_text_that_is_not_allowed_in_json_is_refused(text: str, code: str):
    assert refusals({"messages": [Q, A | {"content": text}]})[0][0] == code


@pytest.mark.parametrize(
    "text",
    [
        "{name: f, arguments: x}",
        '{"name": "f", "arguments": {"x": 1}',
        '{"name": "f", "arguments": {}, "more": 1}',
        '{"name": 7, "arguments": {}}',
        '{"arguments": {}, "x": "name"}',
        CALL_TEXT + " and more",
        "[" + CALL_TEXT + ", 7]",
    ],
)
def test_an_answer_that_is_not_exactly_one_call_stays_text(text: str):
    record = {"messages": [Q, A | {"content": text}], "tools": [{"name": "f"}]}
    assert turns(conversation(record))[1] == ("assistant", "", text)


@pytest.mark.parametrize(
    ("record", "metadata"),
    [
        ({"messages": [Q, A | {"content": CALL_TEXT}]}, ""),
        ({"messages": [Q, A | {"content": CALL_TEXT}], "tools": [{"name": "g"}]}, ""),
        ({"messages": [Q, A | {"content": CALL_TEXT}], "tools": [{"name": "f"}]}, "f"),
        ({"messages": [Q, A | {"content": CALL_TEXT}, result(), A]}, "f"),
        ({"messages": [Q, A | {"content": f" {CALL_TEXT}\n"}, result(), A]}, "f"),
        ({"messages": [Q, A | {"content": CALL_TEXT}, Q, A]}, ""),
    ],
)
def test_an_answer_that_is_one_call_is_read_as_a_call_if_its_tool_is_declared_or_a_result_follows(record: dict[str, Any], metadata: str):
    assert turns(conversation(record))[1] == ("assistant", metadata, '{"x": 1}' if metadata else CALL_TEXT)


def test_an_undeclared_null_is_dropped_and_every_other_argument_keeps_its_value():
    tools = [{"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}, "n": {}}}}]
    record = {"messages": [Q, call(arguments={"a": 1, "b": None, "c": [5, {"d": 6}], "n": None})], "tools": tools}
    assert json.loads(conversation(record).messages[1].content) == {"a": 1, "c": [5, {"d": 6}], "n": None}
