"""The figures at the top of the report: they add up to the records that were read, and the causes to the rows of quarantine."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipelines.ledger.books import ASIDE
from pipelines.ledger.causes import cause_rows, usual_reasons, worst_files
from pipelines.reasons import Reason
from pipelines.reports.causes import MOST_SOURCES, matrix_of, worst_of
from pipelines.reports.flow import COLOURS, FAMILIES, LEAST, WIDTH, flow_parts

CODES = ["image.missing", "image.empty", "line.invalid_json", "tool.call_malformed", "schema.turns_empty", "record.duplicate", "record.superseded"]
CAUSES = st.dictionaries(
    st.tuples(st.sampled_from([f"source {number}" for number in range(15)]), st.sampled_from(CODES), st.sampled_from(["record", "conversation", "file"])),
    st.integers(1, 10**9),
)


def counts_of(causes: dict[tuple[str, str, str], int], kept: int) -> dict[str, int]:
    found = {"kept": kept, "quarantined": 0, "duplicates": 0, "superseded": 0, "filtered": 0}
    names = {"duplicate": "duplicates"}
    for (_, code, of), rows in causes.items():
        state = ASIDE.get(code, "quarantined")
        found[names.get(state, state)] += rows if of == "record" else 0
    return found | {"records": sum(found.values())}


@given(CAUSES, st.integers(0, 10**9))
def test_the_parts_of_the_bar_add_up_to_the_records_read_and_fill_it(causes: dict[tuple[str, str, str], int], kept: int):
    counts = counts_of(causes, kept)
    parts = flow_parts(counts, cause_rows(causes))
    assert sum(part.count for part in parts) == counts["records"]
    assert sum(part.count for part in parts if part.kind == "quarantined") == counts["quarantined"]
    assert abs(sum(part.width for part in parts) - (WIDTH if counts["records"] else 0)) < 1e-6
    assert all(part.width >= LEAST or not part.count for part in parts)
    assert all(abs(part.x + part.width - after.x) < 1e-6 for part, after in itertools.pairwise(parts))


def test_the_largest_family_of_reasons_comes_first_in_words_that_need_no_code():
    causes = [
        {"source": "gui", "reason": code, "of": "record", "rows": rows} for code, rows in (("image.missing", 2), ("line.invalid_json", 5), ("image.empty", 4))
    ]
    counts = {"records": 20, "kept": 8, "quarantined": 11, "duplicates": 1}
    assert [(part.label, part.count) for part in flow_parts(counts, causes)] == [
        ("kept", 8),
        ("quarantined: pictures", 6),
        ("quarantined: lines without a JSON object", 5),
        ("duplicate: the same record is kept elsewhere", 1),
    ]
    assert [part.label for part in flow_parts(counts, ())] == ["kept", "quarantined", "duplicate: the same record is kept elsewhere"]  # an older manifest
    assert [(part.count, part.width) for part in flow_parts({"records": 0, "kept": 0, "quarantined": 0, "duplicates": 0}, ())] == [(0, 0)]


@given(CAUSES)
def test_the_cells_of_the_matrix_add_up_to_the_rows_of_each_reason(causes: dict[tuple[str, str, str], int]):
    totals: dict[str, int] = {}
    for (_, code, _), rows in causes.items():
        totals[code] = totals.get(code, 0) + rows
    matrix = matrix_of({"reasons": totals, "causes": cause_rows(causes)})
    assert {row.code: sum(row.counts) for row in matrix.rows} == {row.code: row.total for row in matrix.rows} == totals
    assert len(matrix.sources) <= MOST_SOURCES + 1
    assert all(len(row.counts) == len(matrix.sources) for row in matrix.rows)


def test_a_reason_is_compared_with_its_usual_number():
    usual = usual_reasons([{"reasons": {"image.missing": 2, "image.empty": 9}}] * 3 + [{"reasons": {"image.missing": 4, "tokens.too_long": 7}}, {}])
    assert usual == {"batches": 4, "rows": {"image.empty": 9, "image.missing": 2, "tokens.too_long": 0}}
    matrix = matrix_of({"reasons": {"image.missing": 7, "tokens.too_long": 1, "record.duplicate": 3}, "usual_reasons": usual})
    assert [(row.code, row.usual, row.change, row.is_unusual) for row in matrix.rows] == [
        ("image.missing", 2, "3.5 times", True),
        ("tokens.too_long", 0, "new", True),
        ("record.duplicate", 0, "new", True),
    ]
    assert (matrix.batches, matrix.missing) == (4, (("image.empty", 9),))
    for number, change in ((1, "as usual"), (3, "as usual"), (4, "2.0 times"), (182, "91 times"), (0.5, "fewer")):
        row = matrix_of({"reasons": {"image.missing": number}, "usual_reasons": {"batches": 1, "rows": {"image.missing": 2}}}).rows[0]
        assert row.change == change
    assert matrix_of({"reasons": {"image.missing": 7}}).rows[0].change == ""


def book(path: str, **counts: int) -> Any:
    from pipelines.ledger.books import FileBook

    return FileBook("gui", path, **{"records": 9, "conversations": 0, "quarantined": 0, "duplicates": 0, "damaged": 0, "kept": 0} | counts)


def test_the_worst_files_have_what_they_lost_and_the_main_reason():
    from pipelines.ledger.books import Books

    files = (book("good"), book("bad", quarantined=7), book("cut", damaged=1), book("worse", quarantined=8))
    blame = {
        ("gui", "bad", "image.missing", True): 4,
        ("gui", "bad", "image.empty", True): 3,
        ("gui", "bad", "tokens.too_long", False): 99,
        ("gui", "cut", Reason.FILE_GZIP_TRUNCATED.code, True): 1,
        ("gui", "worse", "image.empty", True): 8,
    }
    rows = worst_files(Books(files, (), 0, 0, blame=blame))
    assert [(row["path"], row["lost"], row["reason"], row["reason_lost"], row["reasons"]) for row in rows] == [
        ("worse", 8, "image.empty", 8, 1),
        ("bad", 7, "image.missing", 4, 2),
        ("cut", 0, "file.gzip_truncated", 1, 1),
    ]
    assert [file.path for file in worst_of({"worst_files": rows})] == ["worse", "bad", "cut"]
    many = Books(tuple(book(f"{number:04}", quarantined=1) for number in range(1000)), (), 0, 0)
    assert len(worst_files(many)) == 200


def test_a_family_of_reasons_has_the_same_colour_on_every_night():
    def colours(**reasons: int) -> dict[str, str]:
        causes = cause_rows({("gui", reason.replace("_", ".", 1), "record"): count for reason, count in reasons.items()})
        counts = {"records": sum(reasons.values()), "kept": 0, "quarantined": sum(reasons.values()), "duplicates": 0}
        return {part.label: part.colour for part in flow_parts(counts, causes) if part.kind == "quarantined"}

    one, other = colours(image_missing=9, tool_unknown_tool=2), colours(tool_unknown_tool=9, line_invalid_json=4, image_missing=1)
    assert other.items() >= one.items()
    assert len(set(other.values())) == 3
    assert set(COLOURS) == set(FAMILIES)
    style = (Path(__file__).parents[2] / "pipelines" / "reports" / "templates" / "report.css").read_text()
    assert [
        number for number in range(len(COLOURS)) if f".q{number} {{ fill: var(--q{number}); background" not in style or f"--q{number}: #" not in style
    ] == []
