"""Checks of an agent's steps. What they find is noted, taken out of the loss, or refused, as the configuration's `checks` says.

To add a check: a function that gives the faults of an episode, a row in CHECKS, its reason, and its name in `config.settings.Checks`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain

from msgspec.structs import replace

from pipelines.config.checks import Checks
from pipelines.episodes.checks.calls import error_streak, same_failing_call, undeclared_tool
from pipelines.episodes.checks.ending import no_end
from pipelines.episodes.checks.screens import no_change, point_outside
from pipelines.episodes.checks.steps import Episode, Fault
from pipelines.reasons import Reason, Reject
from pipelines.records import Conversation, Finding

Check = Callable[[Episode], Iterator[Fault]]
# By the name in the configuration.
CHECKS: Mapping[str, tuple[Check, Reason]] = {
    "same_failing_call": (same_failing_call, Reason.CHECK_SAME_FAILING_CALL),
    "error_streak": (error_streak, Reason.CHECK_ERROR_STREAK),
    "no_change": (no_change, Reason.CHECK_NO_CHANGE),
    "point_outside": (point_outside, Reason.CHECK_POINT_OUTSIDE),
    "no_end": (no_end, Reason.CHECK_NO_END),
    "undeclared_tool": (undeclared_tool, Reason.TOOL_UNKNOWN_TOOL),
}
_NOTED_BEFORE = ("undeclared_tool",)  # normalize notes it where it reads the calls


def check_steps(conversation: Conversation, settings: Checks) -> Conversation:
    """The conversation with what its steps' checks found. Raises Reject with all of it where a check that found something is set to quarantine."""
    if not conversation.images and not any(message.metadata for message in conversation.messages):
        return conversation
    episode = Episode(conversation)
    notes: list[Finding] = []
    refused: list[Finding] = []
    masked: dict[int, str] = {}
    for name, (check, reason) in CHECKS.items():
        setting = getattr(settings, name)
        if setting == "note" and name in _NOTED_BEFORE:
            continue
        for fault in check(episode):
            finding = reason.at(f"messages[{fault.where}]", fault.detail)
            (refused if setting == "quarantine" else notes).append(finding)
            if setting == "mask":
                masked |= dict.fromkeys(fault.answers, name)
    if refused:
        raise Reject(*refused, *notes, *conversation.findings)
    return _masked(conversation, notes, masked) if notes else conversation


def check_step_rows(rows: Sequence[Conversation], settings: Checks) -> tuple[Conversation, ...]:
    """The conversations of an episode's steps, in order, with what the checks of an episode of screens found. Raises Reject as `check_steps` does.

    What refuses a point outside its screen is read before. A row whose answer is masked has nothing to train, unless it trains its history too.
    """
    turns = [row.messages[-2:] for row in rows]
    images = [image for row in rows for image in row.images[len(row.images) - len(row.messages[-2].image_at) :]]
    whole = Episode(replace(rows[0], messages=tuple(chain.from_iterable(turns)), images=tuple(images), step_id=None)) if rows else None
    found: dict[int, list[tuple[str, Finding]]] = {}
    for name in ("no_change", "no_end") if whole else ():
        check, reason = CHECKS[name]
        for fault in check(whole) if whole else ():
            for number in dict.fromkeys(place // 2 for place in fault.answers):
                found.setdefault(number, []).append((name, reason.at(f"messages[{len(rows[number].messages) - 1}]", fault.detail)))
    refused = [finding for faults in found.values() for name, finding in faults if getattr(settings, name) == "quarantine"]
    if refused:
        raise Reject(*refused, *rows[0].findings)
    masked = {i: name for i, faults in found.items() for name, _ in faults if getattr(settings, name) == "mask"}
    return tuple(_masked(row, [finding for _, finding in found.get(i, ())], _masked_in(rows, i, masked)) for i, row in enumerate(rows))


def _masked_in(rows: Sequence[Conversation], number: int, masked: Mapping[int, str]) -> dict[int, str]:
    """The answers of this row that are those of masked steps: its own, and with `loss: all` those of earlier steps that it shows."""
    answers = [place for place, message in enumerate(rows[number].messages) if message.role == "assistant"]
    found = {}
    for back, place in enumerate(reversed(answers[-number - 1 :])):
        if number - back in masked and rows[number - back].messages[-1].content == rows[number].messages[place].content:
            found[place] = masked[number - back]
    return found


def _masked(conversation: Conversation, notes: Sequence[Finding], masked: Mapping[int, str]) -> Conversation:
    """The conversation with these notes, and these answers out of the loss."""
    if not notes and not masked:
        return conversation
    messages = list(conversation.messages)
    repairs: list[Finding] = []
    for place, name in sorted(masked.items()):
        if messages[place].loss_weight != 0:
            messages[place] = replace(messages[place], loss_weight=0.0)
            repairs.append(Reason.REPAIR_STEP_MASKED.at(f"messages[{place}]", f"checks.{name} is mask"))
    return replace(conversation, messages=tuple(messages), findings=(*conversation.findings, *notes, *repairs))
