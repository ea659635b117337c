"""A mutant is one small change of an expression; every other byte stays as it was."""

import pytest

from tests.mutants.__main__ import equal_programs, is_equal
from tests.mutants.sites import mutants_in


def changed(source: str) -> list[str]:
    data = source.encode()
    return [mutant.applied(data).decode() for mutant in mutants_in("pipelines/a.py", data)]


@pytest.mark.parametrize(
    "source, wanted",
    [
        ("a  <  b # é", ["(a <= b) # é"]),
        ("x = 'é' in y", ["x = ('é' not in y)"]),
        ("if not  a: pass", ["if (a): pass"]),
        ("(a or b) and c", ["((a or b) or c)", "((a and b)) and c"]),
        ("x = 7", ["x = 8", "x = 6"]),
        ("f(True)", ["f(False)"]),
        ("def f():\n  return a", ["def f():\n  return None"]),
        ("def f():\n  return False", ["def f():\n  return True"]),
        ("def f():\n  return 0", ["def f():\n  return None", "def f():\n  return 1", "def f():\n  return -1"]),
    ],
)
def test_each_kind_of_change(source: str, wanted: list[str]):
    assert changed(source) == wanted


@pytest.mark.parametrize("source", ["x: Literal[1]", "@dataclass(frozen=True)\nclass A: pass", "zip(a, b, strict=True)", "return None", "'1 < 2'"])
def test_what_is_not_changed(source: str):
    assert changed(source) == []


def test_equal_programs_are_named_by_file_expression_and_line():
    assert equal_programs("# heading\n\na.py\n9\nsize = 9\n  a buffer of any size gives the same lines\n") == {("a.py", "9", "size = 9")}


@pytest.mark.parametrize(
    ("expression", "line", "is_one"), [("9", "size = 9", True), ("*", "size = 9", True), ("8", "size = 9", False), ("*", "size = 8", False)]
)
def test_a_change_of_an_equal_program_is_known_by_its_expression_or_its_line(expression: str, line: str, is_one: bool):
    assert [is_equal(mutant, {("a.py", expression, line)}) for mutant in mutants_in("a.py", b"size = 9")] == [is_one, is_one]
