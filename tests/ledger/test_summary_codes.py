"""The counts of states, reasons, repairs, rows and tokens in the summary at the end of a run."""

from pipelines.ledger.books import Books, DialectBook, FileBook
from pipelines.ledger.summary import summary_lines

BOOKS = Books(
    files=(FileBook("gui", "a.jsonl", 1200, 1100, 90, 10, 1), FileBook("gui", "b.jsonl", 2, 1, 0, 1, 1)),
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


def test_where_every_record_went_is_said_with_the_most_frequent_reasons_first():
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


def test_a_run_without_facts_has_its_books_alone():
    books = Books(files=(FileBook("gui", "a.jsonl", 1, 1, 0, 0, 0),), dialects=(), refused_by_all=0, internal_errors=0)
    assert summary_lines(books, {}) == ["records in              1   = 1 conversation + 0 quarantined + 0 duplicates"]
