"""Checks of calls: the same one fails again and again, many fail in a row, or a tool is not declared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise

from pipelines.episodes.checks.steps import RUN, Call, Episode, Fault
from pipelines.parsing.careful import clip


def same_failing_call(episode: Episode) -> Iterator[Fault]:
    """Runs of one call that failed each time. Those after the first are at fault."""
    for run in episode.failing_runs:
        for same in _same_calls(run):
            if len(same) >= RUN:
                yield _fault(same[1:], f"{clip(same[0].name)} fails {len(same)} times in a row with the same arguments")


def error_streak(episode: Episode) -> Iterator[Fault]:
    """Runs of calls that all failed, unless they are one call that `same_failing_call` finds."""
    for run in episode.failing_runs:
        if any(not one.is_same(other) for one, other in pairwise(run)):
            yield _fault(run, f"{len(run)} calls in a row fail")


def undeclared_tool(episode: Episode) -> Iterator[Fault]:
    """Calls of tools that the record does not declare, where it declares any."""
    conversation = episode.conversation
    called = {message.metadata for message in conversation.messages if message.metadata}
    if not called or not conversation.tools or all(f'"name": "{name}"' in conversation.tools for name in called):
        return
    declared = {tool["function"]["name"] for tool in json.loads(conversation.tools)}
    for call in episode.calls:
        if call.name not in declared:
            yield _fault([call], f"{clip(call.name)} is not declared")


def _same_calls(run: Sequence[Call]) -> Iterator[Sequence[Call]]:
    start = 0
    for i in range(1, len(run) + 1):
        if i == len(run) or not run[i].is_same(run[start]):
            yield run[start:i]
            start = i


def _fault(calls: Sequence[Call], detail: str) -> Fault:
    return Fault(calls[0].place, detail, sorted({place for call in calls for place in call.answers}))
