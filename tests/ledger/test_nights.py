"""What tells one night from another, and what the gates compare it with: pure functions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipelines.ledger.nights import Night, Refused, compare, past_of, ratio_of_volumes, ratio_to_median, source_rows, volumes

NIGHT = Night("n0", frozenset({("kit", "/logs/a.jsonl", "aa"), ("kit", "/logs/b.jsonl", "bb")}), "code", "config", (("glm_4", "tokens"),))


def row(night: Night, run_id: str = "r0", kind: str = "batch", share: float = 0.0) -> dict[str, Any]:
    inputs = [{"source": source, "path": path, "sha256": sha256, "records": 1} for source, path, sha256 in night.inputs]
    named = {"run_id": run_id, "batch": night.batch, "kind": kind, "inputs": inputs, "quarantined_share": share}
    return named | {"code": night.code, "config": night.config, "tokenizers": dict(night.tokenizers)}


def test_the_key_is_made_of_content_and_of_nothing_else():
    assert NIGHT.key == replace(NIGHT, inputs=frozenset(reversed(list(NIGHT.inputs)))).key
    others = [replace(NIGHT, **change) for change in ({"batch": "n1"}, {"code": "other"}, {"config": "other"}, {"tokenizers": ()}, {"inputs": frozenset()})]
    assert len({NIGHT.key, *(other.key for other in others)}) == 6


def test_a_batch_that_was_never_published_is_simply_run():
    assert compare([row(replace(NIGHT, batch="other"))], NIGHT, replace=False).earlier is None


def test_the_same_night_again_is_nothing_to_do_even_after_a_redrive():
    redriven = row(replace(NIGHT, code="fixed"), "r1", kind="redrive")
    assert compare([row(NIGHT), redriven], NIGHT, replace=False).is_same


def test_other_inputs_are_named_one_by_one():
    other = replace(NIGHT, inputs=frozenset({("kit", "/logs/a.jsonl", "changed"), ("kit", "/logs/c.jsonl", "cc")}))
    standing = compare([row(NIGHT)], other, replace=False)
    assert (standing.is_same, standing.words) == (
        False,
        ("batch n0, new: /logs/c.jsonl", "batch n0, changed: /logs/a.jsonl", "batch n0, gone, and its rows with it: /logs/b.jsonl"),
    )


@pytest.mark.parametrize(("change", "word"), [({"code": "x"}, "code"), ({"config": "x"}, "configuration"), ({"tokenizers": ()}, "tokenizers")])
def test_other_code_configuration_or_tokenizers_are_refused_by_name(change: dict[str, Any], word: str):
    with pytest.raises(Refused, match=f"with other {word}; --replace"):
        compare([row(NIGHT)], replace(NIGHT, **change), replace=False)
    assert not compare([row(NIGHT)], replace(NIGHT, **change), replace=True).is_same


def test_the_usual_share_is_that_of_the_last_seven_other_nights_as_they_stand_now():
    rows = [row(replace(NIGHT, batch=f"n{number}"), share=number / 100) for number in range(9)]
    amended = row(replace(NIGHT, batch="n8"), share=0.5)
    assert past_of([*rows, amended], "n7", None, []).shares == [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.5]


@pytest.mark.parametrize(
    ("share", "shares", "records", "ratio"),
    [(0.1, [], 100, None), (0.1, [0.02, 0.05, 0.9], 100, 2.0), (0.01, [0.0, 0.0], 100, 1.0), (0.3, [0.0], 10, 3.0)],
)
def test_after_nights_without_any_one_record_counts_as_usual(share: float, shares: list[float], records: int, ratio: float | None):
    assert ratio_to_median(share, shares, records) == (None if ratio is None else pytest.approx(ratio))


def counted(batch: str, *files: tuple[str, str, int]) -> dict[str, Any]:
    """A row of `runs`; files are (source, path, records)."""
    return row(replace(NIGHT, batch=batch)) | {"inputs": [{"source": source, "path": path, "records": records} for source, path, records in files]}


def test_a_source_is_shown_beside_the_median_of_its_last_seven_batches_and_never_left_out():
    runs = [counted(f"n{number}", ("gui", "a", 100 + number), ("gui", "b", 0)) for number in range(9)]
    runs.append(counted("n8", ("gui", "a", 500), ("chat", "c", 7)))  # amended
    now = volumes([{"source": "gui", "path": "a", "records": 90}])
    assert source_rows(["gui", "chat", "new"], now, runs, "tonight") == [
        {"source": "gui", "files": 1, "records": 90, "median_files": 2, "median_records": 105, "batches": 7},
        {"source": "chat", "files": 0, "records": 0, "median_files": 1, "median_records": 7, "batches": 1},
        {"source": "new", "files": 0, "records": 0, "median_files": None, "median_records": None, "batches": 0},
    ]


def test_the_batch_itself_is_no_part_of_the_median():
    runs = [counted("n0", ("gui", "a", 10)), counted("n1", ("gui", "a", 1000)), counted("n2", ("gui", "a", 13))]
    assert source_rows(["gui"], {}, runs, "n1")[0]["median_records"] == 11.5


@pytest.mark.parametrize(("records", "others", "ratio"), [(5, [], None), (5, [10], 2.0), (20, [10], 2.0), (0, [10], 10.0), (7, [0, 0], 7.0)])
def test_a_volume_is_compared_up_and_down(records: int, others: list[int], ratio: float | None):
    assert ratio_of_volumes(records, others) == ratio
