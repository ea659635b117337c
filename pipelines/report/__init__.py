"""The report of a run: one HTML file that needs nothing else. `report_data` and `card_of` build what `render_report` draws."""

from pipelines.report.cards import Card, card_of
from pipelines.report.model import ReportData, reason_row, report_data
from pipelines.report.page import render_report

__all__ = ["Card", "ReportData", "card_of", "reason_row", "render_report", "report_data"]
