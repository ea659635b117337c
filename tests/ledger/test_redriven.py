"""Which batches a redrive runs again, and what it says afterwards."""

import pytest

from pipelines.ledger.redriven import batches_with, improvement
from tests.ledger.test_books import books


def test_the_newest_run_of_a_batch_counts_and_a_row_without_counts_is_looked_into():
    runs = [
        {"batch": "wed", "reasons": {"image.missing": 1}},
        {"batch": "mon", "reasons": None},
        {"batch": "tue", "reasons": {"image.missing": 1}},
        {"batch": "tue", "reasons": {}},
    ]
    assert batches_with(runs, "image.missing", None)[0] == ["mon", "wed"]
    assert batches_with(runs, "image.missing", "tue")[0] == ["wed"]


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        (
            {"states": {"records": 10, "quarantined": 4, "duplicates": 2}, "quarantined_share": 0.5},
            {"quarantined": 1},
            ("quarantined before: 4 of 8 records (50.00%); now: 1 of 8 records (12.50%)",),
        ),
        (
            {"states": {"records": 3}, "quarantined_share": 1 / 3},
            {"quarantined": 1, "refused": 3, "refused_records": 1},
            ("quarantined, or refused by every dialect, before: 1 of 3 records (33.33%); now: 2 of 8 records (25.00%)",),
        ),
        ({"states": {"records": 8, "filtered": 2}, "quarantined_share": 0.0}, {"quarantined": 0}, ()),
        ({"states": None, "quarantined_share": None}, {}, ()),
    ],
)
def test_the_improvement_is_counted_as_the_gate_counts(before, now, words):
    assert improvement(before, books(**now)) == words
