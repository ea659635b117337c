"""Records go through the stages in blocks, and the blocks make no difference to the rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines import flow as flow_room
from pipelines.dialects.dialect import Script
from pipelines.flow import Flow
from pipelines.local import run_files
from pipelines.records import Quarantined, origin_of
from pipelines.tables.schema import row_of, table_of
from tests.golden import open_case
from tests.making import asked, configuration, write_lines

CONFIG = configuration("glm_4", "minicpm_v_2_6")


def outcomes_of(flow: Flow, logs: Path) -> list[tuple[str, dict[str, Any]]]:
    rows = [row_of(outcome, "batch", "run", flow.config.split) for outcome in run_files(flow, [str(logs)])]
    return [(table, {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in row.items()}) for table, row in rows]


def test_blocks_of_any_size_give_the_same_rows_in_the_same_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    records: list[Any] = [asked(f"Question {i}?", id=f"id-{i % 9}") for i in range(10)]
    records += [b"{", asked("Question 0?", id="id-0"), asked("a " * 9000), asked("e\u0301 <|user|>"), {"messages": []}, asked("The last?")]
    logs = write_lines(tmp_path / "logs.jsonl", records)
    flow = open_case(CONFIG)
    whole = outcomes_of(flow, logs)
    assert {table for table, _ in whole} == {"conversations", "samples", "quarantine"}
    assert {row["reason"] for table, row in whole if table == "quarantine"} > {"record.duplicate", "tokens.too_long"}
    for name, size in (("BLOCK_ROWS", 1), ("BLOCK_ROWS", 3), ("BLOCK_BYTES", 200)):
        with monkeypatch.context() as patch:
            patch.setattr(flow_room, name, size)
            assert outcomes_of(flow, logs) == whole


@pytest.mark.parametrize("stage", ["write", "refuse"])
def test_an_internal_error_costs_one_row_and_no_other_of_its_block(tmp_path: Path, stage: str):
    flow = open_case(CONFIG)
    glm, other = flow.dialects

    def fail_at_two(script: Script) -> Any:
        if any("Question 2" in turn.message.content for turn in script.turns):
            raise ZeroDivisionError("a secret of the user")
        return getattr(glm.model, stage)(script)

    broken = replace(glm, model=replace(glm.model, **{stage: fail_at_two}))
    logs = write_lines(tmp_path / "logs.jsonl", [asked(f"Question {i}?") for i in range(5)])
    whole, found = (list(run_files(replace(flow, dialects=(one, other)), [str(logs)])) for one in (glm, broken))
    places = [place for place, outcome in enumerate(found) if isinstance(outcome, Quarantined)]
    assert places == [2 * 3 + 1]  # after the third conversation; each record has three outcomes
    assert [table_of(outcome) for outcome in whole] == ["conversations", "samples", "samples"] * 5
    assert [origin_of(outcome) for outcome in found] == [origin_of(outcome) for outcome in whole]
    row = found[places[0]]
    assert isinstance(row, Quarantined)
    assert (row.dialect, row.findings[0].code) == ("glm_4", "internal.error")
    assert "ZeroDivisionError in fail_at_two" in row.findings[0].detail
    assert "secret" not in row.findings[0].detail
