"""What the quick tests say to a mutant: a process for each, over a copy of the checkout, with a limit of CPU time."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import shutil
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from tests.mutants.sites import Mutant

COPIED = ("pipelines", "tests", "conf", "docs", "jobs", "README.md", "Makefile", "pyproject.toml")
# Tests that may notice a change in any room. What takes many seconds for few rooms is left to `make check` itself.
WIDER = (
    *("tests/formats", "tests/normalize", "tests/test_hostile.py", "tests/test_five_failures.py", "tests/test_flow.py", "tests/test_split.py"),
    *("tests/test_config.py", "tests/test_config_edges.py", "tests/test_golden.py", "tests/dialects", "tests/properties", "tests/console", "tests/limits"),
)
SLOW = (
    "tests/test_hostile.py::test_with_sockets_blocked_every_record_gets_the_same_verdict",
    "tests/test_hostile.py::test_cases_with_several_correct_verdicts_follow_the_policy",
    "tests/test_hostile.py::test_a_misspelt_path_resolves_to_the_one_file_that_fits",
    "tests/test_hostile.py::test_control_tokens_in_text_stay_text_and_start_no_turn",
    "tests/dialects/test_cached_texts.py::test_definitions_are_encoded_separately_only_where_that_gives_the_same_ids",
    "tests/dialects/test_syntax_tags.py::test_a_row_is_what_hugging_face_makes_of_the_rendered_text",
    # with large vocabularies: each is written anew
    *(f"tests/dialects/test_syntax_tags.py::test_the_syntax_writes_control_tokens_and_data_does_not[{name}" for name in ("glm_4", "agent", "minicpm_v_2_6")),
    "tests/console/test_check.py::test_a_run_ends_with_the_same_fault_before_anything_is_created",
    "tests/containers/test_kinds.py::test_highly_compressed_data_is_decompressed_in_bounded_memory",
    "tests/properties/test_deep.py",
    "tests/properties/test_containers.py",
    "tests/properties/test_records.py::test_every_line_ends_in_one_known_state_with_its_own_bytes",
)
QUIET = ["-q", "-x", "--no-header", "--tb=line", "-p", "no:cacheprovider", "-m", "not spark and not long"]
CAUGHT, SURVIVED, TIMED_OUT = "caught", "SURVIVED", "timed out"
Tests = tuple[str, ...]


ROOM_SECONDS = 60  # of CPU: the tests of a room take a few, those of an endless loop any number
WIDER_SECONDS = 240
CACHE = "cache"  # of tokenizers that were built and read
FINE = (0, pytest.ExitCode.NO_TESTS_COLLECTED)


@dataclass(slots=True)
class Judge:
    """A copy of the checkout, whose files are changed one at a time."""

    home: Path
    runs_wider: bool = True
    changes: int = 0

    def verdict(self, mutant: Mutant) -> str:
        """The examples in the changed file and the tests of its room first, then the wider ones, if they are to be run."""
        file = self.home / mutant.path
        source = file.read_bytes()
        room = tests_of(self.home, mutant.room)
        steps = [((mutant.path, *room), ROOM_SECONDS), (tuple(name for name in WIDER if name not in room), WIDER_SECONDS)]
        try:
            self._write(file, mutant.applied(source))
            if mutant.room == "tokenizers":  # what the unchanged code has put there would be read instead of made
                shutil.rmtree(self.home / CACHE, ignore_errors=True)
            for tests, limit in steps if self.runs_wider else steps[:1]:
                code = self._run(tests, limit)
                if code not in FINE:
                    return TIMED_OUT if code < 0 else CAUGHT
            return SURVIVED
        finally:
            self._write(file, source)
            if mutant.room == "tokenizers":
                shutil.rmtree(self.home / CACHE, ignore_errors=True)

    def check_unchanged(self, rooms: Iterable[str]) -> None:
        """Ends the command where a test fails without any change: each mutant would seem to be caught."""
        tests = {name: None for room in rooms for name in tests_of(self.home, room)} | dict.fromkeys(WIDER if self.runs_wider else ())
        if self._run(tuple(tests), 10 * WIDER_SECONDS) not in FINE:
            sys.exit(f"These tests fail without any change: {' '.join(tests)}\n{(self.home / 'log').read_text()[-2000:]}")

    def _write(self, file: Path, source: bytes) -> None:
        """Each with a time of its own, since Python takes compiled code for fresh by size and whole seconds."""
        self.changes += 1
        file.write_bytes(source)
        os.utime(file, (self.changes, self.changes))

    def _run(self, tests: Tests, limit: int) -> int:
        """The exit code of these tests within so many seconds of CPU; a negative one is the signal that ended them."""
        process = multiprocessing.get_context("fork").Process(target=_pytest, args=(self.home, tests, limit))
        process.start()
        try:
            process.join(20 * limit)
        finally:
            _end(process)
        return process.exitcode or 0


def open_judge(checkout: Path, home: Path, runs_wider: bool = True) -> Judge:
    home.mkdir()
    for name in COPIED:
        if (checkout / name).is_dir():
            shutil.copytree(checkout / name, home / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(checkout / name, home / name)
    return Judge(home, runs_wider)


def tests_of(home: Path, room: str) -> Tests:
    """A folder, or files such as test_config_edges.py."""
    files = sorted((home / "tests").glob(f"test_{room.rstrip('s')}*.py"))
    return tuple(str(path.relative_to(home)) for path in (home / "tests" / room, *files) if path.exists())


def _pytest(home: Path, tests: Tests, limit: int) -> None:
    """Runs in a process of its own, which has imported the libraries and nothing of the checkout but this."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
    log = os.open(home / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(home)
    os.environ["PYTHONPATH"] = sys.path[0] = str(home)
    os.environ["XDG_CACHE_HOME"] = str(home / CACHE)
    for name in [name for name in sys.modules if name.split(".")[0] in ("tests", "pipelines")]:
        del sys.modules[name]
    slow = [f"--deselect={name}" for name in SLOW]
    os._exit(pytest.main([*QUIET, *slow, f"--basetemp={home}/tmp", *tests]))


def _end(process: BaseProcess) -> None:
    """And whatever it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid or 0, signal.SIGKILL)
    process.join()
