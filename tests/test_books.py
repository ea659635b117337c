"""The books: every record in one known state, or the run does not publish."""

from pipelines.books import DialectBook, FileBook, closed_gates, make_books, too_many_errors
from pipelines.config import Gates, parse_config

CONFIG = parse_config(
    {
        "sources": [{"name": "gui", "path": "a"}, {"name": "chat", "path": "b"}],
        "dialects": [{"name": "glm_4", "tokenizer": "t", "max_tokens": 9, "sources": ["chat"]}, {"name": "minicpm_v_2_6", "tokenizer": "t", "max_tokens": 9}],
        "output": {"root": "out"},
    }
)
PLACE = ("chat", "b.jsonl")


def books(records=10, conversations=7, quarantined=1, duplicates=2, clean=5, refused=0, internal_errors=0):
    states = {(*PLACE, "conversation"): conversations, (*PLACE, "quarantined"): quarantined, (*PLACE, "duplicate"): duplicates}
    dialects = {
        (*PLACE, "glm_4", "clean"): clean,
        (*PLACE, "glm_4", "quarantined"): 2,
        (*PLACE, "minicpm_v_2_6", "repaired"): 7,
    }
    return make_books(CONFIG, {PLACE: records}, states, dialects, refused, internal_errors, {})


def test_books_that_close_have_no_fault():
    assert books().faults() == []
    assert books().files == (FileBook("chat", "b.jsonl", 10, 7, 1, 2, 0),)
    assert books().dialects[0] == DialectBook("glm_4", "b.jsonl", 7, 5, 0, 2)


def test_a_lost_record_is_named_with_its_file():
    assert books(quarantined=0).faults() == ["b.jsonl: 10 records in, 9 accounted for"]


def test_a_row_too_many_is_named_with_its_dialect():
    assert books(clean=6).faults() == ["b.jsonl: 7 conversations offered to glm_4, 8 accounted for"]


def test_the_gate_leaves_duplicates_out_and_counts_conversations_that_no_dialect_took():
    assert books(refused=1).quarantined_share() == (1 + 1) / (10 - 2)
    assert closed_gates(books(refused=1), Gates(max_quarantined=0.25)) == []
    assert closed_gates(books(refused=1), Gates(max_quarantined=0.2)) == ["max_quarantined: 25.00% of the records were quarantined, 20.00% are allowed"]


def test_an_empty_batch_passes_the_gate():
    empty = make_books(CONFIG, {}, {}, {}, 0, 0, {})
    assert (empty.quarantined_share(), empty.faults()) == (0.0, [])


def test_a_damaged_file_stands_in_the_books_without_being_a_record():
    damaged = make_books(CONFIG, {}, {("gui", "a.gz", "damaged"): 1}, {}, 0, 0, {})
    assert {name: count for name, count in damaged.states().items() if count} == {"damaged": 1}


def test_our_own_faults_have_a_gate_of_their_own():
    assert too_many_errors(books(), Gates()) is None
    assert too_many_errors(books(internal_errors=1), Gates()) == "max_internal_errors: 1 records failed by our own fault, 0 are allowed"
