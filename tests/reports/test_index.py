"""The page of all batches: one row for each, from table `runs` alone, and no more than the last 400."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.reports.index import HEIGHT, MOST_BATCHES, batch_rows, render_index, trends_of, write_index
from pipelines.tables.publication.root import OutputRoot
from tests.making import asked, configuration, write_lines
from tests.published import publish, stage
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


def staged(batch: str, hour: int = 5, **more: Any) -> dict[str, Any]:
    facts = {"status": "gate_failed", "counts": {"records": 8, "kept": 2, "quarantined": 6}, "quarantined_share": 0.75, "splits": [{"rows": 4, "tokens": 90}]}
    words = {"gates_failed": ["max_quarantined: 75.00% <b>"], "next": "episodes quarantine /out", "finished": f"2026-11-22T0{hour}:00:00+00:00"}
    return {"batch": batch, "run_id": f"{batch}.s"} | facts | words | more


def test_a_batch_that_was_not_published_stands_where_it_would_and_says_why():
    late = datetime(2026, 11, 23, tzinfo=UTC)
    rows = batch_rows([row("mon"), row("wed", finished=late)], [staged("tue"), staged("wed"), staged("thu", finished="2026-11-24T00:00:00+00:00")])
    assert [(one.batch, one.is_published, one.staged is not None) for one in rows] == [
        ("mon", True, False),
        ("tue", False, True),
        ("wed", True, True),
        ("thu", False, True),
    ]
    mon, tue, wed, _ = rows
    assert (tue.records, tue.kept, tue.quarantined, tue.share, tue.rows, tue.tokens) == (8, 2, 6, 0.75, 4, 90)
    assert (wed.records, wed.report, tue.report) == (10, "wed/report.html", "tue/staged/report.html")
    assert [bar.is_hollow for bar in trends_of(rows)[0].bars] == [False, True, False, True]
    page = Elements(render_index([mon, tue, wed]))
    text = " ".join(page.text.split())
    assert "2 published batches" in text
    assert "The last runs of 2 batches were not published" in text
    assert "tue not published 75.00 % 6 2026-11-22 05:00 8 2 4 90 Gate failed: max_quarantined: 75.00% <b>. Its report ; next: episodes quarantine /out" in text
    assert "A later run was not published (2026-11-22 05:00, 75.00 % quarantined). Gate failed: max_quarantined" in text
    assert "wed/staged/report.html" in [attributes.get("href") for _, attributes in page.found]


def test_an_internal_error_is_marked_too_and_older_manifests_may_lack_figures():
    (one,) = batch_rows(
        [], [{"batch": "mon", "run_id": "mon.s", "status": "internal_error", "words": ["a", "b", "c", "d"], "finished": "2026-11-22T05:00:00+00:00"}]
    )
    assert one.staged is not None
    assert (one.staged.ended, one.staged.why, one.staged.next, one.records, one.rows) == ("internal error", ("a", "b", "c"), "", 0, 0)
    assert "0 published batches" in render_index([one])


def test_the_mark_goes_when_the_batch_is_published(tmp_path: Path):
    config, root = configuration("glm_4"), OutputRoot(str(tmp_path / "root"))
    logs = write_lines(tmp_path / "a.jsonl", [asked("Q")])
    stage(Path(root.uri), config, logs, "mon.s1", "mon", finished="2026-11-22T01:00:00+00:00")
    stage(Path(root.uri), config, logs, "mon.s2", "mon", gates_failed=["min_records: too few"])
    index = tmp_path / "root" / "reports" / "index.html"
    write_index(root, root.runs())
    assert "min_records: too few" in index.read_text()
    assert "max_quarantined" not in index.read_text()
    publish(Path(root.uri), config, logs, "mon.r1", 23, kind="batch")
    write_index(root, root.runs())
    assert "not published" not in index.read_text()
    assert 'href="mon/report.html"' in index.read_text()


def test_it_is_written_beside_the_reports(tmp_path: Path):
    write_index(OutputRoot(str(tmp_path)), [row("mon")])
    assert 'href="mon/report.html"' in (tmp_path / "reports" / "index.html").read_text()
