"""The data of a report: what is taken from a manifest, and how much of it is shown."""

from typing import Any

import pytest

from pipelines.reports.causes import example_of, reason_row
from pipelines.reports.data import DialectFlow, Funnel, SplitRow, funnel_of, report_data, run_facts, source_row

MANIFEST: dict[str, Any] = {
    "batch": "mon",
    "run_id": "r1",
    "code": "c",
    "config": "d",
    "tokenizers": {
        "glm_4": {"tokenizer": "glm_4_standin", "fingerprint": "f", "standin": True},
        "own": {"tokenizer": "t", "fingerprint": "g", "standin": False},
    },
    "quarantined_share": 0.25,
    "settings": {"dialects": [{"name": "glm_4", "max_tokens": 64}, {"name": "own", "max_tokens": 32}], "gates": {"max_quarantined": 0.5}},
    "reasons": {"image.missing": 1, "tokens.too_long": 5},
    "files": [],
    "counts": {"records": 9, "conversations": 5, "quarantined": 3, "duplicates": 1, "filtered": 0, "damaged": 2, "kept": 5, "internal_errors": 0},
    "dialect_totals": {"glm_4": {"offered": 5, "clean": 2, "repaired": 2, "quarantined": 1}},
}


def made(**more: Any) -> Any:
    return report_data(MANIFEST | more, {}, {"glm_4": {8: 2}}, [{"width": 9, "height": 8, "format": "PNG", "count": 3}], [])


def test_the_funnel_has_every_dialect_also_one_without_a_conversation():
    assert funnel_of(MANIFEST) == Funnel(9, 5, 3, 1, 0, 2, (DialectFlow("glm_4", 5, 2, 2, 1), DialectFlow("own", 0, 0, 0, 0)), 5)


def test_the_funnel_counts_superseded_records():
    assert funnel_of(MANIFEST | {"counts": MANIFEST["counts"] | {"superseded": 4}}).superseded == 4


def test_a_manifest_without_a_status_has_none_and_stand_ins_are_named():
    facts = run_facts(MANIFEST)
    assert (facts.status, facts.words, facts.quarantined_share, facts.max_quarantined) == ("", (), 0.25, 0.5)
    assert [fact.dialect for fact in facts.standins] == ["glm_4"]
    assert run_facts(MANIFEST | {"status": "published", "words": ["w"]}).words == ("w",)


def test_why_nothing_was_published_comes_before_the_many_files_that_have_changed():
    words = [f"batch mon, new: {number}.jsonl" for number in range(30)]
    assert run_facts(MANIFEST | {"words": [*words, "max_quarantined: too many", "next: episodes quarantine"]}).words[:3] == (
        "max_quarantined: too many",
        "next: episodes quarantine",
        "batch mon, new: 0.jsonl",
    )


def test_reasons_and_repairs_are_sorted_by_their_number_and_splits_by_their_order():
    splits = [{"dialect": dialect, "split": split, "rows": 1, "tokens": 2, "target_tokens": 1} for dialect, split in (("own", "val"), ("glm_4", "other"))]
    splits += [{"dialect": "glm_4", "split": split, "rows": 1, "tokens": 2, "target_tokens": 1} for split in ("test", "val", "train")]
    data = made(repairs={"repair.bom": 5, "repair.path_case": 2}, splits=splits)
    assert [(row.code, row.count) for row in data.reasons] == [("repair.bom", 5), ("tokens.too_long", 5), ("repair.path_case", 2), ("image.missing", 1)]
    assert [(row.dialect, row.split) for row in data.splits] == [("glm_4", "train"), ("glm_4", "val"), ("glm_4", "test"), ("glm_4", "other"), ("own", "val")]
    assert data.splits[0] == SplitRow("glm_4", "train", 1, 2, 1)
    assert {dialect: (dict(lengths.counts), lengths.max_tokens) for dialect, lengths in data.lengths.items()} == {"glm_4": ({8: 2}, 64), "own": ({}, 32)}
    assert [(size.width, size.height, size.count) for size in data.image_sizes] == [(9, 8, 3)]


@pytest.mark.parametrize(("found", "shown", "left"), [(49, 49, 0), (50, 50, 0), (51, 50, 1)])
def test_at_most_50_keys_and_files_are_shown(found: int, shown: int, left: int):
    unread = [{"source": "gui", "key": f"turn.{number:02}", "count": 1} for number in range(found)]
    passed_over = [{"source": "gui", "path": f"{number:02}.txt", "why": "w"} for number in range(found)]
    data = made(unread=unread, unread_more={"gui": 7}, passed_over=passed_over)
    (keys,) = data.unread
    assert (len(keys.keys), keys.left_out, keys.not_listed) == (shown, left, 7)
    assert (len(data.passed_over), data.passed_over_total) == (shown, found)


def test_a_manifest_without_these_facts_has_none():
    data = made()
    assert (data.unread, data.passed_over, data.passed_over_total, data.sources, data.splits, data.files) == ((), (), 0, (), (), ())
    assert made(passed_over=None, sources=None, without_episode=None).sources == ()


def test_a_source_shows_how_many_records_have_no_episode():
    row = {"source": "gui", "files": 1, "records": 9, "batches": 0}
    assert (source_row(row, {"gui": 4}).without_episode, source_row(row, {"chat": 4}).without_episode) == (4, 0)
    assert source_row(row, {}).usual == ""  # of no earlier batch
    assert [one.without_episode for one in made(sources=[row], without_episode={"gui": 4}).sources] == [4]


def finding(code: str, where: str = "w", detail: str = "d") -> dict[str, str]:
    return {"code": code, "where": where, "detail": detail}


@pytest.mark.parametrize(
    ("raw", "head"),
    [
        (b"x" * 400, "x" * 400),
        (b"x" * 401, "x" * 400 + "…"),
        ("🚄".encode() * 400, "🚄" * 400),
        ("🚄".encode() * 401, "🚄" * 400 + "…"),
        (b"a\xffb\n", "a\ufffdb␊"),
        (None, ""),
    ],
)
def test_an_example_shows_the_first_400_characters_of_its_record(raw: bytes | None, head: str):
    row = {"origin": {"path": "a.jsonl", "line": 7}, "findings": [finding("other"), finding("image.missing", "images[0]", "x")], "raw": raw}
    example = example_of("image.missing", row)
    assert (example.path, example.line, example.where, example.detail, example.head) == ("a.jsonl", 7, "images[0]", "x", head)
    assert (example_of("tokens.too_long", row).where, example_of("tokens.too_long", row).detail) == ("", "")


@pytest.mark.parametrize(("rows", "shown"), [(0, 0), (3, 3), (4, 3)])
def test_a_reason_has_at_most_three_examples(rows: int, shown: int):
    row = {"origin": {"path": "a", "line": 1}, "findings": [finding("image.missing")]}
    made = reason_row("image.missing", 9, [row] * rows)
    assert (made.code, made.count, len(made.examples)) == ("image.missing", 9, shown)
