"""An episode whose screens are verified -> its conversations, one a step: system, earlier screens with their answers, the question, the answer.

Every step that cannot be written refuses the whole record, and every such step is named: no model is trained on a part of an episode in silence.
A step whose action the model cannot express becomes no conversation; it stays in the history of later ones, and a note says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from pipelines.config import Config, Source
from pipelines.episodes.steps.coordinates import PX, outside, points_of, to_thousand
from pipelines.episodes.steps.forms import FORMS, TEXT, Place, answer_of, begins_at_center, can_write
from pipelines.episodes.steps.prompts import Prompt, open_prompt
from pipelines.parsing.careful import clip
from pipelines.reasons import Reason, Reject
from pipelines.records import Conversation, Draft, Episode, Finding, Image, Message, Point, Size, Step, sample_id_of

MOST_ASPECT = 0.02  # by which the shape of the logged screen may differ from the picture's


class _Written(NamedTuple):
    """A step with its places in thousandths, as the model's answer and as text for the history."""

    step: Step
    answer: str | None  # None where the model cannot express the action
    line: str
    said: str  # the answer without its thought


def step_conversations(draft: Draft, episode: Episode, images: Mapping[str, Image], config: Config, notes: Sequence[Finding] = ()) -> tuple[Conversation, ...]:
    """The conversations of the draft's episode; `images` by the key of their reference, `notes` what was found in the record and its pictures.
    Raises Reject with every step that cannot be written."""
    source = next(source for source in config.sources if source.name == draft.origin.source)
    prompt = open_prompt(source.rows.prompt)
    faults: list[Finding] = []
    written = [_written(step, images, prompt, config, faults) for step in (*episode.earlier, *episode.steps)]
    first = len(episode.earlier)
    left_out = [note for one in written[first:] if (note := _why_left_out(one, prompt))]
    rows = [i for i in range(first, len(written)) if _why_left_out(written[i], prompt) is None]
    made = [_conversation(i, written, draft, episode, images, source, prompt, faults) for i in rows]
    if not rows and not faults:
        faults += [Reason.STEP_ACTION_UNSUPPORTED.at(note.where, note.detail) for note in left_out]
    if faults:
        raise Reject(*dict.fromkeys(faults), *notes)
    return tuple(
        replace(conversation, findings=tuple(dict.fromkeys([*notes, *(left_out if i == 0 else ()), *own])))
        for i, (conversation, own) in enumerate(one for one in made if one is not None)
    )


def _written(step: Step, images: Mapping[str, Image], prompt: Prompt, config: Config, faults: list[Finding]) -> _Written:
    action = step.action
    size = _size(step, images, faults) if action.point is not None or action.end is not None else None
    if not step.unit and points_of([action]):
        why = ": few records of the source have values that say one, so they may be faults" if step.is_voted else ""
        said = ", ".join(f"({point.x:g}, {point.y:g})" for point in points_of([action]))
        faults.append(Reason.STEP_COORDINATES_UNKNOWN.at(step.where, f"the unit of {said} is not known{why}"))
        return _Written(step, None, "", "")
    point, end = _place(action.point, step, size, faults), _place(action.end, step, size, faults)
    thought = step.thought if config.normalize.reasoning == "keep" else ""
    plain = FORMS["plain"]
    answer = answer_of(action, point, end, prompt.form, thought) if can_write(action, prompt.form) else None
    form = prompt.form if answer is not None else plain
    said = answer_of(action, point, end, form) if action.name in form.rows else action.text
    return _Written(step, answer, said, said)


def _size(step: Step, images: Mapping[str, Image], faults: list[Finding]) -> Size | None:
    """The size in which the points of a step are: as logged, or else that of the picture."""
    if step.unit != PX:
        return None
    image = images.get(step.screen.key) if step.screen else None
    if step.size is None:
        if image is None and step.screen is not None:
            faults.append(Reason.STEP_SCREEN_MISSING.at(step.where, "a point in px needs the screen of its step"))
        return None if image is None else Size(image.width, image.height)
    if image is not None and abs(step.size.width * image.height / (step.size.height * image.width) - 1) > MOST_ASPECT:
        detail = f"the log says {step.size.width}x{step.size.height} px, and the picture has {image.width}x{image.height}"
        faults.append(Reason.STEP_SIZE_MISMATCH.at(step.where, detail))
    return step.size


