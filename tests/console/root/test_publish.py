"""`episodes publish`: a run whose gate failed is published after a look, once, on the record, or not at all."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.storage.files import delete_files
from pipelines.tables.publication.gate_opening import CannotOpen, publish_staged
from pipelines.tables.publication.root import OutputRoot
from tests.console.root.conftest import Printed
from tests.making import asked, configuration, write_lines
from tests.published import publish, stage

CONFIG = configuration("glm_4")
OLD, NEW = asked("Old?"), asked("New?")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Batch mon is published, and a later run of it was not, because a gate failed."""
    publish(tmp_path / "root", CONFIG, write_lines(tmp_path / "old.jsonl", [OLD]), "mon.r1", 1, kind="batch")
    stage(tmp_path / "root", CONFIG, write_lines(tmp_path / "new.jsonl", [NEW, b"{not json"]), "mon.r2", "mon")
    return tmp_path / "root"


def questions(root: Path) -> list[str]:
    return [row["messages"][0]["content"] for row in OutputRoot(str(root)).published().rows("conversations")]


def opened(root: Path, run_id: str = "mon.r2", reason: str | None = "agreed") -> bool:
    return publish_staged(OutputRoot(str(root)), run_id, "ana@host", reason, 7, print).is_new


def test_a_staged_run_is_published_and_the_row_says_who_and_why(root: Path, printed: Printed):
    assert questions(root) == ["Old?"]
    code, out, err = printed("publish", root, "mon.r2", "--reason", "one bad file, agreed with <data>")
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0] == "this gate had failed: max_quarantined: too many"
    assert lines[1].startswith("opened by ")
    assert lines[1].endswith(": one bad file, agreed with <data>")
    assert lines[2:] == ["published batch mon, run mon.r2: 3 records, 50.00% quarantined", f"report {root}/reports/mon/report.html"]
    assert questions(root) == ["New?"]
    row = OutputRoot(str(root)).runs()[-1]
    assert (row["run_id"], row["opened"]["reason"], row["opened"]["gates"]) == ("mon.r2", "one bad file, agreed with <data>", ["max_quarantined: too many"])
    assert abs((row["opened"]["at"] - datetime.now(UTC)).total_seconds()) < 3600
    manifest = OutputRoot(str(root)).read_json("reports", "mon", "manifest.json")
    assert (manifest["status"], manifest["opened"]["reason"]) == ("published", "one bad file, agreed with <data>")
    assert not (root / "reports" / "mon" / "staged").exists()


def test_the_published_report_says_who_opened_the_gate(root: Path):
    (root / "_runs" / "mon.r2" / "report.html").write_text("<body><!-- opening --></body>")
    opened(root, reason="<b>")
    assert ">A gate of this run failed. ana@host published it on " in (root / "reports" / "mon" / "report.html").read_text()
    assert "UTC: &lt;b&gt;</p></body>" in (root / "reports" / "mon" / "report.html").read_text()


def test_a_run_that_is_published_is_left_alone(root: Path, printed: Printed):
    assert opened(root)
    before = OutputRoot(str(root)).runs()
    assert printed("publish", root, "mon.r2", "--reason", "again") == (0, "nothing to do: run mon.r2 is published\n", "")
    assert printed("publish", root, "mon.r1") == (0, "nothing to do: run mon.r1 was published and replaced by run mon.r2\n", "")
    assert OutputRoot(str(root)).runs() == before
    publish(root, CONFIG, root.parent / "new.jsonl", "mon.r3", 3, kind="redrive")
    assert printed("publish", root, "mon.r2")[1] == "nothing to do: run mon.r2 is published; run mon.r3 has run some of its records again\n"
    assert printed("publish", root, "mon.r1")[1] == "nothing to do: run mon.r1 was published and replaced by run mon.r2\n"


