"""`episodes diff`: what differs between two batches, or two runs of one."""

import gzip
import json
from pathlib import Path

import pytest

from pipelines.cli import main
from pipelines.console.diff.files import general_path
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.reading import write_input_rows
from tests.making import asked, called, configuration, write_lines
from tests.published import publish, stage

CONFIG = configuration("glm_4")
LONG_CALL = "{'a': '" + "long " * 50 + "'}"


def diff(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["diff", *map(str, arguments)])
    return code, *capsys.readouterr()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """mon.r2 reads the same log with a smaller limit of tokens, and one record more, but one less."""
    logs = write_lines(tmp_path / "logs.jsonl", [asked("short"), asked("long " * 50), called(LONG_CALL), asked("gone"), asked(messages=[])])
    columns = {"kind": "batch", "code": "c" * 64, "tokenizers": [("glm_4", "t")]}
    publish(tmp_path / "root", CONFIG, logs, "mon.r1", 1, **columns, config="a" * 64, states=[("records", 5)], reasons=[("schema.turns_empty", 1)])
    write_lines(logs, [asked("short"), asked("long " * 50), called({"a": 1}), called(LONG_CALL), asked(messages=[])])
    small = configuration("glm_4", options={"max_tokens": 40})
    counts = {"states": [("records", 5), ("quarantined", 1)], "reasons": [("schema.turns_empty", 1), ("tokens.too_long", 3)]}
    publish(tmp_path / "root", small, logs, "mon.r2", 2, **columns, config="b" * 64, **counts)
    output = OutputRoot(str(tmp_path / "root"))
    for run_id, config in (("mon.r1", CONFIG), ("mon.r2", small)):
        output.write_json({"run_id": run_id, "batch": "mon", "settings": json.loads(config.model_dump_json())}, "_runs", run_id, "manifest.json")
    return tmp_path / "root"


def test_two_runs_of_a_batch_differ_in_settings_counts_and_states(root: Path, capsys: pytest.CaptureFixture[str]):
    code, out, err = diff(capsys, root, "mon.r1", "mon.r2")
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[:2] == ["A  batch mon, run mon.r1, 2026-11-22 01:00:00", "B  batch mon, run mon.r2, 2026-11-22 02:00:00"]
    assert "code           same" in lines
    assert "configuration  different: aaaaaaaaaaaa -> bbbbbbbbbbbb" in lines
    assert "  dialects[glm_4].max_tokens: 8192 -> 40" in lines
    counts = {line.split()[0]: line.split()[1:] for line in lines if line.startswith(("records  ", "quarantined ", "  schema", "  tokens"))}
    assert counts == {"records": ["5", "5"], "quarantined": ["0", "1", "+1"], "tokens.too_long": ["0", "3", "+3"]}
    assert "  1 reason with the same count" in lines
    assert "records without duplicates: 4 in both, 1 only in A, 1 only in B" in lines
    at = lines.index("changed state: 2")
    assert lines[at + 1].split(maxsplit=1) == ["1", "glm_4: clean -> quarantined: tokens.too_long"]
    assert lines[at + 2].strip().startswith(f"first {root.parent}/logs.jsonl:2, record ")
    assert lines[at + 3].split(maxsplit=1) == ["1", "glm_4: repaired -> quarantined: tokens.too_long"]


def test_the_same_run_twice_differs_in_nothing(root: Path, capsys: pytest.CaptureFixture[str]):
    out = diff(capsys, root, "mon", "mon.r2")[1]
    assert "changed state: none" in out
    assert "different" not in out
    assert "input files: 0 in both, 0 only in A, 0 only in B, 0 changed" in out


def log(name: str, sha256: str = "", source: str = "kit", **counts: int) -> dict[str, object]:
    return {"source": source, "path": f"/logs/{name}", "sha256": sha256 or name, **counts}


def with_files(root: Path, **files: list[dict[str, object]]) -> None:
    for name, rows in files.items():
        write_input_rows(OutputRoot(str(root)), name.replace("_", "."), rows)


def test_input_files_that_only_one_run_has_are_named(root: Path, capsys: pytest.CaptureFixture[str]):
    with_files(
        root,
        mon_r1=[log("a", "old"), *(log(str(number), records=number) for number in range(12))],
        mon_r2=[log("a", "new"), log("c", records=20, quarantined=2)],
    )
    lines = diff(capsys, root, "mon.r1", "mon.r2")[1].splitlines()
    at = lines.index("input files: 1 in both, 12 only in A, 1 only in B, 1 changed")
    assert lines[at + 1 : at + 4] == [
        "  /logs/c: only in B, 20 records, 2 quarantined",
        "  /logs/11: only in A, 11 records",
        "  /logs/10: only in A, 10 records",
    ]
    assert lines[at + 11] == "  and 4 more files that differ less"
    assert json.loads(diff(capsys, root, "mon.r1", "mon.r2", "--json")[1])["files"]["changed"] == ["/logs/a"]


