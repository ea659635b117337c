"""Rows that are too long: quarantined whole, or shortened by whole steps or by fewer slices. No image span is ever cut."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from pipelines.chat.turns import steps_of
from pipelines.config import DialectSettings
from pipelines.reasons import Reason, Reject
from pipelines.records import Finding, Image, Message, Noun


class Work(Noun, frozen=True):
    """What a row is made of, and what can be left out to shorten it. `caps` are the most slices that each image may have, and `places` the
    places of these messages in the conversation. Answers at places before `trained_from` are history: they are not trained."""

    messages: tuple[Message, ...]
    images: tuple[Image, ...]
    caps: tuple[int, ...]
    places: tuple[int, ...]
    findings: tuple[Finding, ...] = ()
    trained_from: int = 0


Measure = Callable[[Work], int]  # the tokens of its row; of one that is too long, a lower bound is enough if it is over max_tokens too


def shorten(work: Work, settings: DialectSettings, measure: Measure, length: str) -> Work:
    """The work made to fit, as `on_overflow` says. Raises Reject with `tokens.too_long` if it does not fit or must not be changed; `length`
    says how many tokens its row has."""
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
    """The work without its oldest steps and their images: as few steps as possible. System turns, the first question and the last step stay.

    The first question stays although its own answers go: it is the task, and all models accept two questions in a row. With more steps dropped,
    a row is shorter; and if nothing is trained in it, nothing is in a shorter one. So bisection finds the fewest. What always stays is measured
    first: where it is too long, there is nothing to search for.
    """
    steps = steps_of(work.messages)
    last = max(steps, default=0)

    def is_enough(dropped: int) -> bool:
        length = _length(_without(work, steps, dropped), measure)
        return length is None or length <= most

    if last < 2 or not is_enough(last - 1):
        return None
    dropped = 1 + bisect_left(range(1, last - 1), True, key=is_enough)
    shorter = _without(work, steps, dropped)
    return shorter if _fits(shorter, most, measure) else None


def _without(work: Work, steps: Sequence[int], dropped: int) -> Work:
    """The work without its oldest `dropped` steps. Its finding says what was dropped."""
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
    """The work with as many slices as fit: first the same bound for all images, then a higher one for each image, in order.

    An image has no fewer slices under a higher bound, so bisection finds the highest.
    """
    count, bound = len(work.caps), max(work.caps, default=0)

    def is_too_long(caps: tuple[int, ...]) -> bool:
        return not _fits(replace(work, caps=caps), most, measure)

    same = [(cap,) * count for cap in range(1, bound)]
    if not same or is_too_long(same[0]):
        return None
    caps = same[bisect_left(same[1:], True, key=is_too_long)]
    for i in range(count):
        more = [(*caps[:i], cap, *caps[i + 1 :]) for cap in range(caps[i], bound + 1)]
        caps = more[bisect_left(more[1:], True, key=is_too_long)]
    fewer = ", ".join(f"image {i}: at most {cap}" for i, cap in enumerate(caps) if cap != bound)
    return replace(work, caps=caps, findings=(Reason.REPAIR_FEWER_SLICES.at("", f"{fewer} slices instead of {bound}"),))


def _fits(work: Work, most: int, measure: Measure) -> bool:
    length = _length(work, measure)
    return length is not None and length <= most


def _length(work: Work, measure: Measure) -> int | None:
    """The tokens of the row, or None if nothing in it is trained."""
    try:
        return measure(work)
    except Reject as reject:
        if reject.findings[0].code == Reason.TOKENS_NO_TARGET.code:
            return None
        raise