def test_the_beginning_of_a_run_id_is_enough_if_no_other_run_begins_so(root: Path, printed: Printed):
    publish(root, CONFIG, root.parent / "old.jsonl", "tue.r5", 2, batch="tue", kind="batch")
    assert printed("publish", root, "mon.r")[::2] == (2, "episodes: several runs begin with mon.r: mon.r1, mon.r2\n")
    assert printed("publish", root, "tu") == (0, "nothing to do: run tue.r5 is published\n", "")
    stage(root, CONFIG, root.parent / "new.jsonl", "wed.12345", "wed")
    code, out, _ = printed("publish", root, "wed.1", "--reason", "agreed")
    assert (code, out.splitlines()[2].partition(":")[0]) == (0, "published batch wed, run wed.12345")
    assert printed("publish", root, "")[0] == 2


def test_the_first_run_of_a_root_can_be_published(tmp_path: Path):
    stage(tmp_path / "root", CONFIG, write_lines(tmp_path / "new.jsonl", [NEW]), "mon.r1", "mon")
    assert opened(tmp_path / "root", "mon.r1", None)
    assert questions(tmp_path / "root") == ["New?"]


def test_another_batch_that_was_published_since_does_no_harm(root: Path):
    publish(root, CONFIG, root.parent / "old.jsonl", "tue.r1", 3, batch="tue", kind="batch")
    assert opened(root)
    assert sorted(questions(root)) == ["New?", "Old?"]


def test_a_run_whose_batch_was_published_since_is_refused(root: Path, printed: Printed):
    publish(root, CONFIG, write_lines(root.parent / "late.jsonl", [asked("Late?")]), "mon.r3", 3, kind="batch")
    code, out, err = printed("publish", root, "mon.r2")
    assert (code, out) == (2, "")
    assert err == "episodes: run mon.r3 has published batch mon since; this run was compared with an earlier state. Run the batch again\n"
    assert questions(root) == ["Late?"]


def test_a_run_that_failed_with_an_internal_error_is_refused(root: Path, printed: Printed):
    stage(root, CONFIG, root.parent / "new.jsonl", "mon.r4", "mon", status="internal_error")
    code, _, err = printed("publish", root, "mon.r4")
    assert (code, err) == (2, "episodes: run mon.r4 ended with internal error; only a run whose gate failed can be published\n")


@pytest.mark.parametrize("lost", ["row.json", "conversations"])
def test_a_run_whose_files_are_gone_is_refused_and_nothing_is_published(root: Path, lost: str):
    files = [*(root / "_runs" / "mon.r2").glob(lost), *root.glob(f"{lost}/**/mon.r2-*.parquet")]
    delete_files([str(path) for path in files], OutputRoot(str(root)).stores)
    with pytest.raises(CannotOpen, match=r"run (the batch )?again"):
        opened(root)
    assert questions(root) == ["Old?"]


def test_an_unknown_run_gets_a_suggestion(root: Path, printed: Printed):
    code, _, err = printed("publish", root, "mon.r22")
    assert (code, err) == (2, f"episodes: no run mon.r22 under {root}; did you mean mon.r2 or mon.r1?\n")


class Killed(BaseException):
    pass


def test_it_can_be_repeated_after_a_kill_at_any_point(tmp_path: Path):
    points: list[str] = []
    for number in range(100):
        home = tmp_path / str(number)
        publish(home / "root", CONFIG, write_lines(home / "old.jsonl", [OLD]), "mon.r1", 1, kind="batch")
        stage(home / "root", CONFIG, write_lines(home / "new.jsonl", [NEW]), "mon.r2", "mon")
        left = [number]

        def stop(point: str, left: list[int] = left) -> None:
            points.append(point)
            if left[0] == 0:
                raise Killed
            left[0] -= 1

        try:
            publish_staged(OutputRoot(str(home / "root"), on_point=stop), "mon.r2", "ana@host", "agreed", 7, print)
        except Killed:
            assert questions(home / "root") in (["Old?"], ["New?"])
            opened(home / "root", reason="a second time")
            assert questions(home / "root") == ["New?"]
            row = OutputRoot(str(home / "root")).runs()[-1]
            assert (row["run_id"], row["opened"]["reason"]) == ("mon.r2", "agreed")
            assert OutputRoot(str(home / "root")).read_json("reports", "mon", "manifest.json")["run_id"] == "mon.r2"
            continue
        break
    assert {"runs: before", "runs: after", "conversations: after", "report: published", "manifest: published"} <= set(points)