def test_the_files_of_two_days_are_paired_and_counted_by_source(root: Path, capsys: pytest.CaptureFixture[str]):
    columns = {"kind": "batch", "states": [("records", 7)], "reasons": [], "code": "c", "config": "a", "tokenizers": []}
    publish(root, CONFIG, write_lines(root.parent / "tue.jsonl", [asked("new")]), "tue.r1", 3, batch="tue", **columns)
    with_files(
        root,
        mon_r2=[log("mon/a", records=4, conversations=4), log("mon/b", source="gui", records=2, kept=2), log("mon/c", records=1, kept=1)],
        tue_r1=[log("tue/a", records=4, kept=1, quarantined=3), log("tue/b", source="gui", records=2, kept=2), log("tue/c", records=2, kept=1, duplicates=1)],
    )
    lines = diff(capsys, root, "mon", "tue")[1].splitlines()
    at = lines.index("source gui")
    assert [line.split() for line in lines[at : at + 8]] == [
        ["source", "gui"],
        ["records", "2", "2"],
        ["kept", "2", "2"],
        ["source", "kit"],
        ["records", "5", "6", "+1"],
        ["kept", "5", "2", "-3"],
        ["quarantined", "0", "3", "+3"],
        ["duplicates", "0", "1", "+1"],
    ]
    at = lines.index("input files: 3 in both, 0 only in A, 0 only in B, 0 changed")
    assert lines[at + 1 : at + 4] == [
        "  /logs/{batch}/a: kept 4 -> 1, quarantined 0 -> 3",
        "  /logs/{batch}/c: records 1 -> 2, duplicates 0 -> 1",
        "  1 file with the same counts",
    ]
    found = json.loads(diff(capsys, root, "mon", "tue", "--json")[1])
    assert found["sources"]["kit"]["quarantined"] == [0, 3]
    assert [file["path"] for file in found["file_counts"]] == ["/logs/{batch}/a", "/logs/{batch}/c", "/logs/{batch}/b"]


def test_json_has_the_same(root: Path, capsys: pytest.CaptureFixture[str]):
    found = json.loads(diff(capsys, root, "mon.r1", "mon.r2", "--json")[1])
    assert found["reasons"] == {"schema.turns_empty": [1, 1], "tokens.too_long": [0, 3]}
    assert found["settings"] == {"dialects[glm_4].max_tokens": [8192, 40]}
    assert {(one["before"], one["after"], one["records"]) for one in found["records"]["changed"]} == {
        ("clean", "quarantined: tokens.too_long", 1),
        ("repaired", "quarantined: tokens.too_long", 1),
    }


def test_two_batches_are_compared_by_their_newest_runs_and_a_staged_run_too(root: Path, capsys: pytest.CaptureFixture[str]):
    logs = write_lines(root.parent / "tue.jsonl", [asked("short", messages=[]), asked("short"), asked("new")])
    publish(root, CONFIG, logs, "tue.r1", 3, batch="tue", kind="batch", code="d", config="a" * 64, states=[("records", 3)], reasons=[], tokenizers=[])
    out = diff(capsys, root, "mon", "tue")[1]
    assert "A  batch mon, run mon.r2" in out
    assert "records without duplicates: 2 in both, 3 only in A, 1 only in B" in out
    facts = {"tokenizers": {}, "counts": {"records": 2}, "reasons": {}, "code": "c", "config": "a"}
    stage(root, CONFIG, logs, "mon.r3", "mon", **facts)
    assert "B  batch mon, run mon.r3, 2026-11-22 23:00:00, not published: gate failed" in diff(capsys, root, "mon", "mon.r3")[1]
    stage(root, CONFIG, logs, "wed.r1", "wed", **facts)
    assert "B  batch wed, run wed.r1, 2026-11-22 23:00:00, not published: gate failed" in diff(capsys, root, "mon", "wed")[1]


def test_filtered_and_superseded_records_have_a_state_and_damaged_files_are_no_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    first, second = ({"messages": asked("A?")["messages"] + more, "ok": False} for more in ([], asked("B?")["messages"]))
    logs = write_lines(tmp_path / "logs.jsonl", [first, first, second])
    damaged = tmp_path / "damaged.jsonl.gz"
    damaged.write_bytes(gzip.compress(logs.read_bytes())[:-8])
    for hour, source in enumerate([{"keep_if": {"ok": [True]}}, {"fold": "prefix"}, {}], 1):
        publish(tmp_path / "root", configuration(source=source), logs, f"mon.r{hour}", hour, code="c", config="c")
    filtered, folded = (diff(capsys, tmp_path / "root", *runs)[1].splitlines()[-6:] for runs in (("mon.r1", "mon.r2"), ("mon.r2", "mon.r3")))
    assert filtered[0] == "records without duplicates: 2 in both, 0 only in A, 0 only in B"
    assert [line.split(maxsplit=1)[1] for line in filtered[2::2]] == ["filtered -> conversation", "filtered -> superseded"]
    assert [line.split(maxsplit=1)[1] for line in folded if "->" in line] == ["superseded -> conversation"]
    publish(tmp_path / "root", configuration(), damaged, "mon.r4", 4, code="c", config="c")
    assert "records without duplicates: 2 in both, 0 only in A, 0 only in B" in diff(capsys, tmp_path / "root", "mon.r3", "mon.r4")[1]


def test_an_unknown_name_is_a_usage_error(root: Path, capsys: pytest.CaptureFixture[str]):
    assert diff(capsys, root, "mon", "wed")[::2] == (2, f"episodes: there is no batch or run wed under {root}\n")
    assert diff(capsys, root, "mon.r1", "mon.r22")[::2] == (2, f"episodes: there is no batch or run mon.r22 under {root}; did you mean mon.r2 or mon.r1?\n")


@pytest.mark.parametrize(
    ("path", "batch", "general"),
    [
        ("/logs/1/part-11.jsonl", "1", "/logs/{batch}/part-11.jsonl"),
        ("/logs/2026-11-22/a.jsonl", "2026-11-22", "/logs/{batch}/a.jsonl"),
        ("/logs/kit_mon.jsonl", "mon", "/logs/kit_{batch}.jsonl"),
        ("/logs/monday.jsonl", "mon", "/logs/monday.jsonl"),
        ("/logs/mon/a.jsonl", None, "/logs/mon/a.jsonl"),
    ],
)
def test_the_name_of_a_batch_is_found_in_a_path_as_a_whole(path: str, batch: str | None, general: str):
    assert general_path(path, batch) == general
