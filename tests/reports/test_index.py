"""The page of all batches: one row for each, from table `runs` alone, and no more than the last 400."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.reports.index import HEIGHT, MOST_BATCHES, batch_rows, render_index, trends_of, write_index
from pipelines.tables.publication.root import OutputRoot
from tests.reports.test_report import EVIL, Elements


def row(batch: str, records: int = 10, **more: Any) -> dict[str, Any]:
    states = {"records": records, "kept": records - 1, "quarantined": 1, "rows": 2 * records, "tokens": 100 * records}
    moment = datetime(2026, 11, 22, 3, 4, tzinfo=UTC)
    return {"batch": batch, "run_id": f"{batch}.r", "states": states, "quarantined_share": 1 / records, "finished": moment, "opened": None} | more


def test_a_batch_has_the_figures_of_its_newest_run_and_keeps_its_place():
    runs = [row("mon"), row("tue", 20), row("mon", 40, opened={"by": "ana"})]
    mon, tue = batch_rows(runs)
    assert (mon.batch, mon.records, mon.kept, mon.rows, mon.tokens, mon.is_opened, mon.finished) == ("mon", 40, 39, 80, 4000, True, "2026-11-22 03:04")
    assert (tue.batch, tue.records, tue.share, tue.report, tue.is_opened) == ("tue", 20, 0.05, "tue/report.html", False)
    text = " ".join(Elements(render_index([mon, tue])).text.split())
    assert "tue 5.00 % 1 2026-11-22 03:04 20 19 40 2,000 mon published although a gate failed 2.50 % 1 2026-11-22 03:04 40 39 80 4,000" in text


def test_a_run_of_an_older_version_has_no_tokens():
    (old,) = batch_rows([row("mon", states={"records": 3, "conversations": 2})])
    assert (old.records, old.kept, old.tokens, old.rows) == (3, 2, None, None)
    assert batch_rows([row("mon", states=None, finished=None)])[0].records == 0
    assert "0 published batches" in render_index([])


def test_the_bars_of_a_trend_are_in_proportion():
    records, _, share, tokens = trends_of(batch_rows([row("a", 10), row("b", 40)]))
    assert [bar.height for bar in records.bars] == [HEIGHT / 4, HEIGHT]
    assert [bar.label for bar in tokens.bars] == ["a: 1,000 tokens", "b: 4,000 tokens"]
    assert [bar.label for bar in share.bars] == ["a: 10.00 %", "b: 2.50 %"]


def test_the_axis_of_a_trend_ends_at_a_tick_that_no_bar_exceeds():
    for records in (3, 7, 9, 11, 13, 40, 137, 1_234_567):
        for trend in trends_of(batch_rows([row("a", records)])):
            assert abs(trend.ticks[-1].at - HEIGHT) < 1e-6, (records, trend.title)
            assert HEIGHT / 2 <= trend.bars[0].height <= HEIGHT + 1e-9, (records, trend.title)


def test_the_page_does_not_grow_with_the_nights():
    batches = batch_rows([row(f"night {number}") for number in range(3000)])
    assert (len(batches), batches[0].batch, batches[-1].batch) == (MOST_BATCHES, "night 2600", "night 2999")
    assert len(render_index(batches)) < 400_000


def test_the_page_links_to_reports_only_and_has_no_script():
    page = render_index(batch_rows([row(EVIL), row("a/../b c"), row("javascript:alert(1)")]))
    elements = Elements(page)
    assert EVIL in elements.text
    assert not {tag for tag, _ in elements.found} & {"script", "iframe", "link", "base", "form", "img"}
    links = [attributes["href"] for _, attributes in elements.found if "href" in attributes]
    assert links[:2] == ["javascript%3Aalert%281%29/report.html", "a%2F..%2Fb%20c/report.html"]
    assert all(link is not None and link.endswith("/report.html") and ":" not in link for link in links)


def test_it_is_written_beside_the_reports(tmp_path: Path):
    write_index(OutputRoot(str(tmp_path)), [row("mon")])
    assert 'href="mon/report.html"' in (tmp_path / "reports" / "index.html").read_text()
