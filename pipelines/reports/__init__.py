"""The report of a run: a self-contained HTML file, and a fragment for notebooks. `report_data`, `card_of` and `episode_of` build their data."""

from pipelines.reports.cards import Card, card_of
from pipelines.reports.causes import reason_row
from pipelines.reports.data import ReportData, report_data
from pipelines.reports.episode import EpisodeView, episode_of
from pipelines.reports.inline import Shown
from pipelines.reports.page import render_inline, render_report

__all__ = ["Card", "EpisodeView", "ReportData", "Shown", "card_of", "episode_of", "reason_row", "render_inline", "render_report", "report_data"]
