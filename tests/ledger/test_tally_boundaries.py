"""What a tally counts in very small files, and the rows that it picks from several row groups."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.ledger.tally import Pick, Tally, groups_of, read_pick, tally_of
from pipelines.records import Outcome
from pipelines.tables.writing import OUTCOMES, FileSet, FileWriter, placed
from tests.making import asked, configuration, run

CONFIG = configuration("glm_4")


def tallied(folder: Path, *outcomes: Outcome) -> Tally:
    writer = FileWriter(folder, "w", OUTCOMES)
    for outcome in outcomes:
        writer.add(*placed(outcome, "mon", "r1", CONFIG.split))
    (group,) = groups_of(FileSet(folder, writer.close()))
    return tally_of(group, {"kit": ["glm_4"]})


def test_a_conversation_may_have_neither_images_nor_an_episode(tmp_path: Path):
    tally = tallied(tmp_path, *run(asked(), CONFIG))
    assert (tally.images, tally.refused_by_all, dict(tally.without_episode), dict(tally.repairs), tally.examples) == (0, 0, {"kit": 1}, {}, {})
    assert list(tally.states.values()) == [1]
    assert [(key[-1], count) for key, count in tally.dialects.items()] == [("clean", 1)]
    assert dict(tally.targets) == {("glm_4", "train"): 4}
    assert dict(tally.lengths) == {("glm_4", "train", 11): 1}
    assert [len(picks) for picks in tally.cards.values()] == [1]


def test_images_are_counted_once_per_conversation(tmp_path: Path):
    record = {
        "messages": [{"role": "user", "content": "<image><image>Q"}, {"role": "assistant", "content": "A"}],
        "images": ["a.png", "b.png"],
        "episode_id": "e",
    }
    tally = tallied(tmp_path, *run(record, configuration(), {"a.png": (9, 9), "b.png": (9, 9)}))
    assert (tally.images, dict(tally.without_episode)) == (2, {})


def test_a_record_that_every_dialect_quarantines_is_refused_by_all(tmp_path: Path):
    tally = tallied(tmp_path, *run(asked("a " * 9000), CONFIG))
    assert (tally.refused_by_all, dict(tally.reasons)) == (1, {"tokens.too_long": 1})
    assert [pick.table for pick in tally.examples["tokens.too_long"]] == ["quarantine"]


def test_a_reason_has_three_examples_and_a_dialect_two_cards(tmp_path: Path):
    refused = [outcome for number in range(4) for outcome in run(asked(str(number), messages=[]), CONFIG)]
    kept = [outcome for number in range(3) for outcome in run(asked(str(number)), CONFIG)]
    tally = tallied(tmp_path, *refused, *kept)
    assert [pick.row for pick in tally.examples["schema.turns_empty"]] == [0, 1, 2]
    assert len(tally.cards["glm_4"]) == 2


@pytest.mark.parametrize("row", range(5))
def test_a_picked_row_is_read_from_any_row_group(tmp_path: Path, row: int):
    pq.write_table(pa.table({"x": range(10, 15), "y": range(5)}), tmp_path / "a.parquet", row_group_size=2)
    pick = Pick(("a", 1), "samples", "dialect=glm_4/split=train", str(tmp_path / "a.parquet"), row)
    assert read_pick(pick, ["x"]) == {"x": 10 + row, "dialect": "glm_4", "split": "train"}
