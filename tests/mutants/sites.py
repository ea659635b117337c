"""Where the code can be changed a little, and how: one changed expression, every other byte as it was."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.LtE, ast.Gt: ast.GtE, ast.Eq: ast.NotEq, ast.In: ast.NotIn, ast.Is: ast.IsNot}
OPPOSITE = TURNED | {new: old for old, new in TURNED.items()}
OTHER_ROOMS = {"spark", "demo", "training"}  # `make check` does not run what tests them
# Arguments that change no result of correct code: how a class is stored, how much is kept, and a check that two lengths agree.
SETTLED = {"frozen", "slots", "gc", "array_like", "maxsize", "strict"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one file. `before` and `after` are the expression's text, `line` is the source line where it begins."""

    path: str  # relative to the checkout
    number: int
    line: str
    before: str
    after: str
    start: int  # in bytes of the file
    end: int

    @property
    def room(self) -> str:
        return Path(self.path).parts[1].removesuffix(".py")

    def applied(self, source: bytes) -> bytes:
        return source[: self.start] + self.after.encode() + source[self.end :]


def mutants_of(checkout: Path, room: str | None = None) -> list[Mutant]:
    """Every mutant of every pure room, or of one room, in the order of the text."""
    files = sorted((checkout / "pipelines").rglob("*.py"))
    found = [mutant for file in files for mutant in mutants_in(str(file.relative_to(checkout)), file.read_bytes())]
    return [mutant for mutant in found if mutant.room not in OTHER_ROOMS and room in (None, mutant.room)]


def mutants_in(path: str, source: bytes) -> Iterator[Mutant]:
    """
    >>> [(mutant.before, mutant.after) for mutant in mutants_in("a.py", b"if not x < 2: f(y)")]
    [('not x < 2', '(x < 2)'), ('x < 2', '(x <= 2)'), ('2', '3'), ('2', '1')]
    """
    lines = source.split(b"\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    for node in _expressions(ast.parse(source)):
        start, end = starts[node.lineno - 1] + node.col_offset, starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        before = source[start:end].decode()
        if _is(node, before):
            for after in _changes(node):
                yield Mutant(path, node.lineno, lines[node.lineno - 1].decode().strip(), before, after, start, end)


def _expressions(node: ast.AST) -> Iterator[ast.expr]:
    """All but annotations and settled arguments. A returned expression comes as itself, and is known by `returned`."""
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or name in ("annotation", "returns") or (isinstance(child, ast.keyword) and child.arg in SETTLED):
                continue
            if isinstance(node, ast.Return) and isinstance(child, ast.expr):
                child.returned = True  # type: ignore[attr-defined]
            if isinstance(child, ast.expr):
                yield child
            yield from _expressions(child)


def _is(node: ast.expr, text: str) -> bool:
    """Python 3.11 misplaces some expressions in f-strings; these are passed over."""
    try:
        return ast.dump(ast.parse(f"({text})", mode="eval").body) == ast.dump(node)
    except SyntaxError:
        return False


def _changes(node: ast.expr) -> Iterator[str]:
    # None for a returned False makes no difference to a caller who asks whether it is true.
    if getattr(node, "returned", False) and not (isinstance(node, ast.Constant) and (node.value is None or node.value is False)):
        yield "None"
    if isinstance(node, ast.Constant) and type(node.value) is int:
        yield from (str(node.value + 1), str(node.value - 1))
    elif isinstance(node, ast.Constant) and type(node.value) is bool:
        yield str(not node.value)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield f"({ast.unparse(node.operand)})"
    elif isinstance(node, ast.BoolOp):
        other = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
        yield f"({ast.unparse(ast.BoolOp(other, node.values))})"
    elif isinstance(node, ast.Compare):
        ops = [OPPOSITE[type(node.ops[0])](), *node.ops[1:]]
        yield f"({ast.unparse(ast.Compare(node.left, ops, node.comparators))})"
