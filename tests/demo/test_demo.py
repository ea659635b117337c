"""The demo's input: the same bytes every time, and every planted fault gets what it must."""

import hashlib
import json
from collections import defaultdict
from pathlib import Path

import pytest

from pipelines.config import load_config
from pipelines.demo import BATCH, Written, write_demo
from pipelines.flow import open_flow
from pipelines.local import run_files
from pipelines.reasons import repairs_of
from pipelines.records import Conversation, Outcome, Quarantined, Sample, origin_of
from pipelines.split import side_of

CONF = Path(__file__).parents[2] / "conf" / "demo.yaml"
FORMATS = {"agentcpm", "sharegpt", "openai", "glm"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Written]:
    folder = tmp_path_factory.mktemp("demo") / "demo-input"
    return folder, write_demo(folder)


@pytest.fixture(scope="module")
def outcomes(demo: tuple[Path, Written]) -> list[Outcome]:
    folder, _ = demo
    sources = [f"sources[0].path={folder}/gui/{{batch}}", f"sources[0].image_root={folder}/screens", f"sources[1].path={folder}/tools/{{batch}}"]
    config = load_config(CONF, sources)
    files = [str(path) for kind in ("gui", "tools") for path in sorted((folder / kind / BATCH).iterdir())]
    return list(run_files(open_flow(config), files, BATCH))


def test_it_is_as_large_and_as_mixed_as_it_should_be(demo, outcomes):
    _, written = demo
    assert written.episodes >= 80
    assert written.records >= 400
    assert len(written.expected) >= 30
    conversations = [outcome for outcome in outcomes if isinstance(outcome, Conversation)]
    assert {conversation.format for conversation in conversations} == FORMATS
    text = "".join(message.content for conversation in conversations for message in conversation.messages)
    assert "天气" in text
    assert "weather" in text
    shapes = {image.width > image.height for conversation in conversations for image in conversation.images}
    assert shapes == {True, False}  # phones and desktops


def test_every_planted_fault_gets_its_state_and_its_reason(demo, outcomes):
    folder, written = demo
    found: dict[tuple[str, int], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        origin = origin_of(outcome)
        found[(str(Path(origin.path).relative_to(folder)), origin.line)].append(outcome)
    wrong = [(want, found[(want["path"], want["line"])]) for want in written.expected if not is_as(want, found[(want["path"], want["line"])])]
    assert wrong == []


def is_as(want, outcomes: list[Outcome]) -> bool:
    if want["state"] in ("quarantined", "duplicate", "damaged"):
        return any(isinstance(row, Quarantined) and (row.findings[0].code, row.dialect) == (want["code"], want["dialect"]) for row in outcomes)
    codes = [finding.code for row in outcomes if isinstance(row, Conversation) for finding in row.findings]
    return want["code"] in codes and (want["state"] == "noted" or want["code"] in repairs_of(outcomes[0].findings))


def test_nothing_else_is_quarantined_but_what_a_model_cannot_take(demo, outcomes):
    folder, written = demo
    planted = {(want["path"], want["line"]) for want in written.expected}
    rest = [
        row for row in outcomes if isinstance(row, Quarantined) and (str(Path(row.raw.origin.path).relative_to(folder)), row.raw.origin.line) not in planted
    ]
    assert {(row.dialect, row.findings[0].code) for row in rest} == {("glm_4v", "image.too_many")}  # it takes one image


def test_every_dialect_has_rows_on_every_side(outcomes):
    config = load_config(CONF)
    sides = {(row.dialect, side_of(row.conversation.episode_id, config.split)) for row in outcomes if isinstance(row, Sample)}
    assert sides == {(dialect.name, side) for dialect in config.dialects for side in ("train", "val", "test")}


def test_it_is_the_same_bytes_every_time(demo, tmp_path):
    folder, written = demo
    assert write_demo(tmp_path) == written
    assert digests(tmp_path) == digests(folder)
    assert [json.loads(line) for line in (folder / "expected.jsonl").read_text().splitlines()] == list(written.expected)


def digests(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}
