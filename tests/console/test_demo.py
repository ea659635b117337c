"""`episodes demo`: what it writes before it runs, and what it does not write over. Tests of Spark run the demo itself."""

from pathlib import Path

import pytest

from pipelines.cli import main
from pipelines.demo import BATCH, Written
from pipelines.demo.configuration import demo_settings
from pipelines.ledger.manifest import code_fingerprint
from pipelines.spark.run.demo import CONF, INPUT, MADE, ROOT, STAMP, prepare


def test_the_folder_has_a_configuration_that_is_valid_for_the_input(demo: tuple[Path, Written], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = tmp_path / "demo" / "input"
    folder.mkdir(parents=True)
    for path in demo[0].iterdir():
        (folder / path.name).symlink_to(path)
    (folder / STAMP).write_text(code_fingerprint("demo"))  # the same code has written it, so it is not written again
    mine = MADE + demo_settings(INPUT, ROOT) + "# An edit of its user stays.\n"
    (tmp_path / "demo" / CONF).write_text(mine)
    conf = prepare(tmp_path / "demo")
    assert conf.read_text() == mine
    assert capsys.readouterr().err == f"demo: input already exists in {folder}\n"
    assert main(["check", str(conf), "--batch", BATCH]) == 0
    out = capsys.readouterr().out
    assert f"output: {tmp_path}/demo/tables, delta tables" in out
    assert "configuration is valid" in out


@pytest.mark.parametrize("name", ["input/mine", CONF])
def test_a_folder_with_other_contents_is_left_alone(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    assert main(["demo", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"configuration: {tmp_path} exists already and is not the folder of a demo; name another one with --out\n"
    assert [path.read_text() for path in tmp_path.rglob("*") if path.is_file()] == ["mine"]
