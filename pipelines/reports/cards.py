"""Sample cards: a row as its model sees it, with its images, their slices, and its tokens coloured by loss."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from PIL import Image, ImageOps

from pipelines.records import IGNORE_INDEX
from pipelines.reports.gestures import MOST_ANSWERS, Gesture, gestures_on
from pipelines.visible import visible

MOST_TOKENS = 700  # shown of a card
MOST_PICTURES = 8  # shown of a card
THUMBNAIL = 420  # px, the longer side
MOST_OF_ANSWER = 1024  # tokens in which an action is looked for

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Piece:
    """A token, or a row of `count` equal ones. `kind` is trained, context, control or slot."""

    text: str
    kind: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Picture:
    """`source` is a data: URI of a thumbnail, or "" if the image can no longer be read."""

    source: str
    uri: str
    width: int
    height: int
    columns: int
    rows: int
    gestures: tuple[Gesture, ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    dialect: str
    split: str
    sample_id: str
    place: str
    num_tokens: int
    num_target_tokens: int
    repairs: tuple[str, ...]
    pictures: tuple[Picture, ...]
    pieces: tuple[Piece, ...]
    left_out: int  # tokens
    pictures_left_out: int = 0


def card_of(
    row: Row,
    pieces_of: Callable[[Sequence[int]], list[str]],
    specials: Collection[str],
    bytes_of: Callable[[Row], bytes | None],
    most_tokens: int = MOST_TOKENS,
    unit: str = "",
    most_pictures: int = MOST_PICTURES,
) -> Card:
    """The card of a row of `samples`. `bytes_of` returns the bytes of an element of its column `images`, or None if they are gone.

    `unit` is that of the points in its answers: px, unit or thousand; "" if not known.
    """
    ids, labels = list(row["input_ids"][:most_tokens]), list(row["labels"][:most_tokens])
    pieces = [(text, _kind(text, label, specials)) for text, label in zip(pieces_of(ids), labels, strict=True) if text]
    return Card(
        row["dialect"],
        row["split"],
        row["sample_id"],
        f"{row['origin']['path'].rpartition('/')[2]}:{row['origin']['line']}",
        row["num_tokens"],
        row["num_target_tokens"],
        tuple(row["repairs"]),
        _pictures(row, _gestures(row, pieces_of, specials, unit), bytes_of, most_pictures),
        tuple(_joined(pieces)),
        row["num_tokens"] - len(ids),
        max(len(row["images"]) - most_pictures, 0),
    )


def _gestures(row: Row, pieces_of: Callable[[Sequence[int]], list[str]], specials: Collection[str], unit: str) -> dict[int, list[Gesture]]:
    """By the number of the image: what the answers do on it. An answer acts on the last image before it."""
    begins = [image["token_spans"][0]["start"] if image.get("token_spans") else -1 for image in row["images"]]
    seen: list[tuple[int, str]] = []
    for span in [span for span in row.get("turn_spans") or () if span["role"] == "assistant"][:MOST_ANSWERS]:
        number = max((i for i, begin in enumerate(begins) if 0 <= begin < span["start"]), default=None)
        if number is not None:
            ids = row["input_ids"][span["start"] : min(span["end"], span["start"] + MOST_OF_ANSWER)]
            seen.append((number, "".join(piece for piece in pieces_of(list(ids)) if piece not in specials)))
    found: dict[int, list[Gesture]] = {}
    for (number, _), gestures in zip(seen, gestures_on([(text, row["images"][number]) for number, text in seen], unit), strict=True):
        found.setdefault(number, []).extend(gestures)
    return found


def _kind(text: str, label: int, specials: Collection[str]) -> str:
    if label != IGNORE_INDEX:
        return "trained"
    return "control" if text in specials else "context"


def _joined(pieces: Sequence[tuple[str, str]]) -> list[Piece]:
    """One piece per token, so that token boundaries are visible; a row of equal control tokens, the slots of an image, is one piece."""
    joined = []
    for (text, kind), run in groupby(pieces):
        count = len(list(run))
        if kind == "control" and count > 1:
            joined.append(Piece(text, "slot", count))
        else:
            joined += [Piece(visible(text).replace("\n", "⏎\n"), kind)] * count
    return joined


def _pictures(row: Row, gestures: Mapping[int, Sequence[Gesture]], bytes_of: Callable[[Row], bytes | None], most: int) -> tuple[Picture, ...]:
    return tuple(picture_of(image, bytes_of, gestures.get(number, ())) for number, image in enumerate(row["images"][:most]))


def picture_of(image: Row, bytes_of: Callable[[Row], bytes | None], gestures: Sequence[Gesture] = ()) -> Picture:
    """An element of column `images` of either table, with what an answer does on it."""
    grid = image.get("grid") or {"columns": 1, "rows": 1}
    data = bytes_of(image)
    source = thumbnail(data) if data else ""
    return Picture(source, image["uri"], image["width"], image["height"], grid["columns"], grid["rows"], tuple(gestures))


def thumbnail(data: bytes) -> str:
    """A small JPEG of a verified image, as a data: URI."""
    with Image.open(io.BytesIO(data)) as image:
        image.draft("RGB", (THUMBNAIL, THUMBNAIL))
        small = ImageOps.exif_transpose(image).convert("RGB")
        small.thumbnail((THUMBNAIL, THUMBNAIL))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=70)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
