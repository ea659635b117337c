"""The books: every record is in one known state, or the run does not publish."""

from dataclasses import replace

import pytest

from pipelines.config import Gates, parse_config
from pipelines.ledger.batches import Past
from pipelines.ledger.books import DialectBook, FileBook, make_books
from pipelines.ledger.gates import failed_gates, gates_of, too_many_errors

CONFIG = parse_config(
    {
        "sources": [{"name": "gui", "path": "a"}, {"name": "chat", "path": "b"}],
        "dialects": [{"name": "glm_4", "tokenizer": "t", "max_tokens": 9, "sources": ["chat"]}, {"name": "minicpm_v_2_6", "tokenizer": "t", "max_tokens": 9}],
        "output": {"root": "out"},
    }
)
PLACE = ("chat", "b.jsonl")


def books(records=10, conversations=7, quarantined=1, duplicates=2, clean=5, refused=0, internal_errors=0, kept=7, refused_records=None):
    states = {(*PLACE, "kept"): kept, (*PLACE, "conversation"): conversations, (*PLACE, "quarantined"): quarantined, (*PLACE, "duplicate"): duplicates}
    dialects = {
        (*PLACE, "glm_4", "clean"): clean,
        (*PLACE, "glm_4", "quarantined"): 2,
        (*PLACE, "minicpm_v_2_6", "repaired"): 7,
    }
    made = make_books(CONFIG, {PLACE: records}, states, dialects, refused, internal_errors, {})
    return replace(made, refused={PLACE: refused if refused_records is None else refused_records})


def test_balanced_books_have_no_fault():
    assert books().faults() == []
    assert books().files == (FileBook("chat", "b.jsonl", 10, 7, 1, 2, 0, kept=7),)
    assert books().dialects[0] == DialectBook("glm_4", "b.jsonl", 7, 5, 0, 2)


def test_superseded_records_are_counted_apart_and_not_by_the_gate():
    states = {(*PLACE, "conversation"): 20, (*PLACE, "kept"): 20, (*PLACE, "superseded"): 599, (*PLACE, "quarantined"): 5}
    folded = make_books(CONFIG, {PLACE: 624}, states, {}, 0, 0, {})
    assert folded.files == (FileBook("chat", "b.jsonl", 624, 20, 5, 0, 0, 20, superseded=599),)
    assert (folded.states()["superseded"], folded.rows()["quarantine"], folded.quarantined_share()) == (599, 604, 5 / 25)
    assert folded.files[0].fault() is None


def test_a_lost_record_is_reported_with_its_file():
    assert books(quarantined=0).faults() == ["b.jsonl: 10 records in, 9 accounted for"]


def test_one_row_too_many_is_reported_with_its_dialect():
    assert books(clean=6).faults() == ["b.jsonl: 7 conversations offered to glm_4, 8 accounted for"]


def test_the_quarantined_share_ignores_duplicates_and_includes_conversations_that_every_dialect_quarantined():
    assert books(refused=1).quarantined_share() == (1 + 1) / (10 - 2)
    assert failed_gates(books(refused=1), Gates(max_quarantined=0.25)) == []
    assert failed_gates(books(refused=1), Gates(max_quarantined=0.2)) == [
        "max_quarantined: 25.00% of the records were lost (2 of 8: 1 quarantined, 1 refused by every dialect); the limit is 20.00%"
    ]


def test_a_conversation_of_several_counts_as_its_share_of_the_record():
    several = books(kept=3, conversations=7, quarantined=5, refused=2, refused_records=2 / 4)
    assert several.faults() == []
    assert several.quarantined_share() == (5 + 0.5) / (5 + 3)
    assert several.share_of("chat") == (5.5, 8)
    assert failed_gates(several, Gates(max_quarantined=0.05)) == [
        "max_quarantined: 68.75% of the records were lost"
        " (5.5 of 8: 5 quarantined, 2 conversations refused by every dialect, which count as 0.5); the limit is 5.00%"
    ]
    assert several.rows()["conversations"] == 7
    assert several.states()["kept"] == 3


