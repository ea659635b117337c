"""What each trainer is given, and when a row is called inexact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.chat.glm_tools import glm_tools_parts
from pipelines.chat.tool_syntax import SYNTAXES
from pipelines.records import Message
from pipelines.tokenizers import families
from pipelines.training import export as export_package
from pipelines.training.export import export
from pipelines.training.export.control_tokens import GLM_4, control_tokens
from pipelines.training.export.glm4 import tools_text
from pipelines.training.export.inexact import WHY, sorted_codes
from pipelines.training.export.tool_text import in_words
from tests.training.test_export import codes, entries, message, picture, published, rows_of

USER, ANSWER, SYSTEM = message("user", "Hi."), message("assistant", "Hello."), message("system", "Be brief.")
Row = dict[str, Any]


def made(
    tmp_path: Path, to: str, messages: list[Row], dialect: str, pictures: int = 0, tools: str | None = None, *, settings: Row | None = None, **sample: Any
) -> tuple[Row, list[str]]:
    """The exported entry of one row, and its codes."""
    image = picture(tmp_path / "pictures")
    conversation, row = rows_of("a", messages, [image] * pictures, dialect=dialect, **sample)
    root = published(tmp_path / "root", [(conversation | {"tools": tools}, row)], **(settings or {}))
    export(to, root, tmp_path / "out")
    found = codes(tmp_path / "out").get("a", [])
    if to in ("minicpm_v", "agentcpm"):
        return entries(tmp_path / "out")[0], found
    return json.loads((tmp_path / "out" / "train.jsonl").read_text(encoding="utf-8")), found


def shown(content: str, *places: int) -> Row:
    return message("user", content, image_at=list(places))


@pytest.mark.parametrize(
    "first, is_path, text",
    [
        (shown("See it", 0), True, "<image>See it"),
        (shown("See it", 4), True, "See <image>it"),
        (shown("See it", 6), True, "See it<image>"),
        (shown("See\n\nit", 4), True, "See\n<image>\nit"),
    ],
)
def test_one_picture_in_the_first_question_is_a_path_with_a_plain_mark(tmp_path: Path, first: Row, is_path: bool, text: str):
    entry, found = made(tmp_path, "minicpm_v", [first, ANSWER], "minicpm_v_2_6", 1)
    assert isinstance(entry["image"], str) == is_path
    assert (entry["conversations"][0]["content"], found) == (text, [])


@pytest.mark.parametrize(
    "first, text, found",
    [
        (shown("\n\n\n", 1, 2), "<image_00><image_01>", ["mark_newline"]),
        (shown("\n\n\n\n", 1, 3), "<image_00><image_01>", []),
        (shown("See\n\nand\n\nit", 4, 9), "See<image_00>and<image_01>it", []),
        (shown("See and it", 4, 8), "See <image_00>and <image_01>it", ["mark_newline"]),
        (shown("\n\n\n\n <image_07>", 1, 3), "<image_00><image_01> <image_07>", ["picture_mark"]),
    ],
)
def test_several_pictures_have_numbered_marks_without_one_newline_on_each_side(tmp_path: Path, first: Row, text: str, found: list[str]):
    entry, codes_found = made(tmp_path, "minicpm_v", [first, ANSWER], "minicpm_v_2_6", 2)
    assert (entry["conversations"][0]["content"], codes_found) == (text, found)
    assert list(entry["image"]) == ["<image_00>", "<image_01>"]


def test_minicpm_v_2_5_trims_a_turn_so_newlines_at_its_ends_do_not_count(tmp_path: Path):
    first = shown("\n\nSee", 0, 1)
    assert made(tmp_path / "a", "minicpm_v", [first, ANSWER], "minicpm_v_2_5", 2)[1] == ["mark_newline"]
    first = shown("\n\nSee\n", 0, 2)
    assert made(tmp_path / "b", "minicpm_v", [first, ANSWER], "minicpm_v_2_5", 2)[1] == ["mark_newline"]
    first = shown("See\n\n\n\n", 4, 6)
    assert made(tmp_path / "c", "minicpm_v", [first, ANSWER], "minicpm_v_2_5", 2)[1] == []


def test_a_row_without_a_picture_has_an_empty_object(tmp_path: Path):
    entry, found = made(tmp_path, "minicpm_v", [USER, ANSWER], "minicpm_v_2_6")
    assert (entry["image"], found) == ({}, [])


def test_a_system_turn_goes_in_front_of_the_question_with_its_picture(tmp_path: Path):
    entry, found = made(tmp_path, "minicpm_v", [SYSTEM, shown("See it", 4), ANSWER], "minicpm_v_2_6", 1)
    assert [turn["content"] for turn in entry["conversations"]] == ["Be brief.\n\nSee <image>it", "Hello."]
    assert found == ["system_moved"]


def test_agentcpm_keeps_its_system_turn(tmp_path: Path):
    entry, found = made(tmp_path, "agentcpm", [SYSTEM, shown("See\n\nit", 4), ANSWER], "agentcpm_gui", 1)
    assert [turn["content"] for turn in entry["conversations"]] == ["Be brief.", "See<image_00>it", "Hello."]
    assert (list(entry["image"]), found) == (["<image_00>"], [])


MASKED = message("assistant", "No.", loss_weight=0.0)
HALF = message("assistant", "Half.", loss_weight=0.5)


@pytest.mark.parametrize(
    "dialect, messages, found",
    [
        ("minicpm_v_2_6", [USER, message("assistant", " \n"), USER, ANSWER], ["blank_answer"]),
        ("minicpm_v_2_5", [USER, message("assistant", ""), USER, ANSWER], ["blank_answer"]),
        ("agentcpm_gui", [USER, message("assistant", ""), USER, ANSWER], []),
        ("minicpm_v_2_6", [USER, message("assistant", "<think>\n\n</think>\n\nHello.")], ["think_block"]),
        ("agentcpm_gui", [USER, message("assistant", "<think>\n\n</think>\n\nHello.")], []),
        ("minicpm_v_2_6", [message("user", "Write <|im_end|>"), ANSWER], ["control_token"]),
        ("agentcpm_gui", [USER, message("assistant", "A </slice> here")], ["control_token"]),
        ("agentcpm_gui", [USER, message("assistant", "A </div> here")], []),
        ("agentcpm_gui", [USER, MASKED, USER, ANSWER], ["masked_turn"]),
        ("agentcpm_gui", [USER, HALF], ["weight"]),
        ("agentcpm_gui", [USER, message("assistant", "One.", loss_weight=1.0)], []),
        ("agentcpm_gui", [ANSWER], ["one_turn"]),
        ("minicpm_v_2_6", [ANSWER, USER, ANSWER], ["role_refused"]),
        ("agentcpm_gui", [ANSWER, USER, ANSWER], []),
        ("minicpm_v_2_6", [USER, ANSWER, SYSTEM, USER, ANSWER], ["role_refused"]),
        ("agentcpm_gui", [message("user", "See <image_00>"), ANSWER], ["picture_mark"]),
    ],
)
def test_what_the_json_of_minicpm_cannot_say_is_named(tmp_path: Path, dialect: str, messages: list[Row], found: list[str]):
    assert made(tmp_path, "agentcpm" if dialect == "agentcpm_gui" else "minicpm_v", messages, dialect)[1] == found


def test_an_answer_that_loss_last_turn_masks_is_named(tmp_path: Path):
    labels = [-100, -100, -100, -100, -100, -100, -100, 5]
    assert made(tmp_path, "agentcpm", [USER, ANSWER, USER, ANSWER], "agentcpm_gui", labels=labels)[1] == ["masked_turn"]


def test_fewer_slices_are_named(tmp_path: Path):
    assert made(tmp_path, "agentcpm", [shown("See", 0), ANSWER], "agentcpm_gui", 1, repairs=["repair.fewer_slices"])[1] == ["fewer_slices"]


def test_a_row_without_its_oldest_turns_is_exact_where_turn_spans_name_the_others(tmp_path: Path):
    turns = [message("user", "Go"), message("assistant", "One."), message("user", "On"), message("assistant", "Two.")]
    spans = [{"message": i, "role": turns[i]["role"], "start": 0, "end": 1, "weight": None} for i in (0, 2, 3)]
    labels = [-100, 5, -100, -100, -100, -100, -100, -100]
    entry, found = made(tmp_path / "a", "agentcpm", turns, "agentcpm_gui", repairs=["repair.turns_dropped"], turn_spans=spans, labels=labels)
    assert [turn["content"] for turn in entry["conversations"]] == ["Go", "On", "Two."]
    assert found == []
    entry, found = made(tmp_path / "b", "agentcpm", turns, "agentcpm_gui", repairs=["repair.turns_dropped"])
    assert (len(entry["conversations"]), found) == (4, ["turns_dropped"])


WEATHER = {
    "type": "function",
    "function": {"name": "weather", "description": "天气 <b>", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
SEARCH = {"type": "function", "function": {"name": "search", "parameters": {"type": "object", "properties": {"q": {"enum": ["a"]}}}}}
TOOLS = json.dumps([WEATHER, SEARCH], ensure_ascii=False)
CALL = message("assistant", '{"city": "Oslo"}', metadata="weather")


def test_glm_4_has_metadata_on_every_message_and_definitions_as_text(tmp_path: Path):
    entry, found = made(tmp_path, "glm4", [SYSTEM, USER, CALL, message("observation", "cold"), ANSWER], "glm_4", tools=TOOLS)
    roles = [(turn["role"], turn["metadata"], turn["content"]) for turn in entry["messages"]]
    assert roles == [
        ("system", "", tools_text(TOOLS)),
        ("system", "", "Be brief."),
        ("user", "", "Hi."),
        ("assistant", "weather", '{"city": "Oslo"}'),
        ("observation", "", "cold"),
        ("assistant", "", "Hello."),
    ]
    assert found == []
    assert {tuple(turn) for turn in entry["messages"]} == {("role", "metadata", "content")}


def test_definitions_are_written_as_the_dialect_writes_them():
    assert "\n" + tools_text(TOOLS) == "".join(glm_tools_parts(TOOLS))


@pytest.mark.parametrize(
    "messages, found",
    [
        ([USER, message("assistant", ""), USER, ANSWER], ["empty_turn"]),
        ([message("user", "Say <|user|>"), ANSWER], ["control_token"]),
        ([message("user", "Say <|im_end|>"), ANSWER], []),
        ([USER, message("assistant", "{}", metadata="[MASK]")], ["control_token"]),
        ([USER, MASKED, USER, ANSWER], ["masked_turn"]),
        ([USER, HALF], ["weight"]),
        ([message("user", "2024-01-01"), message("assistant", "2024-01-02 10:00")], ["read_as_date"]),
        ([ANSWER], []),
        ([USER, CALL], []),
    ],
)
def test_what_the_jsonl_of_glm_4_cannot_say_is_named(tmp_path: Path, messages: list[Row], found: list[str]):
    labels = [-100, 5, -100, -100] if messages[-1] is CALL else None
    assert made(tmp_path, "glm4", messages, "glm_4", **({"labels": labels} if labels else {}))[1] == found


def test_a_system_turn_without_text_that_carried_definitions_is_left_out(tmp_path: Path):
    entry, found = made(tmp_path, "glm4", [message("system", ""), USER, ANSWER], "glm_4", tools=TOOLS)
    assert ([turn["role"] for turn in entry["messages"]], found) == (["system", "user", "assistant"], [])


def test_calls_in_words_are_named_for_glm(tmp_path: Path):
    assert made(tmp_path, "glm4", [USER, CALL, ANSWER], "glm_4", settings={"tool_syntax": "hermes"})[1] == ["tool_syntax"]


def test_glm_4_gets_a_configuration_that_trains_every_answer_and_cuts_nothing(tmp_path: Path):
    made(tmp_path, "glm4", [USER, ANSWER], "glm_4")
    text = (tmp_path / "out" / "lora.yaml").read_text()
    assert "combine: false" in text
    assert "train_file: train.jsonl" in text
    assert "val_file" not in text
    assert "deepspeed" not in text


@pytest.mark.parametrize(
    "messages, pictures, found",
    [
        ([shown("See it", 0), ANSWER], 1, []),
        ([shown("See it", 4), ANSWER], 1, ["picture_moved"]),
        ([USER, ANSWER, shown("See it", 0), ANSWER], 1, ["picture_moved"]),
        ([SYSTEM, shown("See it", 0), ANSWER], 1, ["system_moved"]),
        ([USER, ANSWER], 0, ["no_picture"]),
        ([shown("", 0), ANSWER], 1, []),
        ([message("user", "<|user|>", image_at=[0]), ANSWER], 1, []),
    ],
)
def test_glm_4v_has_the_picture_on_the_first_message(tmp_path: Path, messages: list[Row], pictures: int, found: list[str]):
    entry, named = made(tmp_path, "glm4v", messages, "glm_4v", pictures)
    assert named == found
    assert ["image" in turn for turn in entry["messages"]] == [bool(pictures), *[False] * (len(entry["messages"]) - 1)]


@pytest.mark.parametrize("syntax", ["hermes", "json"])
@pytest.mark.parametrize("tools", [TOOLS, None])
def test_calls_in_words_are_what_the_dialect_writes(syntax: str, tools: str | None):
    """The two implementations stand in rooms that may not import each other."""
    turns = [
        message("user", "See it", image_at=[4]),
        message("assistant", "Looking."),
        CALL | {"loss_weight": 0.0},
        CALL,
        message("observation", "cold", image_at=[2]),
        message("observation", "wet"),
        message("assistant", "Cold."),
    ]
    for messages in (turns, [SYSTEM, *turns], [USER, ANSWER]):
        ours = in_words(messages, tools, syntax)
        theirs = SYNTAXES[syntax]([Message(m["role"], m["content"], m["metadata"], tuple(m["image_at"]), m["loss_weight"]) for m in messages], tools)
        assert [(m["role"], m["content"], tuple(m["image_at"]), m["loss_weight"]) for m in ours] == [
            (one.message.role, one.message.content, one.message.image_at, one.message.loss_weight) for one in theirs
        ]


def test_codes_are_a_closed_list():
    with pytest.raises(KeyError):
        sorted_codes(["something_else"])
    assert all(sentence.endswith(".") for sentence in WHY.values())


@pytest.mark.parametrize(
    "family, tokenizer, text, is_found",
    [
        ("glm", {}, "<think>", True),  # nothing is known of the tokenizer
        ("glm", {"file": None, "name": "glm_4_standin"}, "<think>", False),  # bundled: made of the family's own control tokens
        ("glm", {"file": "tokenizer.json", "name": "/gone"}, "<think>", True),
        ("glm", {"file": None, "name": "glm_4_standin"}, "<|im_end|>", False),  # GLM-4 has none
        ("glm", {"file": None, "name": "glm_4_standin"}, "<|observation|>", True),
        ("glm", {"file": "tokenizer.model", "name": "/gone"}, "<|im_end|>", False),
        ("glm", {"file": "tokenizer.json", "name": "/gone"}, "<|im_end|>", True),
        ("glm", {"file": None, "name": "glm_4_standin", "specials": {"<new>": 9}}, "a <new> b", True),
        ("minicpm", {"file": None, "name": "minicpm_v_2_6"}, "</quad>", True),
        ("minicpm", {"file": None, "name": "minicpm_v_2_6"}, "<div>", False),
    ],
)
def test_control_tokens_are_those_of_the_dialect_s_tokenizer(family: str, tokenizer: Row, text: str, is_found: bool):
    assert bool(control_tokens(family, tokenizer).search(text)) == is_found


def test_the_control_tokens_of_glm_4_are_those_of_its_vocabulary():
    """The two lists stand in rooms that may not import each other."""
    assert sorted(GLM_4) == sorted(families.GLM_4.specials)


def test_a_tokenizer_s_own_file_says_what_its_control_tokens_are(tmp_path: Path):
    (tmp_path / "tokenizer.json").write_text(json.dumps({"added_tokens": [{"content": "<think>"}]}))
    known = control_tokens("glm", {"file": "tokenizer.json", "name": str(tmp_path)})
    assert [bool(known.search(text)) for text in ("<think>", "<tool_call>", "<|im_end|>")] == [True, False, False]


def test_every_code_is_given_somewhere():
    folder = Path(export_package.__file__).parent
    text = "".join(path.read_text() for path in folder.glob("*.py") if path.name != "inexact.py")
    assert [code for code in WHY if f'"{code}"' not in text] == []
