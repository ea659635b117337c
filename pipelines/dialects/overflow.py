"""Rows that are too long: kept aside whole, or made shorter by whole rounds or by fewer slices. An image span is never cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from pipelines.chat.turns import rounds_of
from pipelines.config import DialectSettings
from pipelines.reasons import Reason, Reject
from pipelines.records import Finding, Image, Message, Noun


class Work(Noun, frozen=True):
    """A conversation on its way to a row: what over-long rows are shortened by. `caps` bound the slices of each image."""

    messages: tuple[Message, ...]
    images: tuple[Image, ...]
    caps: tuple[int, ...]
    findings: tuple[Finding, ...] = ()


Measure = Callable[[Work], int]


def shorten(work: Work, settings: DialectSettings, measure: Measure, length: int) -> Work:
    """The work made to fit, as `on_overflow` says. Raises Reject with `tokens.too_long` where it does not fit or must not be changed."""
    if settings.on_overflow == "drop_turns":
        shorter = _drop_turns(work, settings.max_tokens, measure)
    elif settings.on_overflow == "fewer_slices":
        shorter = _fewer_slices(work, settings.max_tokens, measure)
    else:
        shorter = None
    if shorter is None:
        raise Reject(Reason.TOKENS_TOO_LONG.at("", f"{length} tokens, max_tokens is {settings.max_tokens}"))
    return shorter


def _drop_turns(work: Work, most: int, measure: Measure) -> Work | None:
    """Without the oldest rounds, each with its images and results; system turns and the last round stay."""
    system, rounds = rounds_of(work.messages)
    first = _count_images(system)
    for dropped in range(1, len(rounds)):
        kept = [message for one in rounds[dropped:] for message in one]
        gone = [message for one in rounds[:dropped] for message in one]
        images = work.images[:first] + work.images[first + _count_images(gone) :]
        note = Reason.REPAIR_TURNS_DROPPED.at("", f"{dropped} of {len(rounds)} rounds: {len(gone)} turns and {_count_images(gone)} images")
        shorter = Work((*system, *kept), images, work.caps[: len(images)], (note,))
        if _fits(shorter, most, measure):
            return shorter
    return None


def _count_images(messages: Sequence[Message]) -> int:
    return sum(len(message.image_at) for message in messages)


def _fewer_slices(work: Work, most: int, measure: Measure) -> Work | None:
    """The largest number of slices that fits: first the same bound for all images, then as much more for each in turn."""
    if not work.images:
        return None
    bound = max(work.caps)
    same = ((cap,) * len(work.caps) for cap in range(bound - 1, 0, -1))
    caps = next((caps for caps in same if _fits(replace(work, caps=caps), most, measure)), None)
    if caps is None:
        return None
    for i in range(len(caps)):
        wider = ((*caps[:i], cap, *caps[i + 1 :]) for cap in range(bound, caps[i], -1))
        caps = next((more for more in wider if _fits(replace(work, caps=more), most, measure)), caps)
    fewer = ", ".join(f"image {i}: at most {cap}" for i, cap in enumerate(caps) if cap != bound)
    return replace(work, caps=caps, findings=(Reason.REPAIR_FEWER_SLICES.at("", f"{fewer} slices instead of {bound}"),))


def _fits(work: Work, most: int, measure: Measure) -> bool:
    try:
        return measure(work) <= most
    except Reject as reject:
        if reject.findings[0].code == Reason.TOKENS_NO_TARGET.code:
            return False
        raise
