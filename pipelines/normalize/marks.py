"""Image marks in the text <-> the images of the record: one image for each mark, and one place for each image, in text order.

A picture is given in one of four ways: in its place (a part with its path, `<img>path</img>`), on a turn, in the list of the record, or by
name (`{"<image_00>": path}`). Marks and image parts without a picture take the pictures of their turn first, then those of the record.
Upstream puts newlines around a named image, and after an image that had no mark. They become part of the text, because the model was
trained with them. Source: OpenBMB/MiniCPM-V finetune/dataset.py conversation_to_ids, preprocess @ 0dbb566.
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
from pipelines.visible import counted

# A whole mark, as AgentCPM-GUI, LLaVA, MiniCPM-V's inference, Llama, Phi and Qwen-VL write it.
_MARK = re.compile(
    r"\(<image>\./</image>\)|<image>(?:\./)?</image>|<image(?:_(\d{1,9}))?>|<image_placeholder>|<\|image(?:_(\d{1,9}))?\|>"
    r"|<\|vision_start\|>(?:<\|image_pad\|>)+<\|vision_end\|>"
)
_INLINE = re.compile(r"<img>([^<>\n]{1,4096})</img>")  # Qwen-VL

SHOWN = 20  # names in a finding
MOST_MARKS = 10_000

Pool = list[tuple[Any, str]]  # (reference, JSON path)


class Place(NamedTuple):
    """The place of an image in the text of a line: [start, end) is its mark, empty if it has none. `ref` is a Slot until a picture takes the place."""

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
        """The number in a mark such as <image_01>, or the index of a part."""
        return self.ref.number if isinstance(self.ref, Slot) else None


def place_images(logged: Logged, lines: list[Line], findings: Findings) -> list[Line]:
    """The lines with images. Moves all images of the record to their places in `line.images`, and removes the marks from the text.

    A mark in an answer is text, unless its turn has its own pictures. A mark in a tool result is text if the record has no pictures.
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
        else:
            found = places[i]
        if found and not any(place.is_open for place in found):
            _write(lines[i], found, named)
        elif lines[i].role == "assistant" and found:
            findings.refuse(Reason.SCHEMA_PART_BAD, found[0].where, "an image part in an answer has no picture")
    shown = [line for line in lines if line.images]
    asked = sum([len(line.images) for line in shown])
    if asked > findings.budget.limits.images_per_record:
        findings.refuse(Reason.IMAGE_TOO_MANY, "", f"{counted(asked, 'image')}; limits.images_per_record is {findings.budget.limits.images_per_record:,}")
    return shown


def _has_too_many(texts: list[str], findings: Findings) -> bool:
    """Refuses tens of thousands of marks before a place is made for each."""
    most = max(MOST_MARKS, findings.budget.limits.images_per_record)
    if sum([text.count("<") for text in texts]) <= most:
        return False
    marks = sum([len(pattern.findall(text)) for text in texts for pattern in (_MARK, _INLINE)])
    if marks > most:
        findings.refuse(Reason.IMAGE_TOO_MANY, "", f"{counted(marks, 'image mark')}; limits.images_per_record is {findings.budget.limits.images_per_record:,}")
    return marks > most


def _has_marks(text: str) -> bool:
    return "<image" in text or "<|image" in text or "<img>" in text


def _named(logged: Logged) -> dict[str, Any]:
    """The pictures that a record gives by the name of their mark. A single key <image> is another form of the list, as in upstream."""
    given = [value for _, value in logged.images if value not in ([], {}, "")]
    if len(given) != 1 or not isinstance(given[0], dict) or list(given[0]) == ["<image>"]:
        return {}
    pictures = {name: ref for name, ref in given[0].items() if ref is not None} or given[0]  # Arrow gives a row the names of all the others
    return {} if reference_of(pictures) is not None or pictures.keys() & {"bytes", "path", "url"} else pictures


def _places(line: Line) -> list[Place]:
    """The places in this line in text order. The pictures of its own turn are already in theirs."""
    found = [Place(at, at, ref, where) for at, ref, where in line.images]
    found += [Place(*mark.span(), mark[1], f"{line.where}.content") for mark in _INLINE.finditer(line.text)]
    for mark in _MARK.finditer(line.text):
        found.append(Place(*mark.span(), Slot(int(mark[1] or mark[2]) if mark[1] or mark[2] else None), f"{line.where}.content", mark.group()))
    found.sort(key=lambda place: place.start)  # a part comes before a mark at the same position
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
    """For each picture of a list, the position of its place: by number if the places are numbered from 0 or 1, else in text order."""
    numbers = [place.number for place in places]
    for first in (0, 1):
        if sorted(number for number in numbers if number is not None) == list(range(first, first + len(places))):
            where = {number: k for k, number in enumerate(numbers)}
            return [positions[where[first + k]] for k in range(len(places))]
    return list(positions[: len(places)])


