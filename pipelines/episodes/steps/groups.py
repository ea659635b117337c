"""Records that are one step each, put together again: each gets the earlier steps of its episode that its prompt shows.

    number   0   1   2   3         history: {steps: 2}
    record   a   b   c   d    ->   d gets b and c

The order of files and lines does not matter. Where the history of a record is not certain, the record is refused by name.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from msgspec.structs import replace

from pipelines.config import Config
from pipelines.config.rows import Rows
from pipelines.episodes.steps.coordinates import PX
from pipelines.reasons import Reason, Reject
from pipelines.records import Draft, Finding, ImageRef, Step


class Member(NamedTuple):
    """A record of a group: its number, its place, and what it is."""

    order: int
    path: str
    line: int
    record_id: str
    first: int | None
    step: Step
    episode_id: str = ""


def member_of(draft: Draft) -> Member:
    """Raises ValueError for a draft that is no step of a group."""
    episode = draft.episode
    if episode is None or episode.group is None:
        raise ValueError(f"{draft.origin.path}:{draft.origin.line} is no step of an episode")
    return Member(episode.order, draft.origin.path, draft.origin.line, draft.record_id, episode.first, episode.steps[0], draft.episode_id)


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
    votes: set[tuple[str, str]] = field(default_factory=set)  # (source, unit)

    def add(self, draft: Draft) -> None:
        if draft.episode is not None and draft.episode.vote is not None:
            self.votes.add((draft.origin.source, draft.episode.vote))
        if draft.origin.source in self.rows and draft.episode is not None and draft.episode.group is not None:
            self.members.setdefault((draft.origin.source, draft.episode.group), []).append(member_of(draft))

    def close(self) -> None:
        for (source, _), members in self.members.items():
            for member, earlier in earlier_steps(sorted(members, key=lambda member: member[:3]), history_length(self.rows[source])):
                self.histories[(member.path, member.line)] = earlier


def earlier_steps(members: Iterable[Member], length: int) -> Iterator[tuple[Member, tuple[Step, ...] | Finding]]:
    """For each member of one group, sorted by number and place: the steps before it, or why these are not known. Holds few members at a time."""
    recent: deque[tuple[int, Step | None]] = deque(maxlen=length)
    start: int | None = None
    for order, same in groupby(members, key=lambda member: member.order):
        here = list(same)
        start = _start(here[0], order) if start is None else start
        others = {member.record_id: member for member in reversed(here)}
        found = _history(order, start, recent, length)
        for member in here:
            other = next((one for one in others.values() if one.record_id != member.record_id), None)
            twice = other and Reason.STEP_NUMBER_TWICE.at("", f"{other.path}:{other.line} is step {order} of the episode too")
            yield member, twice or found
        recent.append((order, here[0].step if len(others) == 1 else None))


def without_history(members: Sequence[Member], length: int, is_whole: bool = False) -> list[Member]:
    """Those of some members of one group whose history is not among these. Where the number of an episode's first step is not known, it may be 0,
    unless these are all members of their group."""
    lowest = _start(members[0], min(member.order for member in members)) if is_whole else 0
    ordered = sorted((member._replace(first=lowest if member.first is None else member.first) for member in members), key=lambda member: member[:3])
    return [member for member, found in earlier_steps(ordered, length) if isinstance(found, Finding) and found.code == Reason.STEP_GAP.code]


def _start(member: Member, lowest: int) -> int:
    """The number of an episode's first step: where it is not known, 0 or 1, whichever the lowest is."""
    return member.first if member.first is not None else min(max(lowest, 0), 1)


def _history(order: int, start: int, recent: Sequence[tuple[int, Step | None]] | deque[tuple[int, Step | None]], length: int) -> tuple[Step, ...] | Finding:
    known = dict(recent)
    wanted = range(max(start, order - length), order)
    missing = [number for number in wanted if known.get(number) is None]
    if missing:
        steps, are, them = ("step", "is", "it") if len(missing) == 1 else ("steps", "are", "them")
        return Reason.STEP_GAP.at(
            "", f"{steps} {', '.join(map(str, missing))} of the episode {are} missing or refused, and the history of step {order} needs {them}"
        )
    return tuple(step for number in wanted if (step := known[number]) is not None)


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
            refs.setdefault(step.screen.key, step.screen._replace(where=f"step {step.step_id}: {step.screen.where}"))
    return replace(draft, refs=tuple(refs.values()), episode=replace(episode, earlier=earlier))


def _is_measured(step: Step) -> bool:
    """Whether a point of the step needs the size of its picture."""
    return step.unit == PX and step.size is None and (step.action.point is not None or step.action.end is not None)
