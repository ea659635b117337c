"""Conversations that are too long, as several rows: windows. Each holds the system turns, the task (the first question) and a run of whole steps.

    conversation   s q | c r | c r | c r | c r | c r a
    window 0       s q   c r   c r   c r
    window 1       s q                     c r   c r a

No step is cut: no result is without its call, and no answer without its question. Every answer that is trained in the row of the whole
conversation is trained in exactly one window, which is checked here. Earlier steps that a window shows as history are not trained there.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from msgspec.structs import replace

from pipelines.config import DialectSettings
from pipelines.dialects.outline import Outline, Window, outline_of
from pipelines.dialects.overflow import Work
from pipelines.reasons import Reason, Reject, repairs_of
from pipelines.records import IGNORE_INDEX, Finding, Tokens
from pipelines.visible import counted

MOST_TOKENS = 1 << 25  # of all windows of a conversation together, which are in memory at once: 270 MB

Tokenize = Callable[[Work], Tokens]
Made = tuple[Window, Tokens]


def window_rows(work: Work, whole: Tokens, settings: DialectSettings, tokenize: Tokenize) -> tuple[Tokens, ...]:
    """The rows of a conversation whose row would be `whole`: that one where it fits and no answer sees more than `history` allows, else its windows.

    `tokenize` makes the row of a part; it is called a few times for each window, with parts about as long as the window. With `loss: last_turn`
    there is one window: the last answers, and as many steps before them as fit. Raises Reject with `tokens.too_long` if a step does not fit
    beside the system turns and the task, or if all windows together have more than MOST_TOKENS.
    """
    history, most = settings.history, settings.max_tokens
    if len(whole.input_ids) <= most and history.results is None and history.images is None:
        return (whole,)
    outline = outline_of(work, history)
    trained = trained_places(whole)
    steps = [step for step, one in enumerate(outline.rounds) if bisect_left(trained, one.places[0]) < bisect_right(trained, one.places[-1])]
    if len(whole.input_ids) <= most and not (steps and outline.shows_too_much(steps[-1])):
        return (whole,)
    token_at = _token_at(whole, len(work.messages))
    starts = [*(token_at[one.places[0]] for one in outline.rounds), token_at[-1]]
    made = _cut(outline, steps, most, tokenize, starts)
    _check_trained(trained, made)
    return _with_findings(outline, made)


def _cut(outline: Outline, steps: Sequence[int], most: int, tokenize: Tokenize, starts: Sequence[int]) -> list[Made]:
    """Windows in which each of these steps is trained."""
    made: list[Made] = []
    done = total = 0
    while (number := bisect_left(steps, done)) < len(steps):
        shown = made[-1][0].start - made[-1][0].first if made else None
        made.append(_longest(outline, steps[number], done, most, tokenize, starts, shown))
        done = made[-1][0].end
        total += len(made[-1][1].input_ids)
        if total > MOST_TOKENS:
            raise Reject(Reason.TOKENS_TOO_LONG.at("", f"its first {len(made):,} windows have {total:,} tokens; all may have {MOST_TOKENS:,}"))
    return made


def trained_places(tokens: Tokens) -> list[int]:
    """The messages whose answers are trained, ascending. Of an empty answer the token that ends it is trained."""
    is_trained = tokens.labels != IGNORE_INDEX
    return sorted(
        span.message
        for span in tokens.turn_spans
        if span.role == "assistant" and span.message >= 0 and is_trained[span.start : max(span.end, span.start + 1)].any()
    )


def _longest(outline: Outline, start: int, done: int, most: int, tokenize: Tokenize, starts: Sequence[int], shown: int | None) -> Made:
    """The longest window whose first trained step is `start`, after as much of its history as fits. Steps from `done` on are in no window before,
    because nothing in them is trained: they count as its history too. The length of a window is guessed: `starts` are the tokens at which the steps
    begin in the row of the whole conversation, and `shown` is how much history the window before has, which may be shown without its results."""
    rows: dict[Window, Tokens] = {}

    def fits(window: Window) -> bool:
        rows[window] = tokenize(outline.part(window))
        return len(rows[window].input_ids) <= most

    window = Window(start, start, start + 1)
    if not fits(window):
        raise _too_long(outline, window, len(rows[window].input_ids), most)
    room = most - len(rows[window].input_ids)
    wanted = outline.steps_before(start, done)
    guess = shown or bisect_right(range(wanted + 1), room, key=lambda count: starts[start] - starts[start - count]) - 1
    window = window._replace(first=start - farthest(lambda count: fits(window._replace(first=start - count)), wanted, guess))
    room = most - len(rows[window].input_ids)
    follow = outline.last_end(window) - window.end
    guess = bisect_right(range(follow + 1), room, key=lambda count: starts[start + 1 + count] - starts[start + 1]) - 1
    window = window._replace(end=window.end + farthest(lambda count: fits(window._replace(end=window.end + count)), follow, guess))
    return window, rows[window]


def farthest(fits: Callable[[int], bool], most: int, guess: int) -> int:
    """The greatest number up to `most` that fits, given that 0 does, and that all below one that fits do. Asks near the guess first.

    >>> farthest(lambda number: number <= 5, most=1000, guess=4)
    5
    """
    low, high = 0, most + 1  # the first fits, the second does not
    at, stride = max(1, min(guess, most)), 1
    while high - low > 1:
        low, high = (at, high) if fits(at) else (low, at)
        after = at + stride if low == at else at - stride
        at, stride = after if low < after < high else (low + high) // 2, 2 * stride
    return low


def _token_at(whole: Tokens, messages: int) -> list[int]:
    """For each message the token at which it begins in the row, or at which the one before it does; and at last the number of tokens."""
    starts = np.zeros(messages + 1, dtype=np.int64)
    for span in whole.turn_spans:
        if span.message >= 0:
            starts[span.message] = span.start
    starts[-1] = len(whole.input_ids)
    found: list[int] = np.maximum.accumulate(starts).tolist()
    return found


def _too_long(outline: Outline, window: Window, length: int, most: int) -> Reject:
    places = outline.rounds[window.start].places
    told = f"{_ranges(places)}, with the system turns and the task: {length} tokens, max_tokens is {most}"
    return Reject(Reason.TOKENS_TOO_LONG.at(f"messages[{places[0]}]", told))


def _check_trained(trained: Sequence[int], made: Sequence[Made]) -> None:
    """Raises Reject with `tokens.span_mismatch` unless each of these answers is trained in exactly one window, and no other in any."""
    found = sorted(place for _, tokens in made for place in trained_places(tokens))
    if found != list(trained):
        raise Reject(Reason.TOKENS_SPAN_MISMATCH.at("", f"{len(found)} answers are trained in windows, and {len(trained)} in the whole conversation"))


def _with_findings(outline: Outline, made: Sequence[Made]) -> tuple[Tokens, ...]:
    """The rows, each with a note of what it holds. The first also has the repairs that only others have, because the books count it for all of them."""
    rows = [replace(tokens, findings=(_note(outline, window, len(made)), *tokens.findings)) for window, tokens in made]
    held = {place for window, _ in made for place in outline.places(window)}
    more: list[Finding] = []
    if lost := [place for place in range(len(outline.work.messages)) if place not in held]:
        more.append(Reason.REPAIR_TURNS_DROPPED.at("", f"{_ranges(lost)} {'is' if len(lost) == 1 else 'are'} in no window: no answer there is trained"))
    known = set(repairs_of(rows[0].findings))
    for finding in (finding for row in rows[1:] for finding in row.findings):
        if repairs_of([finding]) and finding.code not in known:
            more.append(finding)
            known.add(finding.code)
    return (replace(rows[0], findings=(*rows[0].findings, *more)), *rows[1:])


def _note(outline: Outline, window: Window, count: int) -> Finding:
    which = "the only window" if count == 1 else f"one of {count} windows"
    told = f"{which}: {_ranges(outline.places(window))} of {len(outline.work.messages)}, trained from message {outline.trained_from(window)}"
    left_out = [counted(number, noun) for number, noun in zip(outline.left_out(window), ("result", "image"), strict=True) if number]
    if left_out:
        told += f"; without {' and '.join(left_out)} of earlier steps"
    return Reason.TOKENS_WINDOW.at("", told)


def _ranges(places: Sequence[int]) -> str:
    """Ascending places in words.

    >>> _ranges([0, 1, 5, 7, 8, 9]), _ranges([4])
    ('messages 0 to 1, 5 and 7 to 9', 'message 4')
    """
    starts = [place for before, place in pairwise([-2, *places]) if place != before + 1]
    ends = [place for place, after in pairwise([*places, -2]) if after != place + 1]
    words = [f"{start} to {end}" if end > start else str(start) for start, end in zip(starts, ends, strict=True)]
    told = f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]
    return f"{'message' if len(places) == 1 else 'messages'} {told}"
