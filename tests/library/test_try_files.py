"""`pipelines.try_files`: the counts, reasons and rows of `episodes try`, as values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

import pipelines
from pipelines.cli import main
from pipelines.config import ConfigError, load_config
from tests.making import asked, write_lines

CONF = """
sources: [{name: gui, path: "logs/*.jsonl", image_root: .}]
dialects:
  - {name: glm_4, tokenizer: glm_4_standin, max_tokens: 64}
  - {name: minicpm_v_2_6, tokenizer: minicpm_v_2_6, max_tokens: 4096}
output: {root: out}
"""
WITH_IMAGE = {"messages": [{"role": "user", "content": "Q<image>"}, {"role": "assistant", "content": "A"}], "images": ["wide.png"]}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "conf.yaml").write_text(CONF)
    Image.new("RGB", (900, 450)).save(tmp_path / "wide.png")
    write_lines(tmp_path / "logs" / "a.jsonl", [asked("Q", "A"), WITH_IMAGE, b"{", asked(messages=[]), asked(messages=[], id="2"), asked("<b>")])
    return tmp_path


def test_counts_reasons_and_rows_are_those_of_the_command(home: Path, capsys: pytest.CaptureFixture[str]):
    tried = pipelines.try_files(home / "conf.yaml", home / "logs", batch="mon")
    code = main(["try", "--config", f"{home}/conf.yaml", "--batch", "mon", "--json", f"{home}/rows.jsonl", f"{home}/logs"])
    assert (tried.exit_code, str(tried).splitlines()) == (code, [line for line in capsys.readouterr().err.splitlines() if not line.startswith("next: ")])
    assert [(row["table"], row.get("dialect"), row["batch"]) for row in tried.rows] == [
        (row["table"], row.get("dialect"), row["batch"]) for row in map(json.loads, (home / "rows.jsonl").read_text().splitlines())
    ]
    assert (tried.counts["records"], tried.counts["conversations"], tried.counts["quarantined"]) == (6, 3, 3)


def test_a_reason_has_the_place_of_its_first_record(home: Path):
    tried = pipelines.try_files(home / "conf.yaml", [home / "logs" / "a.jsonl"])
    assert [(reason.code, reason.count, reason.severity, reason.place) for reason in tried.reasons] == [
        ("schema.turns_empty", 2, "refuse", f"{home}/logs/a.jsonl:4"),
        ("line.truncated_json", 1, "refuse", f"{home}/logs/a.jsonl:3"),
        ("tokens.image_unsupported", 1, "refuse", f"{home}/logs/a.jsonl:2"),
    ]
    assert tried.words[0].startswith("gate failed: max_quarantined")


def test_a_notebook_shows_counts_reasons_and_one_sample_of_each_dialect(home: Path):
    html = pipelines.try_files(home / "conf.yaml", home / "logs")._repr_html_()
    for piece in (
        "<b>6</b> records in",
        "gate failed: max_quarantined",
        f"First at {home}/logs/a.jsonl:4.",
        '<b>glm_4</b> <span class="quiet">',
        't trained">A</span>',
    ):
        assert piece in html, piece
    assert html.count('class="card"') == 2
    assert "<script" not in html


def test_settings_override_the_file_and_wrong_ones_raise(home: Path):
    tried = pipelines.try_files(home / "conf.yaml", home / "logs", settings=["dialects[0].max_tokens=2", "gates.max_quarantined=1"])
    assert tried.dialects["glm_4"]["quarantined"] == 3
    assert tried.exit_code == 0
    with pytest.raises(ConfigError, match=r"gates\.max_quarantine: unknown key; did you mean max_quarantined"):
        pipelines.try_files(home / "conf.yaml", home / "logs", settings=["gates.max_quarantine=1"])
    with pytest.raises(TypeError, match="has been read already"):
        pipelines.try_files(load_config(home / "conf.yaml"), home / "logs", settings=["gates.max_quarantined=1"])
    with pytest.raises(FileNotFoundError):
        pipelines.try_files(home / "conf.yaml", home / "none.jsonl")


def test_a_damaged_file_has_a_place_without_a_line(home: Path):
    (home / "logs" / "b.jsonl.gz").write_bytes(b"\x1f\x8b\x08\x00")
    (found,) = [reason for reason in pipelines.try_files(home / "conf.yaml", home / "logs").reasons if reason.code.startswith("file.")]
    assert found.place == f"{home}/logs/b.jsonl.gz"


def rows_of(home: Path, table: str) -> list[dict[str, object]]:
    return [row for row in pipelines.try_files(home / "conf.yaml", home / "logs").rows if row["table"] == table]


def test_a_row_is_shown_with_its_pictures_slices_and_tokens(home: Path):
    row = next(row for row in rows_of(home, "samples") if row["images"])
    shown = pipelines.show(row, config=home / "conf.yaml")
    html = shown._repr_html_()
    assert repr(shown) == f"<record {row['record_id'][:12]} at {home}/logs/a.jsonl:2>"
    for piece in ('<img src="data:image/jpeg;base64,', "grid-template:repeat(1,1fr)/repeat(2,1fr)", 't trained">A</span>', 't slot">&lt;unk&gt; ×64</span>'):
        assert piece in html, piece
    assert shown.html.startswith("<!doctype html>")
    assert "wide.png" in shown.html


def test_a_row_without_its_root_is_shown_by_its_numbers(home: Path):
    row = rows_of(home, "samples")[0]
    html = pipelines.show(row)._repr_html_()
    assert f'trained">[{row["labels"][-1]}]</span>' in html
    assert "the tokens cannot be shown as text: give root= or config=" in html


def test_a_conversation_and_a_refused_record_are_shown_and_escaped(home: Path):
    asked_for = rows_of(home, "conversations")[-1]
    html = pipelines.show(asked_for, config=home / "conf.yaml")._repr_html_()
    assert '<div class="turn user"><b>user</b>&lt;b&gt;</div>' in html
    refused = pipelines.show(rows_of(home, "quarantine")[1])
    for piece in ("line.truncated_json", "<b>Fix.</b> ", '<div class="tokens">{</div>'):
        assert piece in refused._repr_html_(), piece
    assert "<pre>{</pre>" in refused.html


@pytest.mark.parametrize("column", ["labels", "origin"])
def test_a_row_that_lacks_a_column_says_which(home: Path, column: str):
    row = rows_of(home, "samples")[0]
    del row[column]
    with pytest.raises(ValueError, match=f"a row of table samples needs {column} to be shown: read it with all its columns"):
        pipelines.show(row)
