"""`episodes run`, `redrive` and `--version`: arguments and refusals; tests/spark has the runs themselves."""

import json
from pathlib import Path

import pytest

from pipelines.cli import main
from tests.making import asked, configuration, write_lines
from tests.published import publish


@pytest.mark.parametrize("command", [["run", "--batch", "b"], ["redrive", "--reason", "image.missing"]])
def test_a_wrong_configuration_is_reported_as_by_the_jobs(tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str]):
    (tmp_path / "conf.yaml").write_text("sources: [{name: kit, path: logs.jsonl}]\noutput: {root: out, fromat: delta}\n")
    assert main([*command, "--config", f"{tmp_path}/conf.yaml"]) == 2
    out, err = capsys.readouterr()
    line = json.loads(out)
    assert (line["status"], line["exit_code"]) == ("configuration", 2)
    assert "output.fromat: unknown key; did you mean format?" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--config", "c.yaml"], "one of the arguments --batch --backfill is required"),
        (["run", "--config", "c.yaml", "--batch", "a/b"], "'a/b' is not a batch id"),
        (["run", "--config", "c.yaml", "--backfill", "2026-11-02..2026-11-01"], "2026-11-01 is before 2026-11-02"),
        (["redrive", "--config", "c.yaml", "--reason", "image.mising"], "unknown reason image.mising; did you mean image.missing"),
    ],
)
def test_wrong_arguments_are_usage_errors(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert words in capsys.readouterr().err


def test_spark_on_this_machine_needs_java(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)
    monkeypatch.setenv("JAVA_HOME", f"{tmp_path}/none")
    (tmp_path / "conf.yaml").write_text("sources: [{name: kit, path: logs.jsonl}]\noutput: {root: out}\n")
    assert main(["run", "--config", f"{tmp_path}/conf.yaml", "--batch", "b"]) == 2
    assert "Spark needs Java 17 or newer, and there is none; install it, or set JAVA_HOME" in capsys.readouterr().err


def test_java_that_is_too_old_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.25\" 2024-10-15' >&2\n")
    java.chmod(0o755)
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    (tmp_path / "conf.yaml").write_text("sources: [{name: kit, path: logs.jsonl}]\noutput: {root: out}\n")
    assert main(["run", "--config", f"{tmp_path}/conf.yaml", "--batch", "b"]) == 2
    assert f"Spark needs Java 17 or newer, and {java} is Java 11; install a newer one, or set JAVA_HOME" in capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("episodes ")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--reason", "tool.unknown_tool"], "nothing to do: no record of the 2 published batches is quarantined for tool.unknown_tool"),
        (["--reason", "image.missing", "--since", "tue"], "nothing to do: no record of batch tue is quarantined for image.missing"),
        (["--reason", "image.missing", "--since", "wed"], "nothing to do: no batch since wed is published"),
        (
            ["--reason", "record.duplicate"],
            "nothing to do: a record with record.duplicate cannot be run again, because another record with the same bytes was kept",
        ),
    ],
)
def test_a_redrive_with_nothing_to_do_says_so_in_one_line(tmp_path: Path, given: list[str], words: str, capsys: pytest.CaptureFixture[str]):
    logs = write_lines(tmp_path / "logs.jsonl", [asked("Q")])
    for hour, batch, reasons in ((1, "mon", [("image.missing", 2)]), (2, "tue", [("schema.turns_empty", 1)])):
        publish(tmp_path / "out", configuration("glm_4"), logs, f"{batch}.r1", hour, batch=batch, kind="batch", reasons=reasons)
    (tmp_path / "conf.yaml").write_text("sources: [{name: kit, path: logs.jsonl}]\noutput: {root: out}\n")
    assert main(["redrive", "--config", f"{tmp_path}/conf.yaml", *given]) == 0
    out, err = capsys.readouterr()
    assert err == f"{words}\n"
    assert json.loads(out) == {"status": "unchanged", "words": [words], "batch": None, "exit_code": 0}
