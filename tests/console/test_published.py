"""`episodes snapshot` and `episodes explain` over a published root."""

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.cli import main
from pipelines.console.published import view_of
from pipelines.reasons import Reason
from pipelines.records import raw_record
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.schema import COLUMNS
from tests.making import asked, configuration, write_lines
from tests.published import plan_rows, publish, publish_run, stage

GOOD, BAD = asked("What is ␛?", id="\x1b[31m"), asked("Never answered", messages=[])


def record_id(record: object) -> str:
    return raw_record("kit", "", 1, json.dumps(record, ensure_ascii=False).encode()).record_id


@pytest.fixture
def root(tmp_path: Path) -> Path:
    logs = write_lines(tmp_path / "logs.jsonl", [GOOD, BAD])
    publish(tmp_path / "root", configuration("glm_4"), logs, "r1", 1, kind="batch")
    publish(tmp_path / "root", configuration("glm_4"), logs, "r2", 2, kind="redrive")
    return tmp_path / "root"


def printed(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_snapshot_lists_the_versions_of_the_tables(root: Path, capsys: pytest.CaptureFixture[str]):
    code, out, _ = printed(capsys, "snapshot", root)
    assert (code, json.loads(out)) == (0, {"conversations": 1, "samples": 1, "quarantine": 1, "images": 1})
    assert out.startswith('{\n  "')  # a person may read it


def test_a_snapshot_lists_the_files_of_a_run_that_has_not_reached_the_tables(root: Path, capsys: pytest.CaptureFixture[str]):
    output = OutputRoot(str(root))
    publish_run(output, plan_rows(output, "r3", "mon", {"quarantine": [{"record_id": "x", "reason": "schema.turns_empty"}]}), completed=False)
    _, out, _ = printed(capsys, "snapshot", root)
    assert json.loads(out) == {"conversations": [], "samples": [], "quarantine": [f"{root}/quarantine/batch=mon/r3-0.parquet"], "images": []}
    _, out, _ = printed(capsys, "snapshot", root, "--sql")
    database = duckdb.connect()
    database.execute(out)
    assert database.sql("SELECT record_id FROM quarantine").fetchall() == [("x",)]
    assert database.sql("SELECT count(*) FROM samples").fetchall() == [(0,)]


def test_a_root_where_nothing_was_published_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for arguments in (["snapshot", tmp_path], ["snapshot", tmp_path, "--sql"], ["explain", "x", tmp_path]):
        code, out, err = printed(capsys, *arguments)
        assert (code, out) == (2, "")
        assert f"nothing is published under {tmp_path}" in err


def test_duckdb_sees_the_tables_of_the_snapshot(root: Path, capsys: pytest.CaptureFixture[str]):
    _, out, _ = printed(capsys, "snapshot", root, "--sql")
    database = duckdb.connect()
    database.execute(out)
    assert database.sql("SELECT dialect, batch, num_tokens > 5 FROM samples").fetchall() == [("glm_4", "mon", True)]
    assert database.sql("SELECT reason FROM quarantine").fetchall() == [("schema.turns_empty",)]


@pytest.mark.parametrize("table", [table for table in COLUMNS if table != "runs"])  # which always has a file
def test_a_table_without_files_is_a_view_with_its_columns(table: str):
    database = duckdb.connect()
    database.execute(view_of(table, []))
    found = database.sql(f"SELECT * FROM {table}")
    assert (sorted(found.columns), found.fetchall()) == (sorted(COLUMNS[table].names), [])


def test_a_view_accepts_any_file_name_and_ends_with_its_partition_columns():
    assert view_of("quarantine", ["/a/it's.parquet", "/b"]) == (
        "CREATE OR REPLACE VIEW quarantine AS SELECT * EXCLUDE (batch), batch FROM "
        "read_parquet(['/a/it''s.parquet', '/b'], hive_partitioning = true, hive_types_autocast = false);"
    )
    assert view_of("images", ["/a"]).startswith("CREATE OR REPLACE VIEW images AS SELECT * FROM read_parquet(['/a'], ")


def explained(root: Path, record: object, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    code, out, _ = printed(capsys, "explain", record_id(record), root, "--json")
    assert code == 0
    return json.loads(out)  # type: ignore[no-any-return]


def test_explain_prints_an_entry_per_run_as_json(root: Path, capsys: pytest.CaptureFixture[str]):
    first, last = explained(root, BAD, capsys)
    assert (first["run_id"], first["batch"], first["kind"]) == ("r1", "mon", "batch")
    assert (last["run_id"], last["kind"], last["states"]) == ("r2", "redrive", ["quarantined: schema.turns_empty"])
    assert json.loads(last["raw"]) == BAD
    assert last["rows"]["quarantine"][0]["raw"] == last["raw"]
    assert last["finished"] == "2026-11-22T02:00:00+00:00"
    assert [json.loads(one["raw"]) for one in explained(root, GOOD, capsys)] == [GOOD, GOOD]


def test_a_record_is_shown_with_its_bytes_messages_state_and_runs(root: Path, capsys: pytest.CaptureFixture[str]):
    code, out, _ = printed(capsys, "explain", record_id(GOOD), root)
    assert code == 0
    assert "\x1b" not in out
    lines = out.splitlines()
    assert re.fullmatch(rf"raw · record_id {record_id(GOOD)} · /.*\.jsonl:\d+", lines[1])
    assert json.loads(lines[2]) == GOOD
    assert lines[4].startswith("conversation · openai · ")
    assert lines[5:9] == ["user", "  What is ␛?", "assistant", "  Hello."]
    assert lines[lines.index("state") + 1 :][:2] == ["conversation", "glm_4: clean"]
    runs = lines[lines.index("runs") + 1 :]
    assert [line.split(" · ")[2] for line in runs] == ["r1", "r2"]
    assert runs[1].startswith("2026-11-22 02:00:00 · redrive of batch mon · r2 · conversation; glm_4: clean")


def test_the_findings_of_a_quarantined_record_are_shown(root: Path, capsys: pytest.CaptureFixture[str]):
    _, out, _ = printed(capsys, "explain", record_id(BAD), root)
    assert "schema.turns_empty at messages: " in out
    assert f"  fix: {Reason.SCHEMA_TURNS_EMPTY.value.fix}" in out.splitlines()


def test_explain_says_if_the_bytes_of_a_record_are_gone(root: Path, capsys: pytest.CaptureFixture[str]):
    (root.parent / "logs.jsonl").unlink()
    _, out, _ = printed(capsys, "explain", record_id(GOOD), root)
    assert out.splitlines()[2].startswith("not available")
    assert explained(root, GOOD, capsys)[1]["raw"] is None


@pytest.mark.parametrize(("length", "shown"), [(4000, 4000), (4001, 4000)])
def test_at_most_4000_characters_of_the_raw_record_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str], length: int, shown: int):
    record = asked("Q" * (length - len(json.dumps(asked("")))))
    publish(tmp_path / "root", configuration(), write_lines(tmp_path / "logs.jsonl", [record]), "r1", 1)
    _, out, _ = printed(capsys, "explain", record_id(record), tmp_path / "root")
    assert len(out.splitlines()[2]) == shown


