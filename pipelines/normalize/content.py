"""A turn's content -> text, the places of its images, and the calls and reasoning that stood among its parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from pipelines.formats.logged import LoggedTurn, Path, place
from pipelines.normalize.faults import Faults
from pipelines.parse import clip, kind_of
from pipelines.reasons import Reason

TEXT, IMAGE, REASONING, CALL = (
    {"text", "input_text", "output_text"},
    {"image_url", "image", "input_image"},
    {"reasoning", "thinking"},
    {"tool_call", "function_call"},
)


class Body(Struct, gc=False):
    """The text of a turn with the images that have their place already: (offset, reference, JSON path)."""

    text: str = ""
    images: list[tuple[int, Any, str]] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    calls: list[tuple[Path, Any]] = field(default_factory=list)


def read_body(turn: LoggedTurn, faults: Faults) -> Body | None:
    """None where the content is absent or null; a content of another type is refused."""
    if turn.content is None and (turn.image is None or turn.image == []):
        return None
    body = Body()
    if turn.image is not None:
        for ref in turn.image if isinstance(turn.image, list) else [turn.image]:
            body.images.append((0, ref, f"{turn.where}.image"))
    if isinstance(turn.content, str):
        body.text = turn.content
    elif isinstance(turn.content, list):
        for i, part in enumerate(turn.content):
            _add_part(body, part, (*turn.path, turn.content_key, i), faults)
    elif isinstance(turn.content, dict) and "type" in turn.content:
        _add_part(body, turn.content, (*turn.path, turn.content_key), faults)
    elif turn.content is not None:
        faults.refuse(Reason.SCHEMA_CONTENT_TYPE, f"{turn.where}.{turn.content_key}", f"found {kind_of(turn.content)}; text or a list of parts is wanted")
    return body


def _add_part(body: Body, part: Any, path: Path, faults: Faults) -> None:
    where = place(path)
    if isinstance(part, str):
        body.text += part
        return
    if not isinstance(part, dict):
        faults.refuse(Reason.SCHEMA_PART_BAD, where, f"found {kind_of(part)}; an object with a type is wanted")
        return
    kind = part.get("type")
    if not isinstance(kind, str):
        faults.refuse(Reason.SCHEMA_PART_BAD, where, f"the type of the part is {kind_of(kind)}; text is wanted")
        return
    key = _value_key(part, kind)
    value = part.get(key) if key else None
    if kind in IMAGE and value is not None:
        body.images.append((len(body.text), value, f"{where}.{key}"))
    elif kind in CALL and value is not None:
        body.calls.append(((*path, key or ""), value))
    elif kind in TEXT | REASONING and isinstance(value, str):
        if kind in TEXT:
            body.text += value
        else:
            body.reasoning.append(value)
    else:
        faults.refuse(Reason.SCHEMA_PART_BAD, where, f"a part of type {clip(kind)} with {kind_of(value)} in it")


def _value_key(part: Mapping[str, Any], kind: str) -> str | None:
    """Where a part keeps its value: under its type, under `value` (LLaMA-Factory v1), or for an image under url or path."""
    keys = [kind, "value", "text"] if kind not in IMAGE else ["image_url", "image", "value", "url", "path"]
    return next((key for key in keys if part.get(key) is not None), None)


def reference_of(value: Any) -> str | None:
    """The text of an image reference: a path, a URL, or either under url, path or image_url; None where there is no text in it.

    {"path": null, "bytes": ...} as Hugging Face's datasets write it has its picture in the record, which no reference names.
    """
    if isinstance(value, dict):
        value = next((value[key] for key in ("url", "path", "image_url", "image") if value.get(key)), None)
    return value if isinstance(value, str) and value.strip() else None
