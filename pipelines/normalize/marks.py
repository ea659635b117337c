"""Image marks in the text <-> the images of the record: each mark one image, each image one place, in text order.

A picture is given in one of four ways: at its place already (a part that names it, `<img>path</img>`), on a turn, in the record's list,
or by name (`{"<image_00>": path}`). Marks and image parts without a picture take the pictures of their turn first, then those of the record.
Newlines that upstream puts round an image of the named form, and after one that had no mark, become part of the text:
the model was trained with them. Source: OpenBMB/MiniCPM-V finetune/dataset.py conversation_to_ids, preprocess @ 0dbb566.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import islice, pairwise
from typing import Any, NamedTuple

from pipelines.formats.keys import clip_key
from pipelines.formats.logged import Logged
from pipelines.normalize.content import Slot, reference_of, same_picture
from pipelines.normalize.findings import Findings
from pipelines.normalize.turn_fields import pool_of
from pipelines.normalize.turns import Line
from pipelines.parsing.careful import kind_of
from pipelines.reasons import Reason

# The whole of a mark, as AgentCPM-GUI, LLaVA, MiniCPM-V's inference, Llama, Phi and Qwen-VL write it.
_MARK = re.compile(
    r"\(<image>\./</image>\)|<image>(?:\./)?</image>|<image(?:_(\d{1,9}))?>|<image_placeholder>|<\|image(?:_(\d{1,9}))?\|>"
    r"|<\|vision_start\|>(?:<\|image_pad\|>)+<\|vision_end\|>"
)
_INLINE = re.compile(r"<img>([^<>\n]{1,4096})</img>")  # Qwen-VL

SHOWN = 20  # names in a finding
MOST_MARKS = 10_000

Pool = list[tuple[Any, str]]  # (reference, JSON path)


class Place(NamedTuple):
    """Where an image stands or is to stand in a line's text: [start, end) is its mark, empty where it has none. Until a picture takes the place, `ref` is a Slot."""

    start: int
    end: int
    ref: Any
    where: str
    name: str = ""  # of a mark

    @property
    def is_open(self) -> bool:
        return isinstance(self.ref, Slot)

    @property
    def number(self) -> int | None:
        """That of a mark <image_01>, or the index of a part."""
        return self.ref.number if isinstance(self.ref, Slot) else None


def place_images(logged: Logged, lines: list[Line], findings: Findings) -> list[Line]:
    """Moves the record's images to their places: `line.images` afterwards has them all, and no mark is left in the text. Gives the lines with images.

    A mark in an answer is text, unless its turn has pictures of its own; and so is one in a tool's result, in a record without pictures.
    """
    marked = {i for i, line in enumerate(lines) if _has_marks(line.text)}
    if marked and _has_too_many([lines[i].text for i in marked], findings):
        return []
    named = _named(logged)
    pool = [] if named else pool_of(logged.images, "", findings.budget)
    own = {i: _places(line) for i, line in enumerate(lines) if line.images or line.pool or (i in marked and line.role != "assistant")}
    places = {i: found for i, found in own.items() if lines[i].role != "assistant"}
    if not (named or pool or any(line.images or line.pool for line in lines)):
        places = {i: found for i, found in places.items() if lines[i].role != "observation" or any(not place.is_open for place in found)}
    if named:
        _take_named(logged.images[0][0], named, lines, places, findings)
    elif places or pool:
        _take(pool, lines, places, findings)
    for i, found in own.items():
        if lines[i].role == "assistant":
            found = [place for place in found if not (place.is_open and place.name)]  # marks that are text
        elif i not in places:
            continue
        if found and not any(place.is_open for place in found):
            _write(lines[i], found, named)
        elif lines[i].role == "assistant" and found:
            findings.refuse(Reason.SCHEMA_PART_BAD, found[0].where, "an image part without a picture in an answer")
    shown = [line for line in lines if line.images]
    asked = sum([len(line.images) for line in shown])
    if asked > findings.budget.limits.images_per_record:
        findings.refuse(Reason.IMAGE_TOO_MANY, "", f"{asked} images, limits.images_per_record is {findings.budget.limits.images_per_record}")
    return shown


def _has_too_many(texts: list[str], findings: Findings) -> bool:
    """Refuses marks by the ten thousand before a place is made for each."""
    most = max(MOST_MARKS, findings.budget.limits.images_per_record)
    if sum([text.count("<") for text in texts]) <= most:
        return False
    marks = sum([len(pattern.findall(text)) for text in texts for pattern in (_MARK, _INLINE)])
    if marks > most:
        findings.refuse(Reason.IMAGE_TOO_MANY, "", f"{marks} marks, limits.images_per_record is {findings.budget.limits.images_per_record}")
    return marks > most


