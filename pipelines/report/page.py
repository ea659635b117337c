"""The page itself: one HTML file without scripts, nothing loaded from anywhere, every text escaped."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

from pipelines.report.model import ReportData
from pipelines.report.plots import HEIGHT, WIDTH, length_bars, percentile, size_dots


def render_report(data: ReportData) -> str:
    plots = {"bars": length_bars, "percentile": percentile, "dots": size_dots, "plot_width": WIDTH, "plot_height": HEIGHT}
    return open_template("report.html").render(data=data, **plots)


def open_template(name: str) -> Template:
    """A template that escapes every text it is given, and fails on a name it is not given."""
    environment = Environment(
        loader=PackageLoader("pipelines.report", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value: f"{value:,}"
    environment.filters["percent"] = lambda value: f"{100 * value:.2f} %"
    return environment.get_template(name)
