"""Each gate at its limit, and just beyond it."""

from dataclasses import replace

import pytest

from pipelines.config import ConfigError, Gates, parse_config
from pipelines.ledger.books import make_books
from pipelines.ledger.gates import Past, failed_gates, gate_warnings, too_many_errors

CONFIG = parse_config({"sources": [{"name": "a", "path": "a"}, {"name": "b", "path": "b"}], "output": {"root": "out"}})


def books_of(records: dict[str, int], quarantined: int = 0, duplicates: int = 0, internal_errors: int = 0):
    counts = {(source, f"{source}.jsonl"): count for source, count in records.items()}
    first = next(iter(counts))
    states = {(*first, "quarantined"): quarantined, (*first, "duplicate"): duplicates}
    return make_books(CONFIG, counts, states, {}, 0, internal_errors, {})


def failed(books, past: Past | None = None, **gates) -> list[str]:
    """The names of the gates that fail."""
    allowed = Gates.model_validate({"max_quarantined": 1, "max_shrink": None} | gates)
    return [words.partition(":")[0] for words in failed_gates(books, allowed, past or Past())]


def past_of(shares=(), records=(), published=None, sources=()) -> Past:
    """`published`: source -> its records in the batch that was published before."""
    return Past(shares, records, published or {}, sources)


@pytest.mark.parametrize(
    ("gates", "past", "fails"),
    [
        ({"max_quarantined": 0.25}, {}, False),
        ({"max_quarantined": 0.24}, {}, True),
        ({"min_records": 10}, {}, False),
        ({"min_records": 11}, {}, True),
        ({"max_ratio_to_median": 2}, {"shares": [0.125]}, False),
        ({"max_ratio_to_median": 1.9}, {"shares": [0.125]}, True),
        ({"max_ratio_to_median": 1.9}, {"shares": []}, False),
        ({"max_ratio_to_median": None}, {"shares": [0.0001]}, False),
        ({"max_ratio_to_median": 2}, {"shares": [0.0]}, False),  # 2 of 8 records; the median counts as one record in 8
        ({"max_ratio_to_median": 1.9}, {"shares": [0.0]}, True),
        ({"max_volume_ratio": 2}, {"records": [5]}, False),
        ({"max_volume_ratio": 1.9}, {"records": [5]}, True),
        ({"max_volume_ratio": 2}, {"records": [20]}, False),
        ({"max_volume_ratio": 1.9}, {"records": [20]}, True),
        ({"max_volume_ratio": 1.9}, {"records": []}, False),
        ({"max_volume_ratio": None}, {"records": [1]}, False),
        ({"max_shrink": 0.5}, {"published": {"a": 12, "b": 8}}, False),
        ({"max_shrink": 0.49}, {"published": {"a": 12, "b": 8}}, True),
        ({"max_shrink": 0}, {"published": {"a": 5, "b": 5}}, False),  # one source grows as much as the other shrinks
        ({"max_shrink": None}, {"published": {"a": 99}}, False),
        ({"max_shrink": 0}, {"published": {}}, False),
    ],
)
def test_a_gate_passes_at_its_limit_and_fails_beyond_it(gates, past, fails: bool):
    books = books_of({"a": 6, "b": 4}, quarantined=2, duplicates=2)
    assert failed(books, past_of(**past), **gates) == ([next(iter(gates))] if fails else [])


@pytest.mark.parametrize(
    ("allowed", "published", "sources", "fails"),
    [
        (0.5, {"a": 10, "b": 1}, ("a", "b"), True),  # source b is gone
        (0.5, {"a": 10, "b": 1}, ("a",), False),  # source b is not configured any more
        (1, {"a": 10, "b": 1}, ("a", "b"), False),  # everything may be lost
        (0.5, {"a": 10}, ("a", "b"), False),  # source b never had records
        (0.5, {"a": 10, "b": 0}, ("a", "b"), False),
    ],
)
def test_a_source_that_loses_all_its_records_fails_the_gate(allowed: float, published, sources, fails: bool):
    books = books_of({"a": 10, "b": 0})
    assert failed(books, past_of(published=published, sources=sources), max_shrink=allowed) == (["max_shrink"] if fails else [])


@pytest.mark.parametrize(("errors", "allowed", "fails"), [(0, 0, False), (1, 0, True), (2, 2, False), (3, 2, True)])
def test_more_internal_errors_than_allowed_fail_the_gate(errors: int, allowed: int, fails: bool):
    found = too_many_errors(books_of({"a": 10}, internal_errors=errors), Gates.model_validate({"max_internal_errors": allowed}))
    assert (found is not None) == fails


