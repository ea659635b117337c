"""What identifies a batch, and what the gates compare it with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from pipelines.ledger.batches import BatchKey, Refused, compare_with_published, past_of, ratio_of_volumes, ratio_to_median, source_rows, volumes

KEY = BatchKey("n0", frozenset({("kit", "/logs/a.jsonl", "aa"), ("kit", "/logs/b.jsonl", "bb")}), "code", "config", (("glm_4", "tokens"),))


def row(key: BatchKey, run_id: str = "r0", kind: str = "batch", share: float = 0.0) -> dict[str, Any]:
    sources = {source: {"files": 1, "records": 1} for source, _, _ in key.inputs}
    named = {"run_id": run_id, "batch": key.batch, "kind": kind, "sources": sources, "inputs_sha256": key.inputs_sha256, "quarantined_share": share}
    return named | {"code": key.code, "config": key.config, "tokenizers": dict(key.tokenizers)}


def inputs_of(earlier: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The input files of the published run, which was made from KEY."""
    return [{"source": source, "path": path, "sha256": sha256} for source, path, sha256 in sorted(KEY.inputs)]


def not_asked(earlier: Mapping[str, Any]) -> list[dict[str, Any]]:
    raise AssertionError("the list of input files is read only if their hash differs")


def test_the_hash_of_the_inputs_depends_on_their_content_only():
    assert KEY.inputs_sha256 == replace(KEY, inputs=frozenset(reversed(list(KEY.inputs)))).inputs_sha256
    one, other = sorted(KEY.inputs)
    others = [frozenset(), frozenset({one}), frozenset({other}), frozenset({one, (*other[:2], "cc")})]
    others += [frozenset({one, ("gui", *other[1:])}), frozenset({one, ("kit", "/logs/c.jsonl", "bb")})]
    assert len({KEY.inputs_sha256, *(replace(KEY, inputs=inputs).inputs_sha256 for inputs in others)}) == 7


def test_a_batch_that_was_never_published_is_run():
    assert compare_with_published([row(replace(KEY, batch="other"))], KEY, False, not_asked).earlier is None


def test_the_same_batch_needs_no_run_even_after_a_redrive():
    redriven = row(replace(KEY, code="fixed"), "r1", kind="redrive")
    assert compare_with_published([row(KEY), redriven], KEY, False, not_asked).is_same


def test_changed_inputs_are_listed_one_by_one():
    other = replace(KEY, inputs=frozenset({("kit", "/logs/a.jsonl", "changed"), ("kit", "/logs/c.jsonl", "cc")}))
    comparison = compare_with_published([row(KEY)], other, False, inputs_of)
    assert (comparison.is_same, comparison.words) == (
        False,
        ("batch n0, new: /logs/c.jsonl", "batch n0, changed: /logs/a.jsonl", "batch n0, gone, its rows are removed: /logs/b.jsonl"),
    )


@pytest.mark.parametrize(
    ("change", "word"), [({"code": "x"}, "other code"), ({"config": "x"}, "another configuration"), ({"tokenizers": ()}, "other tokenizers")]
)
def test_other_code_configuration_or_tokenizers_are_refused_with_their_names(change: dict[str, Any], word: str):
    with pytest.raises(Refused, match=f"with {word}; use --replace"):
        compare_with_published([row(KEY)], replace(KEY, **change), False, not_asked)
    assert not compare_with_published([row(KEY)], replace(KEY, **change), True, inputs_of).is_same


def test_shares_are_compared_with_those_of_the_last_seven_other_batches_as_published_now():
    rows = [row(replace(KEY, batch=f"n{number}"), share=number / 100) for number in range(9)]
    amended = row(replace(KEY, batch="n8"), share=0.5)
    assert past_of([*rows, amended], "n7", None, []).shares == [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.5]


@pytest.mark.parametrize(
    ("share", "shares", "records", "ratio"),
    [(0.1, [], 100, None), (0.1, [0.02, 0.05, 0.9], 100, 2.0), (0.01, [0.0, 0.0], 100, 1.0), (0.3, [0.0], 10, 3.0)],
)
def test_the_median_share_counts_as_at_least_one_record(share: float, shares: list[float], records: int, ratio: float | None):
    assert ratio_to_median(share, shares, records) == (None if ratio is None else pytest.approx(ratio))


def counted(batch: str, **sources: tuple[int, int]) -> dict[str, Any]:
    """A row of `runs`; sources are (files, records)."""
    return row(replace(KEY, batch=batch)) | {"sources": {source: {"files": files, "records": records} for source, (files, records) in sources.items()}}


def test_every_source_is_listed_with_the_median_of_its_last_seven_batches():
    runs = [counted(f"n{number}", gui=(2, 100 + number)) for number in range(9)]
    runs.append(counted("n8", gui=(1, 500), chat=(1, 7)))  # amended
    now = volumes(counted("today", gui=(1, 90)))
    assert source_rows(["gui", "chat", "new"], now, runs, "today") == [
        {"source": "gui", "files": 1, "records": 90, "median_files": 2, "median_records": 105, "batches": 7},
        {"source": "chat", "files": 0, "records": 0, "median_files": 1, "median_records": 7, "batches": 1},
        {"source": "new", "files": 0, "records": 0, "median_files": None, "median_records": None, "batches": 0},
    ]


def test_the_batch_itself_is_not_part_of_the_median():
    runs = [counted("n0", gui=(1, 10)), counted("n1", gui=(1, 1000)), counted("n2", gui=(1, 13))]
    assert source_rows(["gui"], {}, runs, "n1")[0]["median_records"] == 11.5


@pytest.mark.parametrize(("records", "others", "ratio"), [(5, [], None), (5, [10], 2.0), (20, [10], 2.0), (0, [10], 10.0), (7, [0, 0], 7.0)])
def test_a_larger_and_a_smaller_volume_are_both_compared(records: int, others: list[int], ratio: float | None):
    assert ratio_of_volumes(records, others) == ratio
