"""What was lost is counted in records, also where a record has several conversations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipelines.console import trial
from pipelines.ledger.blame import RECORD, UNIT, blame_of
from pipelines.ledger.books import takers
from pipelines.ledger.tally import Tally, groups_of, tally_of
from pipelines.local import list_files
from pipelines.planning import make_plan
from tests.episodes.steps.records import android, run_records, stepwise, write_screens
from tests.golden import open_case
from tests.ledger.test_tally import open_here, staged, tallied
from tests.making import configuration

TAKERS = {"ac": ("glm_4", "minicpm_v_2_6")}


def refusals(*rows: tuple[Any, ...]) -> list[pa.Table]:
    """Rows of quarantine as (line, sample, dialect, reason)."""
    columns = pa.schema([(name, pa.int64() if name == "line" else pa.string()) for name in (*UNIT, "dialect", "reason")])
    return [pa.Table.from_pylist([dict(zip(columns.names, ("ac", "a.jsonl", *row), strict=True)) for row in rows], columns)]


def with_several(*records: tuple[int, int]) -> pa.Table:
    """Records as (line, conversations)."""
    columns = pa.schema([("source", pa.string()), ("path", pa.string()), ("line", pa.int64()), ("conversations", pa.int64())])
    rows: Sequence[tuple[Any, ...]] = [("ac", "a.jsonl", *record) for record in records]
    return pa.Table.from_pylist([dict(zip((*RECORD, "conversations"), row, strict=True)) for row in rows], columns)


def test_a_conversation_counts_as_its_share_of_its_record():
    long = [(1, f"1.{step}", dialect, "tokens.too_long") for step in range(4) for dialect in TAKERS["ac"]]
    part = [(2, "2.0", dialect, "tokens.too_long") for dialect in TAKERS["ac"]] + [(2, "2.1", "glm_4", "image.too_many")]
    whole = [(3, None, None, "step.point_outside"), (4, None, None, "record.duplicate")]
    single = [(5, "5.0", dialect, "tokens.too_long") for dialect in TAKERS["ac"]]
    found = blame_of(refusals(*long, *part, *whole, *single), TAKERS, with_several((1, 4), (2, 5)))
    assert found.blame == {
        ("ac", "a.jsonl", "tokens.too_long", True): 1 + 1 / 5 + 1,
        ("ac", "a.jsonl", "image.too_many", False): 1 / 5,
        ("ac", "a.jsonl", "step.point_outside", True): 1,
    }
    assert (found.conversations, found.records) == ({("ac", "a.jsonl"): 6}, {("ac", "a.jsonl"): pytest.approx(2.2)})


def test_a_redrive_finds_the_other_conversations_of_a_record_in_other_files(tmp_path: Path):
    """It writes every table by itself, so the files of one writer have no record in common."""
    write_screens(tmp_path / "screens", 7)
    episodes = [android([{"action_type": "input_text", "text": "word " * 900}] * 6, episode_id=number) for number in range(2)]
    config = stepwise("agentcpm_gui", {"path": str(tmp_path / "logs.jsonl"), "image_root": str(tmp_path / "screens")})
    dialects = configuration("minicpm_v_2_6", options={"max_tokens": 600, "on_overflow": "quarantine"}).dialects
    config = config.model_copy(update={"dialects": dialects})
    (files,) = staged(tmp_path / "out", run_records(episodes, tmp_path, config), config)
    (group,) = groups_of(files)
    conversations = [path for path, _ in files.of("conversations")]
    tally = Tally()
    for table in ("conversations", "samples", "quarantine"):
        alone = [one for one in group if one.table == table]
        tally.add(tally_of(alone, takers(config), open_here, (), conversations))
    log = str(tmp_path / "logs.jsonl")
    assert tally.books(config, {("kit", log): 2}).lost() == round(2 * 6 / 7, 6)
    assert tally.books(config, {("kit", log): 2}) == tallied([files], config).books(config, {("kit", log): 2})


def test_a_record_all_of_whose_conversations_are_refused_is_one_record():
    rows = [(1, f"1.{step}", dialect, "tokens.too_long") for step in range(7) for dialect in TAKERS["ac"]]
    found = blame_of(refusals(*rows), TAKERS, with_several((1, 7)))
    assert found.records == {("ac", "a.jsonl"): pytest.approx(1)}
    assert blame_of(refusals(*rows), TAKERS).records == {("ac", "a.jsonl"): 7}  # seven records of one conversation each


@pytest.mark.parametrize(("max_tokens", "share"), [(8192, 0.4), (600, (2 + 6 / 7) / 5)])
def test_episodes_are_compared_with_episodes_in_a_run_a_trial_and_a_plan(tmp_path: Path, max_tokens: int, share: float):
    """Five episodes of six steps, two of them with a point outside the screen; and then a third, six of whose seven rows are too long."""
    write_screens(tmp_path / "screens", 7)
    tap, outside = {"action_type": "click", "x": 54, "y": 100}, {"action_type": "click", "x": 99_999, "y": 100}
    episodes = [android([outside if number < 2 else tap, *[tap] * 5], episode_id=number) for number in range(5)]
    if max_tokens == 600:
        episodes[4]["actions"] = [{"action_type": "input_text", "text": "word " * 900}] * 6
    config = stepwise("agentcpm_gui", {"path": str(tmp_path / "logs.jsonl"), "image_root": str(tmp_path / "screens")})
    dialects = configuration("minicpm_v_2_6", options={"max_tokens": max_tokens, "on_overflow": "quarantine"}).dialects
    config = config.model_copy(update={"dialects": dialects})
    outcomes = run_records(episodes, tmp_path, config)
    counted = trial.Tally(config)
    for outcome in outcomes:
        counted.count(outcome)
    books = counted.books()
    assert books.quarantined_share() == pytest.approx(share)
    assert books.share_of("kit") == (pytest.approx(5 * share), 5)
    log = str(tmp_path / "logs.jsonl")
    tally = tallied(staged(tmp_path / "out", outcomes, config), config)
    assert replace(tally.books(config, {("kit", log): 5}), written={}) == books
    plan = make_plan(open_case(config), list_files(config, [log], None).files, None)
    assert plan.quarantined_share() == pytest.approx(share)
