"""Bounds for what a template does: how many steps its loops and macros take, and how long a text or a list that it makes can be.

Without them `{% for i in range(99999) %}{% for j in range(99999) %}` takes an hour, and `'ab' * 3000000000` as much memory as there is. transformers has no
such bounds. A template that stays below them writes the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from jinja2 import Environment, Template, TemplateError, nodes

MOST_STEPS = 5_000_000  # of all loops and calls of macros of a render together
STEPS_OF_CALL = 20  # what the call of a macro counts as, by the time it takes
MOST_LENGTH = 1 << 24  # characters of a text, items of a list
MOST_BITS = 1 << 16  # of a power or product
MOST_WIDTH = 1000  # of an indentation, digits of a rounded number
_MOST_ADDED = 16  # texts that are put together before their length is looked at
_NUMBER = re.compile(r"\d+")
_ITERATES = frozenset(
    (
        "sum",
        "join",
        "list",
        "sort",
        "unique",
        "map",
        "select",
        "reject",
        "selectattr",
        "rejectattr",
        "groupby",
        "min",
        "max",
        "reverse",
        "batch",
        "slice",
        "items",
    )
)
_GROWS = (nodes.Add, nodes.Call, nodes.Filter, nodes.Mod)  # what can make a long value of short ones
COUNTED, SIZED, CALLED = "counted steps", "sized value", "counted call"  # filters with names that no template can write


class LimitExceeded(TemplateError):
    """The template does more than a chat template can have a reason to."""


class Steps:
    """How many steps the loops and macros of a render may still take."""

    def __init__(self) -> None:
        self.left = MOST_STEPS

    def take(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise LimitExceeded(f"its loops and macros take more than {MOST_STEPS:,} steps")

    def counted(self, value: Any) -> Any:
        """The value of a loop or a filter, whose items are counted."""
        try:
            self.take(len(value))
        except TypeError:
            return self._each(value) if isinstance(value, Iterator) else value
        return value

    def called(self, _: Any) -> None:
        """A macro is called. One that calls itself twice runs as long as a loop."""
        self.take(STEPS_OF_CALL)

    def _each(self, values: Iterator[Any]) -> Iterator[Any]:
        for value in values:
            self.take(1)
            yield value


def check_length(length: int) -> None:
    if length > MOST_LENGTH:
        raise LimitExceeded(f"it makes a text or a list longer than {MOST_LENGTH:,}")


def sized(value: Any) -> Any:
    if isinstance(value, (str, list, tuple)):
        check_length(len(value))
    return value


def joined(parts: Any) -> str:
    """The parts as one text."""
    texts = [*map(str, parts)]
    check_length(sum(map(len, texts)))
    return "".join(texts)


def check_binary(operator: str, left: Any, right: Any) -> None:
    """Raises LimitExceeded where the result would be too large. `operator` is *, ** or %."""
    if operator == "%":
        if isinstance(left, (str, bytes)):
            check_format(str(left), right if isinstance(right, tuple) else (right,))
        return
    if isinstance(left, int) and isinstance(right, int):
        bits = left.bit_length() * max(right, 0) if operator == "**" else left.bit_length() + right.bit_length()
        if bits > MOST_BITS:
            raise LimitExceeded(f"it makes a number of more than {MOST_BITS:,} bits")
    for value, times in ((left, right), (right, left)):
        if isinstance(times, int) and hasattr(value, "__len__"):
            check_length(len(value) * max(times, 0))


def check_format(text: str, values: tuple[Any, ...]) -> None:
    """Raises LimitExceeded where the widths of a format, or numbers that may be its widths, are too large."""
    check_length(sum([int(number[:12]) for number in _NUMBER.findall(text)]))
    check_length((text.count("%") + text.count("{")) * sum([len(value) for value in values if isinstance(value, (str, list, tuple))]))
    if "*" in text or "{" in text:
        check_length(max([value for value in values if isinstance(value, int)], default=0))


def _of_width(value: Any, width: Any = 0, *_: Any) -> None:
    check_length(width if isinstance(width, int) else 0)


def _of_tabs(value: Any, tabsize: Any = 8) -> None:
    check_length(value.count("\t" if isinstance(value, str) else b"\t") * tabsize)


def _of_replace(value: Any, old: Any = "", new: Any = "", *_: Any) -> None:
    check_length(len(value) + value.count(old) * len(new))


def _of_join(value: Any, parts: Any = ()) -> None:
    if hasattr(parts, "__len__"):
        check_length(len(value) * len(parts) + sum([len(part) for part in parts if isinstance(part, (str, bytes))]))
    else:
        check_length(len(value) * MOST_WIDTH)


def _values(table: Any) -> list[Any]:
    return [*table.values()] if isinstance(table, dict) else []


def _of_format(value: Any, *given: Any, **named: Any) -> None:
    check_format(str(value), (*given, *named.values()))


# Methods of texts whose result can be far longer than what they are given.
METHODS: dict[str, Callable[..., None]] = {
    **dict.fromkeys(("center", "ljust", "rjust", "zfill"), _of_width),
    "expandtabs": _of_tabs,
    "replace": _of_replace,
    "join": _of_join,
    "format": _of_format,
    "format_map": lambda value, given=(): _of_format(value, *(given.values() if isinstance(given, dict) else ())),
    "translate": lambda value, table=None: check_length(len(value) * max([len(one) for one in _values(table) if isinstance(one, str)], default=1)),
    "to_bytes": lambda value, length=1, *_, **named: check_length(length),
}


def bounded(value: Any, name: str, method: Any) -> Callable[..., Any]:
    """The method of this value, which raises LimitExceeded where its result would be too long."""
    check = METHODS[name]

    def call(*given: Any, **named: Any) -> Any:
        check(value, *given, **named)
        return method(*given, **named)

    return call


def bound_filters(environment: Environment, steps: Steps) -> None:
    """Puts bounds on the filters of this environment."""
    filters = environment.filters
    for name, check in (
        ("center", lambda value, width=80: _of_width(value, width)),
        ("format", lambda value, *given, **named: _of_format(value, *given, **named)),
        ("indent", lambda s, width=4, *_, **__: check_length((s.count("\n") + 1) * (width if isinstance(width, int) else len(width)))),
        ("wordwrap", lambda _, s, width=79, break_long_words=True, wrapstring=None, *__: check_length(len(s) * len(wrapstring or ""))),
        ("round", lambda value, precision=0, *_: check_length(abs(precision) * (MOST_LENGTH // MOST_WIDTH))),
        ("batch", lambda value, linecount, *_: steps.take(linecount)),
        ("slice", lambda _, value, slices, *__: steps.take(slices)),
    ):
        filters[name] = _checked(filters[name], check)
    filters["replace"] = _checked(filters["replace"], lambda _, s, old, new, *__: _of_replace(str(s), str(old), str(new)))
    filters["join"] = _checked(filters["join"], lambda _, value, d="", *__: _of_join(str(d), value))
    filters[COUNTED], filters[SIZED], filters[CALLED] = steps.counted, sized, steps.called


def _checked(made: Callable[..., Any], check: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(made)
    def call(*given: Any, **named: Any) -> Any:
        check(*given, **named)
        return made(*given, **named)

    return call


def bound_tree(tree: nodes.Template) -> None:
    """Puts bounds into a template: its loops count their steps, and what it keeps in a variable or gives to a macro is not too long."""
    for loop in tree.find_all(nodes.For):
        loop.iter = _filtered(loop.iter, COUNTED)
    for used in tree.find_all(nodes.Filter):
        if used.name in _ITERATES and used.node is not None:
            used.node = _filtered(used.node, COUNTED)
    for macro in tree.find_all(nodes.Macro):
        macro.body.insert(0, nodes.ExprStmt(_filtered(nodes.ContextReference(lineno=macro.lineno), CALLED), lineno=macro.lineno))
    for kept in tree.find_all(nodes.Assign):
        if any(True for _ in kept.find_all(_GROWS)):
            kept.node = _filtered(kept.node, SIZED)
    _bound_sums(tree, 0)


def _bound_sums(node: nodes.Node, depth: int) -> None:
    """Looks at the length of every sum that is not written or kept at once, and of longer sums after every sixteenth text."""
    for name, value in list(node.iter_fields()):
        for k, one in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(one, nodes.Node):
                continue
            inside = depth + 1 if isinstance(one, nodes.Add) and isinstance(node, nodes.Add) else 0
            _bound_sums(one, inside)
            if isinstance(one, nodes.Add) and (not isinstance(node, (nodes.Add, nodes.Output, nodes.Filter)) or (inside and inside % _MOST_ADDED == 0)):
                held = _filtered(one, SIZED)
                if isinstance(value, list):
                    value[k] = held
                else:
                    setattr(node, name, held)


def _filtered(value: nodes.Node, name: str) -> nodes.Expr:
    return nodes.Filter(value, name, [], [], None, None, lineno=value.lineno)


def bound_code(template: Template) -> Template:
    """Puts a bound on what `~` makes of texts, which the code of a template does by a function that it imports."""
    template.root_render_func.__globals__["str_join"] = joined
    return template
