"""The page: one HTML file without scripts. It loads nothing, and all text in it is escaped."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from pipelines.reports import plots
from pipelines.reports.data import ReportData
from pipelines.visible import amount, counted, noun_for

MOST_REASONS = 10  # in the fragment
MOST_WORDS = 20  # sentences about the run
GATE = re.compile(r"\w*[_.]")  # a sentence that begins with a setting or a reason
MOST_OPEN = 3  # reasons whose examples are shown at once


def render_report(data: ReportData) -> str:
    """The page. It also contains the fragment in a hidden template, from which `Shown` takes it."""
    return template("report.html").render(data=data, plots=plots, most_words=MOST_WORDS, most_open=MOST_OPEN, **_chosen(data))


def render_inline(data: ReportData) -> str:
    """A fragment for a notebook, for light and dark pages. Its styles apply to its own elements only."""
    return template("inline.html").render(data=data, **_chosen(data))


def _chosen(data: ReportData) -> dict[str, Any]:
    """What the fragment shows: the first card of each dialect, and the most frequent reasons."""
    return {"cards": list({card.dialect: card for card in reversed(data.cards)}.values())[::-1], "most_reasons": MOST_REASONS}


def template(name: str) -> Template:
    """A page or a fragment; text that is put into it is escaped. A process compiles each of them once."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipelines.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = with_code
    environment.filters["counted"] = counted
    environment.filters["sentence"] = lambda text: text if GATE.match(text) else text[:1].upper() + text[1:]
    environment.filters["noun"] = noun_for
    environment.filters["number"] = amount
    environment.filters["percent"] = lambda value: f"{100 * value:.2f} %"
    environment.filters["size"] = lambda value: f"{value:.1f}".removesuffix(".0")
    return environment


def with_code(text: str) -> Markup:
    """The text of a reason, escaped, with what stands between backticks as code.

    >>> with_code("Set `a: <b>`.")
    Markup('Set <code>a: &lt;b&gt;</code>.')
    """
    return Markup("").join(Markup("<code>{}</code>").format(part) if i % 2 else escape(part) for i, part in enumerate(text.split("`")))
