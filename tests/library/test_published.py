"""`pipelines.open_table` and `pipelines.report` over roots that were published without Spark."""

from __future__ import annotations

from pathlib import Path

import pytest

import pipelines
from pipelines.reading import NotPublished
from tests.making import asked, configuration, write_lines
from tests.published import publish, stage


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two batches of one dialect, and a run of batch tue that was not published."""
    home = tmp_path_factory.mktemp("library")
    config = configuration("glm_4", split={"fractions": {"train": 1, "val": 0, "test": 0}})
    for hour, (batch, records) in enumerate({"mon": [asked("One?"), asked("Two?"), b"{"], "tue": [asked("Three?")]}.items(), 1):
        publish(home / "root", config, write_lines(home / f"{batch}.jsonl", records), f"{batch}.1", hour, batch)
    stage(home / "root", config, write_lines(home / "more.jsonl", [asked("Four?"), asked("Five?")]), "tue.2", "tue")
    return home / "root"


def test_a_part_of_a_table_is_opened_by_its_partitions(root: Path):
    def rows(**where: str) -> int:
        return pipelines.open_table(root, "samples", **where).count_rows()

    assert (rows(), rows(batch="mon"), rows(batch="tue", split="train", dialect="glm_4"), rows(batch="tue", run_id="tue.2"), rows(run_id="m")) == (
        3,
        2,
        1,
        2,
        2,
    )
    assert (rows(split="val"), rows(batch="tue", split="test", dialect="glm_4")) == (0, 0)
    assert pipelines.open_table(root, "samples", split="val").schema == pipelines.open_table(root, "samples", split="train").schema
    assert pipelines.open_table(root, "quarantine").to_table(columns=["reason"]).to_pylist() == [{"reason": "line.truncated_json"}]


@pytest.mark.parametrize(
    ("table", "where", "words"),
    [
        ("sample", {}, "there is no table sample; the tables are conversations, samples, quarantine, images"),
        ("samples", {"batch": "wed"}, "batch wed is not published"),
        ("samples", {"split": "dev"}, "table samples has no split dev; it has test, train, val"),
        ("samples", {"dialect": "glm_4v"}, "table samples has no dialect glm_4v; it has glm_4"),
        ("quarantine", {"split": "train"}, "table quarantine is not divided by split"),
        ("samples", {"run_id": "tue.3"}, "no run tue.3 under"),
    ],
)
def test_what_is_not_there_is_named(root: Path, table: str, where: dict[str, str], words: str):
    with pytest.raises(NotPublished, match=words):
        pipelines.open_table(root, table, **where)


PAGE = '<!doctype html><html><body>whole<template id="notebook"><p>short</p></template></body></html>'


def test_a_report_is_the_page_of_its_batch_and_a_notebook_shows_its_short_form(root: Path):
    with pytest.raises(NotPublished, match="batch wed has no report under"):
        pipelines.report(root, "wed")
    for batch in ("mon", "tue"):
        (root / "reports" / batch).mkdir(parents=True, exist_ok=True)
        (root / "reports" / batch / "report.html").write_text(PAGE.replace("short", f"short {batch}"))
    page = pipelines.report(root, "mon")
    assert (page.path, page.html, page._repr_html_()) == (f"{root}/reports/mon/report.html", PAGE.replace("short", "short mon"), "<p>short mon</p>")
    assert repr(page) == f"ReportPage(path='{root}/reports/mon/report.html')"
    assert pipelines.report(root)._repr_html_() == "<p>short tue</p>"


def test_the_report_of_a_run_that_was_not_published_is_asked_for(root: Path):
    (root / "reports" / "tue" / "staged" / "report.html").write_text(PAGE)
    assert pipelines.report(root, "tue", staged=True)._repr_html_() == "<p>short</p>"
    with pytest.raises(NotPublished, match=r"batch mon has no unpublished run under "):
        pipelines.report(root, "mon", staged=True)


def test_a_root_where_nothing_is_published_says_so(tmp_path: Path):
    for call in (lambda: pipelines.report(tmp_path), lambda: pipelines.open_table(tmp_path, "samples"), lambda: pipelines.show(tmp_path, "ab")):
        with pytest.raises(NotPublished, match="nothing is published under"):
            call()


def test_a_root_alone_is_not_enough_to_show_a_record(tmp_path: Path):
    with pytest.raises(TypeError, match="needs the id of a record"):
        pipelines.show(tmp_path)
