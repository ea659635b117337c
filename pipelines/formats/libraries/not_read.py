"""Logs of agent libraries that are refused by name: what they leave out, and what to log instead.

Sources: All-Hands-AI/OpenHands openhands/events/serialization/event.py @ 0d8384c, and openhands-sdk event/base.py of release 1.58.2, with
openhands-tools terminal/definition.py (`to_llm_content`); huggingface/smolagents src/smolagents/memory.py, release 1.26.0; browser-use/browser-use
browser_use/agent/views.py @ a178036; the reference of OpenAI's Assistants API, thread messages and run steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Json = Any
_EVENTS = ("SystemPromptEvent", "MessageEvent", "ActionEvent", "ObservationEvent", "AgentErrorEvent", "ConversationStateUpdateEvent", "Condensation")
_OF_THREADS = ("thread.message", "thread.run", "thread.run.step")
_LISTS = ("history", "trajectory", "events", "steps", "data", "messages")  # where the elements of such a log stand


class NotRead(NamedTuple):
    """`matches` gets a record, or the first element of a list."""

    matches: Callable[[Mapping[str, Json]], bool]
    why: str


def _is_openhands(event: Mapping[str, Json]) -> bool:
    is_old = ("action" in event and "args" in event) or ("observation" in event and "extras" in event)
    return "source" in event and "role" not in event and (is_old or event.get("kind") in _EVENTS)


def _is_smolagents(step: Mapping[str, Json]) -> bool:
    return "model_output_message" in step or ("task_images" in step and "task" in step and len(step) == 2)


def _is_browser_use(step: Mapping[str, Json]) -> bool:
    return "model_output" in step and "result" in step and isinstance(step.get("state"), dict)


NOT_READ = (
    NotRead(
        _is_openhands,
        "events of OpenHands have neither the tool definitions nor the results as the model saw them; log its requests (log_completions) instead",
    ),
    NotRead(
        _is_smolagents,
        "steps of smolagents have the results of several calls in one text, and no pictures; log its requests (a trace of OpenInference) instead",
    ),
    NotRead(_is_browser_use, "a history of browser-use has actions and screenshots, but not the prompts of the model; log its requests instead"),
    NotRead(
        lambda item: item.get("object") in _OF_THREADS,
        "a thread of OpenAI's Assistants has its calls apart from its messages, in run steps; log its turns as a list of messages with their calls",
    ),
)


def why_not(record: Mapping[str, Json]) -> str:
    """Why this record, whose shape no format knows, is not read; "" where nothing is known about it."""
    return next((one.why for one in NOT_READ if one.matches(record)), "") or why_not_lists(record)


def why_not_lists(record: Mapping[str, Json]) -> str:
    """Why the lists in a record are not read, whatever it has besides; "" where nothing is known about them."""
    lists = [record[key] for key in _LISTS if isinstance(record.get(key), list)]
    heads = [items[0] for items in lists if items and isinstance(items[0], dict)]
    return next((one.why for head in heads for one in NOT_READ if one.matches(head)), "")
