"""`episodes plan`: what it prints, its JSON, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.cli import main
from tests.making import asked, write_lines

CONF = """
sources: [{name: chat, path: "logs/*.jsonl"}]
dialects:
  - {name: glm_4, tokenizer: glm_4_standin, max_tokens: 40}
  - {name: windows, model: glm_4, tokenizer: glm_4_standin, max_tokens: 3000, on_overflow: windows}
gates: {max_quarantined: 0.5}
output: {root: out}
"""


@pytest.fixture
def conf(tmp_path: Path) -> str:
    write_lines(tmp_path / "logs" / "a.jsonl", [*(asked(f"{i}?", "word " * i) for i in range(1, 101)), b"{bad", asked("1?", "word ")])
    (tmp_path / "mine.yaml").write_text(CONF)
    return str(tmp_path / "mine.yaml")


def facts(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_files_of_all_sources_are_looked_at(conf: str, capsys: pytest.CaptureFixture[str]):
    assert main(["plan", "--config", conf, "--json"]) == 0
    found = facts(capsys)
    assert {name: found[name] for name in ("files", "records", "sampled", "seed", "is_exact", "pictures")} == {
        "files": 1,
        "records": {"chat": 101},
        "sampled": {"chat": 101},
        "seed": 0,
        "is_exact": True,
        "pictures": "verify",
    }
    assert {state: one["total"] for state, one in found["states"].items() if one["total"]} == {"kept": 100, "quarantined": 1, "duplicate": 1}
    own = next(budget for budget in found["dialects"][0]["budgets"] if budget["max_tokens"] == 40)
    assert own["quarantined"]["total"] == own["reasons"]["tokens.too_long"]["total"] > 50
    assert own["whole"]["total"] + own["quarantined"]["total"] == 100
    longest = found["dialects"][0]["max_tokens_that_fits"]["all"]
    assert longest == found["dialects"][1]["max_tokens_that_fits"]["all"] > 100
    assert [budget["max_tokens"] for budget in found["dialects"][1]["budgets"]] == [2048, 3000, 4096, 8192, 16384, 32768]


def test_a_sample_that_is_greater_than_was_asked_for_says_why(conf: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_lines(tmp_path / "few.jsonl", [asked(f"{i}?") for i in range(12)])
    sources = f"sources=[{{name: chat, path: {tmp_path}/logs/*.jsonl}}, {{name: few, path: {tmp_path}/few.jsonl}}]"
    assert main(["plan", "--config", conf, "--sample", "40", "--set", sources]) == 0
    why = "instead of 40, because each source gives its share, and at least 20 records if it has them"
    assert f"113 distinct records: a sample of 48 {why}; ± is the interval of 95 %" in capsys.readouterr().out
    assert main(["plan", "--config", conf, "--json", "--sample", "40", "--set", sources]) == 0
    found = facts(capsys)
    assert (found["asked"], found["sampled"]) == (40, {"chat": 36, "few": 12})


def test_a_sample_has_intervals(conf: str, capsys: pytest.CaptureFixture[str]):
    assert main(["plan", "--config", conf, "--json", "--sample", "50", "--seed", "4"]) == 0
    found = facts(capsys)
    assert (found["is_exact"], found["pictures"], found["sampled"], found["seed"]) == (False, "header", {"chat": 50}, 4)
    tokens = found["dialects"][1]["budgets"][0]["tokens"]
    assert tokens["in_sample"] < tokens["low"] < tokens["total"] < tokens["high"]


def test_the_tables_are_read_by_people(conf: str, capsys: pytest.CaptureFixture[str]):
    assert main(["plan", "--config", conf, "--sample", "all"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "1 file, 101 distinct records: all were looked at, so the numbers are exact",
        "records: kept 100, quarantined 1, duplicate 1",
        "reasons: line.invalid_json 1, record.duplicate 1",
    ]
    assert "glm_4: 100 conversations; on_overflow: quarantine" in lines
    table = lines.index("windows: 100 conversations; on_overflow: windows")
    assert lines[table + 2].split() == ["max_tokens", "whole", "windowed", "quarantined", "rows", "tokens", "trained", "tokens"]
    assert lines[table + 4].split()[:6] == ["*", "3,000", "100", "0", "0", "100"]
    assert any(line.startswith("quarantined under 40 (*): tokens.too_long ") for line in lines)
    assert main(["plan", "--config", conf, "--sample", "40"]) == 0
    assert "a sample of 40; ± is the interval of 95 %" in capsys.readouterr().out


def test_files_may_be_named_as_for_a_trial(conf: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    other = write_lines(tmp_path / "other.jsonl", [asked("One?")])
    assert main(["plan", "--config", conf, "--json", str(other)]) == 0
    assert facts(capsys)["records"] == {"chat": 1}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--set", "gates.max_quarantined=0.001"], 3, "a gate would fail: max_quarantined: 0.99% of the records would be quarantined; the limit is 0.10%"),
        (["--set", "gates.max_quarantined=0.001", "--sample", "100"], 3, "a gate would fail by the sample: max_quarantined"),
        (["missing.jsonl"], 2, "no such file or folder"),
        (["--set", "sources[0].path=nothing/*.jsonl"], 2, "no log files at"),
        (["--set", "dialects[0].max_token=1"], 2, "did you mean max_tokens"),
    ],
)
def test_the_exit_code_says_what_is_wrong(conf: str, arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]):
    assert main(["plan", "--config", conf, *arguments]) == code
    assert words in capsys.readouterr().err


def test_an_internal_error_is_our_own_fault(conf: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr("pipelines.flow.normalize", lambda *given: 1 // 0)
    assert main(["plan", "--config", conf]) == 1
    assert "max_internal_errors: 100 records failed with an internal error; the limit is 0" in capsys.readouterr().err


@pytest.mark.parametrize("sample", ["1", "-5", "some", "²"])
def test_a_sample_is_all_or_at_least_two_records(conf: str, sample: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        main(["plan", "--config", conf, "--sample", sample])
    assert caught.value.code == 2
    assert "expected `all` or a whole number of at least 2, found" in capsys.readouterr().err
