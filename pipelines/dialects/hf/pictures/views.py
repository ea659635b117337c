"""Which parts of a replacement text are the placeholder tokens of which view."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from re import Pattern
from typing import Any, NamedTuple

from pipelines.dialects.hf.pictures.processor import Processor, Written
from pipelines.dialects.hf.pictures.replacement import Part, Replacement
from pipelines.records import Grid, PatchSize, Size


class Slicing(NamedTuple):
    """How a picture is cut. `source_last` is true where the whole picture is written after its slices."""

    grid: Grid | None = None
    source_last: bool = False
    target_sizes: tuple[PatchSize, ...] = ()


def slot_of(texts: Sequence[str], added: Pattern[str]) -> str | None:
    """The token that these replacement texts consist of: the added token that is in them most often, the first of equals; None if none is.

    >>> slot_of(["<s><p><p></s>"], re.compile("(<s>|</s>|<p>|<q>)"))
    '<p>'
    """
    found = Counter(token for text in texts for token in added.findall(text))
    return max(found, key=lambda token: found[token]) if found else None


def read_views(written: Written, size: Size, slot: str, processor: Processor) -> Replacement:
    """The replacement that this text is, with its views."""
    slicing = _slicing(written, size, processor)
    parts = _parts(written.text, slot, processor.added)
    runs = sum(part.view is not None for part in parts)
    if tiles := _tiles_of_one_run(written, runs):
        parts = [piece for part in parts for piece in _cut(part, tiles)]
        runs = len(parts) - sum(part.view is None for part in parts)
    grid = slicing.grid
    slices = grid.columns * grid.rows if grid else 0
    if not grid or runs != slices + 1:  # one view, in pieces if there are several runs; or a layout that is not known
        return Replacement(tuple(parts), None, slicing.target_sizes if not grid else ())
    order = iter([*range(1, slices + 1), 0] if slicing.source_last else range(slices + 1))
    return Replacement(tuple([part if part.view is None else part._replace(view=next(order)) for part in parts]), grid, slicing.target_sizes)


def _parts(text: str, slot: str, added: Pattern[str]) -> list[Part]:
    """The text in runs of the placeholder token, as pieces of view 0, and what is between them: other added tokens, each by itself, and texts."""
    found: list[Part] = []
    for piece in re.split(f"((?:{re.escape(slot)})+)", text):
        if piece.startswith(slot):
            found.append(Part(slot, len(piece) // len(slot), 0))
        else:
            found += [Part(one) for one in added.split(piece) if one]
    return found


def _tiles_of_one_run(written: Written, runs: int) -> int:
    """How many tiles InternVL writes as one run; 0 where each has a run of its own."""
    tiles = int(_value(written, "num_patches") or 0)
    return tiles if runs == 1 < tiles else 0


def _cut(part: Part, tiles: int) -> list[Part]:
    if part.view is None or part.times % tiles:
        return [part]
    return [part._replace(times=part.times // tiles)] * tiles


def _slicing(written: Written, size: Size, processor: Processor) -> Slicing:
    """How the processor's outputs say that the picture is cut; one view where they do not.

    The outputs are those of the image processors of transformers 5.23.0: Qwen2-VL and those that follow it (`image_grid_thw`), MiniCPM-V 4.6 and Ovis2
    (`grids`), Idefics3 and SmolVLM (`rows`, `cols`), LFM2-VL (`image_rows`), Llama 4 (`aspect_ratios`), Pixtral (`image_sizes`), and GOT-OCR2, which
    InternVL and Aya Vision use (`num_patches`).
    """
    images, name = written.images, type(processor.whole).__name__
    if (patches := _value(written, "image_grid_thw")) is not None:
        return Slicing(target_sizes=(PatchSize(int(patches[-2]), int(patches[-1])),))
    if (cells := _value(written, "grids")) is not None:
        return Slicing(_grid(cells[1], cells[0]), False, _target_sizes(written))
    if "rows" in images and "cols" in images:
        columns, rows = (_numbers(images[axis])[written.place] for axis in ("cols", "rows"))
        return Slicing(_grid(columns, rows), source_last=True)
    if (rows := _value(written, "image_rows")) is not None:
        return Slicing(_grid(_value(written, "image_cols"), rows), source_last=True)
    if (ratio := _value(written, "aspect_ratios")) is not None:
        return Slicing(_grid(ratio[1], ratio[0]), source_last=True)
    if name == "PixtralProcessor" and (resized := _value(written, "image_sizes")) is not None:
        side = int(processor.whole.patch_size)
        return Slicing(target_sizes=(PatchSize(int(resized[0]) // side, int(resized[1]) // side),))
    if int(_value(written, "num_patches") or 0) > 1 and type(processor.image_processor).__name__.startswith("GotOcr2"):
        return Slicing(_canvas(size, processor.image_processor), source_last=True)
    return Slicing()


def _grid(columns: Any, rows: Any) -> Grid | None:
    return Grid(int(columns), int(rows)) if int(columns) * int(rows) > 1 else None


def _target_sizes(written: Written) -> tuple[PatchSize, ...]:
    """The picture's views among those of all pictures of the run; none for Ovis2, which has no such sizes."""
    sizes, counts = written.images.get("target_sizes"), written.images.get("num_patches_per_image")
    if sizes is None or counts is None:
        return ()
    start = sum(int(count) for count in counts[: written.place])
    return tuple([PatchSize(int(height), int(width)) for height, width in sizes[start : start + int(counts[written.place])]])


def _canvas(size: Size, image_processor: Any) -> Grid:
    """The (columns, rows) of tiles whose shape is nearest to the picture's; of equals, the larger while it is not twice the picture.

    Source: huggingface/transformers src/transformers/models/got_ocr2/image_processing_got_ocr2.py get_optimal_tiled_canvas @ v5.23.0.
    """
    least, most, tile = image_processor.min_patches, image_processor.max_patches, image_processor.size
    area, best, nearest = size.width * size.height, Grid(1, 1), float("inf")
    grids = [Grid(columns, rows) for columns in range(1, most + 1) for rows in range(1, most + 1) if least <= columns * rows <= most]
    for grid in sorted(grids, key=lambda grid: grid.columns * grid.rows):
        distance = abs(size.width / size.height - grid.columns / grid.rows)
        if distance < nearest or (distance == nearest and area > 0.5 * tile["height"] * tile["width"] * grid.columns * grid.rows):
            best, nearest = grid, distance
    return best


def _value(written: Written, name: str) -> Any:
    """The picture's element of an output that has one per picture; None where the output is absent."""
    found = written.images.get(name)
    return None if found is None else found[written.place]


def _numbers(nested: Any) -> list[int]:
    """Lists of numbers, flat."""
    return [number for inner in nested for number in (inner if isinstance(inner, (list, tuple)) else [inner])]
