"""The worst source, file and reason, against what is usual."""

import pytest

from pipelines.ledger.books import Books, FileBook
from pipelines.ledger.causes import usual_reasons
from pipelines.ledger.worst import Usual, is_of_a_share, usual_of, worst_of

BOOKS = Books(
    files=(
        FileBook("gui", "gui/1.jsonl", 1000, 960, 40, 0, 0, 960),
        FileBook("gui", "gui/2.jsonl", 1000, 980, 20, 0, 0, 980),
        FileBook("tools", "tools/1.jsonl", 50, 20, 30, 0, 0, 20),
    ),
    dialects=(),
    refused_by_all=30,
    internal_errors=0,
    reasons={"image.missing": 60, "tool.name_missing": 25, "tool.unknown_tool": 5, "tokens.too_long": 60, "image.too_many": 99},
    blame={
        ("gui", "gui/1.jsonl", "image.missing", True): 40,
        ("gui", "gui/2.jsonl", "image.missing", True): 20,
        ("gui", "gui/2.jsonl", "tokens.too_long", True): 30,
        ("gui", "gui/2.jsonl", "image.too_many", False): 99,
        ("tools", "tools/1.jsonl", "tool.name_missing", True): 25,
        ("tools", "tools/1.jsonl", "tool.unknown_tool", True): 5,
    },
    refused={("gui", "gui/2.jsonl"): 30},
)


def test_without_earlier_batches_the_source_that_lost_most_is_the_worst():
    worst = worst_of(BOOKS, Usual())
    assert worst is not None
    assert worst.words() == [
        "worst source: gui, 90 of 2,000 records (4.50%)",
        "worst file: gui/2.jsonl, 50 of 1,000 records",
        "worst reason: image.missing, 60 records of source gui",
    ]


def test_what_is_usual_does_not_count():
    usual = Usual(7, {"gui": [0.045] * 7, "tools": [0.0] * 7}, {"tool.name_missing": 24})
    worst = worst_of(BOOKS, usual)
    assert worst is not None
    assert worst.words() == [
        "worst source: tools, 30 of 50 records (60.00%; median of 7 batches: 0.00%)",
        "worst file: tools/1.jsonl, 30 of 50 records",
        "worst reason: tool.unknown_tool, 5 records of source tools; 5 rows in all, median of 7 batches: 0",
    ]


@pytest.mark.parametrize(
    ("usual", "limit", "also"),
    [
        (Usual(), 0.05, "also: tools, 30 of 50 records, tool.name_missing"),
        (Usual(), 0.6, None),  # it lost 60 %, which is not above this limit
        (Usual(7, {"gui": [0.0], "tools": [0.31]}), 0.05, None),  # 60 % is less than twice as much
        (Usual(7, {"gui": [0.0], "tools": [0.29]}), 0.05, "also: tools, 30 of 50 records, tool.name_missing"),
        (Usual(7, {"gui": [0.045], "tools": [0.0]}), 0.05, None),  # here the other source is the second, and has lost what it usually loses
        (Usual(7, {"gui": [0.0], "tools": [0.0]}, {"tool.name_missing": 24}), 0.05, "also: tools, 30 of 50 records, tool.unknown_tool"),
    ],
)
def test_a_second_source_is_named_if_it_is_unusual_too(usual: Usual, limit: float, also: str | None):
    worst = worst_of(BOOKS, usual, limit)
    assert worst is not None
    assert worst.words()[3:] == ([also] if also else [])


def test_a_source_that_is_new_is_compared_with_nothing():
    worst = worst_of(BOOKS, Usual(1, {"tools": [0.6]}, {"image.missing": 2}))
    assert worst is not None
    assert worst.words()[0] == "worst source: gui, 90 of 2,000 records (4.50%)"
    assert worst.words()[2] == "worst reason: image.missing, 60 records of source gui; 60 rows in all, the batch before: 2"


def test_source_and_file_are_counted_as_the_gate_counts_and_say_what_does_not_count():
    file = FileBook("gui", "a", 12, 0, 10, 1, 0, 0, filtered=1)
    worst = worst_of(Books((file,), (), 0, 0, {"image.missing": 10}, {("gui", "a", "image.missing", True): 10}), Usual())
    assert worst is not None
    assert worst.words()[:2] == [
        "worst source: gui, 10 of 10 records (100.00%); 2 duplicate, filtered or superseded records do not count",
        "worst file: a, 10 of 10 records",
    ]


def test_where_nothing_was_lost_nothing_is_the_worst():
    assert worst_of(Books((FileBook("gui", "a", 9, 9, 0, 0, 0, 9),), (), 0, 0), Usual()) is None
    assert worst_of(Books((), (), 0, 0), Usual()) is None


def test_what_is_usual_comes_from_the_manifests_and_input_files_of_the_last_batches():
    def files(quarantined: int):
        return [
            {"source": "gui", "records": 10, "quarantined": quarantined, "duplicates": 1, "filtered": 1},
            {"source": "gui", "records": 12, "quarantined": 0, "duplicates": 0, "filtered": None},
            {"source": "tools", "records": 0, "quarantined": 0, "duplicates": 0},
            {"source": "steps", "records": 3, "quarantined": 1, "duplicates": 0, "superseded": 1, "kept": 1, "conversations": 9},
        ]

    manifests = [{"reasons": {"image.missing": 2}}, {"reasons": {"image.missing": 3, "json.too_deep": 1}}]
    usual = usual_of(usual_reasons(manifests), [files(2), files(4)])
    assert (usual.share("gui"), usual.share("tools"), usual.share("new")) == (pytest.approx(0.15), 0.0, None)
    assert (usual.rows("image.missing"), usual.rows("json.too_deep"), usual.rows("image.empty")) == (2.5, 0.5, 0)
    assert usual.share("steps") == 0.5


def test_gates_of_the_volume_name_no_worst_source():
    words = [
        "max_quarantined: a",
        "max_ratio_to_median: a",
        "sources.gui: a",
        "reasons.image.missing: a",
        "max_shrink: a",
        "min_records: a",
        "max_volume_ratio: a",
    ]
    assert [is_of_a_share(word) for word in words] == [True] * 4 + [False] * 3
