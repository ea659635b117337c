"""Logs with every field that an API or a tool writes: what is beside the conversation is metadata, and refuses nothing."""

import json
from typing import Any

import pytest

from tests.golden import DATA
from tests.making import conversation, notes, turns

LOGS: dict[str, dict[str, Any]] = json.loads((DATA / "full_logs.json").read_text())


@pytest.mark.parametrize("name", LOGS)
def test_a_log_with_all_its_fields_is_read(name: str):
    made = conversation(LOGS[name])
    assert [turn for turn in turns(made) if turn[0] != "system"] == [
        ("user", "", "Hi?"),
        ("assistant", "", "<think>hm</think>Yo." if name == "anthropic_full" else "Yo."),
    ]
    assert {code for code, _ in notes(made)} <= {"schema.field_unread"}
