"""One render of a chat template that tells which characters belong to which message.

The template's own syntax tree gets marks: at the start of every loop body that writes, after such a loop, and after an assignment in one. A mark
writes nothing. It notes how much was written so far and which message the loop variable is, by identity, so a loop may copy or filter the list:

    {% for m in messages %}        note: from here on, message k
      <|im_start|>{{ m.role }} ...
    {% endfor %}                   note: from here on, what it was before the loop

Macros and captured blocks get no marks, because their text is written elsewhere. `Marker.learn` keeps the marks that meet messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from traceback import walk_tb
from typing import Any, NamedTuple

from jinja2 import Template, nodes

from pipelines.dialects.hf.limits import MOST_LENGTH, MOST_STEPS, LimitExceeded, bound_code, bound_tree, check_length
from pipelines.dialects.hf.sandbox import Sandbox

TEMPLATE = -1  # what belongs to no message
_CAPTURED = (nodes.Macro, nodes.CallBlock, nodes.AssignBlock, nodes.FilterBlock)


class Piece(NamedTuple):
    """The characters [start, end) of a render, which belong to this message."""

    message: int
    start: int
    end: int


class Rendered(NamedTuple):
    """A render: its text, the pieces of its messages in order, and what `{% generation %}` marks."""

    text: str
    pieces: list[Piece]
    generated: list[tuple[int, int]]


class _Notes:
    """What the marks of a render note. They are called from inside of it."""

    def __init__(self) -> None:
        self.start({}, False)

    def start(self, messages: dict[int, int], is_learning: bool) -> None:
        self.written: list[str] = []
        self.messages = messages
        self.changes: list[tuple[int, int]] = [(0, TEMPLATE)]  # (chunks written so far, message from here on)
        self.current = TEMPLATE
        self.outer: list[int] = []
        self.opened: list[int] = []
        self.generated: list[tuple[int, int]] = []
        self.met: set[int] | None = set() if is_learning else None

    def enter(self, _: None) -> None:
        self.outer.append(self.current)

    def leave(self, _: None) -> None:
        self._change(self.outer.pop())

    def take(self, value: Any, site: int) -> None:
        message = self.messages.get(id(value))
        if message is not None:
            if self.met is not None:
                self.met.add(site)
            self._change(message)

    def open(self, _: None) -> None:
        self.opened.append(len(self.written))

    def close(self, _: None) -> None:
        self.generated.append((self.opened.pop(), len(self.written)))

    def _change(self, message: int) -> None:
        if message != self.current:
            self.current = message
            self.changes.append((len(self.written), message))


class Marker:
    """A template with marks. `learn` renders probes and then keeps only the marks that met a message."""

    def __init__(self, source: str, sandbox: Sandbox):
        self._source, self._sandbox = source, sandbox
        self._notes = _Notes()
        sandbox.filters.update({f"mark {name}": getattr(self._notes, name) for name in ("enter", "leave", "take", "open", "close")})
        self.has_generation = "generation" in source and any(map(_is_generation, sandbox.parse(source).find_all(nodes.CallBlock)))
        self._sites: dict[int, int | None] = {}
        self._template = self._compiled(None)

    def learn(self, probes: Sequence[dict[str, Any]]) -> None:
        """Keeps the marks that meet a message in one of these renders. A probe that the template refuses teaches nothing more. Raises LimitExceeded."""
        met: set[int] = set()
        for variables in probes:
            try:
                self._run(variables, is_learning=True)
            except LimitExceeded:
                raise
            except Exception:  # whatever a foreign template raises
                pass
            met |= self._notes.met or set()
        # An assignment in a loop over messages only looks at another message.
        self._template = self._compiled({site for site in met if self._sites[site] is None or self._sites[site] not in met})

    def render(self, variables: dict[str, Any]) -> Rendered:
        """The render of these variables. Raises whatever the template raises."""
        return self._run(variables, is_learning=False)

    def line_of(self, error: Exception) -> int | None:
        """The line of the template that raised this; None where it was raised elsewhere."""
        lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == "<template>"]
        return self._template.get_corresponding_lineno(lines[-1]) if lines else None

    def _run(self, variables: dict[str, Any], is_learning: bool) -> Rendered:
        messages = {id(message): i for i, message in enumerate(variables["messages"])}
        notes = self._notes
        notes.start(messages, is_learning)
        self._sandbox.steps.left = MOST_STEPS
        append, end, ends = notes.written.append, 0, [0]
        for chunk in self._template.root_render_func(self._template.new_context(variables)):
            append(chunk)
            end += len(chunk)
            ends.append(end)
            if end > MOST_LENGTH:
                check_length(end)
        return _rendered(notes, ends)

    def _compiled(self, kept: set[int] | None) -> Template:
        tree = self._sandbox.parse(self._source)
        bound_tree(tree)
        self._sites = _mark(tree, kept)
        return bound_code(self._sandbox.from_string(tree))


def _rendered(notes: _Notes, ends: list[int]) -> Rendered:
    """`ends` are the characters at which the chunks begin, and that at which the last one ends."""
    total = ends[-1]
    pieces: list[Piece] = []
    changes = notes.changes
    for k, (at, message) in enumerate(changes):
        start, end = ends[at], ends[changes[k + 1][0]] if k + 1 < len(changes) else total
        if start < end:
            pieces.append(Piece(message, start, end))
    return Rendered("".join(notes.written), pieces, [(ends[start], ends[end]) for start, end in notes.generated])


def _mark(tree: nodes.Template, kept: set[int] | None) -> dict[int, int | None]:
    """Puts marks into the tree, those of the sites in `kept` or all. Returns for every site the loop that it is an assignment in, or None."""
    sites: dict[int, int | None] = {}
    _mark_body(tree.body, None, sites, kept)
    return sites


def _mark_body(body: list[nodes.Node], loop: int | None, sites: dict[int, int | None], kept: set[int] | None) -> None:
    marked: list[nodes.Node] = []
    for node in body:
        if isinstance(node, nodes.CallBlock) and _is_generation(node):
            _mark_body(node.body, loop, sites, kept)
            marked += [_call("open", node), nodes.Scope(node.body, lineno=node.lineno), _call("close", node)]
        elif isinstance(node, nodes.For) and _writes(node) and not _is_recursive(node):
            marked += _marked_loop(node, sites, kept)
        elif isinstance(node, nodes.Assign) and loop is not None and isinstance(node.target, nodes.Name):
            site = len(sites)
            sites[site] = loop
            marked += [node, *([_take(site, node.target)] if kept is None or site in kept else [])]
        else:
            if not isinstance(node, _CAPTURED) and not (isinstance(node, nodes.For) and _is_recursive(node)):
                for inner in _bodies(node):
                    _mark_body(inner, loop, sites, kept)
            marked.append(node)
    body[:] = marked


def _marked_loop(node: nodes.For, sites: dict[int, int | None], kept: set[int] | None) -> list[nodes.Node]:
    site = len(sites)
    sites[site] = None
    _mark_body(node.body, site, sites, kept)
    _mark_body(node.else_, site, sites, kept)
    inner = [one for one, loop in sites.items() if loop == site]
    if kept is not None and site not in kept and not kept.intersection(inner):
        return [node]
    if isinstance(node.target, nodes.Name) and (kept is None or site in kept):
        node.body.insert(0, _take(site, node.target))
    return [_call("enter", node), node, _call("leave", node)]


def _is_recursive(node: nodes.For) -> bool:
    """Whether the text of a loop is written elsewhere, because it calls itself. A loop that never does so is made an ordinary one."""
    if node.recursive and not any(isinstance(call.node, nodes.Name) and call.node.name == "loop" for call in node.find_all(nodes.Call)):
        node.recursive = False
    return node.recursive


def _bodies(node: nodes.Node) -> Iterator[list[nodes.Node]]:
    """The lists of statements in this statement."""
    if isinstance(node, nodes.If):
        yield node.body
        for other in node.elif_:
            yield other.body
        yield node.else_
    elif isinstance(node, nodes.For):
        yield node.body
        yield node.else_
    elif isinstance(node, (nodes.With, nodes.Scope, nodes.ScopedEvalContextModifier)):
        yield node.body


def _writes(node: nodes.Node) -> bool:
    """Whether a statement may write: not into a macro or a captured block."""
    if isinstance(node, nodes.CallBlock):
        return True
    if isinstance(node, _CAPTURED) and not isinstance(node, nodes.FilterBlock):
        return False
    return isinstance(node, (nodes.Output, nodes.FilterBlock)) or any(map(_writes, node.iter_child_nodes()))


def _is_generation(node: nodes.CallBlock) -> bool:
    return isinstance(node.call, nodes.Call) and isinstance(node.call.node, nodes.ExtensionAttribute) and node.call.node.name == "write"


def _take(site: int, target: nodes.Name) -> nodes.Node:
    return _call("take", target, nodes.Name(target.name, "load", lineno=target.lineno), nodes.Const(site, lineno=target.lineno))


def _call(name: str, near: nodes.Node, value: nodes.Expr | None = None, *given: nodes.Expr) -> nodes.Node:
    """A statement that calls a mark: as a filter, which takes a tenth of the time of a call. Chat templates cannot write its name."""
    value = nodes.Const(None, lineno=near.lineno) if value is None else value
    return nodes.ExprStmt(nodes.Filter(value, f"mark {name}", list(given), [], None, None, lineno=near.lineno), lineno=near.lineno)
