"""Pictures are read under every key, and each is put in its place once."""

import base64
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from pipelines.records import Conversation
from tests.making import asked, configuration, conversation, notes, refusals, run_lines, turns, write_lines

SIZES = {"a.png": (9, 9), "b.png": (8, 8)}
ANSWER = {"role": "assistant", "content": "A"}


def shown(record) -> tuple[list[tuple[str, tuple[int, ...]]], list[str]]:
    """(text and image places of each question, the pictures' names)."""
    made = conversation(record, sizes=SIZES)
    return [(message.content, message.image_at) for message in made.messages if message.role != "assistant"], [
        image.uri.removeprefix("kit/") for image in made.images
    ]


@pytest.mark.parametrize(
    "key", ["image", "images", "image_path", "image_paths", "image_url", "image_urls", "img", "imgs", "picture", "screenshot", "screenshots"]
)
@pytest.mark.parametrize("holder", ["messages", "conversations"])
def test_pictures_are_read_under_every_key_of_a_record_or_a_turn(key: str, holder: str):
    turn = {"role": "user", "content": "<image>Q"}
    assert shown({holder: [turn, ANSWER], key: "a.png"}) == ([("Q", (0,))], ["a.png"])
    assert shown({holder: [turn | {key: ["a.png"]}, ANSWER]}) == ([("Q", (0,))], ["a.png"])


@pytest.mark.parametrize("mark", ["<image>", "<image_00>", "<image_1>", "<|image|>", "<|vision_start|><|image_pad|><|vision_end|>", "(<image>./</image>)"])
@pytest.mark.parametrize("images", [{"image": "a.png"}, {"images": ["a.png"]}, {"images": [{"path": "a.png", "bytes": None}]}])
def test_a_mark_in_any_syntax_takes_the_next_picture_and_is_removed(mark: str, images):
    assert shown({"messages": [{"role": "user", "content": f"See {mark} here"}, ANSWER], **images}) == ([("See  here", (4,))], ["a.png"])


def test_a_named_picture_takes_a_mark_without_a_name():
    assert shown({"conversations": [{"role": "user", "content": "Q\n<image>"}, ANSWER], "image": {"<image_00>": "a.png"}}) == ([("Q\n", (2,))], ["a.png"])


def test_numbered_marks_take_the_pictures_with_their_numbers_from_a_list():
    record = {"conversations": [{"role": "user", "content": "<image_01>,<image_00>"}, ANSWER], "image": ["a.png", "b.png"]}
    assert shown(record) == ([(",", (0, 1))], ["b.png", "a.png"])


@pytest.mark.parametrize("mark", ["<image>", "<image_3>", "<|image|>", "<|vision_start|><|image_pad|><|vision_end|>"])
@pytest.mark.parametrize("key", ["messages", "conversations"])
def test_a_mark_without_a_picture_is_a_mismatch_in_every_format(mark: str, key: str):
    assert refusals({key: [{"role": "user", "content": f"{mark}Q"}, ANSWER]})[0][0] == "image.count_mismatch"


def test_a_path_inside_img_tags_puts_its_picture_there():
    record = {"conversations": [{"from": "user", "value": "Picture 1: <img>a.png</img>\nQ"}, {"from": "assistant", "value": "A"}]}
    assert shown(record) == ([("Picture 1: \nQ", (11,))], ["a.png"])
    assert shown(record | {"image": "a.png"}) == ([("Picture 1: \nQ", (11,))], ["a.png"])


def part(name: str | None, **more) -> dict:
    return {"type": "image", **({"image": name} if name else {}), **more}


@pytest.mark.parametrize(
    ("content", "images", "expected"),
    [
        # The same pictures as parts and as a list are one set.
        ([part("a.png"), {"type": "text", "text": "Q"}], ["a.png"], ([("Q", (0,))], ["a.png"])),
        # A mark and a part both stand where they were logged.
        ([{"type": "text", "text": "x <image> y"}, part("b.png")], ["a.png"], ([("x  y", (2, 4))], ["a.png", "b.png"])),
        ([part("b.png"), {"type": "text", "text": "<image>Q"}], ["a.png"], ([("Q", (0, 0))], ["b.png", "a.png"])),
        # Parts that name no picture take those of the list, the next one or that of their index.
        ([part(None), {"type": "text", "text": "Q"}, part(None, text=None)], ["a.png", "b.png"], ([("Q", (0, 1))], ["a.png", "b.png"])),
        ([part(None, index=1), part(None, index=0)], ["a.png", "b.png"], ([("", (0, 0))], ["b.png", "a.png"])),
        # A list that names the parts' pictures too fills the other places.
        ([part("a.png"), part(None)], ["a.png", "b.png"], ([("", (0, 0))], ["a.png", "b.png"])),
    ],
)
def test_parts_marks_and_lists_agree_on_one_place_for_each_picture(content, images, expected):
    assert shown({"messages": [{"role": "user", "content": content}, ANSWER], "images": images}) == expected


