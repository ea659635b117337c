"""Whether an episode has a finishing answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipelines.episodes.checks.actions import action_of
from pipelines.episodes.checks.steps import Episode, Fault
from pipelines.records import Message

MOST_END = 8  # answers of the last step that are read


def no_end(episode: Episode) -> Iterator[Fault]:
    """An episode that stops at a result, at a question, or at an action that is not the last one of a task.

    An episode has a result of a tool, or two questions with screens, and is not itself a step of one (no step_id). A text ends one with tools; in one whose actions are texts, an action such as
    `finished()` does, and an answer that is no action.
    """
    messages = episode.conversation.messages
    has_results = any(message.role == "observation" for message in messages)
    if not messages or episode.conversation.step_id is not None or not (has_results or _has_screens(messages)):
        return
    last = messages[-1]
    answers = _last_answers(messages)
    if last.role != "assistant":
        yield Fault(len(messages) - 1, f"the episode ends with {'a result' if last.role == 'observation' else f'a turn of role {last.role}'}", answers)
        return
    if has_results and not last.metadata:
        return
    actions = [action_of(messages[place]) for place in answers[-MOST_END:]]
    if not any(action.ends for action in actions) and actions[-1].is_known:
        yield Fault(len(messages) - 1, "the last action does not end the task", answers)


def _has_screens(messages: Sequence[Message]) -> bool:
    return sum(message.role == "user" and bool(message.image_at) for message in messages) > 1


def _last_answers(messages: Sequence[Message]) -> Sequence[int]:
    end = next((i for i in range(len(messages), 0, -1) if messages[i - 1].role == "assistant"), 0)
    start = end
    while start > 0 and messages[start - 1].role == "assistant":
        start -= 1
    return range(start, end)