def _place(point: Point | None, step: Step, size: Size | None, faults: list[Finding]) -> Place | None:
    if point is None or (step.unit == PX and size is None):
        return None
    place = to_thousand(point, step.unit, size)
    if place is None and step.is_voted:
        detail = f"{outside(point, step.unit, size)}, so its unit is not {step.unit}, which those of other records of the source are"
        faults.append(Reason.STEP_COORDINATES_UNKNOWN.at(step.where, detail))
    elif place is None:
        faults.append(Reason.STEP_POINT_OUTSIDE.at(step.where, outside(point, step.unit, size)))
    return place


def _conversation(
    i: int,
    written: Sequence[_Written],
    draft: Draft,
    episode: Episode,
    images: Mapping[str, Image],
    source: Source,
    prompt: Prompt,
    faults: list[Finding],
) -> tuple[Conversation, list[Finding]] | None:
    """The conversation of a step, and what was found in making it; None where a fault was added."""
    rows, step = source.rows, written[i].step
    question = step.instruction if rows.instruction == "low" else episode.goal
    if not question.strip():
        faults.append(Reason.STEP_GOAL_MISSING.at(step.where, "the step has no instruction, and instruction: low asks for it"))
        return None
    shown = _shown(i, written, rows.history.images)
    listed = [one for one in written[max(0, i - rows.history.steps) : i] if one not in shown]
    texts = [question, episode.goal, *(text for one in listed for text in (one.line, one.step.instruction, one.step.thought))]
    values = {"question": question, "goal": episode.goal}
    history = [{"action": one.line, "instruction": one.step.instruction, "thought": one.step.thought} for one in listed]
    messages = [Message("system", prompt.system)] if prompt.system else []
    try:
        for one in shown:
            text, at = prompt.question(values | {"current": False, "history": []}, texts)
            is_trained = rows.loss == "all" and one.answer is not None and one.step.is_trained
            messages += [
                Message("user", text, image_at=(at,)),
                Message("assistant", one.answer or one.said, loss_weight=None if is_trained else 0.0),
            ]
        text, at = prompt.question(values | {"current": True, "history": history}, texts)
    except Reject as reject:
        faults += [finding._replace(where=finding.where or step.where) for finding in reject.findings]
        return None
    messages += [Message("user", text, image_at=(at,)), Message("assistant", written[i].answer or "")]
    screens = [one.step.screen for one in (*shown, written[i]) if one.step.screen]
    if missing := [screen for screen in screens if screen.key not in images]:
        faults += [Reason.STEP_SCREEN_MISSING.at(screen.where, "the picture is not known") for screen in missing]
        return None
    own = (
        [Reason.REPAIR_SWIPE_FROM_CENTER.at(step.where, "the log gives no starting point for the gesture")]
        if begins_at_center(step.action, prompt.form)
        else []
    )
    if step.action.text and TEXT not in prompt.form.rows[step.action.name].values():
        own.append(Reason.STEP_TEXT_LEFT_OUT.at(step.where, clip(step.action.text)))
    conversation = Conversation(
        sample_id=sample_id_of(draft.record_id, step.index),
        record_id=draft.record_id,
        episode_id=draft.episode_id,
        step_id=step.step_id,
        origin=draft.origin,
        format=draft.format,
        messages=tuple(messages),
        tools=None,
        images=tuple(images[screen.key] for screen in screens),
        findings=(),
        extra=draft.extra,
        index=step.index,
    )
    return conversation, own


def _shown(i: int, written: Sequence[_Written], screens: int) -> list[_Written]:
    """The steps before this one whose screens are shown: the last ones, as far back as each has a screen."""
    shown: list[_Written] = []
    for one in reversed(written[max(0, i - screens + 1) : i]):
        if one.step.screen is None:
            break
        shown.append(one)
    return shown[::-1]


def _why_left_out(one: _Written, prompt: Prompt) -> Finding | None:
    if one.step.screen is None:
        return Reason.STEP_LEFT_OUT.at(one.step.where, "the screen before this step is not in the log")
    if not one.step.is_trained:
        return Reason.STEP_LEFT_OUT.at(one.step.where, "the log says that this answer is not trained")
    if one.answer is None:
        name = next(name for name, form in FORMS.items() if form is prompt.form)
        return Reason.STEP_LEFT_OUT.at(one.step.where, f"the form {name} cannot express {one.line}")
    return None
