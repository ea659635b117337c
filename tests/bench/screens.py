"""The screens workload: random GUI steps with distinct screenshots of 0.1 to 1.7 MB, and the lower bound for checking and tokenizing them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import simplejpeg
from isal import isal_zlib
from PIL import Image

from pipelines.config import SlicingOptions
from pipelines.demo.gui import sharegpt_record
from pipelines.demo.screens import APPS, DESKTOPS, PHONES, Screen, draw_screen
from pipelines.records import Size
from pipelines.vision.slicing import SliceRule, slice_plan
from tests.bench.limit import list_batch
from tests.bench.words import prose

PNG_SHARE = 0.8  # the rest are JPEG


def write_screens(folder: Path, screens: int) -> list[Path]:
    """Distinct screenshots. Existing ones are used again, because drawing takes longer than everything that is measured."""
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor() as pool:
        return sorted(pool.map(partial(_write_screen, folder), range(screens), chunksize=8))


def _write_screen(folder: Path, number: int) -> Path:
    random = Random(f"screen:{number}")
    kind = "PNG" if random.random() < PNG_SHARE else "JPEG"
    path = folder / f"{number:05d}.{kind.lower()}"
    if path.is_file():
        return path
    width, height = random.choice(PHONES if random.random() < 0.7 else DESKTOPS)
    image = draw_screen(Screen(random.choice(APPS), width, height, random.random() < 0.3, number, random.randrange(100)))
    image.paste(_photo(random, min(width, height) * 9 // 10), (width // 20, height // 4))
    part = path.with_name(f".{path.name}.{os.getpid()}")
    image.save(part, kind, **({"compress_level": 6} if kind == "PNG" else {"quality": 88}))
    part.replace(path)
    return path


def _photo(random: Random, side: int) -> Image.Image:
    """A noisy image, which makes a screenshot large."""
    height = random.randrange(20, side // 2)
    grain = np.random.default_rng(random.randrange(1 << 32)).integers(0, random.choice((6, 12, 24)), (height, side, 3), dtype=np.uint8)
    slope = np.linspace(0, 200, side, dtype=np.uint8)[None, :, None]
    return Image.fromarray(grain + slope)


def write_steps(path: Path, screens: Sequence[Path], steps: int, first: int = 0) -> Path:
    """One JSON Lines file of sharegpt steps, ten per episode. Most steps have one screenshot, some have two."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for number in range(first, first + steps):
            random = Random(f"step:{number}")
            names = [screens[(number + i) % len(screens)].name for i in (0, 1)]
            step = {"id": f"s-{number}", "episode_id": f"e-{number // 10}", "step_id": number % 10, "task": prose(random, 12, random.random() < 0.4)}
            action = orjson.dumps({"thought": prose(random, 10, False), "POINT": [random.randrange(1000), random.randrange(1000)]}).decode()
            file.write(orjson.dumps(sharegpt_record(step | {"screen": names[0], "before": names[1], "action": action})) + b"\n")
    return path


def limit(steps: Path, screens: Path, encoder: Any, specials: dict[str, int], out: Path) -> int:
    """Reads and checks each distinct screenshot once, encodes texts, inserts placeholders as ids, writes rows, and returns the number of tokens."""
    sizes: dict[str, Size] = {}
    rows: list[Any] = []
    labels: list[Any] = []
    rule = SliceRule(9, SlicingOptions().scale_resolution, SlicingOptions().patch_size)
    with steps.open("rb") as file:
        for line in file:
            record = orjson.loads(line)
            for name in record["images"]:
                if name not in sizes:
                    sizes[name] = checked_size((screens / name).read_bytes())
            ids, trained = _row(record, [slice_plan(sizes[name], rule) for name in record["images"]], encoder, specials)
            rows.append(ids)
            labels.append(np.where(np.arange(len(ids)) >= len(ids) - trained, ids, np.int32(-100)))
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int32)
    schema = pa.schema([("input_ids", pa.list_(pa.int32())), ("labels", pa.list_(pa.int32()))])
    with pq.ParquetWriter(out, schema, compression="zstd", compression_level=1, use_dictionary=False) as writer:
        writer.write_batch(list_batch(np.concatenate(rows), np.concatenate(labels), offsets, schema))
    return int(offsets[-1])


def checked_size(data: bytes) -> Size:
    """The size of a PNG or JPEG. Every pixel is unpacked, and no row is missing."""
    if data[:2] == b"\xff\xd8":
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
        simplejpeg.decode_jpeg(data, strict=True)
        return Size(width, height)
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    at, bodies = 8, []
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert isal_zlib.crc32(data[at + 4 : at + 8 + length]) == int.from_bytes(data[at + 8 + length : at + 12 + length], "big")
        bodies += [body] if kind == b"IDAT" else []
        at += 12 + length
    assert len(isal_zlib.decompress(b"".join(bodies), 15, height * (3 * width + 1))) == height * (3 * width + 1)
    return Size(width, height)


def _row(record: dict[str, Any], plans: Sequence[Any], encoder: Any, specials: dict[str, int]) -> tuple[Any, int]:
    """(ids in the layout of MiniCPM-V 2.6, how many at the end are trained)."""
    question, answer = (turn["value"] for turn in record["conversations"])
    encode = lambda text: encoder.encode(text).view(np.int32)  # noqa: E731
    start, end = ([specials[name]] for name in ("<|im_start|>", "<|im_end|>"))
    pieces = [start, encode(f"system\n{record['system']}"), end, encode("\n"), start, encode("user\n")]
    for number, (plan, text) in enumerate(zip(plans, question.split("<image>")[1:], strict=True)):
        pieces += [[specials["<image_id>"]], encode(str(number)), [specials["</image_id>"]]]
        for view in range(len(plan.views)):
            opened, closed = ("<slice>", "</slice>") if view else ("<image>", "</image>")
            pieces += [[specials[opened]], np.full(64, specials["<unk>"], dtype=np.int32), [specials[closed]]]
        pieces.append(encode(text))
    trained = encode(answer)
    pieces += [end, encode("\n"), start, encode("assistant\n"), trained, end]
    return np.concatenate(pieces).astype(np.int32), len(trained) + 1
