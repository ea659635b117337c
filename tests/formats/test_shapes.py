"""Real shapes of logs: each is read as it should be, or refused by name; nothing is taken wrongly without a finding."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.console.formats_page import SHAPES
from pipelines.records import Conversation
from tests.formats.shapes import cases, outcomes_of, unpack, verdicts


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(tmp_path_factory.mktemp("shapes"))


def as_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def said(made: Conversation) -> list[tuple[str, str, Any]]:
    return [(message.role, message.metadata, as_json(message.content)) for message in made.messages]


def test_what_is_read_without_a_finding_is_read_rightly(folder: Path):
    for case in cases(folder):
        if case["expected"] != ["expected"]:
            continue
        wanted = json.loads((folder / "cases" / f"{case['name']}.expected.json").read_text(encoding="utf-8"))
        made = [one for one in outcomes_of(folder, case) if isinstance(one, Conversation)]
        if made and not any(one.findings for one in made):
            found = [said(one) for one in made]
            assert found == [[(m["role"], m["metadata"], as_json(m["content"])) for m in one["messages"]] for one in wanted], case["name"]


def test_the_list_of_verdicts_is_up_to_date(folder: Path):
    assert json.loads(SHAPES.read_text(encoding="utf-8")) == verdicts(folder), "run: python -m tests.formats.shapes, then make docs"
