"""How often the fields of `keep_if` are found, in the manifest and in the summary."""

import pyarrow as pa
import pytest

from pipelines.ledger.books import Books, FileBook
from pipelines.ledger.filtered import count_absent, input_warnings, is_judged, keep_if_facts, keep_if_lines
from pipelines.normalize.kept import ABSENT
from pipelines.tables.schema import FINDINGS
from tests.making import configuration


def rows(*found: tuple[str, list[tuple[str, str]]]) -> pa.Table:
    findings = [[{"code": reason, "stage": "", "where": where, "detail": detail} for where, detail in each] for reason, each in found]
    return pa.table({"source": ["kit"] * len(found), "reason": [reason for reason, _ in found], "findings": pa.array(findings, FINDINGS)})


def books_of(kept: int) -> Books:
    return Books((FileBook("kit", "a.jsonl", kept, 4 * kept, 0, 0, 0, kept),), (), 0, 0)


def test_only_findings_of_filtered_records_are_counted():
    table = rows(
        ("record.filtered", [("resolved", ABSENT), ("reward", "found 0; kept: 1")]),
        ("record.filtered", [("resolved", ABSENT), ("reward", ABSENT)]),
        ("schema.field_type", [("resolved", ABSENT)]),
    )
    assert count_absent(table) == {("kit", "resolved"): 2, ("kit", "reward"): 1}
    assert count_absent(pa.concat_tables([table, table])) == {("kit", "resolved"): 4, ("kit", "reward"): 2}
    assert count_absent(table.slice(0, 0)) == {}


@pytest.mark.parametrize(
    ("reason", "judged"),
    [("record.filtered", True), ("image.missing", True), ("schema.unknown_format", True), ("line.invalid_json", False), ("record.duplicate", False)],
)
def test_records_are_judged_once_they_are_parsed(reason: str, judged: bool):
    assert is_judged(reason) == judged


def test_a_field_that_no_record_has_is_named():
    config = configuration(source={"keep_if": {"resolvd": True, "reward": 1, "split": "train"}})
    facts = keep_if_facts(config, books_of(0), {"kit": 12}, {("kit", "resolvd"): 12, ("kit", "reward"): 1})
    assert keep_if_facts(config, books_of(3), {"kit": 12}, {})[0]["records"] == 15  # three have conversations
    assert facts[0] == {"source": "kit", "field": "resolvd", "records": 12, "without_it": 12}
    assert list(keep_if_lines(facts)) == [
        "keep_if                12   kit: no record has the field resolvd, so all were filtered",
        "keep_if                 1   kit: record filtered without the field reward",
    ]
    assert list(keep_if_lines(keep_if_facts(config, books_of(0), {}, {}))) == []


def book(name: str, kept: int, filtered: int = 0, damaged: int = 0, quarantined: int = 0) -> FileBook:
    return FileBook("kit", name, kept + filtered + quarantined, kept, quarantined, 0, damaged, kept, filtered)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([book("a.jsonl", 3)], []),
        ([book("a.jsonl", 3), book("b.parquet", 5, damaged=1)], ["warning: 1 damaged file, b.parquet: what could be read of it is counted, the rest is not"]),
        (
            [book("a.gz", 0, damaged=1), book("b.gz", 0, damaged=1)],
            ["warning: 2 damaged files, the first a.gz: what could be read of them is counted, the rest is not"],
        ),
    ],
)
def test_a_damaged_file_is_a_warning(files: list[FileBook], words: list[str]):
    assert input_warnings(Books(tuple(files), (), 0, 0), []) == words


@pytest.mark.parametrize(
    ("files", "absent", "words"),
    [
        ([book("a.jsonl", 0, 7), book("b.jsonl", 0, 5)], 12, ["warning: keep_if leaves out all records of source kit, 12: no record has the field resolvd"]),
        ([book("a.jsonl", 0, 12)], 0, ["warning: keep_if leaves out all records of source kit, 12"]),
        ([book("a.jsonl", 0, 12, quarantined=1)], 0, ["warning: keep_if leaves out all records of source kit, 12"]),  # a line that is no JSON
        ([book("a.jsonl", 1, 11)], 11, []),
        ([book("a.jsonl", 0)], 0, []),
    ],
)
def test_a_source_that_keep_if_leaves_out_altogether_is_a_warning(files: list[FileBook], absent: int, words: list[str]):
    books = Books(tuple(files), (), 0, 0)
    facts = keep_if_facts(configuration(source={"keep_if": {"resolvd": True}}), books, {"kit": books.total("filtered")}, {("kit", "resolvd"): absent})
    assert input_warnings(books, facts) == words
