"""The lines of the summary at the end of a run."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.ledger.books import Books
from pipelines.ledger.summary import summary_lines

NOTHING_IN = "records in              0   = 0 conversations + 0 quarantined + 0 duplicates"


def lines(**facts: Any) -> list[str]:
    """The summary of a run without records, except for the line that counts them."""
    return [line for line in summary_lines(Books((), (), 0, 0), facts) if line != NOTHING_IN]


def source(name: str, files: int, records: int, median_files: float | None = None, median_records: float | None = None, batches: int = 0) -> dict[str, Any]:
    return {"source": name, "files": files, "records": records, "median_files": median_files, "median_records": median_records, "batches": batches}


def test_every_source_has_a_line_with_its_usual_size():
    assert lines(sources=[source("gui", 12, 1204, 12, 1310.5, 7), source("chat", 0, 0, 1, 1, 1), source("new", 1, 1)]) == [
        "source gui              12 files      1,204 records   (median of 7 batches: 12 files, 1,310.5 records)",
        "source chat              0 files          0 records   (the batch before: 1 file, 1 record)",
        "source new                1 file           1 record",
    ]


def test_the_most_frequent_unread_keys_are_listed_and_the_others_counted():
    keys = [{"source": "gui", "key": f"turn.key_{number}", "count": 1000 - number} for number in range(6)]
    assert lines(unread=[*keys, {"source": "chat", "key": "record.file", "count": 2}], unread_more={"gui": 70}) == [
        "unread                  2   chat: record.file",
        "unread              1,000   gui: turn.key_0",
        "unread                999   gui: turn.key_1",
        "unread                998   gui: turn.key_2",
        "unread                997   gui: turn.key_3",
        "unread                996   gui: turn.key_4",
        "unread                      gui: and 1 more key",
        "unread                      gui: and up to 70 more keys that are listed nowhere",
    ]


def test_records_without_an_episode_id_are_counted_by_source():
    assert lines(without_episode={"gui": 0, "chat": 1204}) == [
        "no episode id       1,204   chat: a record without one is its own episode, so the steps of one episode may be in different splits"
    ]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], []),
        ([("a.png", "a picture")], ["passed over             1   a picture (a.png)"]),
        (
            [("_SUCCESS", "hidden: its name begins with . or _"), ("a.png", "a picture"), ("b\x1b.png", "a picture")],
            ["passed over             2   a picture (a.png, b␛.png)", "passed over             1   hidden: its name begins with . or _ (_SUCCESS)"],
        ),
        ([(f"{number}.png", "a picture") for number in range(9)], ["passed over             9   a picture (0.png, 1.png, 2.png and 6 more)"]),
        (
            [(f"{number}.bin", f"unknown {number}") for number in range(7)],
            [
                *(f"passed over             1   unknown {number} ({number}.bin)" for number in range(5)),
                "passed over             2   for other reasons; manifest.json lists all",
            ],
        ),
    ],
)
def test_files_that_were_passed_over_are_counted_by_reason_and_the_first_are_named(files: list[tuple[str, str]], expected: list[str]):
    assert lines(passed_over=[{"source": "gui", "path": path, "why": why} for path, why in files]) == expected


def test_a_manifest_without_these_facts_adds_no_lines():
    assert lines() == lines(unread=None, unread_more=None, without_episode=None, sources=None) == []
