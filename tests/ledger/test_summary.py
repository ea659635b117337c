"""The lines of the summary at the end of a run."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.ledger.books import Books, DialectBook, FileBook
from pipelines.ledger.summary import alone_by_source, summary_lines
from tests.making import configuration

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


def test_conversations_that_every_dialect_refused_are_counted_beside_the_share_that_includes_them():
    books = Books((FileBook("chat", "a.jsonl", 53, 51, 2, 0, 0, 51),), (), 2, 0, refused={("chat", "a.jsonl"): 2})
    assert summary_lines(books, {}) == [
        "records in             53   = 51 conversations + 2 quarantined + 0 duplicates",
        "lost                    4   7.55% of the records were lost (4 of 53: 2 quarantined, 2 refused by every dialect)",
    ]


def test_rows_that_no_gate_counts_are_put_aside():
    books = Books((), (), 0, 0, {"record.duplicate": 4, "image.missing": 2})
    assert summary_lines(books, {})[1:] == ["quarantined             2   image.missing", "put aside               4   record.duplicate"]


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


@pytest.mark.parametrize(("rows", "count"), [({}, 12), ({"of": "step", "prompt": "plain"}, 0)])
def test_the_steps_of_a_whole_episode_share_the_id_of_their_record(rows: dict[str, Any], count: int):
    assert alone_by_source(configuration(source={"rows": rows}), {"kit": 12}) == {"kit": count}


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


BOOKS = Books(
    files=(FileBook("gui", "a.jsonl", 1200, 1100, 90, 10, 1, 1100), FileBook("gui", "b.jsonl", 2, 1, 0, 1, 1, 1)),
    dialects=(
        DialectBook("glm_4", "a.jsonl", 1100, 1050, 40, 10),
        DialectBook("glm_4v", "a.jsonl", 1100, 0, 0, 1100),
        DialectBook("glm_4", "b.jsonl", 1, 1, 0, 0),
        DialectBook("glm_4v", "b.jsonl", 1, 1, 0, 0),
    ),
    refused_by_all=0,
    internal_errors=0,
    reasons={"image.missing": 5, "tokens.too_long": 1105, "image.corrupt": 5},
)


def test_the_summary_counts_every_record_and_lists_the_most_frequent_reasons_first():
    facts = {
        "splits": [
            {"dialect": "glm_4", "split": split, "rows": rows, "tokens": 1000 * rows, "target_tokens": 10 * rows}
            for split, rows in (("test", 1), ("train", 1089), ("val", 2))
        ],
        "repairs": {"repair.path_case": 1, "repair.bom": 40, "repair.arguments_empty": 1},
    }
    assert summary_lines(BOOKS, facts) == [
        "records in          1,202   = 1,101 conversations + 90 quarantined + 11 duplicates, 2 damaged files",
        "glm_4               1,101   = 1,051 clean + 40 repaired + 10 quarantined",
        "glm_4v              1,101   = 1 clean + 0 repaired + 1,100 quarantined",
        "glm_4           train     1,089 rows     1,089,000 tokens      10,890 trained",
        "glm_4           val           2 rows         2,000 tokens          20 trained",
        "glm_4           test          1 row          1,000 tokens          10 trained",
        "quarantined         1,105   tokens.too_long",
        "quarantined             5   image.corrupt",
        "quarantined             5   image.missing",
        "repaired               40   repair.bom",
        "repaired                1   repair.arguments_empty",
        "repaired                1   repair.path_case",
    ]


def test_the_unit_of_points_that_was_found_is_named():
    assert lines(coordinates={"gui": ""}) == ["coordinates               gui: not known, because too few of its records say one"]
    assert lines(coordinates={"gui": "px"}) == ["coordinates               gui: px, as the values of its records say"]


def test_records_with_several_conversations_are_counted_beside_these():
    books = Books((FileBook("gui", "a.jsonl", 12, 70, 2, 0, 0, 10),), (), 0, 0)
    assert summary_lines(books, {}) == ["records in             12   = 10 with 70 conversations + 2 quarantined + 0 duplicates"]


def test_superseded_records_are_named_if_there_are_any():
    books = Books(files=(FileBook("proxy", "a.jsonl", 620, 20, 0, 0, 0, 20, 0, 600),), dialects=(), refused_by_all=0, internal_errors=0)
    assert summary_lines(books, {}) == ["records in            620   = 20 conversations + 0 quarantined + 0 duplicates + 600 superseded"]


def test_the_summary_of_a_run_without_facts_has_only_its_counts():
    books = Books(files=(FileBook("gui", "a.jsonl", 1, 1, 0, 0, 0, 1),), dialects=(), refused_by_all=0, internal_errors=0)
    assert summary_lines(books, {}) == ["records in              1   = 1 conversation + 0 quarantined + 0 duplicates"]
