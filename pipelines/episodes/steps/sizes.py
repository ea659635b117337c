"""The size of a screen as logs write it: two keys, a list, an object or a text, under many names.

    {"screen_width": 1080, "screen_height": 2400}     {"resolution": "1080x2400"}     {"device_info": {"w": 1080, "h": 2400}}

Points in px need it. A size that is not understood, or that another one contradicts, is a fault: with it such points would land elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

from pipelines.episodes.steps.actions.fields import single
from pipelines.episodes.steps.actions.points import is_number, number_of
from pipelines.formats.paths import Found, Trail, open_text
from pipelines.parsing.careful import clip
from pipelines.parsing.written import Written
from pipelines.reasons import Reason
from pipelines.records import Finding, Size

Json = Any
# Names are compared in lower case and without signs.
_THINGS = ("image", "img", "picture", "screenshot", "screen", "device", "display", "viewport", "window", "resized", "video")
_SIZES = frozenset(
    (
        *("".join(name) for name in product(_THINGS, ("size", "resolution", "dimensions", "dimension", "dims", "dim"))),
        *("resolution", "dimensions", "size"),
    )
)
_SIDES = {"".join(name): name[1][0] for name in product((*_THINGS, ""), ("width", "height", "widthpx", "heightpx", "w", "h"))}
_BARE, _SHORT = ("", "_px", "px"), "w, h"  # what is left of the names of sides that do not say of what
_LOOSE = ("size", "dimensions")  # other things have these names too: the size of a file
# What may be an object with sizes in it, or something else, such as a name. The first may be a size themselves, and in them width and height are sides.
_SCREENS = frozenset(("screen", "device", "deviceinfo", "display", "viewport", "window", "screeninfo", "displayinfo", "imageinfo"))
_OTHERS = frozenset(("observation", "metadata", "meta", "env", "environment"))
_TEXT = re.compile(r"[(\[{]?\s*+(\d{1,9}+)(?:\.0++)?\s*+(?:px)?\s*+[x×*,X]\s*+(\d{1,9}+)(?:\.0++)?\s*+(?:px|pixels)?\s*+[)\]}]?")
_NUMBERS = re.compile(r"\d++(?:\.\d++)?")
MOST_DEPTH = 3  # of objects in objects
MOST_ITEMS = 100  # of a list, that are looked at
MOST_SIDE = 10**6  # px


class LoggedSize(NamedTuple):
    """A size, and the key or keys that say it. `size` is None where it is not understood; then `found` is what stands there."""

    name: str
    where: str
    size: Size | None
    found: str = ""


def size_of(of_step: Sequence[LoggedSize], of_record: Sequence[LoggedSize]) -> tuple[Size | None, list[Finding]]:
    """(the size of a step's screen, why it is not certain). A size of the record counts where the step has none. Otherwise it must agree, upright or
    turned, unless it has the same name or is not understood."""
    of_record = [one for one in of_record if one.name not in {other.name for other in of_step}]
    if any(one.size is not None for one in of_step):
        of_record = [one for one in of_record if one.size is not None]
    sizes = of_step or of_record
    faults = [
        Reason.STEP_SIZE_MISMATCH.at(one.where, f'found {one.found} as the size of the screen; expected a size in px such as [1080, 2400] or "1080x2400"')
        for one in (*of_step, *of_record)
        if one.size is None
    ]
    faults += _contradictions(sizes, of_record if of_step else ())
    return next((one.size for one in sizes if one.size is not None), None), faults


def _contradictions(sizes: Sequence[LoggedSize], of_record: Iterable[LoggedSize]) -> Iterator[Finding]:
    first = next((one for one in sizes if one.size is not None), None)
    if first is None or first.size is None:
        return
    others = [one for one in sizes if one.size not in (None, first.size)]
    others += [one for one in of_record if one.size is not None and sorted(one.size) != sorted(first.size)]
    for other in others[:1]:
        yield _contradiction(first, other)


def _contradiction(one: LoggedSize, other: LoggedSize) -> Finding:
    said = " and ".join(f"{size.name} says {size.size.width}x{size.size.height} px" for size in (one, other) if size.size is not None)
    return Reason.STEP_SIZE_MISMATCH.at(other.where, f"{said}; name the key in ignore whose size is not the one that the points are in")


def sizes_in(
    where: str, holder: Mapping[str, Json], trail: Trail, ignored: frozenset[str], of: str = "", kind: str = "screen", depth: int = 0
) -> Iterator[LoggedSize]:
    """The sizes that an object has. `of` is its name in another object, and `kind` what it may be by that name. What is read is noted in the trail."""
    sides: dict[str, dict[str, tuple[str, Json]]] = {}
    for key, logged in holder.items():
        found = _kind_of(key)
        if not found or logged in (None, "", [], {}) or key in ignored:
            continue
        value, place, name = single(logged), f"{where}.{key}".lstrip("."), f"{of}.{key}".lstrip(".")
        if isinstance(value, str) and value[:1] in "{[" and (opened := open_text(Found(value, (), Written(value), place), trail.budget)):
            value = opened.value
        if isinstance(found, tuple):
            sides.setdefault(found[0], {})[found[1]] = (key, value)
            continue
        if isinstance(value, dict):
            sizes = list(sizes_in(place, value, trail, ignored, name, found, depth + 1)) if depth < MOST_DEPTH else []
        else:
            size = read_size(value) if found != "other" else None  # a text about something else may name any size
            sizes = [LoggedSize(name, place, size)] if size is not None else []
        if not sizes and found == "size" and not (key in _LOOSE and not _may_be_size(value)):
            sizes = [LoggedSize(name, place, None, clip(str(value)))]
        if sizes:
            trail.add(where, holder, (key,))
            yield from sizes
    for group, pair in sides.items():
        is_bare = group in _BARE or group == _SHORT
        if not is_bare or (len(pair) == 2 and kind != "other" and (of or group != _SHORT)):
            trail.add(where, holder, [key for key, _ in pair.values()])
            yield _of_sides(pair, where, of if is_bare else "")


def _may_be_size(value: Json) -> bool:
    """Whether this is not a number, a text with fewer than two numbers, a list without numbers, or the like, under a name that other things have too."""
    if isinstance(value, list):
        return any(_has_number(one) for one in value[:MOST_ITEMS])
    return isinstance(value, dict) or (isinstance(value, str) and len(_NUMBERS.findall(value[:100])) > 1)


def _has_number(item: Json) -> bool:
    if isinstance(item, dict):
        return any(map(_kind_of, item))
    return isinstance(item, list) or is_number(item) or (isinstance(item, str) and _NUMBERS.search(item[:100]) is not None)


def _of_sides(pair: Mapping[str, tuple[str, Json]], where: str, name: str) -> LoggedSize:
    width, height = (_side(pair[side][1]) if side in pair else None for side in "wh")
    key, _ = next(iter(pair.values()))
    names = name or " and ".join(pair[side][0] for side in "wh" if side in pair)
    found = ", ".join(f"{key}: {clip(str(value))}" for key, value in pair.values())
    return LoggedSize(names, f"{where}.{key}".lstrip("."), Size(width, height) if width and height else None, found)


@lru_cache(maxsize=4096)
def _kind_of(key: str) -> str | tuple[str, str]:
    """What a key may be by its name: `size`, `screen`, `other`, or (the rest of its name, w or h) of a side; "" for any other."""
    word = re.sub(r"[^a-z0-9]", "", key.lower()) if len(key) < 40 else ""
    if word in ("w", "h"):
        return _SHORT, word
    if word in _SIDES:
        return re.sub(r"width|height|[wh](?=_?px$|$)", "", key.lower()), _SIDES[word]
    return "size" if word in _SIZES or word.removesuffix("s") in _SIZES else "screen" if word in _SCREENS else "other" if word in _OTHERS else ""


def read_size(value: Json) -> Size | None:
    """The size in [width, height] or "1080x2400", or in a list of one size for each picture that are all the same; None where it is none.

    >>> read_size("1080 x 2400"), read_size([1080, 2400]), read_size("full HD")
    (Size(width=1080, height=2400), Size(width=1080, height=2400), None)
    """
    if isinstance(value, str):
        found = _TEXT.fullmatch(value.strip()) if len(value) < 100 else None
        value = list(found.groups()) if found else None
    if isinstance(value, list) and value and all(isinstance(one, list) and one == value[0] for one in value):  # of each picture
        value = value[0]
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return None
    width, height = map(_side, value)
    return Size(width, height) if width and height else None


def _side(value: Json) -> int | None:
    """A number of px; None where it is no whole number above 0."""
    number = number_of(single(value))
    return int(number) if number is not None and 0 < number <= MOST_SIDE and number == int(number) else None
