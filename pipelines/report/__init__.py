"""The report of a run: a self-contained HTML file, and a fragment for notebooks. `report_data` and `card_of` build their data."""

from pipelines.report.cards import Card, card_of
from pipelines.report.data import ReportData, reason_row, report_data
from pipelines.report.inline import Shown
from pipelines.report.page import render_inline, render_report

__all__ = ["Card", "ReportData", "Shown", "card_of", "reason_row", "render_inline", "render_report", "report_data"]
