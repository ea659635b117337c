"""Image marks in the text <-> the images of the record: each mark one image, each image one place, in text order.

Where a format gives images by a list or a single path, `<image>` is the mark; where it gives them by name, `<image_00>` is.
Newlines that upstream puts round an image of the named form, and after one that had no mark, become part of the text:
the model was trained with them. Source: OpenBMB/MiniCPM-V finetune/dataset.py conversation_to_ids, preprocess @ 0dbb566.
"""

from __future__ import annotations

import re
from typing import Any

from pipelines.formats.logged import Logged
from pipelines.normalize.content import reference_of
from pipelines.normalize.faults import Faults
from pipelines.normalize.turns import Line
from pipelines.parse import kind_of
from pipelines.reasons import Reason

_MARK = "<image>"
_TAG = re.compile(_MARK)
_NAME = re.compile(r"<image_\d+>")
_ANY = re.compile(r"<image(?:_\d+)?>")


def place_images(logged: Logged, lines: list[Line], faults: Faults) -> list[Line]:
    """Moves the record's images to their places: `line.images` afterwards has them all, and no mark is left in the text. Gives the lines with images."""
    if logged.mark == "named" and isinstance(logged.images, dict):
        _place_named(logged.images, lines, faults)
    elif logged.mark is not None:
        _place_listed(logged, lines, faults)
    shown = [line for line in lines if line.images]
    wanted = sum([len(line.images) for line in shown])
    if wanted > faults.limits.images_per_record:
        faults.refuse(Reason.IMAGE_TOO_MANY, "", f"{wanted} images, limits.images_per_record is {faults.limits.images_per_record}")
    return shown


def _place_listed(logged: Logged, lines: list[Line], faults: Faults) -> None:
    images = logged.images if isinstance(logged.images, list) else [] if logged.images is None else [logged.images]
    key = "image" if logged.format == "agentcpm" else "images"
    marked = [line for line in lines if _MARK in line.text]
    asked = sum([line.text.count(_MARK) for line in marked if line.role != "assistant"])
    answered = sum([line.text.count(_MARK) for line in marked if line.role == "assistant" and line.call is None])
    if not images and not asked:
        return  # a mark that only an answer spells, in a record without images, is text
    if asked == 0 and answered == 0 and len(images) == 1:
        _place_first(images[0], key, lines, faults)
    elif asked != len(images) or answered:
        _mismatch(asked, answered, len(images), key, faults)
    else:
        left = iter([(image, f"{key}[{i}]" if isinstance(logged.images, list) else key) for i, image in enumerate(images)])
        for line in lines:
            if line.role != "assistant":
                _cut(line, _TAG, lambda _: next(left), round_them="")


def _place_named(images: dict[str, Any], lines: list[Line], faults: Faults) -> None:
    known = _NAME if images else _ANY  # where no image is given, every mark is one too many
    marks = [mark for line in lines for mark in known.findall(line.text) if line.role != "assistant"]
    answered = sum(len(_NAME.findall(line.text)) for line in lines if line.role == "assistant" and line.call is None)
    if not marks and not answered and len(images) == 1:
        name, image = next(iter(images.items()))
        _place_first(image, f"image.{name}", lines, faults)
    elif sorted(marks) != sorted(images) or answered:
        _mismatch(len(marks), answered, len(images), "image", faults, f"; marks {', '.join(sorted(set(marks)))}, images {', '.join(images)}")
    else:
        for line in lines:
            if line.role != "assistant":
                _cut(line, _NAME, lambda mark: (images[mark], f"image.{mark}"), round_them="\n")


def _place_first(image: Any, where: str, lines: list[Line], faults: Faults) -> None:
    first = next((line for line in lines if line.role == "user"), None)
    if first is None:
        _mismatch(0, 0, 1, where, faults)
        return
    faults.repair(Reason.REPAIR_PLACEHOLDER_ADDED, Reason.IMAGE_COUNT_MISMATCH, first.where, "the only image has no mark; it stands before this turn")
    first.text = "\n" + first.text
    first.images = [(0, image, where), *((offset + 1, ref, place) for offset, ref, place in first.images)]


def _mismatch(asked: int, answered: int, images: int, where: str, faults: Faults, more: str = "") -> None:
    in_answers = f" and {answered} in answers" if answered else ""
    faults.refuse(Reason.IMAGE_COUNT_MISMATCH, where, f"{asked} marks{in_answers}, {images} images{more}")


def _cut(line: Line, mark: re.Pattern[str], image_of: Any, round_them: str) -> None:
    """Takes the marks out of a line; `round_them` goes on both sides of each, at the start and the end of the text too."""
    pieces = mark.split(line.text)
    images = [image_of(found) for found in mark.findall(line.text)]
    text, placed = pieces[0], []
    for (ref, where), piece in zip(images, pieces[1:], strict=True):
        text += round_them
        placed.append((len(text), ref, where))
        text += round_them + piece
    if images:
        line.text = text
        line.images = sorted([*line.images, *placed], key=lambda image: image[0])


def check_references(lines: list[Line], faults: Faults) -> None:
    """Refuses a reference that is no text."""
    for line in lines:
        for _, ref, where in line.images:
            if reference_of(ref) is None:
                faults.refuse(Reason.IMAGE_REF_TYPE, where, f"found {kind_of(ref)}{' that is blank' if isinstance(ref, str) else ''}; a path is wanted")
