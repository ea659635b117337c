"""The fragment of a report is compact: no line of it is blank, though its template has many that are."""

from pipelines.report import render_inline
from tests.report.test_report import data


def test_the_fragment_has_no_blank_lines():
    assert all(line.strip() for line in render_inline(data()).split("\n"))
