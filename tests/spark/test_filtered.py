"""Records that `keep_if` leaves out, on their way through a run and a redrive; and the fields that are kept in column `extra`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.config import Config
from pipelines.ledger.summary import summary_lines
from pipelines.spark.run.redrive import Selection, redrive_batch
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.reading import input_rows_of, open_table
from tests.making import asked, configuration, write_lines

pytestmark = pytest.mark.spark


def config_of(folder: Path, **source: Any) -> Config:
    return configuration("glm_4", source={"path": str(folder / "logs" / "{batch}")} | source, output={"root": str(folder / "out")})


def states(root: Path) -> list[tuple[int, str]]:
    """(line, its reason or what is kept of it) of every record."""
    kept = [(row["origin"]["line"], row["extra"] or "") for row in open_table(root, "conversations").to_table(columns=["origin", "extra"]).to_pylist()]
    aside = open_table(root, "quarantine").to_table(columns=["origin", "reason", "raw"]).to_pylist()
    assert all(row["raw"] for row in aside)
    return sorted([*kept, *((row["origin"]["line"], row["reason"]) for row in aside)])


def test_filtered_records_are_kept_aside_until_a_redrive_wants_them(spark, run_job, tmp_path):
    root = tmp_path / "out"
    failed = asked("B", resolved=False)
    write_lines(tmp_path / "logs" / "mon" / "a.jsonl", [asked("A", resolved=True), failed, failed, asked("C", other=1)])
    result = run_job(config_of(tmp_path, keep_if={"resolved": True}), "mon")
    assert (result.status, result.books.faults()) == ("published", [])  # two of three records are not kept, and no gate counts them
    assert states(root) == [(1, '{"resolved": true}'), (2, "record.filtered"), (3, "record.duplicate"), (4, "record.filtered")]
    assert result.manifest["keep_if"] == [{"source": "kit", "field": "resolved", "records": 3, "without_it": 1}]
    assert "records in              4   = 1 conversation + 0 quarantined + 1 duplicate + 2 filtered" in summary_lines(result.books, result.manifest)
    (file,) = input_rows_of(OutputRoot(str(root)), result.manifest["run_id"])
    assert (file["records"], file["conversations"], file["quarantined"], file["filtered"]) == (4, 1, 0, 2)

    wider = config_of(tmp_path, keep_if={"resolved": [True, False]})
    again = redrive_batch(spark, wider, Selection("record.filtered"), "mon", "mon.again", datetime.now(UTC))
    assert (again.status, again.books.faults()) == ("published", [])
    assert again.words == ("batch mon: ran 2 records again that were quarantined for record.filtered; 1 still is",)
    assert states(root) == [(1, '{"resolved": true}'), (2, '{"resolved": false}'), (3, "record.duplicate"), (4, "record.filtered")]
    assert again.manifest["keep_if"] == [{"source": "kit", "field": "resolved", "records": 3, "without_it": 1}]
