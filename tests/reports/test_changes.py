"""A repair is shown as it was in the log and as it is in the row, and only where both are certain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.ledger.history import early_bytes
from pipelines.records import Conversation
from pipelines.reports.changes import change_of
from pipelines.storage.stores import ENVIRONMENT
from pipelines.tables.schema import row_of
from tests.making import asked, called, configuration, run, run_lines, write_lines

CONFIG = configuration()
CALL = '{"name": "f", "arguments": {"x": 1}}'
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"x": {"type": "integer"}, "unit": None}}}}


def changes(record: dict[str, Any], raw: bytes | None = None, images: dict[str, tuple[int, int]] | None = None) -> dict[str, tuple[str, str] | None]:
    """By reason code what was changed in this record."""
    (conversation,) = run(record, CONFIG, images or {})
    assert isinstance(conversation, Conversation)
    _, row = row_of(conversation, "mon", "r", CONFIG.split)
    raw = json.dumps(record).encode() if raw is None else raw
    return {finding["code"]: change_of(raw, row, finding) for finding in row["findings"]}


def test_arguments_that_were_a_python_literal_are_shown_with_the_json_that_they_became():
    assert changes(called("{'x': 1}"))["repair.python_literal"] == ("{'x': 1}", 'f {"x": 1}')


def test_a_call_in_an_answer_is_shown_as_text_and_as_a_call():
    record = asked("Q", CALL, tools=[TOOL], system="S")
    found = changes(record)
    assert found["repair.tool_call_extracted"] == (CALL, 'f {"x": 1}')
    before, after = found["repair.null_dropped"] or ("", "")
    assert ('"unit":null' in before, "unit" in after, '"name":"f"' in after) == (True, False, True)


def test_an_image_that_had_no_mark_is_shown_with_one():
    record = asked("What is this?", image="a.png")
    assert changes(record, images={"a.png": (9, 9)})["repair.placeholder_added"] == ('{"role":"user","content":"What is this?"}', "[image]\nWhat is this?")


def test_nothing_is_shown_where_the_log_is_gone_or_the_turns_do_not_fit():
    record = called("{'x': 1}")
    assert changes(record, raw=b"")["repair.python_literal"] is None
    record["messages"].append({"role": "user", "content": "and then?"})
    assert changes(called("{'x': 1}"), raw=json.dumps(record).encode())["repair.python_literal"] is None
    assert changes(called("{'x': 1}"), raw=b"{broken")["repair.python_literal"] is None


@pytest.mark.parametrize("where", ["", "messages", "messages[9].content", "messages[0][0]", "tools[7]", "images[0]", "x.y[1].z"])
def test_any_place_is_looked_up_without_an_error(where: str):
    row = {"messages": [{"role": "user", "content": "Q", "metadata": "", "image_at": []}], "tools": None}
    assert change_of(b'{"messages": [{"role": "user", "content": "Q"}]}', row, {"where": where, "detail": ""}) is None


def test_a_new_path_is_told_by_the_finding_itself():
    assert change_of(None, {}, {"where": "image", "detail": "'a b.PNG' -> 'A.png'"}) == ("a b.PNG", "A.png")


def test_a_record_near_the_beginning_of_its_log_is_read_again_and_no_other(tmp_path: Path):
    log = write_lines(tmp_path / "logs.jsonl", [asked(str(number)) for number in range(1_002)])
    origins = [one.origin._asdict() for one in run_lines(CONFIG, log) if isinstance(one, Conversation)]
    assert early_bytes(origins[2], ENVIRONMENT) == log.read_bytes().splitlines()[2]
    assert early_bytes(origins[999], ENVIRONMENT) == log.read_bytes().splitlines()[999]
    assert early_bytes(origins[1_000], ENVIRONMENT) is None
    assert early_bytes(origins[2] | {"sha256": "other"}, ENVIRONMENT) is None
    assert early_bytes(origins[2] | {"path": str(tmp_path / "gone.jsonl")}, ENVIRONMENT) is None