def test_a_picture_of_a_turn_is_put_at_its_mark_or_before_its_text():
    turns = [{"role": "user", "content": "one <image>", "image": "a.png"}, ANSWER, {"role": "user", "content": "two", "image": "b.png"}, ANSWER]
    assert shown({"messages": turns}) == ([("one ", (4,)), ("two", (0,))], ["a.png", "b.png"])


@pytest.mark.parametrize(
    "images",
    [
        {"images": ["a.png"]},
        {"images": [{"path": "a.png"}]},
        {"images": ["./a.png"]},
        {"images": '["a.png"]'},
        {"image": "a.png", "image_url": {"url": "a.png"}},
    ],
)
def test_a_picture_counts_once_however_its_path_is_written(images):
    content = [{"type": "image_url", "image_url": {"url": "a.png"}}, {"type": "text", "text": "Q"}]
    assert shown({"messages": [{"role": "user", "content": content}, ANSWER], **images}) == ([("Q", (0,))], ["a.png"])
    assert shown({"messages": [{"role": "user", "content": content, **images}, ANSWER]}) == ([("Q", (0,))], ["a.png"])


def test_parts_logged_as_json_text_are_read_as_parts():
    content = '[{"type": "image_url", "image_url": {"url": "a.png"}}, {"type": "text", "text": "Q"}]'
    made = conversation({"messages": [{"role": "user", "content": content}, ANSWER]}, sizes=SIZES)
    assert ((made.messages[0].content, made.messages[0].image_at), notes(made)) == (("Q", (0,)), [("repair.content_parsed", "messages[0].content")])


def test_a_mark_that_a_system_text_or_a_result_only_mentions_stays_text():
    system, call = {"role": "system", "content": "Look at <image>."}, {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}
    result = {"role": "tool", "content": "<rss><image></rss>"}
    asking = {"role": "user", "content": "<image>Q"}
    assert shown({"messages": [system, asking, call, result, ANSWER], "images": ["a.png"]})[0] == [
        ("Look at <image>.", ()),
        ("Q", (0,)),
        ("<rss><image></rss>", ()),
    ]
    assert conversation({"messages": [{"role": "user", "content": "Q"}, call, result, ANSWER]}).messages[2].content == "<rss><image></rss>"


@pytest.mark.parametrize("marks", ["<image_3> <image_1>", "<image_1> <image_1>"])
def test_marks_with_ambiguous_numbers_are_refused(marks: str):
    assert refusals({"messages": [{"role": "user", "content": marks}, ANSWER], "images": ["a.png", "b.png"]}, sizes=SIZES)[0][0] == "image.count_mismatch"


def test_null_names_and_an_empty_list_beside_a_named_picture_are_ignored():
    record = {"conversations": [{"role": "user", "content": "<image_00>Q"}, ANSWER], "image": {"<image_00>": "a.png", "<image_01>": None}, "images": []}
    assert shown(record) == ([("\n\nQ", (1,))], ["a.png"])


def test_a_mark_in_an_answer_takes_a_picture_of_its_own_turn_only():
    answer = {"role": "assistant", "content": "See <image> here", "image": "a.png"}
    made = conversation({"messages": [{"role": "user", "content": "Q"}, answer]}, sizes=SIZES)
    assert (made.messages[1].content, made.messages[1].image_at) == ("See  here", (4,))


@pytest.mark.parametrize(
    ("content", "images"),
    [("<image><image>", ["a.png"]), ("<image>", ["a.png", "b.png"]), ([part("a.png"), {"type": "text", "text": "Q"}], ["b.png"]), ("Q", ["a.png", "b.png"])],
)
def test_pictures_and_places_that_do_not_match_are_refused(content, images):
    assert refusals({"messages": [{"role": "user", "content": content}, ANSWER], "images": images}, sizes=SIZES)[0][0] == "image.count_mismatch"


