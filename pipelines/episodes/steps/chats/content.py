"""What a turn of a chat says, part by part. A part that nothing reads is a fault of the record.

{"type": "thinking", "thinking": "There."}   -> the thought of an answer
{"type": "text", "text": "Action: ..."}      -> the text
{"type": "tool_result", "content": [...]}    -> the text of a result, which a question may not have
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.episodes.steps.chats.pictures import SLOTS, own_pictures
from pipelines.formats.keys import IMAGES, TURN_FIELDS
from pipelines.formats.parts import HIDDEN, IMAGE, MEDIA_TYPES, REASONING, RESULT_READ, TEXT, VALUES, kind_of_part
from pipelines.normalize.findings import Findings
from pipelines.normalize.reasoning import texts_of
from pipelines.parsing.careful import clip, kind_of
from pipelines.reasons import Reason

Json = Any
CALL, RESULT = "tool_use", "tool_result"  # the types of parts of Anthropic's API for calls and their results
_READ = frozenset(("type", *MEDIA_TYPES, *TURN_FIELDS["loss"]))
_READ_OF = {CALL: frozenset(("id", "name", "input", "arguments", "function")), RESULT: RESULT_READ | {"is_error"}}


@dataclass(slots=True)
class Content:
    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    results: list[str] = field(default_factory=list)  # the texts of results of tools
    loss: list[tuple[str, Json]] = field(default_factory=list)  # what the parts say of their training

    @property
    def text(self) -> str:
        return "\n".join(self.texts)


def content_key(turn: Mapping[str, Json]) -> str:
    """The key of what a turn says."""
    return next((key for key in ("content", "value") if turn.get(key) is not None), "content")


def read_content(turn: Mapping[str, Json], where: str, is_answer: bool, findings: Findings) -> Content:
    """What this turn says. Its pictures and calls are read elsewhere; of any other part, `findings` says why it is refused."""
    content, key = Content(), content_key(turn)
    said, where = turn.get(key), f"{where}.{key}"
    if isinstance(said, str):
        content.texts.append(said)
    elif isinstance(said, (list, dict)):
        for place, part in ((f"{where}[{i}]", part) for i, part in enumerate(said)) if isinstance(said, list) else ((where, said),):
            _read_part(content, part, place, is_answer, findings)
    elif said is not None:
        findings.refuse(Reason.SCHEMA_CONTENT_TYPE, where, f"found {kind_of(said)}; expected a string or a list of parts")
    return content


def _read_part(content: Content, part: Json, where: str, is_answer: bool, findings: Findings) -> None:
    if isinstance(part, str):
        content.texts.append(part)
        return
    if not isinstance(part, dict):
        findings.refuse(Reason.SCHEMA_PART_BAD, where, f"found {kind_of(part)}; expected an object with a type")
        return
    (kind, own), name = kind_of_part(part), part.get("type")
    key = next((key for key in (own or str(name), *VALUES.get(kind or "", ())) if part.get(key) is not None), None)
    value, read = part[key] if key else None, frozenset((key,) if key else ())
    if kind == TEXT and isinstance(value, str):
        content.texts.append(value)
    elif kind == REASONING and is_answer and key:
        content.thoughts += [text.strip() for text in texts_of(value, key, where, findings) if text.strip()]
    elif name == RESULT and not is_answer:
        inner = read_content({"content": part.get("content")}, where, is_answer, findings)
        content.results += [*inner.texts, *inner.results]
    elif kind == IMAGE and not is_answer and (name in SLOTS or own_pictures(part)):
        read = frozenset((*IMAGES, "source"))
    elif not (is_answer and (name == CALL or kind == HIDDEN)):
        detail = f"found a part of type {clip(str(name or own))}, which {'an answer' if is_answer else 'a question'} of a chat of steps does not have"
        findings.refuse(Reason.SCHEMA_PART_BAD, where, detail)
    content.loss += [(key, part[key]) for key in TURN_FIELDS["loss"] if part.get(key) is not None]
    if kind == HIDDEN and is_answer:
        findings.unread.counts[f"part.{name} without text"] += 1
        return
    for other in VALUES[TEXT] if kind == TEXT else ("text",):
        if other != key and isinstance(part.get(other), str) and part[other].strip() and part[other] != value:
            findings.unread.add("part", where, other, part[other], "the text is beside another value of the part, and only that is read")
    findings.unread.add_others("part", where, part, read | _READ | _READ_OF.get(str(name), frozenset()))
