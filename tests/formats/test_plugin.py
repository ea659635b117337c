"""A function of the user as the format of a source."""

import sys
from pathlib import Path

import pytest

from pipelines.cli import main
from pipelines.config import ConfigError
from pipelines.flow import open_flow
from pipelines.formats.plugin import open_plugin, plugin_fingerprint
from pipelines.ledger.manifest import config_fingerprint
from tests.making import configuration, conversation, refusals, turns, write_lines

CODE = """
def read(record):
    record["seen"] = True
    return {"messages": [{"role": "user", "content": record["q"]}, {"role": "assistant", "content": record["a"]}], "id": record.get("id")}

def read_nothing(record):
    return None

def read_sets(record):
    return {"messages": {1, 2}}

NUMBER = 5
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "plugged_logs.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    open_plugin.cache_clear()
    sys.modules.pop("plugged_logs", None)
    return "plugged_logs"


def test_the_function_gives_a_record_that_auto_reads(module: str):
    config = configuration(source={"format": f"{module}:read"})
    assert turns(conversation({"q": "Q", "a": "A", "id": 7}, config)) == [("user", "", "Q"), ("assistant", "", "A")]


@pytest.mark.parametrize(
    ("function", "record", "words"),
    [
        ("read", {"q": "Q"}, "KeyError at plugged_logs.py:4"),
        ("read_nothing", {}, "returned null; expected a record"),
        ("read_sets", {}, "returned a record that JSON cannot hold (TypeError): a value of type set at messages"),
    ],
)
def test_a_function_that_fails_is_reported_with_its_place(module: str, function: str, record: dict[str, str], words: str):
    from tests.making import run

    config = configuration(source={"format": f"{module}:{function}"})
    assert refusals(record, config) == [("format.plugin_failed", "")]
    assert words in run(record, config)[0].findings[0].detail


@pytest.mark.parametrize("name", ["no_such_module_here:read", "plugged_logs:no_such_function", "plugged_logs:NUMBER"])
def test_a_function_that_cannot_be_imported_is_a_fault_of_the_configuration(module: str, name: str):
    with pytest.raises(ConfigError, match="cannot be imported"):
        open_flow(configuration(source={"format": name}))


def test_check_imports_the_function(module: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_lines(tmp_path / "logs.jsonl", [{"q": "Q", "a": "A"}])
    for name, code in (("read", 0), ("reed", 2)):
        (tmp_path / "c.yaml").write_text(f"sources: [{{name: s, path: logs.jsonl, format: '{module}:{name}'}}]\noutput: {{root: out}}\n")
        assert main(["check", f"{tmp_path}/c.yaml"]) == code
    assert "sources[0].format: plugged_logs:reed cannot be imported: AttributeError" in capsys.readouterr().err


def test_the_bytes_of_the_module_are_part_of_the_key_of_a_batch(module: str, tmp_path: Path):
    config = configuration(source={"format": f"{module}:read"})
    before, fingerprint = config_fingerprint(config), plugin_fingerprint(config.sources[0].format)
    (tmp_path / "plugged_logs.py").write_text(CODE + "\n")
    assert plugin_fingerprint(config.sources[0].format) != fingerprint
    assert config_fingerprint(config) != before
