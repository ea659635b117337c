"""Prompts and answers for generation."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.tables.schema import row_of
from pipelines.training import eval_items
from tests.golden import open_case
from tests.making import configuration, run
from tests.training.publishing import publish
from tests.training.rows import image, row, turn
from tests.training.scene import dialect_note, golden_root

LAST = 30  # characters
TALK = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather in Kyiv?"},
        {"role": "assistant", "content": "I look.", "tool_calls": [{"id": "a", "function": {"name": "weather", "arguments": '{"city": "Kyiv"}'}}]},
        {"role": "tool", "tool_call_id": "a", "content": "3 degrees"},
        {"role": "assistant", "content": "It is cold."},
        {"role": "user", "content": "Thanks"},
        {"role": "assistant", "content": "Bye", "loss_weight": 0},
    ]
}


def published(root: Path, model: str, *rows: dict) -> Path:
    parts = [one | {"dialect": model, "split": "val"} for one in rows]
    return publish(root, {"samples": parts}, {"dialects": {model: dialect_note(model)}})


def texts(root: Path, record: dict, model: str) -> list[tuple[str, str]]:
    """The last characters of each prompt, and its answer."""
    config = configuration(model)
    _, one = row_of(run(record, config)[1], "b1", "run", config.split)
    one = {name: one[name] for name in ("sample_id", "input_ids", "labels", "images", "turn_spans")}
    decode = open_case(config).dialects[0].vocabulary.decode
    items = eval_items(published(root, model, one), model, arrays="numpy")
    return [(decode(item["input_ids"].astype(np.int32))[-LAST:], decode(item["output_ids"].astype(np.int32))) for item in items]


def test_glm_4_has_an_item_for_each_trained_answer_that_ends_with_the_users_header(tmp_path: Path):
    assert texts(tmp_path, TALK, "glm_4") == [
        ("\nWeather in Kyiv?<|assistant|>", "\nI look.<|user|>"),
        ("sistant|>\nI look.<|assistant|>", 'weather\n{"city": "Kyiv"}<|user|>'),
        ("ation|>\n3 degrees<|assistant|>", "\nIt is cold.<|user|>"),
    ]


CHAT = {"messages": [{"role": role, "content": f"{role} {number}"} for number in (1, 2) for role in ("user", "assistant")]}


def test_minicpm_has_the_header_in_the_prompt_and_the_end_in_the_answer(tmp_path: Path):
    found = texts(tmp_path, CHAT, "minicpm_v_2_6")
    assert [prompt[-22:] for prompt, _ in found] == ["<|im_start|>assistant\n"] * 2
    assert [answer for _, answer in found] == ["assistant 1<|im_end|>", "assistant 2<|im_end|>"]


def test_agentcpm_trains_the_headers_newline_which_a_prompt_for_generation_has(tmp_path: Path):
    found = texts(tmp_path, CHAT, "agentcpm_gui")
    assert [prompt[-22:] for prompt, _ in found] == ["<|im_start|>assistant\n"] * 2
    assert [answer for _, answer in found] == ["assistant 1<|im_end|>", "assistant 2<|im_end|>"]


def test_a_prompt_has_the_pictures_that_stand_before_its_answer(tmp_path: Path):
    root = golden_root(tmp_path, "minicpm_v_2_6", "val", limit=3)
    items = eval_items(root, "minicpm_v_2_6", arrays="numpy")
    for item in items:
        assert len(item["pixel_values"]) == len(item["image_bound"]) == len(item["tgt_sizes"])
        assert (item["image_bound"] < len(item["input_ids"])).all()
    turns = [turn("assistant", 2, 3), turn("assistant", 6, 7)]
    two = row([9, 5, 1, 8, 9, 5, 2, 8], {2, 3, 6, 7}, images=[image((0, 1)), image((4, 5))], turn_spans=turns)
    cut = eval_items(published(tmp_path / "two", "minicpm_v_2_6", two), "minicpm_v_2_6", arrays="numpy")
    cut.rows.pixels = lambda row: {"pixel_values": [0.0] * len(row["images"])}
    assert [len(cut[number]["pixel_values"]) for number in (0, 1)] == [1, 2]


def test_a_batch_is_padded_on_the_left_and_its_answers_on_the_right(tmp_path: Path):
    rows = [row([1, 2, 3, 4], {2, 3}, turn_spans=[turn("assistant", 2, 3)]), row([5, 6, 4], {1, 2}, turn_spans=[turn("assistant", 1, 2)])]
    items = eval_items(published(tmp_path, "glm_4", *rows), "glm_4", arrays="numpy")
    assert [set(item) for item in items] == [{"input_ids", "output_ids"}] * 2
    batch = items.collate(list(items))
    assert batch["labels"] is None
    assert batch["input_ids"].tolist() == [[1, 2], [151329, 5]]
    assert batch["attention_mask"].tolist() == [[1, 1], [0, 1]]
    assert batch["output_ids"].tolist() == [[3, 151336], [6, 151336]]
    assert [items.place(number) for number in (0, 1)] == [("s1", 0), ("s1", 0)]


def test_older_rows_have_no_answers_to_find(tmp_path: Path):
    with pytest.raises(ValueError, match="no turn_spans"):
        eval_items(published(tmp_path, "glm_4", row([1, 2], {1})), "glm_4")