def _has_marks(text: str) -> bool:
    return "<image" in text or "<|image" in text or "<img>" in text


def _named(logged: Logged) -> dict[str, Any]:
    """The pictures that a record gives by the name of their mark. A single key <image> is the list's form; upstream replaces it so."""
    given = [value for _, value in logged.images if value not in ([], {}, "")]
    if len(given) != 1 or not isinstance(given[0], dict) or list(given[0]) == ["<image>"]:
        return {}
    pictures = {name: ref for name, ref in given[0].items() if ref is not None} or given[0]  # Arrow gives a row the names of all the others
    return {} if reference_of(pictures) is not None or pictures.keys() & {"bytes", "path", "url"} else pictures


def _places(line: Line) -> list[Place]:
    """The places of this line in text order, those of its turn's own pictures filled."""
    found = [Place(at, at, ref, where) for at, ref, where in line.images]
    found += [Place(*mark.span(), mark[1], f"{line.where}.content") for mark in _INLINE.finditer(line.text)]
    for mark in _MARK.finditer(line.text):
        found.append(Place(*mark.span(), Slot(int(mark[1] or mark[2]) if mark[1] or mark[2] else None), f"{line.where}.content", mark.group()))
    found.sort(key=lambda place: place.start)  # a part before a mark that begins where it stands
    if _are_same([ref for ref, _ in line.pool], [place.ref for place in found if not place.is_open]):
        line.pool = []  # the same pictures as parts
    if line.pool:
        empty = [k for k, place in enumerate(found) if place.is_open]
        if not empty:
            found = [*(Place(0, 0, ref, where) for ref, where in line.pool), *found]
            line.pool = []
        elif len(empty) >= len(line.pool):
            for k, (ref, where) in zip(_order([found[k] for k in empty[: len(line.pool)]], empty), line.pool, strict=False):
                found[k] = found[k]._replace(ref=ref, where=where)
            line.pool = []
    return found


def _are_same(refs: Sequence[Any], others: Sequence[Any]) -> bool:
    return len(refs) == len(others) and all(map(same_picture, refs, others))


def _order(places: Sequence[Place], positions: Sequence[int]) -> list[int]:
    """For each picture of a list in turn, the position of the place that it takes: by number where every place has one of 0.. or 1.., else in text order."""
    numbers = [place.number for place in places]
    for first in (0, 1):
        if sorted(number for number in numbers if number is not None) == list(range(first, first + len(places))):
            where = {number: k for k, number in enumerate(numbers)}
            return [positions[where[first + k]] for k in range(len(places))]
    return list(positions[: len(places)])


def _misnumbered(places: Sequence[Place]) -> bool:
    """Whether all places have numbers, which neither count the pictures nor go up: which picture is meant cannot be known."""
    numbers = [place.number for place in places if place.number is not None]
    if len(numbers) < len(places) or len(numbers) < 2:
        return False
    return sorted(numbers) not in (list(range(len(numbers))), list(range(1, len(numbers) + 1))) and any(b <= a for a, b in pairwise(numbers))


def _take(pool: Pool, lines: list[Line], places: dict[int, list[Place]], findings: Findings) -> None:
    """Gives the places that have no picture yet those of the record's list; every picture must have a place, and every place a picture."""
    if _refuse_leftovers(lines, findings):
        return
    _leave_spoken_marks(len(pool), lines, places)
    every = [(i, k) for i, found in places.items() for k in range(len(found))]
    empty = [(i, k) for i, k in every if places[i][k].is_open]
    answered = sum([len(_MARK.findall(line.text)) for line in lines if line.role == "assistant" and line.call is None and _has_marks(line.text)]) if pool else 0
    refs = [places[i][k].ref for i, k in every if not places[i][k].is_open]
    if not answered and not empty and pool and _are_same([ref for ref, _ in pool], refs):
        return  # the same pictures as parts
    if not answered and not empty and not refs and len(pool) == 1:
        _place_first(*pool[0], lines, findings)
        return
    if (
        not answered
        and len(empty) < len(pool) == len(every)
        and all(places[i][k].is_open or same_picture(places[i][k].ref, ref) for (i, k), (ref, _) in zip(every, pool, strict=True))
    ):
        pool = [pair for (i, k), pair in zip(every, pool, strict=True) if places[i][k].is_open]  # the list names the parts' pictures too
    if not pool and empty and not any(places[i][k].name for i, k in empty):
        for i, k in empty:
            findings.refuse(Reason.SCHEMA_PART_BAD, places[i][k].where, "an image part without a picture, and the record has none for it")
    elif len(empty) != len(pool) or answered or _misnumbered([places[i][k] for i, k in empty]):
        where = pool[0][1].partition("[")[0] if pool else places[empty[0][0]][empty[0][1]].where
        _refuse_count(len(empty), answered, len(pool), where, findings)
    else:
        order = _order([places[i][k] for i, k in empty], range(len(empty)))
        for at, (ref, where) in zip(order, pool, strict=True):
            i, k = empty[at]
            places[i][k] = places[i][k]._replace(ref=ref, where=where)


