"""The report of a run: one HTML file that needs nothing else, and a fragment for notebooks. `report_data` and `card_of` build what is drawn."""

from pipelines.report.cards import Card, card_of
from pipelines.report.inline import Shown
from pipelines.report.model import ReportData, reason_row, report_data
from pipelines.report.page import render_inline, render_report

__all__ = ["Card", "ReportData", "Shown", "card_of", "reason_row", "render_inline", "render_report", "report_data"]
