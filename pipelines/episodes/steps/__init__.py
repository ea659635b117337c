"""Rows from steps (`rows: {of: step}`): each step of a GUI episode becomes a conversation.

    record --reading--> goal, steps --Draft with an Episode--> images --conversations--> a conversation for each step

A Draft keeps the points as they were logged: those in px need the size of the picture, which is known once it is verified.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from pipelines.config import Config, Source
from pipelines.config.rows import Rows
from pipelines.episodes.steps.actions.fields import single
from pipelines.episodes.steps.coordinates import PX, UNIT, found_unit, outside, points_of, to_thousand
from pipelines.episodes.steps.data_sets.words import ENDS
from pipelines.episodes.steps.groups import history_length
from pipelines.episodes.steps.layouts import LAYOUTS
from pipelines.episodes.steps.numbers import episode_id, episode_key, group_of
from pipelines.episodes.steps.reading import FINISH, ReadSteps, read_steps
from pipelines.formats.keys import Unread
from pipelines.normalize import id_text
from pipelines.normalize.findings import Findings
from pipelines.parsing.budget import Budget
from pipelines.parsing.written import Written
from pipelines.reasons import Reason, Reject, reason_of
from pipelines.records import Action, Draft, Episode, Finding, RawRecord, Step, sample_id_of

Json = Any
# The part of a source's records with points that must say a unit by their values, so that the others are taken to have it. Of taps all over a screen of
# 1280x800 px, a fifth have a value above 1000; one such value among many records of thousandths is a fault.
LEAST_SHARE = 0.05


def read_episode(
    record: Mapping[str, Json], text: bytes | str, raw: RawRecord, source: Source, config: Config, budget: Budget, notes: list[Finding], unread: Unread
) -> Draft:
    """The draft of a record that is an episode, or one step of an episode. Raises Reject with every reason found."""
    rows, findings = source.rows, Findings(config.normalize, budget, notes, unread)
    taken = {key: value for key, value in record.items() if value is not None and key not in unread.ignored}
    for key in unread.ignored & record.keys():
        unread.add("record", "", key, record[key])
    known = frozenset(key for key in (episode_key(taken, source), "id") if key)
    grouping = (rows.group_by, rows.order_by) if rows.group_by and rows.order_by else None
    written = Written(text)
    read = read_steps(taken, written, grouping, rows.coordinates.order, budget, unread, known)
    if read.faults:
        findings.refuse_all(Reject(*read.faults))
    for note in read.notes:
        findings.note(reason_of(note.code), note.where, note.detail)
    _check_numbers(read.steps, findings)
    steps = _with_finish(read, rows, findings)
    group, order = group_of(read, grouping is not None, history_length(rows) > 0, findings)
    own_episode = episode_id(taken, source, written, findings, group) or _own_id(read)
    own_id = id_text("id", single(taken.get("id")), written, findings)
    unit, vote = _unit(read, steps, rows, findings)
    if unit in (PX, "") and read.size_faults:
        findings.refuse_all(Reject(*dict.fromkeys(read.size_faults)))
    for step in steps:
        _check_points(step, unit, findings)
    findings.close()
    steps = tuple(replace(step, unit=unit) for step in steps)
    return Draft(
        sample_id=sample_id_of(raw.record_id),
        record_id=raw.record_id,
        episode_id=own_episode or raw.record_id,
        step_id=steps[0].step_id if steps else None,
        origin=raw.origin,
        format=read.layout,
        messages=(),
        tools=None,
        refs=tuple({step.screen.key: step.screen for step in steps if step.screen}.values()),
        findings=tuple(dict.fromkeys(findings.notes)),
        logged_id=own_id,
        unread=unread.counted(),
        episode=Episode(read.goal, steps, group, order, LAYOUTS[read.layout].first if grouping is None else None, vote=vote),
    )


def _check_numbers(steps: Sequence[Step], findings: Findings) -> None:
    """Steps that are listed in another order than their numbers say. Several actions may have one number, as in OSWorld."""
    numbers = [int(step.step_id) if step.step_id.isascii() and step.step_id.isdigit() and len(step.step_id) < 10 else None for step in steps]
    for step, before, number in zip(steps[1:], numbers, numbers[1:], strict=False):
        if before is not None and number is not None and number < before:
            findings.refuse(Reason.STEP_NUMBERS_DESCEND, step.where, f"its number is {number}, after {before}")


def _own_id(read: ReadSteps) -> str | None:
    """The id of an episode where its data set has it below another key."""
    given = read.ids[0]
    return str(given) if isinstance(given, (str, int)) and not isinstance(given, bool) and given != "" and LAYOUTS[read.layout].parallel is not None else None


def _with_finish(read: ReadSteps, rows: Rows, findings: Findings) -> tuple[Step, ...]:
    """The steps, and where there is a screen after the last action, a step that finishes the episode, as AgentCPM-GUI
    eval/eval_data/process_ac.py @ acbaf50 has it."""
    is_ended = bool(read.steps) and read.steps[-1].action.name in ENDS
    if rows.finish_row is False or (rows.finish_row == "auto" and (is_ended or read.last is None)) or not read.steps:
        return read.steps
    if read.last is None or is_ended:
        why = "the episode ends with an action that finishes it" if is_ended else "the log has no screen after the last action"
        findings.note(Reason.STEP_LEFT_OUT, read.steps[-1].where, f"no row that finishes the episode was added: {why}")
        return read.steps
    index = len(read.steps)
    if LAYOUTS[read.layout].parallel is None:  # a list of screens with one more than actions says it plainly
        findings.note(Reason.STEP_FINISH_ADDED, read.last.where, "the last step has no action")
    finish = Step(str(index), index, read.last.where, read.last, Action(name="finish"), FINISH, "", read.last_size)
    return (*read.steps, finish)


def _unit(read: ReadSteps, steps: tuple[Step, ...], rows: Rows, findings: Findings) -> tuple[str, str | None]:
    """(the unit of the record's points: as set, as documented, or as their values say, "" where these allow several; the same where nothing is
    documented or set and there are points)."""
    documented, asked = LAYOUTS[read.layout].unit, rows.coordinates.from_
    points = points_of(step.action for step in steps)
    found = found_unit(points, [step.size for step in steps if step.size])
    if asked != "auto":
        if found == UNIT != asked:  # as px or thousandths they would all be one corner of the screen
            findings.refuse(Reason.STEP_COORDINATES_UNKNOWN, "", f"coordinates says {asked}, and all points are between 0 and 1")
        return asked, None
    if not documented:
        return found, found if points else None
    if found == UNIT != documented:
        findings.refuse(Reason.STEP_COORDINATES_UNKNOWN, "", f"{read.layout} documents {documented}, and all points are between 0 and 1")
    return documented, None


def _check_points(step: Step, unit: str, findings: Findings) -> None:
    """Refuses points outside the screen, as far as the log alone says how large it is."""
    for point in points_of([step.action]) if unit and (unit != PX or step.size) else ():
        if to_thousand(point, unit, step.size) is None:
            findings.refuse(Reason.STEP_POINT_OUTSIDE, step.where, outside(point, unit, step.size))


def with_unit(draft: Draft, unit: str | None) -> Draft:
    """The draft with this unit for the points whose unit its own values do not decide: that of the other records of its source. With "", too few records
    of the source say one, so that this one is not believed either. None: nothing is known of the source."""
    episode = draft.episode
    if episode is None or unit is None:
        return draft
    if not unit:
        return replace(draft, episode=_taken_as(episode, "")) if episode.vote else draft
    if not any(_is_open(step) for step in (*episode.steps, *episode.earlier)):
        return draft
    note = Reason.STEP_COORDINATES_VOTED.at("", f"the points are taken as {unit}, which those of other records of source {draft.origin.source} are")
    return replace(draft, episode=_taken_as(episode, unit), findings=(*draft.findings, note))


def _taken_as(episode: Episode, unit: str) -> Episode:
    """The episode with this unit for the steps that have none; with "", all its steps lose theirs."""
    steps, earlier = (
        tuple(replace(step, unit=unit, is_voted=True) if not (step.unit and unit) else step for step in some) for some in (episode.steps, episode.earlier)
    )
    return replace(episode, steps=steps, earlier=earlier)


def _is_open(step: Step) -> bool:
    return not step.unit and bool(points_of([step.action]))


def units_of(votes: Mapping[tuple[str, str], int]) -> dict[str, str]:
    """The unit of each source on which all its votes agree, "" where they are too few to be believed. `votes`: (source, unit) -> how many records have it by
    their values, where the data set documents none; "" is of records whose values allow several."""
    found: dict[str, str] = {}
    for source in sorted({source for source, _ in votes}):
        said = {unit: count for (of, unit), count in votes.items() if of == source and unit}
        total = sum(count for (of, _), count in votes.items() if of == source)
        if len(said) == 1:
            (unit, count), *_ = said.items()
            found[source] = unit if count > LEAST_SHARE * total else ""
    return found