def _leave_spoken_marks(pictures: int, lines: list[Line], places: dict[int, list[Place]]) -> None:
    """Where the questions' marks are as many as the pictures, a mark in a system text or in a tool's result is text that speaks of one."""

    def marks(roles: tuple[str, ...]) -> int:
        return sum(place.is_open for i, found in places.items() if lines[i].role in roles for place in found)

    if marks(("user",)) == pictures and marks(("system", "observation")):
        for i in [i for i in places if lines[i].role in ("system", "observation")]:
            places[i] = [place for place in places[i] if not (place.is_open and place.name)]


def _refuse_leftovers(lines: list[Line], findings: Findings) -> bool:
    """Pictures of a turn with fewer marks than pictures."""
    left = [line for line in lines if line.pool and line.role != "assistant"]
    for line in left:
        _refuse_count(len(_MARK.findall(line.text)), 0, len(line.pool), line.pool[0][1].partition("[")[0], findings)
    return bool(left)


def _take_named(key: str, images: dict[str, Any], lines: list[Line], places: dict[int, list[Place]], findings: Findings) -> None:
    if _refuse_leftovers(lines, findings):
        return
    empty = [(i, k) for i, found in places.items() for k, place in enumerate(found) if place.is_open]
    marks = [places[i][k].name for i, k in empty]
    answered = sum(len(_MARK.findall(line.text)) for line in lines if line.role == "assistant" and line.call is None)
    if not empty and not answered and len(images) == 1:
        name, image = next(iter(images.items()))
        _place_first(image, f"{key}.{clip_key(name)}", lines, findings)
    elif sorted(marks) == sorted(images) and not answered:
        for i, k in empty:
            place = places[i][k]
            places[i][k] = place._replace(ref=images[place.name], where=f"{key}.{clip_key(place.name)}")
    elif len(marks) == len(images) and not answered and all(places[i][k].number is None for i, k in empty):
        for (i, k), (name, image) in zip(empty, images.items(), strict=True):  # marks of another spelling
            places[i][k] = places[i][k]._replace(ref=image, where=f"{key}.{clip_key(name)}")
    else:
        _refuse_count(len(marks), answered, len(images), key, findings, f"; marks {_some(sorted(set(marks))) or 'none'}, images {_some(images)}")


def _some(names: Collection[str]) -> str:
    return ", ".join(map(clip_key, islice(names, SHOWN))) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _place_first(image: Any, where: str, lines: list[Line], findings: Findings) -> None:
    first = next((line for line in lines if line.role == "user"), None)
    if first is None:
        _refuse_count(0, 0, 1, where, findings)
        return
    findings.repair(Reason.REPAIR_PLACEHOLDER_ADDED, Reason.IMAGE_COUNT_MISMATCH, first.where, "the only image has no mark; it was put before this turn")
    first.text = "\n" + first.text
    first.images = [(0, image, where), *((offset + 1, ref, place) for offset, ref, place in first.images)]


def _refuse_count(asked: int, answered: int, images: int, where: str, findings: Findings, more: str = "") -> None:
    in_answers = f" and {answered} in answers" if answered else ""
    findings.refuse(Reason.IMAGE_COUNT_MISMATCH, where, f"{asked} marks{in_answers}, {images} images{more}")


def _write(line: Line, places: Sequence[Place], named: dict[str, Any]) -> None:
    """Takes the marks out of the line's text and notes where its images stand in what is left."""
    pieces: list[str] = []
    images: list[tuple[int, Any, str]] = []
    size = at = 0
    for place in places:
        around = "\n" if place.name and place.name in named else ""
        piece = line.text[at : place.start] + around
        size += len(piece)
        images.append((size, place.ref, place.where))
        size += len(around)
        pieces += [piece, around]
        at = place.end
    line.text = "".join(pieces) + line.text[at:]
    line.images = images


def check_references(lines: list[Line], findings: Findings) -> None:
    """Refuses a reference that is no text."""
    for line in lines:
        for _, ref, where in line.images:
            if not isinstance(ref, Slot) and reference_of(ref) is None:
                findings.refuse(Reason.IMAGE_REF_TYPE, where, f"found {kind_of(ref)}{' that is blank' if isinstance(ref, str) else ''}; expected a path")