def test_explain_takes_the_root_or_a_configuration_that_names_it(root: Path, capsys: pytest.CaptureFixture[str]):
    (root.parent / "conf.yaml").write_text("sources: [{name: kit, path: logs.jsonl}]\noutput: {root: root}\n")
    assert printed(capsys, "explain", record_id(GOOD), "--config", root.parent / "conf.yaml")[0] == 0
    code, _, err = printed(capsys, "explain", record_id(GOOD))
    assert (code, err) == (2, "configuration: give the output root, or --config\n")


def test_a_record_that_no_run_has_seen_is_a_usage_error(root: Path, capsys: pytest.CaptureFixture[str]):
    code, out, err = printed(capsys, "explain", "0" * 64, root)
    assert (code, out) == (2, "")
    assert "0" * 64 in err


def test_the_beginning_of_an_id_is_looked_for_in_every_state(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    root, logs = tmp_path / "root", tmp_path / "logs.jsonl"
    old, new, other = asked("Old"), asked("New"), asked("Staged", messages=[])
    publish(root, configuration("glm_4"), write_lines(logs, [old]), "mon.r1", 1)
    publish(root, configuration("glm_4"), write_lines(logs, [new]), "mon.r2", 2)
    stage(root, configuration("glm_4"), write_lines(logs, [new, other]), "mon.r3", "mon")
    code, out, err = printed(capsys, "explain", "", root)
    head, *lines = err.splitlines()
    assert (code, out, head) == (2, "", "episodes: 3 records have an id that begins with ; give more of it:")
    assert lines == [
        f"  {record_id(new)}  {logs}:1  conversation  batch mon",
        f"  {record_id(other)}  {logs}:2  quarantined: schema.turns_empty  batch mon, run mon.r3, not published",
        f"  {record_id(old)}  {logs}:1  conversation  batch mon, run mon.r1, replaced since",
    ]
    for record in (old, new, other):
        assert printed(capsys, "explain", record_id(record)[:12], root)[0] == 0
