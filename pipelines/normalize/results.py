"""Tool results -> the calls that they answer, by id, by name or in order; then the results in the order of the calls."""

from __future__ import annotations

from collections import deque

from msgspec import Struct, field

from pipelines.normalize.findings import Findings
from pipelines.normalize.tool_calls import Call
from pipelines.normalize.turns import Line
from pipelines.parsing.careful import clip
from pipelines.reasons import Reason
from pipelines.records import Answered


class Group(Struct, gc=False):
    """Consecutive calls, and the results found for them by the position of the call, in the order of the log. `waiting` and `named` are positions by id and by name."""

    calls: list[Line] = field(default_factory=list)
    results: dict[int, Line] = field(default_factory=dict)
    waiting: dict[str, deque[int]] = field(default_factory=dict)
    named: dict[str, deque[int]] | None = None  # made when the first result has a name
    first_free: int = 0

    def add(self, line: Line, call: Call) -> None:
        for own in call.ids:
            self.waiting.setdefault(own, deque()).append(len(self.calls))
        self.calls.append(line)

    def of_name(self, name: str) -> deque[int] | None:
        if self.named is None:
            self.named = {}
            for i, line in enumerate(self.calls):
                self.named.setdefault(_name_of(line), deque()).append(i)
        return self.named.get(name)

    def ordered(self, findings: Findings) -> list[Line]:
        """The results in the order of the calls."""
        logged = {call: place for place, call in enumerate(self.results)}
        calls = sorted(logged)
        for place, call in enumerate(calls):
            if (call, logged[call]) != (place, place):
                self.results[call].answered = Answered(call, logged[call])
        if any(logged[call] != place for place, call in enumerate(calls)):
            order = clip(", ".join(str(call + 1) for call in self.results))
            findings.note(Reason.TOOL_RESULTS_REORDERED, self.results[calls[0]].where, f"the results stand in the order of calls {order}")
        return [self.results[call] for call in calls]


def pair_results(lines: list[Line], findings: Findings) -> list[Line]:
    """The lines, with the results of each group of calls in the order of the calls. A result that answers no call is refused."""
    ordered: list[Line] = []
    group = Group()
    before: Line | None = None  # the last line that is not a result
    for line in lines:
        if line.role == "observation":
            place = _answers(line, group)
            if place is None:
                _orphan(line, before, findings)
            else:
                group.results[place] = line
            continue
        before = line
        if group.results or (group.calls and line.call is None):
            ordered += group.ordered(findings)
            _note_missing(group, findings)
            group = Group()
        if line.call is not None:
            group.add(line, line.call)
        ordered.append(line)
    if group.results:  # calls that end a record have no results yet
        _note_missing(group, findings)
    return ordered + group.ordered(findings)


def _note_missing(group: Group, findings: Findings) -> None:
    for i, line in enumerate(group.calls):
        if i not in group.results:
            findings.note(Reason.TOOL_RESULT_MISSING, line.where, f"the conversation goes on without the result of {clip(_name_of(line))}")


def _orphan(line: Line, before: Line | None, findings: Findings) -> None:
    if before is not None and before.spelling:
        findings.refuse(
            Reason.TOOL_CALL_IN_TEXT, line.where, f"this result answers a call that is written as text in {before.where}, in the syntax {before.spelling}"
        )
    else:
        asked = line.call_id or line.name
        findings.refuse(Reason.TOOL_RESULT_ORPHAN, line.where, f"there is no open call {clip(asked)}" if asked else "there is no open call")


def _answers(line: Line, group: Group) -> int | None:
    """The position of the call that this result answers: by id if both have one, by the name of the function, or else the first open call.

    None if there is no such call, or if several calls are open and none has its name: any choice would be a guess.
    """
    wanted = line.call_id if line.call_id is not None else line.own_id if line.own_id in group.waiting else None
    if wanted is not None and group.waiting:
        places = group.waiting.get(wanted)
        if places and len(places) > 1 and line.name:  # an id that several calls have
            return next((i for i in places if i not in group.results and _name_of(group.calls[i]) == line.name), None)
        return _first_open(places, group)
    if line.name and group.calls:
        place = _first_open(group.of_name(line.name), group)
        if place is not None or len(group.calls) - len(group.results) > 1 or any(_name_of(call) == line.name for call in group.calls):
            return place
    while group.first_free in group.results:
        group.first_free += 1
    return group.first_free if group.first_free < len(group.calls) else None


def _name_of(line: Line) -> str:
    return line.call.name if line.call else ""


def _first_open(places: deque[int] | None, group: Group) -> int | None:
    while places and places[0] in group.results:
        places.popleft()
    return places[0] if places else None
