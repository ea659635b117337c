"""docs/nightly.ipynb runs from the first cell to the last, and its outputs are as its text says."""

from __future__ import annotations

import os
import re

import nbformat
import pytest
from nbclient import NotebookClient

from tests.cluster.connect import connect_server
from tests.cluster.jobs import CHECKOUT

NOTEBOOK = CHECKOUT / "docs" / "nightly.ipynb"


def test_the_notebook_is_committed_without_output():
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    assert [cell for cell in cells if cell.cell_type == "code" and (cell.outputs or cell.execution_count)] == []


@pytest.fixture(scope="module")
def executed(tmp_path_factory) -> dict[str, nbformat.NotebookNode]:
    """First line of a cell -> the cell with its outputs, after a run against a Connect server of its own."""
    home = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with connect_server(tmp_path_factory.mktemp("server")) as server:
        env = os.environ | {"NIGHTLY_HOME": str(home), "NIGHTLY_REMOTE": server, "PYTHONPATH": str(CHECKOUT)}
        NotebookClient(notebook, timeout=1800, kernel_name="python3", resources={"metadata": {"path": str(NOTEBOOK.parent)}}).execute(env=env)
    nbformat.write(notebook, home / "executed.ipynb")
    return {cell.source.splitlines()[0]: cell for cell in notebook.cells if cell.cell_type == "code"}


def text_of(cell: nbformat.NotebookNode) -> str:
    return "".join(output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in cell.outputs)


def html_of(cell: nbformat.NotebookNode) -> str:
    return "".join(output.get("data", {}).get("text/html", "") for output in cell.outputs)


def cell_with(cells: dict[str, nbformat.NotebookNode], start: str) -> nbformat.NotebookNode:
    return next(cell for first, cell in cells.items() if first.startswith(start))


@pytest.mark.spark
@pytest.mark.long
def test_the_notebook_runs_a_batch_both_ways_and_shows_it(executed):
    for start in ("def spark_submit", "from pipelines.spark.session.session import open_session"):
        cell = cell_with(executed, start)
        assert "tokenize: " in text_of(cell)
        for piece in ("records in", "image.missing", "minicpm_v_2_6", 'class="t trained"', "data:image/jpeg;base64,"):
            assert piece in html_of(cell), (start, piece)


@pytest.mark.spark
@pytest.mark.long
def test_the_second_run_in_the_notebook_has_nothing_to_do(executed):
    assert "unchanged" in text_of(cell_with(executed, "again =")).splitlines()  # after the steps' own lines


@pytest.mark.spark
@pytest.mark.long
def test_both_ways_give_the_same_rows_and_the_split_can_be_read(executed):
    assert text_of(cell_with(executed, "def rows")) == "{'conversations': True, 'samples': True, 'quarantine': True}"
    assert int(text_of(cell_with(executed, "def examples"))) > 1000
    assert "image_bound" in text_of(cell_with(executed, "train = pipelines.TrainingSet"))


@pytest.mark.spark
@pytest.mark.long
def test_a_file_is_tried_and_a_record_is_shown(executed):
    tried, shown = cell_with(executed, "tried ="), cell_with(executed, "with_picture =")
    assert re.search(r"^\d+ [a-z]+\.[a-z_]+, first at line \d+ of openai\.jsonl$", text_of(tried), re.M)
    assert "First at " in html_of(tried)
    for piece in ("Messages", 'class="slices"', 't trained">', "data:image/jpeg;base64,"):
        assert piece in html_of(shown), piece