def test_an_image_part_is_bad_if_neither_it_nor_the_record_has_a_picture():
    assert refusals({"messages": [{"role": "user", "content": [part(None), {"type": "text", "text": "Q"}]}, ANSWER]})[0] == (
        "schema.part_bad",
        "messages[0].content[0]",
    )


def png_base64() -> str:
    file = BytesIO()
    Image.new("RGB", (7, 5)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


PNG = png_base64()


@pytest.mark.parametrize(
    "image",
    [
        {"bytes": PNG, "path": None},
        {"bytes": PNG, "path": "0001.png"},
        PNG,
        f"data:image/png;base64,{PNG}",
        f"data:image;base64,{PNG}",
        "data:image/png;base64," + PNG.replace("+", "-").replace("/", "_"),
    ],
)
def test_a_picture_may_be_logged_as_its_bytes(image, tmp_path: Path):
    record = {"messages": [{"role": "user", "content": "<image>Q"}, ANSWER], "images": [image]}
    (made,) = run_lines(configuration(), write_lines(tmp_path / "logs.jsonl", [record]))
    assert isinstance(made, Conversation), made.findings
    assert [(picture.width, picture.height, picture.uri[:5]) for picture in made.images] == [(7, 5, "data:")]


def test_a_single_picture_without_a_mark_is_put_before_the_first_question_and_noted():
    made = conversation({"messages": [{"role": "user", "content": "Q"}, ANSWER], "image_path": "a.png"}, sizes=SIZES)
    assert (made.messages[0].content, made.messages[0].image_at) == ("\nQ", (0,))
    assert notes(made) == [("repair.placeholder_added", "messages[0]")]


def test_a_picture_of_a_tool_result_stays_in_the_result():
    call = {"from": "function_call", "value": '{"name":"tap","arguments":{"x":1}}'}
    turns = [{"from": "human", "value": "<image>open"}, call, {"from": "observation", "value": "<image>"}, {"from": "gpt", "value": "done"}]
    assert shown({"conversations": turns, "images": ["b.png", "a.png"]}) == ([("open", (0,)), ("", (0,))], ["b.png", "a.png"])


def test_objects_with_boxes_are_refused_by_name():
    record = {"messages": [{"role": "user", "content": "<image>Find <ref-object>"}, {"role": "assistant", "content": "<bbox>"}], "images": ["a.png"]}
    objects = {"ref": ["sheep"], "bbox": [[90.9, 160.8, 135, 212.8]]}
    assert refusals(record | {"objects": objects}, configuration(), SIZES) == [("schema.field_unread", "objects")]


@pytest.mark.parametrize(
    ("question", "image", "image_at", "content"),
    [
        ("<image>\nWhat?", "a.png", (0,), "\nWhat?"),
        ("See <image> here", "a.png", (4,), "See  here"),
        ("What?", "a.png", (0,), "\nWhat?"),
        ("<image_01> and <image_00>", {"<image_00>": "a.png", "<image_01>": "b.png"}, (1, 8), "\n\n and \n\n"),
    ],
)
def test_images_are_put_where_their_marks_were(question, image, image_at, content):
    record = {"conversations": [{"role": "user", "content": question}, {"role": "assistant", "content": "A"}], "image": image}
    message = conversation(record, sizes={"a.png": (9, 9), "b.png": (9, 9)}).messages[0]
    assert (message.image_at, message.content) == (image_at, content)


def test_images_are_in_text_order_not_in_the_order_of_their_names():
    record = {
        "conversations": [{"role": "user", "content": "<image_01> then <image_00>"}, {"role": "assistant", "content": "A"}],
        "image": {"<image_00>": "a.png", "<image_01>": "b.png"},
    }
    made = conversation(record, sizes={"a.png": (9, 9), "b.png": (9, 9)})
    assert [image.uri for image in made.images] == ["kit/b.png", "kit/a.png"]


def test_a_blank_image_field_contains_no_picture():
    for value in ("", [], {}, None):
        assert turns(conversation(asked(image=value))) == [("user", "", "Hello?"), ("assistant", "", "Hello.")]


def test_a_mark_in_an_answer_is_refused_if_the_record_lists_a_picture_that_has_its_place():
    record = {"messages": [{"role": "user", "content": "Q", "image": "a.png"}, {"role": "assistant", "content": "<image>"}], "images": ["a.png"]}
    assert refusals(record) == [("image.count_mismatch", "images")]
