"""Records that are one step each, put together again: each gets the earlier steps of its episode that its prompt shows.

    number   0   1   2   3         history: {steps: 2}
    record   a   b   c   d    ->   d gets b and c

The order of files and lines does not matter. Where the history of a record is not certain, the record is refused by name.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from msgspec.structs import replace

from pipelines.config import Config
from pipelines.config.rows import Rows
from pipelines.episodes.steps.coordinates import PX
from pipelines.reasons import Reason, Reject
from pipelines.records import Draft, Finding, ImageRef, Origin, RawRecord, Step, StepNumber


class Member(NamedTuple):
    """A record of a group: its number, its place, and what it is. A refused record has no `step`, and no `order` where its number cannot be read."""

    order: int | None
    path: str
    line: int
    record_id: str
    first: int | None
    step: Step | None
    episode_id: str = ""

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}"


def member_of(draft: Draft) -> Member:
    """Raises ValueError for a draft that is no step of a group."""
    episode = draft.episode
    if episode is None or episode.group is None:
        raise ValueError(f"{draft.origin.path}:{draft.origin.line} is no step of an episode")
    return Member(episode.order, draft.origin.path, draft.origin.line, draft.record_id, episode.first, episode.steps[0], draft.episode_id)


def refused_member(origin: Origin, record_id: str, step: StepNumber) -> Member:
    """A record without a draft: the steps after it must know that it is there."""
    return Member(step.order, origin.path, origin.line, record_id, None, None, step.episode_id)


def by_number(member: Member) -> tuple[bool, int, str, int]:
    """The order of the members of a group: those without a number first."""
    return (member.order is not None, member.order or 0, member.path, member.line)


def history_length(rows: Rows) -> int:
    """How many earlier steps a prompt shows: as text, or with their screens."""
    return max(rows.history.steps, rows.history.images - 1) if rows.of == "step" else 0


def with_histories(config: Config) -> dict[str, Rows]:
    """The sources whose prompts show earlier steps, with their settings."""
    return {source.name: source.rows for source in config.sources if history_length(source.rows)}


@dataclass(slots=True)
class StepIndex:
    """What a trial must know of all its episodes: the records that are one step each, of the sources whose prompts show earlier steps, whose
    histories `close` finds; and the units that points have."""

    rows: Mapping[str, Rows]  # by source
    members: dict[tuple[str, str], list[Member]] = field(default_factory=dict)  # by source and episode
    histories: dict[tuple[str, int], tuple[Step, ...] | Finding] = field(default_factory=dict)  # by the place of the record
    votes: Counter[tuple[str, str]] = field(default_factory=Counter)  # (source, unit) -> how many records

    def add(self, draft: Draft) -> None:
        if draft.episode is not None and draft.episode.vote is not None:
            self.votes[draft.origin.source, draft.episode.vote] += 1
        if draft.origin.source in self.rows and draft.episode is not None and draft.episode.group is not None:
            self.members.setdefault((draft.origin.source, draft.episode.group), []).append(member_of(draft))

    def add_refused(self, record: RawRecord, step: StepNumber) -> None:
        if record.origin.source in self.rows:
            self.members.setdefault((record.origin.source, step.group), []).append(refused_member(record.origin, record.record_id, step))

    def close(self) -> None:
        for (source, _), members in self.members.items():
            for member, earlier in earlier_steps(sorted(members, key=by_number), history_length(self.rows[source])):
                self.histories[(member.path, member.line)] = earlier


class _Known(NamedTuple):
    """A step; or, where the records of its number are not one step, the place of the first of them."""

    step: Step | None
    refused: str | None


def earlier_steps(members: Iterable[Member], length: int) -> Iterator[tuple[Member, tuple[Step, ...] | Finding]]:
    """For each member of one group, sorted as `by_number` says: the steps before it, or why these are not known. Holds few members at a time.

    Of a number that has refused records and another one, the other one counts, as where an agent logs a step again.
    """
    recent: deque[tuple[int, _Known]] = deque(maxlen=length)
    start: int | None = None
    unnumbered: str | None = None
    for order, same in groupby(members, key=lambda member: member.order):
        here = list(same)
        if order is None:  # it may be step 0
            start, unnumbered = 0, here[0].place
            yield from ((member, ()) for member in here)
            continue
        start = next((member.first for member in here if member.first is not None), _start(order) if start is None else start)
        read = {member.record_id: member for member in reversed(here) if member.step is not None}
        found = _history(order, start, dict(recent), length, unnumbered)
        for member in here:
            other = next((one for one in read.values() if one.record_id != member.record_id), None) if member.step is not None else None
            twice = other and Reason.STEP_NUMBER_TWICE.at("", f"{other.place} is step {order} of the episode too")
            yield member, twice or found
        steps = [_of_earlier(member) for member in read.values() if member.step is not None]
        recent.append((order, _Known(steps[0], None) if len(steps) == 1 else _Known(None, here[0].place)))


def _of_earlier(member: Member) -> Step:
    """The step of this member as part of the history of later ones: its places say in which record they are, so that what is found there names the
    record to mend."""
    step, there = member.step, f"step {member.order} of the episode ({member.place})"
    if step is None:
        raise ValueError(f"{member.place} is refused")
    screen = step.screen and step.screen._replace(where=f"{there}: {step.screen.where}")
    return replace(step, where=f"{there}: {step.where}" if step.where else there, screen=screen)


def without_history(members: Sequence[Member], length: int, is_whole: bool = False) -> list[Member]:
    """Those of some members of one group whose history is in records other than these. Where the number of an episode's first step is not known, it may
    be 0, unless these are all members of their group."""
    numbers = {member.order for member in members if member.order is not None}
    first = next((member.first for member in members if member.first is not None), _start(min(numbers, default=0)) if is_whole else 0)
    read = [(member, member.order) for member in members if member.step is not None and member.order is not None]
    return [member for member, order in read if not numbers.issuperset(_wanted(order, first, length))]


def _start(lowest: int) -> int:
    """The number of an episode's first step where it is not known: 0 or 1, whichever the lowest is."""
    return min(max(lowest, 0), 1)