def test_totals_add_up_all_files():
    books = make_books(
        CONFIG,
        {("a", "1"): 4, ("a", "2"): 7, ("b", "3"): 2},
        {
            ("a", "1", "kept"): 2,
            ("a", "1", "conversation"): 3,
            ("a", "1", "quarantined"): 2,
            ("a", "2", "duplicate"): 7,
            ("b", "3", "kept"): 2,
            ("b", "3", "conversation"): 2,
            ("b", "4", "damaged"): 1,
        },
        {},
        0,
        0,
        {},
    )
    assert books.states() == {
        "records": 13,
        "conversations": 5,
        "quarantined": 2,
        "duplicates": 7,
        "damaged": 1,
        "filtered": 0,
        "superseded": 0,
        "kept": 4,
        "refused_by_all": 0,
        "internal_errors": 0,
    }
    assert books.rows() == {"conversations": 5, "samples": 0, "quarantine": 10}
    assert (books.records_of("a"), books.records_of("b"), books.faults()) == (11, 2, [])
    assert books.quarantined_share() == 2 / 6


def blamed(**more):
    """10 records of a, of which 2 are quarantined and 1 is refused by all dialects; 4 of b, of which none is."""
    books = books_of({"a": 10, "b": 4}, quarantined=2)
    blame = {("a", "a.jsonl", "image.missing", True): 2, ("a", "a.jsonl", "tokens.too_long", True): 1, ("b", "b.jsonl", "tokens.too_long", False): 3}
    return replace(books, blame=blame, refused={("a", "a.jsonl"): 1}, refused_by_all=1)


@pytest.mark.parametrize(
    ("gates", "fails", "warns"),
    [
        ({"sources": {"a": {"fail": 0.3}}}, False, False),
        ({"sources": {"a": {"fail": 0.29}}}, True, False),
        ({"sources": {"a": {"warn": 0.3}}}, False, False),
        ({"sources": {"a": {"warn": 0.29, "fail": 0.3}}}, False, True),
        ({"sources": {"a": {"warn": 0.1, "fail": 0.2}}}, True, False),
        ({"sources": {"b": {"warn": 0, "fail": 0}}}, False, False),
        ({"reasons": {"image.missing": {"fail": 2 / 14}}}, False, False),
        ({"reasons": {"image.missing": {"warn": 0.14}}}, False, True),
        ({"reasons": {"tokens.too_long": {"fail": 4 / 14}}}, False, False),  # those that one dialect has refused count too
        ({"reasons": {"tokens.too_long": {"fail": 0.28}}}, True, False),
        ({"reasons": {"json.too_deep": {"warn": 0, "fail": 0}}}, False, False),
    ],
)
def test_a_source_and_a_reason_warn_above_one_share_and_fail_above_another(gates, fails: bool, warns: bool):
    (kind,) = gates
    name = f"{kind}.{next(iter(gates[kind]))}"
    assert failed(blamed(), **gates) == ([name] if fails else [])
    warnings = gate_warnings(blamed(), Gates.model_validate(gates))
    assert [words.split(": ")[:2] for words in warnings] == ([["warning", name]] if warns else [])


def test_the_words_of_these_gates():
    gates = {"sources": {"a": {"fail": 0.2}}, "reasons": {"tokens.too_long": {"fail": 0.01}}}
    assert failed_gates(blamed(), Gates.model_validate(gates | {"max_quarantined": 1})) == [
        "sources.a: 3 of 10 records of source a were quarantined (30.00%); the limit is 20.00%",
        "reasons.tokens.too_long: 4 of 14 records were quarantined for tokens.too_long, as a whole or by a dialect (28.57%); the limit is 1.00%",
    ]
    warned = gate_warnings(blamed(), Gates.model_validate({"sources": {"a": {"warn": 0.2}}}))
    assert warned == ["warning: sources.a: 3 of 10 records of source a were quarantined (30.00%); the warning limit is 20.00%"]


@pytest.mark.parametrize(
    ("gates", "fault"),
    [
        ({"sources": {"c": {"fail": 0.1}}}, "gates.sources: unknown source 'c'; known: a"),
        ({"reasons": {"image.mising": {"fail": 0.1}}}, "gates.reasons: unknown reason 'image.mising'; did you mean image.missing?"),
        ({"reasons": {"repair.bom": {"fail": 0.1}}}, "gates.reasons: unknown reason 'repair.bom'; `episodes reasons` lists those that refuse a record"),
        ({"sources": {"a": {"warn": 0.2, "fail": 0.1}}}, "gates.sources.a: warn must not be greater than fail"),
        ({"sources": {"a": {"fail": 2}}}, "gates.sources.a.fail: expected a number of at most 1, found 2"),
        ({"sources": {"a": {"limit": 2}}}, "gates.sources.a.limit: unknown key"),
    ],
)
def test_a_misspelt_gate_is_a_fault_of_the_configuration(gates, fault: str):
    with pytest.raises(ConfigError) as caught:
        parse_config({"sources": [{"name": "a", "path": "a"}], "output": {"root": "out"}, "gates": gates})
    assert [found.partition("; did you mean")[0] if "did you" not in fault else found for found in caught.value.faults] == [fault]
