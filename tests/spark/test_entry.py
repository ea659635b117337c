"""What the jobs report: one JSON line however a run ends, hooks, exit codes, and no text of the user in a log."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines.config import parse_config
from pipelines.ledger.batches import Refused
from pipelines.spark.run.entry import JobStatus
from pipelines.storage.locations import StoreError, Unreachable
from pipelines.storage.locks import LostRace
from pipelines.tables.reading import run_rows
from tests.making import asked, write_lines

ROOT = Path(__file__).parents[2]


def job(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"jobs_{name}", ROOT / "jobs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def open_job(tmp_path: Path, **hooks: Any) -> JobStatus:
    return JobStatus(parse_config({"sources": [{"name": "kit", "path": "logs"}], "output": {"root": str(tmp_path / "out")}, "hooks": hooks}))


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Refused("other code"), "refused", 2),
        (LostRace("another run"), "lost_race", 2),
        (FileNotFoundError("source kit: no such file or folder: x"), "configuration", 2),
        (StoreError("no such bucket: s3://logs"), "configuration", 2),
        (Unreachable("s3://logs cannot be reached: no answer from http://127.0.0.1:9"), "error", 1),
    ],
)
def test_a_refusal_is_reported_with_its_own_message(tmp_path, capsys, error: Exception, status: str, code: int):
    job_status = open_job(tmp_path)
    with job_status.run("n0"):
        raise error
    line = json.loads(capsys.readouterr().out)
    assert line == {"status": status, "words": [str(error)], "batch": "n0", "exit_code": code}
    assert job_status.exit_code == code


def test_an_internal_error_is_logged_by_type_and_place_and_its_message_goes_to_a_file_beside_the_data(tmp_path, capsys):
    job_status = open_job(tmp_path)
    with job_status.run("n0"):
        raise KeyError("what the user wrote")
    shown = capsys.readouterr()
    line = json.loads(shown.out)
    assert (line["status"], line["exit_code"], job_status.exit_code) == ("error", 1, 1)
    assert line["words"][0].startswith("KeyError in ")
    assert "what the user wrote" not in shown.out + shown.err
    assert "what the user wrote" in Path(line["details"]).read_text()
    assert Path(line["details"]).is_relative_to(tmp_path / "out" / "_errors")


def test_the_exit_code_is_that_of_the_worst_batch(tmp_path, capsys):
    job_status = open_job(tmp_path)
    for code in (0, 3, 2, 0):
        job_status.report(code, {"status": "any"})
    assert job_status.exit_code == 2
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_the_hook_depends_on_how_a_run_ended(tmp_path, capsys):
    write = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read())"
    hooks = {name: {"command": [sys.executable, "-c", write, str(tmp_path / name)]} for name in ("on_success", "on_gate_failed", "on_error")}
    job_status = open_job(tmp_path, **hooks)
    for code in (0, 3, 1):
        job_status.report(code, {"status": "any"})
    assert [json.loads((tmp_path / name).read_text())["exit_code"] for name in hooks] == [0, 3, 1]
    job_status = open_job(tmp_path, on_success={"command": ["false"]})
    job_status.report(0, {"status": "any"})
    assert "run: hook false: exit code 1" in capsys.readouterr().err
    assert job_status.exit_code == 0


def test_a_backfill_runs_every_day_from_the_first_to_the_last():
    run = job("run")
    given = run.parser().parse_args(["--config", "c", "--backfill", "2026-02-27..2026-03-01"])
    assert given.backfill == ["2026-02-27", "2026-02-28", "2026-03-01"]
    for wrong in ("2026-02-27", "2026-03-01..2026-02-27", "a..b"):
        with pytest.raises(SystemExit):
            run.parser().parse_args(["--config", "c", "--backfill", wrong])
    with pytest.raises(SystemExit):
        run.parser().parse_args(["--config", "c", "--batch", "a", "--backfill", "2026-02-27..2026-02-27"])


def test_an_unknown_reason_is_refused_with_the_nearest_one(capsys):
    with pytest.raises(SystemExit):
        job("redrive").parser().parse_args(["--config", "c", "--reason", "image.misssing"])
    assert "unknown reason image.misssing; did you mean image.missing" in capsys.readouterr().err


@pytest.mark.spark
@pytest.mark.long
def test_ten_batches_that_are_run_again_twice_change_no_table_version(tmp_path):
    for day in range(1, 11):
        write_lines(tmp_path / "logs" / f"2026-11-{day:02d}" / "a.jsonl", [asked(f"Day {day}?", episode_id="e"), asked(f"Day {day} again?")])
    tokenizer = ROOT / "tests" / "data" / "tokenizers" / "minicpmv25_standin"
    dialect = f"{{name: minicpm_v_2_5, tokenizer: {tokenizer}, max_tokens: 512}}"
    source = "{name: kit, path: 'logs/{batch}'}"
    (tmp_path / "c.yaml").write_text(f"sources: [{source}]\ndialects: [{dialect}]\noutput: {{root: out}}\n")
    found = []
    for _ in range(3):
        command = [sys.executable, "jobs/run.py", "--config", str(tmp_path / "c.yaml"), "--backfill", "2026-11-01..2026-11-10"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        versions = {
            path.parent.parent.name: len(list(path.parent.glob("*.json"))) for path in (tmp_path / "out").glob("*/_delta_log/00000000000000000000.json")
        }
        found.append(([line["status"] for line in lines], versions, len(run_rows(tmp_path / "out"))))
    assert found[0][0] == ["published"] * 10
    assert found[1] == found[2] == (["unchanged"] * 10, found[0][1], 10)
