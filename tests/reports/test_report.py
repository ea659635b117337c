"""The report: all text is escaped, nothing is loaded, and the figures are those of the run."""

import json
import re
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from pipelines.config import Config
from pipelines.ledger.books import make_books
from pipelines.ledger.manifest import make_manifest
from pipelines.reasons import Reason
from pipelines.records import Sample
from pipelines.reports import Card, EpisodeView, ReportData, Shown, card_of, episode_of, reason_row, render_inline, render_report, report_data
from pipelines.reports.cards import Picture
from pipelines.reports.gestures import Gesture
from pipelines.reports.inline import fragment_of
from pipelines.reports.plots import BINS, length_bars, percentile
from pipelines.tables.publication.staged import with_opening
from pipelines.tables.schema import row_of
from tests.golden import open_case
from tests.making import configuration, run
from tests.reports.test_drawing import picture_file

EVIL = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>&lt;{{ 7 * 7 }}"
CONFIG = configuration("minicpm_v_2_6")


class Elements(HTMLParser):
    """The page as a browser parses it: its elements with their attributes, and its text."""

    def __init__(self, page: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page.partition("</style>")[2] or page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += f" {data}" if data.strip() else ""


def evil_card(config: Config = CONFIG) -> Card:
    record = {"messages": [{"role": "user", "content": EVIL}, {"role": "assistant", "content": EVIL}], "episode_id": EVIL}
    sample = run(record, config)[-1]
    assert isinstance(sample, Sample)
    dialect = open_case(config).dialects[0]
    _, row = row_of(sample, EVIL, "run", config.split)
    return card_of(row, dialect.vocabulary.pieces, dialect.vocabulary.specials, lambda uri: None)


def page(words: tuple[str, ...] = ()) -> str:
    return render_report(data(words))


def data(words: tuple[str, ...] = (), more: dict[str, Any] | None = None) -> ReportData:
    place = ("kit", EVIL)
    books = make_books(
        CONFIG,
        {place: 3},
        {(*place, "kept"): 2, (*place, "conversation"): 2, (*place, "quarantined"): 1},
        {(*place, "minicpm_v_2_6", "clean"): 2},
        0,
        0,
        {"line.invalid_json": 1},
    )
    splits = [{"dialect": "minicpm_v_2_6", "split": "train", "rows": 2, "tokens": 1234, "target_tokens": 99}]
    facts: dict[str, Any] = {"status": "gate_failed" if words else "published", "words": list(words), "splits": splits, "repairs": {}} | CAUSES | (more or {})
    manifest = make_manifest(open_case(CONFIG), EVIL, "run", [], books, facts)
    finding = {"code": "line.invalid_json", "where": EVIL, "detail": EVIL}
    example = {"origin": {"path": EVIL, "line": 7}, "findings": [finding], "raw": EVIL.encode(), "change": (EVIL, EVIL)}
    sizes = [{"width": 1080, "height": 2400, "format": "PNG", "count": 2}]
    return report_data(manifest, {"line.invalid_json": [example]}, {"minicpm_v_2_6": {617: 2}}, sizes, [evil_card()], [evil_episode()])


CAUSES = {
    "causes": [{"source": EVIL, "reason": "line.invalid_json", "of": "record", "rows": 1}],
    "worst_files": [
        {"source": EVIL, "path": EVIL, "records": 3, "lost": 1, "damaged": 0, "reason": "line.invalid_json", "reason_lost": 1, "reasons": 1},
    ],
    "usual_reasons": {"batches": 7, "rows": {"image.missing": 9}},
}


def evil_episode() -> EpisodeView:
    answer = {"role": "assistant", "content": f'{{"POINT":[500,250],"why":{json.dumps(EVIL)}}}', "metadata": ""}
    image = {"uri": EVIL, "width": 30, "height": 20}
    row = {"episode_id": EVIL, "step_id": EVIL, "messages": [{"role": "user", "content": EVIL, "metadata": ""}, answer], "images": [image]}
    return episode_of(EVIL, [row], lambda image: picture_file(30, 20))


@pytest.mark.parametrize("draw", [render_report, render_inline])
def test_the_page_has_no_script_and_loads_nothing_whatever_the_data_contains(draw):
    elements = Elements(draw(data(words=(EVIL,))))
    assert EVIL in elements.text  # so it is text, and {{ 7 * 7 }} is not 49
    tags = {tag for tag, _ in elements.found}
    assert not tags & {"script", "iframe", "object", "link", "base", "form"}
    for tag, attributes in elements.found:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        for name in ("src", "href", "xlink:href", "action"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/")), (tag, attributes)


def test_the_share_of_a_file_is_of_the_records_that_the_gate_counts():
    file = CAUSES["worst_files"][0] | {"records": 13, "lost": 10}
    assert "76.92 %" in Elements(render_report(data(more={"worst_files": [file]}))).text  # of an older version
    assert "100.00 %" in Elements(render_report(data(more={"worst_files": [file | {"wanted": 10}]}))).text


def test_the_page_draws_the_point_of_a_step_on_its_screen():
    elements = Elements(page())
    (circle,) = [attributes for tag, attributes in elements.found if tag == "circle" and "2400" not in str(attributes) and attributes["cx"] == "15"]
    assert (circle["cx"], circle["cy"]) == ("15", "5")
    assert ("svg", "0 0 30 20") in [(tag, attributes.get("viewbox")) for tag, attributes in elements.found]


def test_a_run_without_dialects_has_no_part_about_tokens():
    made = replace(data(), lengths={}, splits=(), cards=(), funnel=replace(data().funnel, dialects=()))
    text = Elements(render_report(made)).text
    assert [words for words in ("Rows and tokens", "Length of the rows", "Samples", "What each model can take") if words in text] == []
    assert "Size of the images" in text


def test_the_page_of_a_large_night_has_a_limited_size():
    codes = [reason.code for reason in Reason]
    long = "x" * 10_000
    sources = [f"source {number} {EVIL}" for number in range(1_000)]
    causes = [{"source": source, "reason": code, "of": "record", "rows": 7} for source in sources for code in codes[:20]]
    files = [{"path": f"{number}{long}"} | file for number, file in enumerate([CAUSES["worst_files"][0] | {"path": long}] * 200)]
    more = {"causes": causes, "worst_files": files, "passed_over": [{"source": "s", "path": long, "why": "w"}] * 1_000}
    made = data(words=tuple(f"gate {number}: {EVIL}" for number in range(1_000)), more=more)
    finding = {"code": "", "where": long, "detail": long}
    rows = [{"origin": {"path": long, "line": 1}, "findings": [finding | {"code": code}], "raw": long.encode()} for code in codes]
    reasons = tuple(reason_row(code, 7, [row] * 3) for code, row in zip(codes, rows, strict=True))
    assert len(render_report(replace(made, reasons=reasons, files=made.files * 200))) < 3_000_000


def test_the_page_says_first_what_failed_and_which_command_is_next():
    text = Elements(
        page(words=("max_quarantined: too many", "next: episodes quarantine /out --run r", "to publish it all the same: episodes publish /out r"))
    ).text
    start = text.index("Nothing was published.")
    for words in ("max_quarantined: too many", "Next:", "episodes quarantine /out --run r", "episodes publish /out r", "Where every record went"):
        start = text.index(words, start)


def test_every_link_of_the_page_leads_to_a_part_of_it():
    found = Elements(page()).found
    links = {str(attributes["href"]) for tag, attributes in found if tag == "a"}
    assert links - {f"#{attributes['id']}" for _, attributes in found if "id" in attributes} == set()
    assert {"#flow", "#causes", "#line.invalid_json"} <= links


def test_the_page_shows_the_figures_of_the_run():
    text = " ".join(Elements(page()).text.split())
    for words in (
        "3 records read",
        "2 kept, as 2 conversations",
        "1 quarantined",
        "By the gate's count, 33.33 % were quarantined; its limit is 5.00 %",
        "kept 2 66.67 % quarantined: lines without a JSON object 1 33.33 % read 3 100 %",
        "The usual number is the median of the last 7 batches",
        "1 1 0 new",
        "Usual, but not in this batch: image.missing (9)",
        f"{EVIL} {EVIL} 3 1 33.33 % line.invalid_json 1",
        "tap at (500, 250), in thousandths of the screen",
        "1,234",
        "line.invalid_json",
        "2 offered = 2 clean + 0 repaired + 0 quarantined",
    ):
        assert words in text, words


READ = {
    "sources": [
        {"source": EVIL, "files": 1, "records": 3, "median_files": 2, "median_records": 5, "batches": 7},
        {"source": "chat", "files": 0, "records": 0, "median_files": None, "median_records": None, "batches": 0},
    ],
    "without_episode": {EVIL: 2, "chat": 0},
    "unread": [{"source": EVIL, "key": f"turn.{EVIL}{number}", "count": 999 - number} for number in range(60)],
    "unread_more": {EVIL: 7},
    "passed_over": [{"source": EVIL, "path": f"{EVIL}{number}.png", "why": "a picture"} for number in range(1204)],
}


def test_the_page_lists_for_every_source_its_input_and_what_was_not_read():
    page = render_report(data(more=READ))
    text = " ".join(Elements(page).text.split())
    for words in (
        "1 3 2 median of 7 batches: 2 files, 5 records",
        "chat 0 0 0",
        "A record without an episode id is its own episode",
        f"Keys of {EVIL} that nothing reads",
        f"turn.{EVIL}0 999",
        "10 more keys in manifest.json",
        "Up to 7 more keys that are listed nowhere",
        "Files that were passed over: 1,204",
        "1,154 more in manifest.json",
    ):
        assert words in text, words
    assert f"turn.{EVIL}50" not in text
    assert not {tag for tag, _ in Elements(page).found} & {"script", "iframe", "object", "link"}


def test_the_page_of_a_run_that_did_not_publish_says_so_at_the_top():
    assert Elements(page(words=("max_quarantined: 33.33% of the records were quarantined",))).text.index("gate failed") < 400


def test_a_card_shows_every_token_and_which_are_trained():
    card = evil_card()
    assert "".join(piece.text for piece in card.pieces if piece.kind == "trained") == f"{EVIL}<|im_end|>"
    assert next(piece.text for piece in card.pieces if piece.kind == "control") == "<|im_start|>"


def test_the_fragment_shows_funnel_reasons_and_cards_and_its_styles_apply_to_nothing_else():
    fragment = render_inline(data())
    text = " ".join(Elements(fragment).text.split())
    for words in ("3 records in", "= 2 conversations", "+ 1 quarantined", "2 offered = 2 clean", "1 line.invalid_json", "<|im_start|>"):
        assert words in text, words
    styles = fragment.partition("<style>")[2].partition("</style>")[0]
    rules = re.findall(r"([^{}]+)\{[^{}]*\}", re.sub(r"@media[^{]*\{(.*)\}\s*$", r"\1", styles, flags=re.DOTALL))
    assert len(rules) > 20
    assert [selector for rule in rules for selector in rule.split(",") if not selector.strip().startswith(".episodes-run")] == []


def test_the_fragment_draws_the_tap_on_the_first_picture_of_a_card():
    first = Picture("data:image/png;base64,AA==", EVIL, 300, 200, 1, 1, (Gesture("tap", 150, 50, label=EVIL),))
    card = replace(evil_card(), pictures=(first, replace(first, gestures=())))
    found = Elements(render_inline(replace(data(), cards=(card,)))).found
    assert [(attributes["cx"], attributes["cy"]) for tag, attributes in found if tag == "circle"] == [("150", "50")]
    assert sum(tag == "img" for tag, _ in found) == 1


def test_a_result_line_is_shown_as_the_fragment_of_its_report_or_else_as_text(tmp_path):
    line = {"status": "lost_race", "words": [EVIL], "batch": "today"}
    assert EVIL in Elements(Shown(line)._repr_html_()).text
    report = tmp_path / "report.html"
    report.write_text(render_report(data(words=(EVIL,))))
    line |= {"status": "published", "report": str(report)}
    assert Shown(line)._repr_html_().strip() == render_inline(data(words=(EVIL,))).strip()
    again = Shown(line | {"status": "unchanged"})._repr_html_()
    assert ("unchanged" in again, "records in" in again) == (True, True)


def test_percentiles_of_lengths():
    assert [percentile({10: 1, 20: 1, 30: 2}, share) for share in (0.0, 0.5, 1.0)] == [10, 20, 30]


def test_bars_cover_every_row_and_fit_into_the_drawing():
    counts = {i * 37 % 1000 + 1: i + 1 for i in range(50)}
    bars = length_bars(counts, 1000)
    assert sum(int(bar.label.split()[-2]) for bar in bars) == sum(counts.values())
    assert len(bars) <= BINS
    assert max(bar.height for bar in bars) == 109.5  # the axis ends at a tick


def test_the_fragment_has_no_blank_lines():
    assert all(line.strip() for line in render_inline(data()).split("\n"))


def test_the_report_of_a_run_that_was_published_after_a_look_does_not_ask_for_it():
    words = ("max_quarantined: too many", "next: episodes quarantine /out --run r", "to publish it all the same: episodes publish /out r", EVIL)
    opened = {"by": "ana@host", "at": datetime(2026, 11, 22, 9, 30), "reason": f"agreed \\1 {EVIL}"}
    staged = page(words).encode()
    for shown in (with_opening(staged, opened).decode(), fragment_of(with_opening(staged, opened).decode())):
        text = Elements(shown).text
        assert "published although a gate failed" in text
        assert f"ana@host published it on 2026-11-22 at 09:30 UTC: agreed \\1 {EVIL}" in text
        assert [gone for gone in ("gate failed ", "Nothing was published", "episodes publish") if gone in text.replace("a gate failed", "")] == []
        assert [kept for kept in words[:2] if kept not in " ".join(text.split())] == []
    assert "What the gate said:" in Elements(with_opening(staged, opened).decode()).text
    assert with_opening(staged, None) == staged
    published = page().encode()
    assert with_opening(published, None) == published
