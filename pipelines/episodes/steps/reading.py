"""A record of a GUI data set -> its episode: the goal, and its steps with screens and actions. Every key is read, harmless, or counted as unread.

Every fault of every step is found before the record is refused, so that its owner sees all of them at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from pipelines.episodes.steps.actions.fields import single
from pipelines.episodes.steps.actions.logged import NO_ACTION, logged_action
from pipelines.episodes.steps.chats import answers_of, read_chat, says_actions
from pipelines.episodes.steps.chats.answers import is_in_form
from pipelines.episodes.steps.coordinates import points_of
from pipelines.episodes.steps.data_sets.episodes import ANY_EPISODE
from pipelines.episodes.steps.data_sets.single import ANY_STEP
from pipelines.episodes.steps.data_sets.unsupported import UNSUPPORTED, UnsupportedDataSet
from pipelines.episodes.steps.layouts import LAYOUTS
from pipelines.episodes.steps.reader import Reader, without_point
from pipelines.episodes.steps.sizes import size_of
from pipelines.formats.keys import HARMLESS, Unread
from pipelines.formats.paths import Found, Trail, find, open_text
from pipelines.normalize.content import image_ref, reference_of
from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import clip, kind_of
from pipelines.parsing.written import Written
from pipelines.reasons import Reason, Reject
from pipelines.records import Action, Finding, ImageRef, Size, Step
from pipelines.visible import counted

Json = Any
FINISH = "finish the task"  # the instruction of an added last step, as in AgentCPM-GUI eval/eval_data/process_ac.py @ acbaf50
_HARMLESS = HARMLESS["record"] | HARMLESS["line"]


class ReadSteps(NamedTuple):
    """What the steps of a record say, as far as they can be read: `faults` are why the others cannot. `last` is a screen after the last action;
    `ids` are the values of its group and of its number."""

    layout: str
    goal: str
    steps: tuple[Step, ...]
    last: ImageRef | None
    last_size: Size | None
    ids: tuple[Json, Json]
    faults: tuple[Finding, ...]
    notes: tuple[Finding, ...] = ()
    size_faults: tuple[Finding, ...] = ()  # why the size of a screen is not certain on which there is a point


def layout_of(top: Found, budget: Budget) -> str | None:
    """The first layout that this record has."""
    trail = Trail(budget)
    answers = answers_of(top.value, budget)
    is_chat = says_actions(top.value, budget)
    for name, layout in LAYOUTS.items():
        if layout.chat is not None and not (is_chat and any(re.search(layout.chat, text, re.MULTILINE) for text in answers)):
            continue
        found = [find(top, path, trail) for path in layout.needs]
        if all(found) and not (layout.goal_before and not (isinstance(found[0].value, str) and layout.goal_before in found[0].value)):  # type: ignore[union-attr]
            return name
    return None


def known_other(record: Mapping[str, Json], budget: Budget) -> UnsupportedDataSet | None:
    """What is known of this record, if it is of a data set that has no steps with screens and actions."""
    top = Found(record, (), Written("{}"), "")
    for other in UNSUPPORTED:
        if all(find(top, path, Trail(budget)) for path in other.needs) and not any(find(top, path, Trail(budget)) for path in other.lacks):
            return other
    return None


def read_steps(
    record: Mapping[str, Json], written: Written, group_by: tuple[str, str] | None, order: str, budget: Budget, unread: Unread, known: frozenset[str]
) -> ReadSteps:
    """The steps of this record. `group_by` are the paths of the episode and of the step's number, where a record is a step; `known` keys are read
    elsewhere. Raises Reject where the record is no episode."""
    top, trail = Found(dict(record), (), written, ""), Trail(budget)
    name = layout_of(top, budget)
    if (name is None or name in ANY_EPISODE or name in ANY_STEP) and (other := known_other(top.value, budget)) is not None:
        raise Reject(other.reason.at("", other.why))
    if name is None:
        raise Reject(Reason.SCHEMA_UNKNOWN_FORMAT.at("", _why_unknown(record, budget)))
    layout = LAYOUTS[name]
    reader = Reader(layout, top, trail, layout.order if order == "auto" else order, ignored=unread.ignored)
    trail.add("", top.value, (*known, *layout.others))
    if layout.chat is not None:
        chat = read_chat(top.value, trail, unread)
        goal, at = chat.goal, None
        reader.faults += chat.faults
        reader.notes += chat.notes
        if not goal:
            reader.refuse(Reason.STEP_GOAL_MISSING, chat.steps[0].where, "no question before this answer has a text")
        founds, last = [Found(step.fields, (), Written("{}"), step.where) for step in chat.steps], None
        reader.places = {step.where: step.places for step in chat.steps}
        reader.holders = {step.where: step.holders for step in chat.steps}
        masked = frozenset(step.where for step in chat.steps if not step.is_trained)
    else:
        goal, at = _goal(reader)
        founds, last = _founds(reader)
        masked = frozenset()
    steps = [step for i, found in enumerate(founds) if (step := _step(reader, found, i, at)) is not None]
    steps = [replace(step, is_trained=False) if step.where in masked else step for step in steps] if masked else steps
    if layout.screen_is_after:
        steps = _one_later(steps)
    group, number = group_by or (layout.group, layout.order_by)
    ids = tuple(None if (found := reader.of(top, path)) is None else single(found.value) for path in (group, number))
    last_screen, last_size = _last(reader, last)
    said = {goal, *(text for step in steps for text in (step.instruction, step.thought, step.screen.ref if step.screen else ""))}
    trail.account(unread, _HARMLESS, repeats=lambda key, value: isinstance(value, str) and value in said)
    if not steps and not reader.faults:
        reader.refuse(Reason.SCHEMA_TURNS_EMPTY, (layout.parallel or {}).get("action", layout.steps).split(" | ")[0], "the episode has no steps")
    return ReadSteps(name, goal, tuple(steps), last_screen, last_size, (ids[0], ids[1]), tuple(reader.faults), tuple(reader.notes), tuple(reader.size_faults))


def _why_unknown(record: Mapping[str, Json], budget: Budget) -> str:
    answers = answers_of(record, budget)
    if any(is_in_form(text, budget) for text in answers):
        return "the answers of this chat are in the form agentcpm_gui already; set rows: {of: conversation}, which trains them as they are"
    if answers:
        return f"the answers of this chat are no actions: found {clip(answers[0])}; set rows: {{of: conversation}} to train them as they are"
    return f"found the keys {clip(', '.join(map(str, record)))}; expected the steps of an episode: {', '.join(LAYOUTS)} (docs/steps.md)"


def _goal(reader: Reader) -> tuple[str, str | None]:
    """(the goal, the code after it where one text has both)."""
    found = reader.of(reader.top, reader.layout.goal)
    value = None if found is None else single(found.value)
    if isinstance(value, dict):
        value = value.get("text")
    if not isinstance(value, str) or not value.strip():
        keys = reader.layout.goal.split(" | ")
        reader.refuse(
            Reason.STEP_GOAL_MISSING,
            keys[0],
            f"the record has no goal; expected it as {' or '.join(keys[:3])}" if value is None else f"found {kind_of(value)}; expected a text",
        )
        return "", None
    if reader.layout.goal_before:
        before, _, code = value.partition(reader.layout.goal_before)
        return before.strip().removeprefix("Task:").strip(), code
    return value, None


def _founds(reader: Reader) -> tuple[list[Found], Found | None]:
    """The steps that have an action, and what comes after the last action."""
    layout, top = reader.layout, reader.top
    if layout.parallel is not None:
        return _in_parallel(reader, layout.parallel)
    if not layout.steps:
        return [top], None
    found = reader.of(top, layout.steps)
    if found is not None and isinstance(found.value, str):
        found = open_text(found, reader.trail.budget)
    if found is None or not isinstance(found.value, list) or not found.value:
        reader.refuse(Reason.SCHEMA_TURNS_EMPTY, layout.steps.split(" | ")[0], "expected a list of steps")
        return [], None
    reader.trail.items.pop(found.where, None)
    founds = []
    for i, step in enumerate(found.value):
        if isinstance(step, dict):
            founds.append(found.at(i))
            reader.trail.add(founds[-1].where, step, ())
            for path in layout.fields.others:
                reader.of(founds[-1], path)
        else:
            reader.refuse(Reason.SCHEMA_TURN_NOT_OBJECT, found.at(i).where, f"found {kind_of(step)}; expected an object")
    last = reader.of(founds[-1], layout.fields.action) if len(founds) > 1 else None
    if len(founds) > 1 and (last is None or last.value in NO_ACTION):
        return founds[:-1], founds[-1]
    return founds, None


def _in_parallel(reader: Reader, lists: Mapping[str, str]) -> tuple[list[Found], Found | None]:
    """A step for each action, from the lists that have a value per step. There may be one screen more."""
    columns = {name: found for name, path in lists.items() if (found := reader.of(reader.top, path)) is not None}
    columns = {name: (open_text(found, reader.trail.budget) or found) if isinstance(found.value, str) else found for name, found in columns.items()}
    wrong = [found.where for found in columns.values() if not isinstance(found.value, list)]
    count = len(columns["action"].value) if not wrong else 0
    for name, found in columns.items():
        least = count if name in ("action", "screenshot", "step_instruction") else len(columns["screenshot"].value) if not wrong else 0
        if found.where in wrong or len(found.value) not in (least, count + 1):
            sizes = f"{least} or {count + 1} are" if least != count + 1 else f"{least} are"
            size = kind_of(found.value) if found.where in wrong else f"a list of {len(found.value)}"
            reader.refuse(Reason.STEP_COUNTS, found.where, f"found {size}; the episode has {counted(count, 'action')}, so {sizes} expected")
    if reader.faults:
        return [], None
    rows = [{name: found.value[i] for name, found in columns.items() if i < len(found.value)} for i in range(max(count, len(columns["screenshot"].value)))]
    places = [columns["action" if i < count else "screenshot"].where for i in range(len(rows))]
    founds = [Found(row, (), Written("{}"), f"{place}[{i}]") for i, (place, row) in enumerate(zip(places, rows, strict=True))]
    reader.places = {at.where: {name: f"{columns[name].where}[{i}]" for name in row} for i, (at, row) in enumerate(zip(founds, rows, strict=True))}
    return founds[:count], founds[count] if len(founds) > count else None


def _step(reader: Reader, at: Found, index: int, code: str | None) -> Step | None:
    fields = reader.layout.fields
    action: Action | None = None
    try:
        action = logged_action(reader, at, code)
    except Reject as reject:
        reader.faults += reject.findings  # and the rest is read, so that its faults are found too
    step_id = _step_id(reader, at)
    made = Step(
        step_id=str(index) if step_id is None else step_id,
        index=index,
        where=at.where,
        screen=_screen(reader, at),
        action=action or Action(name="other"),
        instruction=reader.text(at, fields.low),
        thought=reader.text(at, fields.thought),
    )
    return replace(made, size=_size(reader, at, made)) if action is not None else None


def _step_id(reader: Reader, at: Found) -> str | None:
    found = reader.of(at, reader.layout.fields.step_id) if reader.layout.fields.step_id else None
    value = None if found is None else without_point(single(found.value))
    return str(value) if isinstance(value, (str, int)) else None


def _screen(reader: Reader, at: Found) -> ImageRef | None:
    found = reader.of(at, reader.layout.fields.screen)
    if found is None:
        if not reader.layout.screen_is_after:
            reader.refuse(Reason.STEP_SCREEN_MISSING, at.where, "the step has no screen")
        return None
    value, where = single(found.value), found.where
    if reference_of(value) is None:
        reader.refuse(Reason.IMAGE_REF_TYPE, where, f"found {kind_of(value)}; expected a path, or the bytes of a picture")
        return None
    suffix = reader.layout.fields.suffix
    if suffix and isinstance(value, str) and reference_of(value) == value and not re.search(r"\.[A-Za-z]{3,4}$", value) and not value.startswith("data:"):
        value += suffix
    return image_ref(value, where)


def _size(reader: Reader, at: Found, step: Step | None = None) -> Size | None:
    """The logged size of a step's screen. Why it is not certain matters only for a step with a point."""
    screen = reader.of(at, reader.layout.fields.screen)
    own = [*reader.holders.get(at.where, ()), *([(screen.where, screen.value)] if screen is not None and isinstance(screen.value, dict) else ())]
    own += [(at.where, at.value)] if at.where not in reader.holders else []
    of_record = () if at.value is reader.top.value else reader.record_sizes()
    size, faults = size_of([size for where, holder in own for size in reader.sizes(where, holder)], of_record)
    reader.size_faults += faults if step is not None and points_of([step.action]) else ()
    return size


def _last(reader: Reader, last: Found | None) -> tuple[ImageRef | None, Size | None]:
    return (None, None) if last is None else (_screen(reader, last), _size(reader, last))


def _one_later(steps: list[Step]) -> list[Step]:
    """Each step with the screen that the step before it led to; the first one's is not in the log."""
    before: list[tuple[ImageRef | None, Size | None]] = [(None, None), *((step.screen, step.size) for step in steps[:-1])]
    return [replace(step, screen=screen, size=size) for step, (screen, size) in zip(steps, before, strict=False)]
