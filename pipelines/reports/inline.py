"""The result of a run in a notebook: where every record went, the reasons, and a sample of each dialect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

BEGIN, END = '<template id="notebook">', "</template>"  # in report.html, where no data can contain these


@dataclass(frozen=True, slots=True)
class Shown:
    """The result line of a job as the value of a notebook cell."""

    line: Mapping[str, Any]

    def _repr_html_(self) -> str:
        """The fragment of the run's report. If there is none, or it is of an earlier run, also how this run ended."""
        words = "".join(f"<p>{escape(str(word))}</p>" for word in self.line["words"])
        ended = f"<p>Batch {escape(str(self.line['batch']))}: <b>{escape(str(self.line['status']).replace('_', ' '))}</b></p>{words}"
        fragment = _fragment(self.line.get("report"))
        return fragment if fragment and self.line["status"] != "unchanged" else ended + fragment


def _fragment(report: str | None) -> str:
    if report is None or not Path(report).is_file():
        return ""
    return fragment_of(Path(report).read_text(encoding="utf-8"))


def fragment_of(report: str) -> str:
    """What a notebook shows of the page report.html."""
    return report.partition(BEGIN)[2].partition(END)[0]
