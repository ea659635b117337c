"""Rows that are too long: kept aside whole, or made shorter by whole steps or by fewer slices. An image span is never cut."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from pipelines.chat.turns import steps_of
from pipelines.config import DialectSettings
from pipelines.reasons import Reason, Reject
from pipelines.records import Finding, Image, Message, Noun


class Work(Noun, frozen=True):
    """A conversation in GLM form on its way to a row: what over-long rows are shortened by. `caps` bound the slices of each image; `places`
    are the places of these messages in the conversation."""

    messages: tuple[Message, ...]
    images: tuple[Image, ...]
    caps: tuple[int, ...]
    places: tuple[int, ...]
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
    """Without as few of the oldest steps as it takes, each with its images. System turns, the first question and the last step stay.

    The first question stands before the steps that stay, though its own answers are gone: it is the task, and all models take two questions in
    a row. With more steps gone a row is shorter, and where nothing is trained in it, nothing is in a shorter one: so halving finds the fewest.
    """
    steps = steps_of(work.messages)
    last = max(steps, default=0)

    def is_enough(dropped: int) -> bool:
        length = _length(_without(work, steps, dropped), measure)
        return length is None or length <= most

    dropped = 1 + bisect_left(range(1, last), True, key=is_enough)
    if dropped >= last:
        return None
    shorter = _without(work, steps, dropped)
    return shorter if _fits(shorter, most, measure) else None


def _without(work: Work, steps: Sequence[int], dropped: int) -> Work:
    """The work without its oldest `dropped` steps; the finding says what is gone."""
    messages: list[Message] = []
    images: list[Image] = []
    places: list[int] = []
    start = 0
    for message, place, step in zip(work.messages, work.places, steps, strict=True):
        end = start + len(message.image_at)
        if not 0 < step <= dropped:
            messages.append(message)
            places.append(place)
            images += work.images[start:end]
        start = end
    turns, pictures = len(work.messages) - len(messages), len(work.images) - len(images)
    note = Reason.REPAIR_TURNS_DROPPED.at("", f"the oldest {dropped} of {max(steps)} steps: {turns} turns and {pictures} images")
    return Work(tuple(messages), tuple(images), work.caps[: len(images)], tuple(places), (note,))


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
    length = _length(work, measure)
    return length is not None and length <= most


def _length(work: Work, measure: Measure) -> int | None:
    """None where nothing is trained."""
    try:
        return measure(work)
    except Reject as reject:
        if reject.findings[0].code == Reason.TOKENS_NO_TARGET.code:
            return None
        raise
