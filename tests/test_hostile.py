"""The hostile corpus: bad and odd records, files and pictures, each with its correct verdicts (tests/data/README.md)."""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from pipelines.config import Config, parse_config
from pipelines.containers import read_records
from pipelines.flow import Flow, open_flow
from pipelines.images.decoder import inspect
from pipelines.images.files.formats import LEVELS
from pipelines.local import input_file, run_files
from pipelines.reasons import Reject, repairs_of
from pipelines.records import Conversation, Outcome, Quarantined, Sample, origin_of

GLM = {"name": "glm_4", "tokenizer": "glm_4_standin", "max_tokens": 8192}
MINICPM = {"name": "minicpm_v_2_6", "tokenizer": "minicpm_v_2_6", "max_tokens": 8192}


def rows(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file. Lines end at a newline only, because some texts contain U+2028."""
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def configuration(hostile: Path, dialects: tuple[dict[str, Any], ...] = (), name: str = "logs") -> Config:
    source = {"name": name, "path": str(hostile), "image_root": str(hostile / "images")}
    return parse_config({"sources": [source], "dialects": list(dialects), "output": {"root": "out"}})


def by_line(outcomes: list[Outcome]) -> dict[int, list[Outcome]]:
    found: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        found[origin_of(outcome).line].append(outcome)
    return found


def verdict(outcome: Outcome) -> str:
    if isinstance(outcome, Quarantined):
        return "duplicate" if outcome.findings[0].code == "record.duplicate" else "quarantined"
    return "repaired" if repairs_of(outcome.findings) else "clean"


def code(outcome: Outcome) -> str | None:
    return outcome.findings[0].code if outcome.findings else None


def test_every_hostile_record_gets_its_verdict_and_no_code_is_run(hostile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    found = by_line(list(run_files(open_flow(configuration(hostile)), [str(hostile / "records.jsonl")])))
    expected = rows(hostile / "expected.jsonl")
    assert sorted(found) == [want["line"] for want in expected]
    assert {line: len(outcomes) for line, outcomes in found.items() if len(outcomes) != 1} == {}
    wrong, strange = [], []
    for want in expected:
        (got,) = found[want["line"]]
        if verdict(got) not in want["accept"]:
            wrong.append((want["line"], want["class"], verdict(got), want["accept"], code(got)))
        elif want["reason_any"] and verdict(got) != "clean" and code(got) not in want["reason_any"]:
            strange.append((want["line"], code(got), want["reason_any"]))
    assert (wrong, strange) == ([], [])
    assert list(tmp_path.glob("CANARY*")) == []


def test_quarantine_keeps_the_bytes_of_the_record(hostile: Path):
    lines = (hostile / "records.jsonl").read_bytes().split(b"\n")
    for outcome in run_files(open_flow(configuration(hostile)), [str(hostile / "records.jsonl")]):
        if isinstance(outcome, Quarantined):
            assert outcome.raw.raw == lines[outcome.raw.origin.line - 1]


def raw_cases() -> list[str]:
    """The names of all raw files, written out so that each file has a test of its own."""
    good = "bad_utf8.jsonl latin1.jsonl bom.jsonl crlf.jsonl blank_lines.jsonl no_final_newline.jsonl truncated_last.jsonl nul_run.jsonl nul_tail.jsonl"
    more = "garbage.jsonl unicode_line_separators.jsonl two_members.jsonl.gz truncated.jsonl.gz bad_crc.jsonl.gz flipped.jsonl.gz line_bomb.jsonl.gz"
    rest = "empty.jsonl empty.jsonl.gz array.json array_truncated.json array_empty.json exact_duplicates.jsonl device_a/log.jsonl device_b/log.jsonl"
    return f"{good} {more} {rest} good.parquet truncated.parquet text.parquet zero_rows.parquet".split()


def test_every_raw_file_has_a_test(hostile: Path):
    assert [want["file"] for want in rows(hostile / "raw_expected.jsonl")] == raw_cases()


@pytest.mark.parametrize("file", raw_cases())
def test_every_line_of_a_raw_file_gets_its_verdict(hostile: Path, file: str):
    want = next(row for row in rows(hostile / "raw_expected.jsonl") if row["file"] == file)
    found = by_line(list(run_files(open_flow(configuration(hostile)), [str(hostile / "raw" / file)])))
    damage = found.pop(0, [])
    if want["file_level"]:
        assert [outcome.findings[0].code in want["file_level"]["reason_any"] for outcome in damage] == [True]
        return
    assert damage == []
    assert sorted(found) == [line["line"] for line in want["lines"] if "blank" not in line["accept"]]
    for line in want["lines"]:
        if line["line"] in found:
            (got,) = found[line["line"]]
            assert verdict(got) in line["accept"], (line, got.findings)
            assert not line["reason_any"] or verdict(got) == "clean" or code(got) in line["reason_any"]


def test_the_same_id_in_two_sources_is_no_conflict(hostile: Path):
    ids = set()
    for name in ("device_a", "device_b"):
        for outcome in run_files(open_flow(configuration(hostile, name=name)), [str(hostile / "raw" / name / "log.jsonl")]):
            assert isinstance(outcome, Conversation)
            ids.add(outcome.record_id)
    assert len(ids) == 6


def test_of_a_huge_line_in_a_small_gz_only_the_head_is_kept(hostile: Path):
    path = hostile / "raw" / "line_bomb.jsonl.gz"
    config = configuration(hostile)
    kept = [len(raw.raw) for raw in read_records(input_file(config, str(path), None), config.limits)]
    assert path.stat().st_size < 1 << 20
    assert max(kept) < 10_000  # its number of bytes, hash and head


@pytest.mark.parametrize("level", LEVELS)
def test_every_image_passes_or_fails_each_level(hostile: Path, level: str):
    wrong = []
    for want in rows(hostile / "images" / "expected.jsonl"):
        data = (hostile / "images" / want["file"]).read_bytes()
        try:
            kind, size = inspect(data, level, 64_000_000)
            got, right = "pass", want["verdict"] != "good" or (kind, *size) == (want["format"], want["width"], want["height"])
        except Reject as reject:
            got, right = "fail", reject.findings[0].code in want["reason_any"]
        if want["levels"][level] not in ("any", got) or (want["levels"][level] == got and not right):
            wrong.append((want["file"], want["class"], got, want["why"]))
    assert wrong == []


# The decisions where several verdicts would be correct; docs/policy.md explains them.
POLICY = {
    "policy.duplicate_key_same_value": {("repaired", "repair.duplicate_key")},
    "policy.special_token_in_text": {("clean", None)},
    "policy.nul_in_text": {("clean", None)},
    "policy.concatenated_objects": {("quarantined", "line.trailing_garbage")},
    "policy.near_miss_name": {
        ("repaired", "repair.path_case"),
        ("repaired", "repair.path_unicode"),
        ("repaired", "repair.path_separator"),
        ("repaired", "repair.path_percent"),
        ("repaired", "repair.path_root"),
        ("quarantined", "image.missing"),
    },
    "policy.python_repr_line": {("quarantined", "line.invalid_json")},
    "policy.lone_surrogate": {("quarantined", "json.lone_surrogate")},
}


@pytest.fixture(scope="module")
def policy_outcomes(hostile: Path) -> tuple[Flow, dict[int, list[Outcome]]]:
    flow = open_flow(configuration(hostile, (GLM, MINICPM)))
    return flow, by_line(list(run_files(flow, [str(hostile / "policy.jsonl")])))


def test_cases_with_several_correct_verdicts_follow_the_policy(hostile: Path, policy_outcomes):
    _, found = policy_outcomes
    for want in rows(hostile / "policy_expected.jsonl"):
        got = found[want["line"]][0]
        assert (verdict(got), code(got)) in POLICY[want["class"]], want
        assert verdict(got) in want["allow"]


def test_a_misspelt_path_resolves_to_the_one_file_that_fits(hostile: Path, policy_outcomes):
    _, found = policy_outcomes
    for want in rows(hostile / "policy_expected.jsonl"):
        got = found[want["line"]][0]
        if want["class"] == "policy.near_miss_name" and isinstance(got, Conversation):
            (image,) = got.images
            name = image.uri.removeprefix("logs/")
            assert (hostile / "images" / name).is_file()
            assert name in got.findings[0].detail


def test_control_tokens_in_text_stay_text_and_start_no_turn(hostile: Path, policy_outcomes):
    flow, found = policy_outcomes
    samples = [sample for outcomes in found.values() for sample in outcomes if isinstance(sample, Sample)]
    assert {sample.dialect for sample in samples} == {"glm_4", "minicpm_v_2_6"}
    for sample in samples:
        dialect = next(dialect for dialect in flow.dialects if dialect.name == sample.dialect)
        roles = ("<|user|>", "<|assistant|>", "<|observation|>") if sample.dialect == "glm_4" else ("<|im_start|>",)
        opened = sum(list(sample.tokens.input_ids).count(dialect.vocabulary.specials[role]) for role in roles)
        turns = [message for message in sample.conversation.messages if message.role != "system" or sample.dialect != "glm_4"]
        # GLM-4 opens one more: the turn after an answer is its end token. ChatML of upstream puts a system turn in front.
        assert opened in (len(turns), len(turns) + 1)
        text = dialect.vocabulary.decode(sample.tokens.input_ids)
        assert all(message.content.strip() in text for message in sample.conversation.messages if not message.image_at)


WITHOUT_SOCKETS = """
import sys
def refuse(event, arguments):
    if event.startswith("socket."):
        raise RuntimeError(f"{event} {arguments}")
sys.addaudithook(refuse)
from pipelines.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_with_sockets_blocked_every_record_gets_the_same_verdict(hostile: Path, tmp_path: Path):
    source = f"{{name: logs, path: {hostile}, image_root: {hostile}/images}}"
    dialects = "[{name: glm_4, tokenizer: glm_4_standin, max_tokens: 8192}, {name: minicpm_v_2_6, tokenizer: minicpm_v_2_6, max_tokens: 8192}]"
    (tmp_path / "c.yaml").write_text(f"sources: [{source}]\ndialects: {dialects}\noutput: {{root: out}}\ngates: {{max_quarantined: 1}}\n")
    files = [str(hostile / name) for name in ("records.jsonl", "policy.jsonl")]
    arguments = ["try", "--config", str(tmp_path / "c.yaml"), "--json", str(tmp_path / "out.jsonl"), *files]
    done = subprocess.run([sys.executable, "-c", WITHOUT_SOCKETS, *arguments], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = rows(tmp_path / "out.jsonl")
    assert {row["origin"]["line"] for row in found if row["origin"]["path"].endswith("records.jsonl")} == {
        row["line"] for row in rows(hostile / "expected.jsonl")
    }
    assert not [row for row in found if row.get("reason") == "internal.error"]
    blocked = subprocess.run(
        [sys.executable, "-c", WITHOUT_SOCKETS.replace("from pipelines.cli import main", "import socket; socket.socket()")], capture_output=True
    )
    assert blocked.returncode == 1  # the hook does block
