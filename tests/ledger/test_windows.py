"""The books count conversations: those that are in several windows count once, and their rows apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.config import Config
from pipelines.console import trial
from pipelines.ledger.books import Books
from pipelines.ledger.summary import summary_lines
from pipelines.records import Conversation, Outcome, Sample
from tests.dialects.test_overflow import episode
from tests.ledger.test_tally import staged, tallied
from tests.making import asked, configuration, run_lines, write_lines

CONFIG = configuration("glm_4", "minicpm_v_2_6", options={"on_overflow": "windows", "max_tokens": 800, "tool_syntax": "hermes"})
# One in windows, one that fits, and one in which a step is too long.
RECORDS = [episode(12), asked(), asked("Long? " * 900)]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    return run_lines(CONFIG, write_lines(tmp_path_factory.mktemp("logs") / "logs.jsonl", RECORDS))


def books_tried(outcomes: Sequence[Outcome], config: Config) -> Books:
    counted = trial.Tally(config)
    for outcome in outcomes:
        counted.count(outcome)
    return counted.books()


def test_a_conversation_in_windows_counts_once(outcomes: list[Outcome], tmp_path: Path):
    books = books_tried(outcomes, CONFIG)
    tally = tallied(staged(tmp_path, outcomes, CONFIG), CONFIG)
    assert tally.dialects == {
        ("kit", outcomes[0].origin.path, dialect, state): count
        for dialect, windows in (("glm_4", 3), ("minicpm_v_2_6", 3))
        for state, count in (("clean", 2), ("quarantined", 1), ("more_windows", windows - 1))
    }
    assert books.faults() == []
    assert books.dialect_totals()["glm_4"] == {"offered": 3, "clean": 2, "repaired": 0, "quarantined": 1, "more_windows": 2}
    samples = [outcome for outcome in outcomes if isinstance(outcome, Sample)]
    assert books.rows() == {"conversations": 3, "samples": len(samples), "quarantine": 2}
    assert sum(tally.lengths.values()) == len(samples) == 8
    assert "glm_4                   3   = 2 clean + 0 repaired + 1 quarantined; 4 rows, because of windows" in summary_lines(books, {})


def test_the_first_window_is_repaired_if_any_is(outcomes: list[Outcome], tmp_path: Path):
    """With loss: last_turn the oldest steps are in no window, which is a repair of the conversation."""
    config = configuration("glm_4", options={"on_overflow": "windows", "max_tokens": 800, "loss": "last_turn"})
    made = run_lines(config, write_lines(tmp_path / "logs.jsonl", RECORDS))
    tally = tallied(staged(tmp_path, made, config), config)
    assert {key[3]: count for key, count in tally.dialects.items()} == {"clean": 1, "repaired": 1, "quarantined": 1}
    assert tally.repairs == {"repair.turns_dropped": 1}


def test_rows_of_an_older_version_are_first_windows(outcomes: list[Outcome], tmp_path: Path):
    kept = [outcome for outcome in outcomes if isinstance(outcome, (Conversation, Sample)) and not getattr(outcome, "window", 0)]
    files = staged(tmp_path, kept, CONFIG)
    for path, _ in files[0].of("samples"):
        table = pq.read_table(path)
        nothing = pa.nulls(len(table), pa.int32())
        pq.write_table(table.set_column(table.column_names.index("window"), "window", nothing), path)
    assert {key[3]: count for key, count in tallied(files, CONFIG).dialects.items()} == {"clean": 2}
