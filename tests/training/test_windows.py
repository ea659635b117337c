"""Windows of conversations on the training side: their conversation, their messages, and what trainers get."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.config import Config
from pipelines.ledger.reader_settings import reader_settings
from pipelines.tables.schema import COLUMNS, row_of
from pipelines.training import TrainingSet, check_row, eval_items, open_root
from pipelines.training.export import export
from pipelines.training.windows import conversation_id, messages_held
from tests.dialects.test_overflow import episode, gui
from tests.golden import open_case
from tests.making import configuration, run
from tests.training.publishing import publish, schema_of
from tests.training.test_export import codes, picture

Row = dict[str, Any]


def root_of(tmp_path: Path, record: Row, config: Config) -> Path:
    """A root with the rows of one record. All of its pictures are one file."""
    image = picture(tmp_path / "pictures")
    tables: dict[str, list[Row]] = {"conversations": [], "samples": []}
    for outcome in run(record, config, {f"{i}.png": (4, 2) for i in range(4)}):
        table, row = row_of(outcome, "b1", "b1-1", config.split)
        row |= {"split": "train", "images": [one | {name: image[name] for name in ("uri", "sha256")} for one in row["images"]]}
        if table == "samples":
            row |= {"attention_mask": [1] * row["num_tokens"], "position_ids": list(range(row["num_tokens"]))}
        tables[table].append(row)
    settings = json.loads(reader_settings(open_case(config)))
    return publish(
        tmp_path / "root", tables, settings | {"image_roots": {"kit": str(tmp_path / "pictures")}}, schemas={name: schema_of(COLUMNS[name]) for name in tables}
    )


def windows(dialect: str, **options: Any) -> Config:
    return configuration(dialect, options={"on_overflow": "windows"} | options)


def lines(folder: Path) -> list[Row]:
    return [json.loads(line) for line in (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()]


def test_every_window_finds_its_conversation(tmp_path: Path):
    published = open_root(root_of(tmp_path, episode(30), windows("glm_4", max_tokens=800)))
    (conversation,) = published.rows("conversations")
    rows = list(published.rows("samples"))
    assert [row["window"] for row in rows] == list(range(len(rows)))
    assert {conversation_id(row, {conversation["sample_id"]}) for row in rows} == {conversation["sample_id"]}
    assert conversation_id({"sample_id": "other", "window": None, "record_id": "r"}, ()) == "other"
    held = [messages_held(row, conversation["messages"]) for row in rows]
    assert sorted({place for places in held for place in places}) == list(range(len(conversation["messages"])))
    assert all(places[0] == 0 for places in held)


@pytest.mark.parametrize("syntax", ["hermes", "json"])
def test_messages_that_a_syntax_joins_are_held_with_the_first(tmp_path: Path, syntax: str):
    published = open_root(root_of(tmp_path, episode(30), windows("agentcpm_gui", max_tokens=800, tool_syntax=syntax)))
    (conversation,) = published.rows("conversations")
    held = [messages_held(row, conversation["messages"]) for row in published.rows("samples")]
    assert held[0] == list(range(held[0][-1] + 1))
    assert held[1][:2] == [0, held[0][-1] + 1]


def test_each_window_is_a_row_of_its_own_and_each_answer_is_asked_for_once(tmp_path: Path):
    root = root_of(tmp_path, episode(30), windows("glm_4", max_tokens=800, history={"steps": 2}))
    rows = TrainingSet(root, "glm_4")
    assert len(rows) > 5
    for number in range(len(rows)):
        check_row(rows.row(number), "sound", rows.settings)
    assert len(eval_items(root, "glm_4", "train")) == 2 * 30 + 1


def test_a_trainer_gets_the_messages_and_pictures_of_each_window(tmp_path: Path):
    root = root_of(tmp_path, gui(20), windows("agentcpm_gui", max_tokens=700))
    export("agentcpm", root, tmp_path / "out")
    entries = json.loads((tmp_path / "out" / "train.json").read_text(encoding="utf-8"))
    shown = [[turn["content"] for turn in entry["conversations"] if turn["role"] == "assistant"] for entry in entries]
    assert len(entries) > 2
    assert [answer for answers in shown for answer in answers] == [f"Answer {i}." for i in range(20)]
    assert all(entry["conversations"][1]["content"].startswith("Step 0") for entry in entries)
    assert [len(entry["image"]) for entry in entries] == [sum(turn["role"] == "user" for turn in entry["conversations"]) for entry in entries]


def test_history_that_a_trainer_would_train_is_named(tmp_path: Path):
    root = root_of(tmp_path, episode(30), windows("glm_4", max_tokens=800, history={"steps": 2}))
    export("glm4", root, tmp_path / "out")
    found = list(codes(tmp_path / "out").values())
    assert len(found) == len(lines(tmp_path / "out")) - 1  # the first window has no history
    assert {tuple(one) for one in found} == {("masked_turn",)}


def test_swift_is_told_what_is_history(tmp_path: Path):
    root = root_of(tmp_path, episode(30), windows("glm_4", max_tokens=800, history={"steps": 2}))
    export("swift", root, tmp_path / "out")
    trained = [turn["content"] for entry in lines(tmp_path / "out") for turn in entry["messages"] if turn["loss"]]
    assert [text for text in trained if text.startswith("Step")] == [f"Step {i}." for i in range(30)]


def test_results_and_pictures_that_the_agent_does_not_see_are_named(tmp_path: Path):
    root = root_of(tmp_path, gui(6), windows("agentcpm_gui", history={"steps": "all", "images": 2}))
    export("agentcpm", root, tmp_path / "out")
    entries = json.loads((tmp_path / "out" / "train.json").read_text(encoding="utf-8"))
    assert [len(entry["image"]) for entry in entries] == [2, 3, 4, 5, 6]
    assert [set(one) - {"mark_newline"} for one in codes(tmp_path / "out").values()] == [set(), *[{"history", "masked_turn"}] * 4]
