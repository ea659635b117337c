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
from pipelines.visible import visible

MOST_TOKENS = 700  # shown of a card
THUMBNAIL = 420  # px, the longer side

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
    left_out: int


def card_of(
    row: Row,
    pieces_of: Callable[[Sequence[int]], list[str]],
    specials: Collection[str],
    bytes_of: Callable[[Row], bytes | None],
    most_tokens: int = MOST_TOKENS,
) -> Card:
    """The card of a row of `samples`. `bytes_of` returns the bytes of an element of its column `images`, or None if they are gone."""
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
        tuple(_picture(image, bytes_of) for image in row["images"]),
        tuple(_joined(pieces)),
        row["num_tokens"] - len(ids),
    )


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


def _picture(image: Row, bytes_of: Callable[[Row], bytes | None]) -> Picture:
    grid = image["grid"] or {"columns": 1, "rows": 1}
    data = bytes_of(image)
    source = thumbnail(data) if data else ""
    return Picture(source, image["uri"], image["width"], image["height"], grid["columns"], grid["rows"])


def thumbnail(data: bytes) -> str:
    """A small JPEG of a verified image, as a data: URI."""
    with Image.open(io.BytesIO(data)) as image:
        image.draft("RGB", (THUMBNAIL, THUMBNAIL))
        small = ImageOps.exif_transpose(image).convert("RGB")
        small.thumbnail((THUMBNAIL, THUMBNAIL))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=70)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
