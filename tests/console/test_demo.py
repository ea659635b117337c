"""`episodes demo`: what it writes before it runs, and what it does not write over. Tests of Spark run the demo itself."""

from pathlib import Path

import pytest

from pipelines.cli import main
from pipelines.demo import BATCH
from pipelines.spark.run.demo import prepare


def test_the_folder_has_input_and_a_configuration_that_is_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    conf = prepare(tmp_path / "demo")
    assert main(["check", str(conf), "--batch", BATCH]) == 0
    out, err = capsys.readouterr()
    assert "configuration is valid" in out
    assert err.startswith("demo: ")
    assert {path.name for path in (tmp_path / "demo").iterdir()} == {"demo.yaml", "input"}
    assert prepare(tmp_path / "demo") == conf
    assert capsys.readouterr().err == f"demo: input already exists in {tmp_path}/demo/input\n"


def test_a_folder_with_other_contents_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "input").mkdir()
    (tmp_path / "input" / "mine").write_text("mine")
    assert main(["demo", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"configuration: {tmp_path} exists already and is not the folder of a demo; name another one with --out\n"
    assert [path.name for path in tmp_path.rglob("*")] == ["input", "mine"]
