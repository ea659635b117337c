"""`episodes quarantine`: what was put aside, the worst first, and with a filter the rows themselves."""

import json
from pathlib import Path

import pytest

from pipelines.reasons import Reason
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.publication.staged import as_of_run
from tests.console.root.conftest import Printed
from tests.making import asked, configuration, write_lines
from tests.published import publish, stage

NOT_ANSWERED, NOT_JSON = asked(messages=[], id="1"), b"{not json"
FIX = Reason.SCHEMA_TURNS_EMPTY.value.fix


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Batch mon: 4 bad records in two files, and two duplicates, which are no fault."""
    one = write_lines(tmp_path / "one.jsonl", [asked("A"), NOT_ANSWERED, asked("A"), asked("A"), asked(messages=[], id="2"), NOT_JSON])
    publish(tmp_path / "root", configuration("glm_4"), one, "mon.r1", 1, kind="batch")
    two = write_lines(tmp_path / "two.jsonl", [b"[1]"])
    publish(tmp_path / "root", configuration("glm_4"), two, "tue.r1", 2, batch="tue", kind="batch")
    return tmp_path / "root"


def test_the_worst_comes_first_with_its_first_place_and_fix_and_duplicates_come_last(root: Path, printed: Printed):
    code, out, err = printed("quarantine", root, "--batch", "mon")
    head, columns, *lines = out.splitlines()
    assert (code, err) == (0, "")
    assert head == f"{root}: 5 rows for 5 records put aside, batch mon"
    assert columns.split() == ["records", "reason", "source", "first", "of", "them"]
    one = root.parent / "one.jsonl"
    assert [line.split() for line in lines[::3]] == [
        ["2", "schema.turns_empty", "kit", f"{one}:2"],
        ["1", "line.invalid_json", "kit", f"{one}:6"],
        ["2", "record.duplicate", "kit", f"{one}:3"],
    ]
    assert lines[1].strip().startswith("at messages: ")
    assert lines[2].strip() == f"fix: {FIX}"


def test_all_batches_are_counted_where_none_is_named(root: Path, printed: Printed):
    assert printed("quarantine", root)[1].splitlines()[0] == f"{root}: 6 rows for 6 records put aside, 2 batches"


@pytest.mark.parametrize(
    ("options", "places"),
    [
        (("--reason", "schema.turns_empty"), ["one.jsonl:2", "one.jsonl:5"]),
        (("--reason", "schema.turns_empty", "--batch", "tue"), []),
        (("--source", "kit"), ["one.jsonl:2", "one.jsonl:5", "one.jsonl:6", "two.jsonl:1", "one.jsonl:3", "one.jsonl:4"]),
        (("--source", "other"), []),
        (("--file", "two.jsonl"), ["two.jsonl:1"]),
        (("--file", "o.jsonl"), []),  # the end of a path begins at a slash
        (("--file", "{logs}/two.jsonl"), ["two.jsonl:1"]),
    ],
)
def test_a_filter_shows_the_rows(root: Path, printed: Printed, options: tuple[str, ...], places: list[str]):
    _, out, _ = printed("quarantine", root, *(option.format(logs=root.parent) for option in options))
    assert [line.split()[0] for line in out.splitlines() if line.startswith(f"{root.parent}/") and ".jsonl" in line.split()[0]] == [
        f"{root.parent}/{place}" for place in places
    ]
    if not places:
        assert out == f"{root}: no record put aside matches\n"


def test_a_row_is_shown_with_its_record_and_the_beginning_of_its_bytes(root: Path, printed: Printed):
    lines = printed("quarantine", root, "--reason", "line.invalid_json")[1].splitlines()
    assert lines[1].startswith(f"{root.parent}/one.jsonl:6   line.invalid_json: ")
    assert lines[2].startswith("    record ")
    assert lines[3] == "    {not json"
    assert lines[4] == f"fix of line.invalid_json (1 row above): {Reason.LINE_INVALID_JSON.value.fix}"


def test_json_has_a_group_or_a_row_per_line_without_a_limit(tmp_path: Path, printed: Printed):
    logs = write_lines(tmp_path / "logs.jsonl", [asked(messages=[], id=str(number)) for number in range(30)])
    publish(tmp_path / "root", configuration(), logs, "r1", 1, kind="batch")
    (group,) = [json.loads(line) for line in printed("quarantine", tmp_path / "root", "--json")[1].splitlines()]
    assert {name: group[name] for name in ("reason", "source", "path", "line", "records", "rows", "fix")} == {
        "reason": "schema.turns_empty",
        "source": "kit",
        "path": str(logs),
        "line": 1,
        "records": 30,
        "rows": 30,
        "fix": FIX,
    }
    rows = [json.loads(line) for line in printed("quarantine", tmp_path / "root", "--json", "--reason", "schema.turns_empty")[1].splitlines()]
    assert [row["origin"]["line"] for row in rows] == list(range(1, 31))
    assert json.loads(rows[0]["raw"]) == asked(messages=[], id="0")
    assert "and 10 more rows: --json prints all" in printed("quarantine", tmp_path / "root", "--reason", "schema.turns_empty")[1]


def test_nothing_kept_aside_is_said(tmp_path: Path, printed: Printed):
    publish(tmp_path / "root", configuration(), write_lines(tmp_path / "logs.jsonl", [asked()]), "r1", 1, kind="batch")
    assert printed("quarantine", tmp_path / "root") == (0, f"{tmp_path}/root: nothing was put aside\n", "")


def test_a_misspelt_reason_and_an_unknown_batch_or_run_are_usage_errors(root: Path, printed: Printed):
    code, _, err = printed("quarantine", root, "--reason", "schema.turns_emtpy")
    assert (code, err) == (2, "configuration: --reason schema.turns_emtpy: unknown reason; did you mean schema.turns_empty or schema.turn_order?\n")
    assert printed("quarantine", root, "--batch", "wed")[::2] == (2, f"episodes: batch wed is not published under {root}\n")
    assert printed("quarantine", root, "--run", "mon.r2")[::2] == (2, f"episodes: no run mon.r2 under {root}; did you mean mon.r1?\n")
    assert printed("quarantine", root.parent / "empty")[0] == 2


def test_a_misspelt_source_is_a_usage_error(root: Path, printed: Printed):
    publish(root, configuration("glm_4"), root.parent / "one.jsonl", "wed.r1", 3, batch="wed", kind="batch", sources=[("kit", {"files": 1, "records": 6})])
    assert printed("quarantine", root, "--source", "kti")[::2] == (2, "configuration: --source kti: no run has a source of this name; did you mean kit?\n")
    assert printed("quarantine", root, "--source", "web")[2].endswith("; the sources are kit\n")


def test_the_rows_of_a_staged_run_are_named_and_shown(root: Path, printed: Printed):
    worse = write_lines(root.parent / "worse.jsonl", [NOT_JSON, b"{neither", asked("B")])
    stage(root, configuration("glm_4"), worse, "mon.r9", "mon")
    assert printed("quarantine", root)[2] == f"batch mon: run mon.r9 was not published; its rows: episodes quarantine {root} --run mon.r9\n"
    _, out, err = printed("quarantine", root, "--run", "mon.r9")
    assert (out.splitlines()[0], err) == (f"{root}: 2 rows for 2 records put aside, batch mon", "")
    assert printed("quarantine", root, "--run", "mon.r1")[1].splitlines()[0] == f"{root}: 5 rows for 5 records put aside, batch mon"


def test_a_staged_run_is_shown_where_nothing_is_published(tmp_path: Path, printed: Printed):
    stage(tmp_path / "root", configuration(), write_lines(tmp_path / "bad.jsonl", [NOT_JSON, asked()]), "mon.r1", "mon")
    code, _, err = printed("quarantine", tmp_path / "root")
    assert (code, err.splitlines()[1]) == (2, f"batch mon: run mon.r1 was not published; its rows: episodes quarantine {tmp_path}/root --run mon.r1")
    assert printed("quarantine", tmp_path / "root", "--run", "mon.r1")[0] == 0
    published, batch = as_of_run(OutputRoot(str(tmp_path / "root")), "mon.r1")
    assert (batch, len(list(published.rows("conversations")))) == ("mon", 1)
