"""The examples in docs/ work: the parser of the job accepts their command lines."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.run import parser

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
DAG = EXAMPLES / "airflow_dag.py"
SEES_ITS_WORDS = f"{sys.executable} -c 'import json, sys; print(json.dumps(sys.argv[1:]))'"


def cron_lines() -> list[str]:
    lines = [line for line in (EXAMPLES / "crontab").read_text().splitlines() if line and not line.startswith("#")]
    return [line for line in lines if re.match(r"[0-9]", line)]


@pytest.mark.parametrize("line", cron_lines(), ids=lambda line: line.partition("  ")[0])
def test_every_line_of_the_crontab_runs_a_batch_and_appends_to_its_logs(line: str, tmp_path):
    when, _, command = line.partition("  ")
    assert re.fullmatch(r"([0-9*]+ ){4}[0-9*]+", when)
    assert "%" not in command.replace("\\%", "")  # cron would end the command there
    shell = command.replace("\\%", "%").replace(".venv/bin/spark-submit", SEES_ITS_WORDS)
    (tmp_path / "log").mkdir()
    subprocess.run(["bash", "-c", shell], env=os.environ | {"EPISODES": str(tmp_path)}, check=True)
    job, *words = json.loads((tmp_path / "log" / "results.jsonl").read_text())
    arguments = parser().parse_args(words)
    assert (job, str(arguments.config)) == ("jobs/run.py", "conf/nightly.yaml")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", arguments.batch or "") if arguments.batch else len(arguments.backfill) == 7


def test_the_job_accepts_the_arguments_of_the_dag():
    tree = ast.parse(DAG.read_text())
    compile(tree, DAG.name, "exec")
    home = next(ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "HOME")
    words = next(ast.unparse(node.value) for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ARGUMENTS")
    literal = ast.literal_eval(re.sub(r"\bf'", "'", words))
    arguments = parser().parse_args([word.replace("{HOME}", home).replace("{{ ds }}", "2026-11-22") for word in literal])
    assert (str(arguments.config), arguments.batch) == ("/opt/agent-episodes/conf/nightly.yaml", "2026-11-22")


def test_the_hook_reads_the_result_line_and_mails_it(tmp_path):
    mail = tmp_path / "mail"
    mail.write_text(f'#!/bin/sh\nprintf "%s|" "$@" > {tmp_path}/sent\ncat >> {tmp_path}/sent\n')
    mail.chmod(0o755)
    line = {"batch": "2026-11-22", "words": ["max_quarantined: 33.33% were quarantined"], "report": "/out/report.html"}
    env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run([sys.executable, EXAMPLES / "on_gate_failed.py", "data@example.org"], input=json.dumps(line), text=True, env=env, check=True)
    sent = (tmp_path / "sent").read_text()
    assert sent.startswith("-s|episodes: gate failed for 2026-11-22|data@example.org|Batch 2026-11-22 was not published.\nmax_quarantined: 33.33%")
