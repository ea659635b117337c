"""A turn's content -> text, the places of its images, and the calls and reasoning among its parts."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct, field

from pipelines.formats.keys import CALL_FIELDS, TURN_FIELD, TURN_FIELDS
from pipelines.formats.logged import LoggedPart, LoggedTurn, is_null
from pipelines.formats.parts import CALL, HIDDEN, IMAGE, KINDS, MEDIA, MEDIA_TYPES, REASONING, TEXT, VALUES, kind_of_part
from pipelines.images.data_uri import is_data_uri
from pipelines.normalize.findings import Findings
from pipelines.normalize.loss import weight_of
from pipelines.normalize.reasoning import CLOSE, OPEN, texts_of
from pipelines.normalize.tool_calls import Value
from pipelines.normalize.written import write_json
from pipelines.parsing.careful import clip, kind_of, parse_json
from pipelines.parsing.written import Path, Written
from pipelines.reasons import Reason, Reject
from pipelines.records import ImageRef

_PARTS = re.compile(r'\[\s*\{\s*"type"\s*:\s*"(?:text|input_text|output_text|image|image_url|input_image)"')
# The keys of a picture's reference, in order: bytes in the record come before a path.
_REFERENCES = ("bytes", "data", "url", "path", "image_url", "image", "image_path", "uri", "fileUri", "file_uri", "base64", "source", "payload")
_BOXES = ("image", "source", "payload")  # Bedrock: {"image": {"source": {"bytes": ...}}}
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?://|[^/]*,)")
_BASE64_STARTS = ("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR", "Qk")  # PNG, JPEG, GIF, WEBP, BMP
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\r\n")
_LEAST_BASE64 = 64  # characters: no picture is smaller, and few paths are longer without a dot


class Slot(NamedTuple):
    """An image part without a picture: it takes one from the list of the record, the next one or the one with its index."""

    number: int | None


class Body(Struct, gc=False):
    """The text of a turn, and the images that already have a place in it: (offset, reference or Slot, JSON path)."""

    text: str = ""
    is_given: bool = False
    images: list[tuple[int, Any, str]] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    calls: list[Value] = field(default_factory=list)
    weight: float | None = None
    is_answer_text: bool = False  # an answer whose text is no call


def read_body(turn: LoggedTurn, role: str | None, findings: Findings) -> Body:
    """What the content says. A tool result that is not text becomes JSON text; any other content of a wrong type is refused."""
    is_answer_text = role == "assistant" and not (isinstance(turn.metadata, str) and turn.metadata.strip())
    if turn.parts is not None:
        return _read_parts(turn.parts, turn.written, role, findings, is_answer_text)
    content, path = turn.content, (*turn.path, turn.content_key)
    where = f"{turn.where}.{turn.content_key}"
    written = turn.written
    if isinstance(content, str):
        parts = _parts_in(content, findings)
        if parts is None:
            return Body(content, True)
        findings.repair(
            Reason.REPAIR_CONTENT_PARSED, Reason.SCHEMA_CONTENT_TYPE, where, "the content was a list of parts as JSON text, and was read as that list"
        )
        written, path = Written(content), ()
        content = parts
    if content is None:
        return Body()
    if role == "observation" and not _is_parts(content):
        findings.repair(Reason.REPAIR_RESULT_AS_TEXT, Reason.SCHEMA_CONTENT_TYPE, where, f"{kind_of(content)} was replaced by its JSON text")
        return Body(_result_text(content, written, path, where, findings), True)
    if isinstance(content, dict) and "type" in content:
        return _read_parts([LoggedPart(content, path, where)], written, role, findings, is_answer_text)
    if isinstance(content, list):
        return _read_parts([LoggedPart(part, (*path, i), f"{where}[{i}]") for i, part in enumerate(content)], written, role, findings, is_answer_text)
    findings.refuse(Reason.SCHEMA_CONTENT_TYPE, where, f"found {kind_of(content)}; expected a string or a list of parts")
    return Body("", True)


def _result_text(content: Any, written: Written, path: Path, where: str, findings: Findings) -> str:
    try:
        return write_json(content, written, path)
    except Reject as reject:
        findings.refusals += [finding._replace(where=where) for finding in reject.findings]
        return ""


def _parts_in(text: str, findings: Findings) -> list[Any] | None:
    """The content parts in this JSON text: a column of strings has parts in this form. None for any other text."""
    if not text.startswith("[") or not _PARTS.match(text):
        return None
    try:
        value = parse_json(text, findings.budget, [])
    except Reject as reject:
        if reject.findings[0].code == Reason.JSON_TOO_MANY_VALUES.code:
            raise
        return None
    known = isinstance(value, list) and all(isinstance(part, dict) and kind_of_part(part).kind in (TEXT, IMAGE) for part in value)
    return value if known else None


def _is_parts(content: Any) -> bool:
    """Whether this is a content part, or a list with one: any other object or list is data."""
    parts = content if isinstance(content, list) else [content]
    return any(isinstance(part, dict) and isinstance(part.get("type"), str) and part["type"] in KINDS for part in parts)


def _read_parts(parts: Sequence[LoggedPart], written: Written, role: str | None, findings: Findings, is_answer_text: bool) -> Body:
    body = Body(is_given=True, is_answer_text=is_answer_text)
    texts: list[str] = []
    size, has_text = 0, False
    weights: list[float | None] = []
    for part, path, where, is_call in parts:
        if is_call:
            body.calls.append(Value(part, written, path, where))
            continue
        calls, thoughts = len(body.calls), len(body.reasoning)
        text = part if isinstance(part, str) else _read_part(body, part, path, where, size, written, findings)
        if body.is_answer_text and len(body.reasoning) > thoughts and (calls or has_text):
            text = _thought_in_place(body, thoughts, calls, where, findings)
        if text is not None:
            texts.append(text)
            size += len(text)
            has_text = has_text or bool(text.strip())
            if calls and text.strip():
                findings.misplaced(where.rpartition(".")[0], where.rpartition(".")[2], "the text follows a call of the same turn, but would be put before it")
        if isinstance(part, str) or (isinstance(part, dict) and kind_of_part(part).kind != IMAGE):
            weights.append(_part_weight(part, where, findings) if isinstance(part, dict) else None)
    body.text = "".join(texts)
    if len(set(weights)) == 1:
        body.weight = weights[0]
    elif weights and role in (None, "assistant"):  # a question is not trained, whatever its parts say
        key = next(key for part, *_ in parts if isinstance(part, dict) for key in TURN_FIELDS["loss"] if part.get(key) is not None)
        findings.misplaced(parts[0][2].rpartition(".")[0], key, "the parts of this turn have different loss weights, but a turn has only one")
    return body


def _thought_in_place(body: Body, first: int, calls: int, where: str, findings: Findings) -> str | None:
    """Reasoning between texts, as a text between them: before the turn, it would be in another order. Between calls it has no place."""
    if calls:
        findings.misplaced(where.rpartition(".")[0], where.rpartition(".")[2], "the reasoning follows a call of the same turn, but would be put before it")
        return None
    thoughts, body.reasoning = body.reasoning[first:], body.reasoning[:first]
    if tag := next((tag for tag in (OPEN, CLOSE) if any(tag in thought for thought in thoughts)), None):
        findings.refuse(Reason.SCHEMA_REASONING_TAGS, where, f"found {tag} in reasoning that stands between texts")
    return "".join(f"{OPEN}{thought}{CLOSE}" for thought in thoughts)


def _part_weight(part: Mapping[str, Any], where: str, findings: Findings) -> float | None:
    return weight_of(tuple([(key, part[key]) for key in TURN_FIELDS["loss"] if part.get(key) is not None]), where, findings)


def _read_part(body: Body, part: Any, path: Path, where: str, size: int, written: Written, findings: Findings) -> str | None:
    """The text of a text part. Any other part goes into `body`, an image at offset `size`."""
    if not isinstance(part, dict):
        findings.refuse(Reason.SCHEMA_PART_BAD, where, f"found {kind_of(part)}; expected an object with a type")
        return None
    if part.keys() == {"message_content"} and isinstance(part["message_content"], dict):  # OpenInference
        part, path, where = part["message_content"], (*path, "message_content"), f"{where}.message_content"
    kind, own = kind_of_part(part)
    name = own or part.get("type")
    if not isinstance(name, str):
        found = f"the type of the part is {kind_of(name)}" if name is not None else f"found the keys {clip(', '.join(map(str, part)))}"
        findings.refuse(Reason.SCHEMA_PART_BAD, where, f"{found}; expected a part with a type such as text or image_url, or one such as functionCall")
        return None
    if kind == MEDIA:
        findings.media(where, f"a part of type {name}")
        return None
    if kind == HIDDEN:
        findings.unread.counts[f"part.{name} without text"] += 1
        return None
    key = own or _value_key(part, kind, name)
    value = part.get(key) if key else None
    if kind == CALL and value is None and part.keys() & _CALL_NAMES:
        body.calls.append(Value(part, written, path, where))  # the part itself is the call
        return None
    findings.unread.add_others(
        "part", where, part, {"type", key or "type", *(MEDIA_TYPES if kind == IMAGE else ("thought",) if kind == REASONING else ()), *TURN_FIELDS["loss"]}
    )
    if kind == TEXT and (other := next((key_ for key_ in VALUES[TEXT] if key_ != key and part.get(key_) not in (None, "", value)), None)):
        findings.unread.add("part", where, other, part[other], f"the text of the part was read from {key}, which has different text")
    if kind == IMAGE and value is not None:
        body.images.append((size, {"data": value} if key in _DATA else value, f"{where}.{key}"))
    elif kind == IMAGE and not _says_more(part):
        body.images.append((size, Slot(_number(part.get("index"))), where))
    elif kind == CALL and value is not None:
        body.calls.append(Value(value, written, (*path, key or ""), f"{where}.{key}"))
    elif kind == REASONING and value is not None:
        body.reasoning += [text for text in texts_of(value, key or "", where, findings) if text]
    elif kind == REASONING and "type" in part and not _says_more(part):
        findings.unread.counts["part.reasoning without text"] += 1
    elif kind == TEXT and isinstance(value, str):
        return value
    else:
        found = f"a part of type {clip(name)} whose value is {kind_of(value)}" if kind else f"a part of type {clip(name)}, which is not read"
        findings.refuse(Reason.SCHEMA_PART_BAD, where, f"found {found}; write it as text or as a picture, or leave it out")
    return None


_CALL_NAMES = frozenset(CALL_FIELDS["name"])
_DATA = ("data", "base64", "content")  # the bytes of a picture in base64, whatever they look like


def _number(index: Any) -> int | None:
    """The index of a part, which may be 1.0 in a column of floats and "1" in a column of strings."""
    if isinstance(index, str) and index.isdecimal():
        return int(index)
    return int(index) if isinstance(index, (int, float)) and not isinstance(index, bool) and index == int(index) else None


def _value_key(part: Mapping[str, Any], kind: str | None, name: str) -> str | None:
    """Where a part keeps its value: the first of its keys that is not blank. In a column of parts, every part has all keys."""
    keys = VALUES.get(kind or "", ()) if kind == IMAGE else (name, *VALUES.get(kind or "", ("value", "text", "content")))
    given = [key for key in keys if not is_null(part.get(key))]
    return next((key for key in given if part[key] not in ("", [])), given[0] if given else None)


def _says_more(part: Mapping[str, Any]) -> bool:
    """Whether an image part without a picture has another field, such as `source` in another API."""
    return any(value is not None and value != "" and key not in ("type", "index") and key not in TURN_FIELD for key, value in part.items())


def reference_of(value: Any, depth: int = 0) -> str | None:
    """The text of an image reference: a path, a URL, or a data: URI of bytes that the log holds; None if it is none of these.

    Hugging Face's datasets write {"bytes": ..., "path": ...}. If there are bytes, they are the picture; in JSON they are base64.
    """
    if isinstance(value, dict):
        key = next((key for key in _REFERENCES if value.get(key)), None)
        inner = value[key] if key else None
        if key in ("bytes", "data", "base64") and isinstance(inner, str):
            return inner if key != "bytes" and _URI.match(inner) else f"data:image;base64,{inner}"
        return reference_of(inner, depth + 1) if not isinstance(inner, dict) or (key in _BOXES and depth < len(_BOXES)) else None
    if not isinstance(value, str) or not value.strip():
        return None
    return f"data:image;base64,{value}" if _is_base64(value) else value


def image_ref(value: Any, where: str) -> ImageRef:
    """The reference of a picture, with the key by which it is verified once."""
    ref = reference_of(value) or ""
    return ImageRef(f"data:{hashlib.sha256(ref.encode()).hexdigest()}" if is_data_uri(ref) else ref, ref, where)


def same_picture(first: Any, second: Any) -> bool:
    """Whether two references certainly name the same picture, however they are written."""
    return first == second or (_name(first) is not None and _name(first) == _name(second))


def _name(value: Any) -> str | None:
    ref = reference_of(value)
    return ref if ref is None or ":" in ref else os.path.normpath(ref)


def _is_base64(text: str) -> bool:
    """Whether this is a picture's bytes in base64, not a path: it begins like a picture, is long, and has no dot."""
    return len(text) >= _LEAST_BASE64 and text.startswith(_BASE64_STARTS) and not set(text) - _BASE64  # in lines too, as MIME wraps it
