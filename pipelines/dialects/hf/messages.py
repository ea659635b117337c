"""A conversation in GLM form -> the messages that chat templates read: OpenAI's, with arguments as objects.

    system | user | text, call, call | result | result | text   ->   system | user | assistant with tool_calls | tool | tool | assistant

The text and the calls of one answer become one message. Reasoning at the start of a text gets a field of its own where the template reads it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from pipelines.chat.segments import Control
from pipelines.chat.turns import Turn
from pipelines.records import Message, Noun

Json = dict[str, Any]
_THOUGHT = re.compile(r"\s*<think>(.*?)</think>", re.DOTALL)
_OPEN, _CLOSE = "<think>", "</think>"
ROLES = {"observation": "tool"}


class Call(Noun, frozen=True):
    """A call with its arguments as the conversation has them, JSON text, and as an object."""

    name: str
    text: str
    arguments: Any


class Entry(Noun, frozen=True):
    """A message of the template. It is made of the turns from `first` on, and `place` is that of the first of them in the conversation. `parts` are
    texts of the data, numbers of pictures, and control tokens that a tool syntax wrote. `thought` is reasoning that is apart from the text."""

    role: str
    first: int
    place: int
    parts: tuple[str | int | Control, ...]
    thought: str | None = None
    calls: tuple[Call, ...] = ()
    trained: bool = False
    weight: float | None = None
    answers: int | None = None  # of a result: the call that it answers, counted from the first call before it; None: the first without a result

    @property
    def texts(self) -> list[str]:
        """The texts before, between and after the pictures."""
        texts = [""]
        for part in self.parts:
            if isinstance(part, int):
                texts.append("")
            else:
                texts[-1] += part if isinstance(part, str) else part.name
        return texts


class Form(Noun, frozen=True):
    """How a template wants messages: texts as lists of parts; reasoning in its own field; arguments as JSON text. If it `reads_tags`, it takes reasoning
    with its tags out of a text by itself."""

    lists: bool = False
    thoughts: bool = False
    argument_texts: bool = False
    reads_tags: bool = False


def entries_of(turns: Sequence[Turn], form: Form) -> list[Entry]:
    """The messages of these turns. Text and calls that follow one another are one, unless only one of them is trained."""
    entries: list[Entry] = []
    i = 0
    while i < len(turns):
        turn = turns[i]
        message = turn.message
        if turn.role != "assistant":
            entries.append(
                Entry(
                    ROLES.get(turn.role, turn.role),
                    i,
                    turn.place,
                    _parts(turn),
                    weight=message.loss_weight,
                    answers=message.answered.call if message.answered else None,
                )
            )
            i += 1
            continue
        end = i if turn.is_call else i + 1
        while end < len(turns) and turns[end].is_call and turns[end].trained == turn.trained:
            end += 1
        thought: str | None = None
        parts: tuple[str | int | Control, ...] = ("",) if turn.is_call else _parts(turn)
        if form.thoughts and isinstance(parts[0], str):
            thought, rest = _logged_thought(message, parts[0])
            if thought is None and not form.reads_tags:
                thought, rest = split_thought(parts[0])
            parts = (rest, *parts[1:])
        calls = tuple([_call(one) for one in turns[i:end] if one.is_call])
        weight = message.loss_weight if end == i + 1 else _largest([one.message.loss_weight for one in turns[i:end]])
        entries.append(Entry("assistant", i, turn.place, parts, thought, calls, turn.trained, weight))
        i = end
    return entries


def _parts(turn: Turn) -> tuple[str | int | Control, ...]:
    return tuple(turn.parts()) if turn.images or turn.tags else (turn.message.content,)


def _largest(weights: Sequence[float | None]) -> float | None:
    """The largest weight; no weight means full weight, 1."""
    return max(weights, key=lambda weight: 1.0 if weight is None else weight)


def _logged_thought(message: Message, text: str) -> tuple[str | None, str]:
    """(the reasoning that the log has in a field of its own, the rest of this text); (None, text) if there is none."""
    end = message.reasoning_end
    if not end or not text.startswith(_OPEN) or not text[:end].endswith(_CLOSE):
        return None, text
    return text[len(_OPEN) : end - len(_CLOSE)].replace(_CLOSE + _OPEN, "\n"), text[end:]


def split_thought(text: str) -> tuple[str | None, str]:
    """(the reasoning that a text begins with, the rest); (None, text) if there is none.

    Newlines around reasoning that a model wrote with its tags belong to the tags, as all templates that take such a text apart have it.

    >>> split_thought("<think>Hm.</think>Yes."), split_thought("<think>\\nHm.\\n</think>\\n\\nYes."), split_thought("Yes.")
    (('Hm.', 'Yes.'), ('Hm.', 'Yes.'), (None, 'Yes.'))
    """
    if not text.lstrip().startswith("<think>"):
        return None, text
    thoughts: list[str] = []
    at = 0
    while found := _THOUGHT.match(text, at):
        thoughts.append(found.group(1))
        at = found.end()
    if not thoughts:
        return None, text
    rest = text[at:]
    if thoughts[-1][:1] == "\n" or thoughts[-1][-1:] == "\n":
        return "\n".join([thought.strip("\n") for thought in thoughts]), rest.lstrip("\n")
    return "\n".join(thoughts), rest


def with_texts(entry: Entry, change: Callable[[Any], Any]) -> Entry:
    """The entry with its data changed: a text, None, or the value of arguments."""
    calls = [Call(change(call.name), change(call.text), change(call.arguments)) for call in entry.calls]
    parts = [change(part) if isinstance(part, str) else part for part in entry.parts]
    return replace(entry, parts=tuple(parts), thought=change(entry.thought), calls=tuple(calls))


def data_of(entries: Sequence[Entry]) -> Iterator[str]:
    """All texts of the data. Arguments are JSON text."""
    for entry in entries:
        yield from (part for part in entry.parts if isinstance(part, str))
        if entry.thought:
            yield entry.thought
        for call in entry.calls:
            yield call.name
            yield call.text


def messages_of(entries: Sequence[Entry], form: Form) -> list[Json]:
    """The messages as transformers hands them to a template: without null values, and reasoning under both of its names.

    Source: huggingface/transformers utils/chat_template_utils.py _alias_reasoning_fields @ v5.23.0.
    """
    messages: list[Json] = []
    count = 0
    calls: list[tuple[str, str]] = []  # the last ones that follow one another
    results = 0
    for i, entry in enumerate(entries):
        content = _content(entry, form)
        if entry.role == "tool":
            place = results if entry.answers is None else entry.answers
            id_, name = calls[place] if place < len(calls) else ("call00000", "")
            results += 1
            messages.append({"role": "tool", "tool_call_id": id_, "name": name, "content": content})
            continue
        message: Json = {"role": entry.role, "content": content}
        if entry.thought is not None:
            message = {"thinking": entry.thought, **message, "reasoning_content": entry.thought}
        if entry.calls:
            if not (i and entries[i - 1].calls):
                calls, results = [], 0
            own = [(f"call{count + k:05d}", call.name) for k, call in enumerate(entry.calls, 1)]  # nine letters and digits, as Mistral demands
            calls += own
            count += len(entry.calls)
            message["tool_calls"] = [
                {"id": id_, "type": "function", "function": {"name": name, "arguments": call.text if form.argument_texts else call.arguments}}
                for (id_, name), call in zip(own, entry.calls, strict=True)
            ]
        messages.append(message)
    return messages


def _content(entry: Entry, form: Form) -> Any:
    if not form.lists and len(entry.parts) == 1 and isinstance(entry.parts[0], str):
        return entry.parts[0]
    if not form.lists and not any(isinstance(part, int) for part in entry.parts):
        return entry.texts[0]
    first, *others = entry.texts
    parts = _text_part(first)
    for text in others:
        parts += [{"type": "image"}, *_text_part(text)]
    return parts or [{"type": "text", "text": ""}]


def writes_list(text: str) -> bool:
    """Whether a render has a content in parts as Python shows a list: [{'type': 'text', 'text': 'Hi'}]."""
    return "{'type': 'text', 'text': " in text or "{'type': 'image'}" in text


def _text_part(text: str) -> list[Json]:
    return [{"type": "text", "text": text}] if text else []


def _call(turn: Turn) -> Call:
    text = turn.message.content
    return Call(turn.message.metadata, text, _read(text))


def _read(text: str) -> Any:
    """The value of this JSON; not by orjson, which reads an integer of more than 64 bits as a float."""
    return json.loads(text)
