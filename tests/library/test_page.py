"""The examples of docs/library.md, run in the order of the page, and those of the README."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import pipelines
from pipelines.console.library_page import EXAMPLES
from tests.making import asked, write_lines
from tests.spark.conftest import spark  # noqa: F401
from tests.test_docs import README, yaml_of

PAGE = (Path(__file__).parents[2] / "docs" / "library.md").read_text(encoding="utf-8")

(SHORT,) = re.findall(r"\n## In Python\n.*?```python\n(.*?)```", README, re.S)


@pytest.mark.spark
def test_the_examples_run_as_they_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], spark: Any):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    settings = yaml.safe_load(yaml_of("README.md")) | {"split": {"fractions": {"train": 1, "val": 0, "test": 0}}, "gates": {"max_quarantined": 0.5}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(settings))
    write_lines(tmp_path / "logs" / "a.jsonl", [asked("One?"), asked("Two?"), b"{"])
    blocks = re.findall(r"\n\n```python\n(.*?)```", PAGE, re.S)
    examples = [block for block in blocks if not re.match(r"\w+\(.*\) ->|\w+\(\n", block) and "pipelines." in block]
    assert len(examples) == len(EXAMPLES)
    names: dict[str, Any] = {"pipelines": pipelines}
    for example in examples:
        exec(example, names)
    said = capsys.readouterr().out.splitlines()
    assert said[:4] == [
        "3 records, 1 quarantined",
        f"1 line.truncated_json {tmp_path}/logs/a.jsonl:3",
        "published",
        f"{tmp_path}/out/mine/reports/first/report.html",
    ]
    assert {"2 rows", "2 items; (18,) (18,)"} <= {re.sub(r"\(\d+,\)", "(18,)", line) for line in said}
    for html in (names["result"]._repr_html_(), names["page"]._repr_html_()):
        assert "<b>3</b> records in" in html
    by_id, by_row = pipelines.show("out/mine", names["rows"][0]["sample_id"]), pipelines.show(names["rows"][1], root="out/mine")
    assert '<div class="turn user">' in by_id._repr_html_()
    assert '<div class="card"><b>minicpm_v_2_6</b>' in by_row._repr_html_()
    short: dict[str, Any] = {}
    exec(SHORT, short)  # its run has nothing left to do
    assert short["row"]["sample_id"] in {row["sample_id"] for row in names["rows"]}
    assert 't control">&lt;|im_start|&gt;</span>' in by_row._repr_html_()
