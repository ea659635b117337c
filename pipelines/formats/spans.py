"""Spans of traces as records of one kind: OTLP's nested lists, and attributes that spell lists out as `llm.input_messages.0.message.role`.

Sources: open-telemetry/opentelemetry-proto trace.proto (JSON form); Arize-ai/openinference spec/semantic_conventions.md;
traceloop/openllmetry (`gen_ai.prompt.0.content`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.formats.keys import Unread
from pipelines.formats.paths import pairs_of
from pipelines.formats.turns import parsed
from pipelines.parsing.budget import Budget
from pipelines.reasons import Reason, Reject

Json = Any
_NUMBERED = re.compile(r"\.\d+(?:\.|$)")
_LISTS = ("resourceSpans", "resource_spans", "batches", "scopeSpans", "scope_spans", "instrumentationLibrarySpans", "spans")
MOST_PARTS = 32  # of one key
MOST_ITEMS = 10_000


def unfold(record: Mapping[str, Json], budget: Budget, unread: Unread) -> dict[str, Json] | None:
    """The record with its span's attributes as nested objects and lists; None where it is no span of this kind.

    Of several spans with messages, the one is taken whose messages begin with those of every other: the last call of an agent has all that was
    said before. Raises Reject if there is no such span.
    """
    if any(isinstance(record.get(name), list) for name in _LISTS):
        spans = [(span, messages) for span in _spans(record) if (messages := _messages(span, budget))]
        if not spans:
            return None
        last, most = max(spans, key=lambda pair: len(pair[1]))
        if not all(most[: len(messages)] == messages for _, messages in spans):
            why = f"of {len(spans)} chats in this record, none begins with all the others; write each trace, or each chat, as a record of its own"
            raise Reject(Reason.SCHEMA_UNKNOWN_FORMAT.at(next(name for name in _LISTS if isinstance(record.get(name), list)), why))
        if len(spans) > 1:
            unread.counts["record.spans of earlier calls"] += len(spans) - 1
        return last
    if (turns := _turns_of_events(record, budget, unread)) is not None:
        return {**record, "events": turns}
    attributes = _object(record.get("attributes"))
    flat = attributes if attributes is not None else record
    if not any(_NUMBERED.search(key) or _is_prefixed(key) for key in flat):
        return None
    nested = _nested(flat)
    return {**{key: value for key, value in record.items() if key != "attributes"}, "attributes": nested} if attributes is not None else nested


def _turns_of_events(record: Mapping[str, Json], budget: Budget, unread: Unread) -> list[Json] | None:
    """The turns that a span has as events: `gen_ai.user.message`, `gen_ai.choice`, as the conventions had them up to version 1.36."""
    turns: list[Json] = []
    choices = 0
    for i, event in enumerate(record["events"]) if isinstance(record.get("events"), list) else ():
        name = event.get("name") if isinstance(event, dict) else None
        if not isinstance(name, str) or not (match := _EVENT.fullmatch(name)):
            continue
        choices += match[1] == "choice"
        if choices == 2 and match[1] == "choice":
            unread.add("record", "", f"events[{i}]", event, "of several choices, only one can be read; keep the one to train on")
        said = {**(_object(event.get("attributes")) or {}), **(event["body"] if isinstance(event.get("body"), dict) else {})}
        message = said.get("message")
        if match[1] == "choice" and message is not None:
            message = (parsed(message, budget) or message) if isinstance(message, str) else message
            said = message if isinstance(message, dict) else {"content": message}
        if isinstance(calls := said.get("tool_calls"), str):
            said = said | {"tool_calls": parsed(calls, budget) or calls}
        role = "assistant" if match[1] == "choice" else match[1].partition(".")[0]
        turns.append({"role": role} | {key: value for key, value in said.items() if key not in _NOTES})
    return turns or None


_EVENT = re.compile(r"gen_ai\.(system\.message|user\.message|assistant\.message|tool\.message|choice)")
_NOTES = ("gen_ai.system", "gen_ai.provider.name", "event.name", "index", "finish_reason")


def _is_prefixed(key: str) -> bool:
    return key.startswith(("attributes.llm.", "llm.input_messages", "llm.output_messages"))


def _spans(value: Json) -> Iterator[dict[str, Json]]:
    """Every span in the lists of an export, its attributes as one object."""
    for name in _LISTS:
        for item in value.get(name) or () if isinstance(value, Mapping) else ():
            if isinstance(item, dict) and name != "spans":
                yield from _spans(item)
            elif isinstance(item, dict):
                attributes = _object(item.get("attributes")) or {}
                nested = _nested(attributes) if any(_NUMBERED.search(key) for key in attributes) else attributes
                yield item | {"attributes": nested}


def _object(attributes: Json) -> dict[str, Json] | None:
    return pairs_of(attributes) if isinstance(attributes, list) else attributes if isinstance(attributes, dict) else None


def _messages(span: Mapping[str, Json], budget: Budget) -> list[Json]:
    """The messages that the span's model was given, as they are logged; a text counts as one."""
    attributes = span["attributes"]
    for path in ("gen_ai.input.messages", "gen_ai.prompt", "llm.input_messages"):
        value: Json = attributes
        for key in [path] if path in attributes else path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if value:
            found = parsed(value, budget) if isinstance(value, str) else value
            return found if isinstance(found, list) else [value]
    return []


def _nested(flat: Mapping[str, Json]) -> dict[str, Json]:
    """{"a.0.b": 1} -> {"a": [{"b": 1}]}, and so in the objects of lists. Keys that contradict each other stay as they are."""
    made: dict[str, Json] = {}
    for key, value in flat.items():
        value = [_nested(item) if isinstance(item, dict) else item for item in value] if isinstance(value, list) else value
        parts = key.removeprefix("attributes.").split(".")
        if len(parts) > MOST_PARTS or not _put(made, parts, value):
            made[key] = value
    return {key: _listed(value) for key, value in made.items()}


def _put(box: dict[str, Json], parts: list[str], value: Json) -> bool:
    for part in parts[:-1]:
        inner = box.setdefault(part, {})
        if not isinstance(inner, dict):
            return False
        box = inner
    if parts[-1] in box:
        return False
    box[parts[-1]] = value
    return True


def _listed(value: Json) -> Json:
    """Objects whose keys are 0, 1, 2 as lists."""
    if not isinstance(value, dict):
        return value
    inner = {key: _listed(item) for key, item in value.items()}
    if inner and len(inner) <= MOST_ITEMS and all(str(i) in inner for i in range(len(inner))):
        return [inner[str(i)] for i in range(len(inner))]
    return inner