def test_filtered_records_are_counted_apart_and_by_no_gate():
    states = {(*PLACE, "conversation"): 2, (*PLACE, "quarantined"): 1, (*PLACE, "filtered"): 97, (*PLACE, "kept"): 2}
    made = make_books(CONFIG, {PLACE: 100}, states, {(*PLACE, name, "clean"): 2 for name in ("glm_4", "minicpm_v_2_6")}, 0, 0, {})
    assert (made.faults(), made.total("filtered"), made.rows()["quarantine"]) == ([], 97, 98)
    assert made.quarantined_share() == 1 / 3
    assert failed_gates(made, Gates(max_quarantined=0.3, min_records=100)) == [
        "max_quarantined: 33.33% of the records were quarantined; the limit is 30.00%",
    ]


def test_an_empty_batch_has_nothing_quarantined():
    empty = make_books(CONFIG, {}, {}, {}, 0, 0, {})
    assert (empty.quarantined_share(), empty.faults()) == (0.0, [])


def test_a_damaged_file_is_counted_but_is_not_a_record():
    damaged = make_books(CONFIG, {}, {("gui", "a.gz", "damaged"): 1}, {}, 0, 0, {})
    assert {name: count for name, count in damaged.states().items() if count} == {"damaged": 1}


def test_internal_errors_have_their_own_gate():
    assert too_many_errors(books(), Gates()) is None
    assert too_many_errors(books(internal_errors=1), Gates()) == "max_internal_errors: 1 record failed with an internal error; the limit is 0"


def test_a_batch_with_too_few_records_fails_the_gate():
    empty = make_books(CONFIG, {}, {}, {}, 0, 0, {})
    assert failed_gates(empty, Gates()) == ["min_records: 0 records came in; the minimum is 1"]
    assert failed_gates(books(), Gates(max_quarantined=1, min_records=11)) == ["min_records: 10 records came in; the minimum is 11"]


@pytest.mark.parametrize(("allow_empty", "least"), [((True, True), 0), ((True, False), 1)])
def test_min_records_is_0_if_every_source_may_be_empty(allow_empty: tuple[bool, ...], least: int):
    sources = tuple(source.model_copy(update={"allow_empty": allowed}) for source, allowed in zip(CONFIG.sources, allow_empty, strict=True))
    assert gates_of(CONFIG.model_copy(update={"sources": sources})).min_records == least


@pytest.mark.parametrize(
    ("published", "allowed", "words"),
    [
        ({}, 0.1, []),  # the batch is new
        ({"chat": 11}, 0.1, []),
        ({"chat": 5}, 0.1, []),
        (
            {"chat": 20},
            0.1,
            ["max_shrink: 10 records came in, 50.00% fewer than the 20 of the published batch; the limit is 10.00%: source chat lost 10 of 20 records"],
        ),
        ({"chat": 20}, 0.5, []),
        ({"chat": 2000}, None, []),
        (  # a small part of the batch, but a whole source
            {"chat": 10, "gui": 1},
            0.1,
            [
                "max_shrink: 10 records came in, 9.09% fewer than the 11 of the published batch; no source may lose all its records:"
                " source gui lost 1 of 1 record"
            ],
        ),
        ({"chat": 10, "gui": 1}, 1, []),
        ({"chat": 10, "no longer configured": 1}, 0.1, []),
    ],
)
def test_a_batch_that_loses_records_fails_the_gate_which_names_the_sources(published, allowed, words):
    past = Past(published=published, sources=("gui", "chat"))
    assert failed_gates(books(), Gates(max_quarantined=1, max_shrink=allowed), past) == words


@pytest.mark.parametrize(
    ("usual", "words"),
    [
        ([], []),
        ([6, 10, 90], []),
        ([40, 40], ["max_volume_ratio: 10 records came in, a factor of 4.0 below the median of the last 2 batches, 40; the limit is 3"]),
        ([1, 1, 90], ["max_volume_ratio: 10 records came in, a factor of 10.0 above the median of the last 3 batches, 1; the limit is 3"]),
    ],
)
def test_a_batch_that_is_much_larger_or_smaller_than_usual_fails_the_gate(usual, words):
    assert failed_gates(books(), Gates(max_quarantined=1, max_volume_ratio=3), Past(records=usual)) == words
    assert failed_gates(books(), Gates(max_quarantined=1), Past(records=usual)) == []
