"""What `import pipelines` offers: quick to import, complete, and never hidden by a room of the same name."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import pipelines
from pipelines.console.library_page import EXAMPLES

ROOT = Path(__file__).parents[2]
SCRIPT = """
import pipelines
from pipelines.reports import Shown

def longest(root: str) -> int:
    tried = pipelines.try_files("mine.yaml", ["logs"], settings=["output.root=out"])
    places: list[str] = [reason.place for reason in tried.reasons]
    page: str = pipelines.show(tried.rows[0], config="mine.yaml").html
    status: str = pipelines.run_batch("mine.yaml", "first").status
    path: str = pipelines.report(root).path
    rows: int = pipelines.open_table(root, "samples", split="train").count_rows()
    words = [*places, page, status, path]
    return rows + len(pipelines.TrainingSet(root, "glm_4")) + len(words)
"""


def test_importing_the_package_loads_nothing_else():
    program = "import pipelines, sys; print(sorted(name for name in sys.modules if name.split('.')[0] in ('pipelines', 'pyarrow', 'pyspark', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT).stdout == "['pipelines']\n"


def test_every_name_can_be_used_and_is_listed_and_explained():
    assert set(pipelines.__all__) == set(EXAMPLES)
    assert set(pipelines.__all__) < set(dir(pipelines))
    for name in pipelines.__all__:
        thing = getattr(pipelines, name)
        assert callable(thing), name
        assert inspect.cleandoc(thing.__doc__)[:1].isupper(), name


def test_no_room_and_no_file_has_the_name_of_a_function():
    names = {path.stem for path in (ROOT / "pipelines").iterdir()}
    assert not names & set(pipelines.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'pipelines' has no attribute 'open_tables'"):
        _ = pipelines.open_tables  # type: ignore[attr-defined]


@pytest.mark.long
@pytest.mark.parametrize(("wrong", "words"), [("", ""), ("status: bytes", "Incompatible types in assignment")])
def test_a_script_that_uses_the_functions_passes_a_strict_type_check(tmp_path: Path, wrong: str, words: str):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.replace("status: str", wrong or "status: str"))
    options = ["--strict", "--ignore-missing-imports", "--follow-imports=silent"]
    ended = subprocess.run([sys.executable, "-m", "mypy", *options, str(script)], capture_output=True, text=True, cwd=ROOT)
    assert (ended.returncode, words in ended.stdout) == (1 if wrong else 0, True), ended.stdout