def _wanted(order: int, start: int, length: int) -> range:
    return range(max(start, order - length), order)


def _history(order: int, start: int, known: Mapping[int, _Known], length: int, unnumbered: str | None) -> tuple[Step, ...] | Finding:
    """`known` are the last numbers before this one."""
    wanted = _wanted(order, start, length)
    found = [known[number].step if number in known else None for number in wanted]
    missing = [number for number, step in zip(wanted, found, strict=True) if step is None]
    if not missing:
        return tuple(step for step in found if step is not None)
    steps, are, them = ("step", "is", "it") if len(missing) == 1 else ("steps", "are", "them")
    refused = [place for number in missing if number in known and (place := known[number].refused)]
    why = f"{are} missing or refused" if len(refused) < len(missing) else f"{are} refused"
    places = f" ({', '.join(refused)})" if refused else ""
    more = f"; {unnumbered} is of this episode too, and its number cannot be read" if unnumbered else ""
    return Reason.STEP_GAP.at("", f"{steps} {', '.join(map(str, missing))} of the episode {why}{places}, and the history of step {order} needs {them}{more}")


def with_earlier(draft: Draft, earlier: tuple[Step, ...] | Finding, rows: Rows) -> Draft:
    """The draft with its history, and with the screens of it that are shown or measured. Raises Reject where the history is not known."""
    if isinstance(earlier, Finding):
        raise Reject(earlier, *draft.findings)
    episode = draft.episode
    if episode is None:
        return draft
    shown = earlier[len(earlier) - rows.history.images + 1 :] if rows.history.images > 1 else ()
    refs: dict[str, ImageRef] = {ref.key: ref for ref in draft.refs}
    for step in earlier:
        if step.screen is not None and (step in shown or _is_measured(step)):
            refs.setdefault(step.screen.key, step.screen)
    return replace(draft, refs=tuple(refs.values()), episode=replace(episode, earlier=earlier))


def _is_measured(step: Step) -> bool:
    """Whether a point of the step needs the size of its picture."""
    return step.unit == PX and step.size is None and (step.action.point is not None or step.action.end is not None)
