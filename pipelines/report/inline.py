"""A run as a notebook shows it: where every record went, the reasons, a sample of each dialect. No scripts; it stands on a light or dark page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from pipelines.report.model import ReportData
from pipelines.report.page import open_template

NAME = "inline.html"  # beside report.html
MOST_REASONS = 10


def render_inline(data: ReportData) -> str:
    """A fragment of HTML with its own styles, all of them under one class; the first card of each dialect."""
    cards = list({card.dialect: card for card in reversed(data.cards)}.values())[::-1]
    return open_template("inline.html").render(data=data, cards=cards, most_reasons=MOST_REASONS)


@dataclass(frozen=True, slots=True)
class Shown:
    """The result line of a job, as spark-submit prints it, for the end of a notebook's cell."""

    line: Mapping[str, Any]

    def _repr_html_(self) -> str:
        """What the run left beside its report; where that is gone, or nothing was made, how the run ended."""
        words = "".join(f"<p>{escape(str(word))}</p>" for word in self.line["words"])
        ended = f"<p>Batch {escape(str(self.line['batch']))}: <b>{escape(str(self.line['status']).replace('_', ' '))}</b></p>{words}"
        page = Path(self.line["report"]).with_name(NAME) if self.line.get("report") else None
        if page is None or not page.is_file():
            return ended
        # Of a run that found nothing to do, the page is the earlier run's.
        return (ended if self.line["status"] == "unchanged" else "") + page.read_text(encoding="utf-8")
