"""The report of a run: a self-contained HTML file, and a fragment for notebooks. `report_data`, `card_of` and `episode_of` build their data."""

from pipelines.report.cards import Card, card_of
from pipelines.report.causes import reason_row
from pipelines.report.data import ReportData, report_data
from pipelines.report.episode import EpisodeView, episode_of
from pipelines.report.inline import Shown
from pipelines.report.page import render_inline, render_report

__all__ = ["Card", "EpisodeView", "ReportData", "Shown", "card_of", "episode_of", "reason_row", "render_inline", "render_report", "report_data"]
