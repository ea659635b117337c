"""`episodes shape`: keys with counts, the format and why, what is unread, and a draft of `fields`."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.cli import main
from pipelines.console.shape import why
from pipelines.console.shape.keys import MOST_PATHS, places_in
from pipelines.formats.table import FORMATS
from pipelines.records import Conversation
from tests.making import asked, configuration, run_lines, turns, write_lines


def shown(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(["shape", *options, str(path)]) == 0
    return capsys.readouterr().out


def test_keys_are_counted_with_what_stands_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = write_lines(tmp_path / "a.jsonl", [asked(mood="good", more={"a": '{"b": 1}'}), asked(mood="bad")])
    text = shown(path, capsys)
    assert text.startswith(f"{path}: 2 records\nformat openai: 2 records, because a record has `messages`\nkeys\n")
    lines = {line.split()[0]: re.split(r"\s{2,}", line.strip())[1:] for line in text.splitlines() if line.startswith("  ")}
    assert lines["messages"] == ["2", "list"]
    assert lines["messages[].role"] == ["4", "text: user 2, assistant 2"]
    assert lines["more.a"] == ["1", "JSON text of an object"]
    assert "not read\n  record.mood  2\n  record.more  1\n" in text
    assert "draft" not in text


def test_only_the_first_records_are_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = write_lines(tmp_path / "a.jsonl", [asked(str(i)) for i in range(5)])
    assert f"{path}: the first 3 records\n" in shown(path, capsys, "--records", "3")
    assert f"{path}: 5 records\n" in shown(path, capsys, "--records", "5")


def test_an_empty_file_a_folder_and_bad_lines_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "empty.jsonl").write_bytes(b"")
    assert shown(tmp_path / "empty.jsonl", capsys) == f"{tmp_path}/empty.jsonl: 0 records\n"
    write_lines(tmp_path / "in" / "a.jsonl", [asked()])
    write_lines(tmp_path / "in" / "b.jsonl", [b"{", asked(answer="B")])
    text = shown(tmp_path / "in", capsys)
    assert "3 records" in text
    assert "quarantined line.truncated_json: 1 record" in text
    assert main(["shape", str(tmp_path / "none.jsonl")]) == 2


# (records, the turns of the first one, by a draft alone)
FLAT: list[tuple[list[dict[str, Any]], list[tuple[str, str, str]]]] = [
    ([{"user_text": "Q?", "bot_text": "A."}, {"user_text": "Q2?", "bot_text": "A2."}], [("user", "", "Q?"), ("assistant", "", "A.")]),
    ([{"customer_msg": "Q?", "agent_reply": "A."}, {"customer_msg": "Q?", "agent_reply": "A."}], [("user", "", "Q?"), ("assistant", "", "A.")]),
    ([{"bad_reply": "B.", "clientMessage": "Q?", "operatorMessage": "A."}], [("user", "", "Q?"), ("assistant", "", "A.")]),
    ([{"ticket": 7, "caller": "Q?", "advisor": "A."}], [("user", "", "Q?"), ("assistant", "", "A.")]),
    ([{"Question": "Q?", "Answer": "A."}], [("user", "", "Q?"), ("assistant", "", "A.")]),
    ([{"meta": {"q": "Q?"}, "reply": "A."}], [("user", "", "Q?"), ("assistant", "", "A.")]),
    ([{"persona": "S.", "userInput": "Q?", "modelOutput": "A."}], [("system", "", "S."), ("user", "", "Q?"), ("assistant", "", "A.")]),
    (
        [{"log": [{"speaker": "customer", "said": "Q?"}, {"speaker": "rep", "said": "A."}]}],
        [("user", "", "Q?"), ("assistant", "", "A.")],
    ),
    (
        [{"data": {"rounds": [{"who": "Human", "body": "Q?"}, {"who": "Bot", "body": "A."}, {"who": "Human", "body": "Q2?"}, {"who": "Bot", "body": "A2."}]}}],
        [("user", "", "Q?"), ("assistant", "", "A."), ("user", "", "Q2?"), ("assistant", "", "A2.")],
    ),
    ([{"log": json.dumps([{"author": "human", "text": "Q?"}, {"author": "ai", "text": "A."}])}], [("user", "", "Q?"), ("assistant", "", "A.")]),
    ([{"turns": [{"speaker": "A", "utterance": "Q?"}, {"speaker": "B", "utterance": "A."}]}], [("user", "", "Q?"), ("assistant", "", "A.")]),
    (
        [{"left": "What is the weather like in Oslo today?", "right": "It is cold and it rains, as it often does.", "n": 1}],
        [("user", "", "What is the weather like in Oslo today?"), ("assistant", "", "It is cold and it rains, as it often does.")],
    ),
]


@pytest.mark.parametrize(("records", "expected"), FLAT, ids=[str(i) for i in range(len(FLAT))])
def test_a_draft_reads_the_records_for_which_it_was_made(records: list[Any], expected: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = write_lines(tmp_path / "a.jsonl", records)
    text = shown(path, capsys)
    assert f"draft: it reads {len(records)} of {len(records)} record" in text
    source = yaml.safe_load(text.partition("draft:")[2].partition("\n")[2])
    first = run_lines(configuration(source=source), path)[0]
    assert isinstance(first, Conversation), first
    assert turns(first) == expected


def test_a_draft_is_made_of_what_most_records_have(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    records: list[Any] = [{"customer_msg": f"Q{i}?", "agent_reply": f"A{i}.", "bad_reply": "B."} for i in range(4)]
    records += [{"customer_msg": 5, "agent_reply": "A."}, {"customer_msg": "Q?", "agent_reply": "A.", "agent_reply_2": "B."}]
    text = shown(write_lines(tmp_path / "a.jsonl", records), capsys)
    assert "draft: it reads 4 of 6 records; schema.turn_not_object 1; schema.field_unread 1\n" in text
    source = yaml.safe_load(text.partition("draft:")[2].partition("\n")[2])
    assert source["fields"] == {"prompt": "customer_msg", "answer": "agent_reply", "rejected": "bad_reply"}


def test_a_draft_names_the_pictures_and_ids(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    records = [{"uid": f"{i}", "dialog_id": f"d{i}", "user_text": f"Q{i}?", "bot_text": "A.", "screens": [f"{i}.png"]} for i in range(3)]
    text = shown(write_lines(tmp_path / "a.jsonl", records), capsys)
    source = yaml.safe_load(text.partition("draft:")[2].partition("\n")[2])
    assert source["fields"] == {"prompt": "user_text", "answer": "bot_text", "images": "screens", "episode_id": "dialog_id", "id": "uid"}


@pytest.mark.parametrize("record", [{"a": 1}, {"id": "1", "function": [{"name": "f", "description": "d"}]}, {"a b": "x", "c|d": "y"}, {"text": "only one"}])
def test_where_no_draft_reads_a_record_it_is_said(record: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    text = shown(write_lines(tmp_path / "a.jsonl", [record]), capsys)
    assert "format: none" in text
    assert "draft: no mapping was found" in text


def test_a_gui_data_set_without_actions_is_told_what_to_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    text = shown(write_lines(tmp_path / "a.jsonl", [{"img_filename": "0.png", "bbox": [1, 2, 3, 4], "instruction": "close"}]), capsys)
    assert "draft: the record names an element with its box" in text


def test_episodes_of_a_gui_agent_get_the_setting_that_reads_their_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    record = {"goal": "Open it", "screenshots": ["0.png", "1.png"], "actions": [{"action_type": "click", "x": 2, "y": 3}]}
    text = shown(write_lines(tmp_path / "a.jsonl", [record, {"a": 1}]), capsys)
    assert "draft: it reads 1 of 2 records as steps of AndroidControl; docs/steps.md\n    rows: {of: step, prompt: agentcpm_gui}\n" in text


def test_names_from_a_log_cannot_control_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    text = shown(write_lines(tmp_path / "a.jsonl", [{"a\x1b[31m\n": "b\x1b", "c": ["\x1b"]}]), capsys)
    assert "\x1b" not in text


def test_places_are_bounded():
    assert len(places_in([{f"k{i}": i for i in range(1000)}])) == MOST_PATHS
    deep: Any = 1
    for _ in range(50):
        deep = {"a": deep}
    assert max(path.count(".") for path in places_in([deep])) < 10


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_why_it_is_taken(name: str):
    assert "`" in why(name) or why(name).startswith("its events are")