def _misnumbered(places: Sequence[Place]) -> bool:
    """Whether all places have numbers that neither count from 0 or 1 nor increase: then nobody can know which picture is meant."""
    numbers = [place.number for place in places if place.number is not None]
    if len(numbers) < len(places):
        return False
    return sorted(numbers) not in (list(range(len(numbers))), list(range(1, len(numbers) + 1))) and any(b <= a for a, b in pairwise(numbers))


def _take(pool: Pool, lines: list[Line], places: dict[int, list[Place]], findings: Findings) -> None:
    """Puts the pictures of the record's list in the places that have none. Every picture needs a place, and every place a picture."""
    if _refuse_leftovers(lines, findings):
        return
    _leave_mentioned_marks(len(pool), lines, places)
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
            findings.refuse(Reason.SCHEMA_PART_BAD, places[i][k].where, "an image part has no picture, and the record has no other for it")
    elif len(empty) != len(pool) or answered or _misnumbered([places[i][k] for i, k in empty]):
        where = pool[0][1].partition("[")[0] if pool else places[empty[0][0]][empty[0][1]].where
        _refuse_count(len(empty), answered, len(pool), where, findings)
    else:
        order = _order([places[i][k] for i, k in empty], range(len(empty)))
        for at, (ref, where) in zip(order, pool, strict=True):
            i, k = empty[at]
            places[i][k] = places[i][k]._replace(ref=ref, where=where)


def _leave_mentioned_marks(pictures: int, lines: list[Line], places: dict[int, list[Place]]) -> None:
    """If image parts are as many as the pictures, a mark in a text is text that mentions one. So is a mark in a system text or a tool result if the
    questions have as many marks as there are pictures."""

    def marks(roles: tuple[str, ...]) -> int:
        return sum(place.is_open for i, found in places.items() if lines[i].role in roles for place in found)

    if pictures and sum(place.is_open and not place.name for found in places.values() for place in found) == pictures:
        for i in places:
            places[i] = [place for place in places[i] if not (place.is_open and place.name)]
    elif marks(("user",)) == pictures and marks(("system", "observation")):
        for i in [i for i in places if lines[i].role in ("system", "observation")]:
            places[i] = [place for place in places[i] if not (place.is_open and place.name)]


def _refuse_leftovers(lines: list[Line], findings: Findings) -> bool:
    """Refuses the pictures of each turn that has more pictures than marks."""
    left = [line for line in lines if line.pool and line.role != "assistant"]
    for line in left:
        _refuse_count(len(_MARK.findall(line.text)), 0, len(line.pool), line.pool[0][1].removesuffix("[0]"), findings)
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
        _refuse_count(
            len(marks),
            answered,
            len(images),
            key,
            findings,
            f"; the marks are {_some(sorted(set(marks)))}; the images are {_some(images)}" if marks else f"; the images are {_some(images)}",
        )


def _some(names: Collection[str]) -> str:
    return ", ".join(map(clip_key, islice(names, SHOWN))) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _place_first(image: Any, where: str, lines: list[Line], findings: Findings) -> None:
    first = next((line for line in lines if line.role == "user"), None)
    if first is None:
        _refuse_count(0, 0, 1, where, findings)
        return
    findings.repair(
        Reason.REPAIR_PLACEHOLDER_ADDED, Reason.IMAGE_COUNT_MISMATCH, first.where, "the only image had no mark, and was put before the text of this turn"
    )
    first.text = "\n" + first.text
    first.images = [(0, image, where), *((offset + 1, ref, place) for offset, ref, place in first.images)]


def _refuse_count(asked: int, answered: int, images: int, where: str, findings: Findings, more: str = "") -> None:
    in_answers = f" and {counted(answered, 'mark')} in answers" if answered else ""
    findings.refuse(Reason.IMAGE_COUNT_MISMATCH, where, f"found {counted(asked, 'image mark')}{in_answers}, but {counted(images, 'image')}{more}")


def _write(line: Line, places: Sequence[Place], named: dict[str, Any]) -> None:
    """Removes the marks from the line's text, and notes the places of its images in the text that is left."""
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
    """Refuses references that are not text."""
    for line in lines:
        for _, ref, where in line.images:
            if not isinstance(ref, Slot) and reference_of(ref) is None:
                findings.refuse(Reason.IMAGE_REF_TYPE, where, f"found {'a blank string' if isinstance(ref, str) else kind_of(ref)}; expected a path")
