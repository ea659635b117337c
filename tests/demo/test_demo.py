"""The input of the demo has the same bytes every time, and every planted fault gets the expected state and reason."""

import hashlib
import json
from collections import defaultdict
from pathlib import Path

from pipelines.config import load_config
from pipelines.demo import write_demo
from pipelines.reasons import repairs_of
from pipelines.records import Conversation, Outcome, Quarantined, Sample, origin_of
from pipelines.split import side_of
from tests.conftest import DEMO_CONF

FORMATS = {"agentcpm", "sharegpt", "openai", "glm"}


def test_the_demo_has_the_intended_size_and_variety(demo, demo_outcomes):
    _, written = demo
    assert written.episodes >= 80
    assert written.records >= 400
    assert len(written.expected) >= 30
    conversations = [outcome for outcome in demo_outcomes if isinstance(outcome, Conversation)]
    assert {conversation.format for conversation in conversations} == FORMATS
    text = "".join(message.content for conversation in conversations for message in conversation.messages)
    assert "天气" in text
    assert "weather" in text
    shapes = {image.width > image.height for conversation in conversations for image in conversation.images}
    assert shapes == {True, False}  # phones and desktops


def test_every_planted_fault_gets_its_state_and_its_reason(demo, demo_outcomes):
    folder, written = demo
    found: dict[tuple[str, int], list[Outcome]] = defaultdict(list)
    for outcome in demo_outcomes:
        origin = origin_of(outcome)
        found[(str(Path(origin.path).relative_to(folder)), origin.line)].append(outcome)
    wrong = [(want, found[(want["path"], want["line"])]) for want in written.expected if not is_as(want, found[(want["path"], want["line"])])]
    assert wrong == []


def is_as(want, outcomes: list[Outcome]) -> bool:
    if want["state"] in ("quarantined", "duplicate", "damaged"):
        return any(isinstance(row, Quarantined) and (row.findings[0].code, row.dialect) == (want["code"], want["dialect"]) for row in outcomes)
    codes = [finding.code for row in outcomes if isinstance(row, Conversation) for finding in row.findings]
    return want["code"] in codes and (want["state"] == "noted" or want["code"] in repairs_of(outcomes[0].findings))


def test_nothing_else_is_quarantined_except_what_a_model_cannot_take(demo, demo_outcomes):
    folder, written = demo
    planted = {(want["path"], want["line"]) for want in written.expected}
    rest = [
        row
        for row in demo_outcomes
        if isinstance(row, Quarantined) and (str(Path(row.raw.origin.path).relative_to(folder)), row.raw.origin.line) not in planted
    ]
    assert {(row.dialect, row.findings[0].code) for row in rest} == {("glm_4v", "image.too_many")}  # because it takes one image


def test_every_dialect_has_rows_in_every_split(demo_outcomes):
    config = load_config(DEMO_CONF)
    sides = {(row.dialect, side_of(row.conversation.episode_id, config.split)) for row in demo_outcomes if isinstance(row, Sample)}
    assert sides == {(dialect.name, side) for dialect in config.dialects for side in ("train", "val", "test")}


def test_the_demo_has_the_same_bytes_every_time(demo, tmp_path):
    folder, written = demo
    assert write_demo(tmp_path) == written
    assert digests(tmp_path) == digests(folder)
    assert [json.loads(line) for line in (folder / "expected.jsonl").read_text().splitlines()] == list(written.expected)


def digests(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}
