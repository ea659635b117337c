"""The difference hash of a screen, and which pictures get one."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from pipelines.demo.screens import APPS, Screen, draw_screen
from pipelines.flow import draft_of
from pipelines.images.decoder import Decoder, hash_of
from pipelines.images.screens import difference_hash, first_screen
from pipelines.images.verify import verify
from pipelines.records import Draft, raw_record
from tests.making import configuration

SCREEN = draw_screen(Screen(APPS[0], 1080, 2400, False, 1, 40))


def packed(image: Image.Image, kind: str = "PNG", **how: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def bits_between(one: bytes, other: bytes) -> int:
    first, second = difference_hash(one), difference_hash(other)
    assert first is not None
    assert second is not None
    return ((first ^ second) & (2**64 - 1)).bit_count()


def test_a_bit_says_whether_a_cell_is_darker_than_its_right_neighbour():
    cells = np.zeros((8, 9), np.uint8)
    cells[0, 1] = 200  # the first bit is set; the second is not, because the next cell is darker again
    cells[7, 8] = 9  # the last bit
    picture = packed(Image.fromarray(np.kron(cells, np.ones((10, 20), np.uint8))))
    assert difference_hash(picture) == -(2**63) + 1
    assert difference_hash(packed(Image.new("RGB", (90, 80), "white"))) == 0


@pytest.mark.parametrize(
    "changed",
    [
        packed(SCREEN, "JPEG", quality=60),
        packed(SCREEN.resize((540, 1200))),
        packed(SCREEN.convert("P")),
        packed(SCREEN.convert("RGBA")),
        packed(SCREEN, "WEBP"),
    ],
    ids=["jpeg", "half", "palette", "alpha", "webp"],
)
def test_the_hash_hardly_changes_if_the_picture_is_packed_or_scaled_otherwise(changed: bytes):
    assert bits_between(packed(SCREEN), changed) <= 3


def test_other_screens_have_other_hashes():
    other = draw_screen(Screen(APPS[1], 1080, 2400, True, 2, 40))
    assert bits_between(packed(SCREEN), packed(other)) > 10


@pytest.mark.parametrize("data", [b"", b"no picture", packed(SCREEN)[:2000]])
def test_what_pillow_cannot_decode_has_no_hash(data: bytes):
    assert difference_hash(data) is None
    assert hash_of(data, 64_000_000) is None


def test_the_child_that_decodes_gives_the_same_hash():
    assert hash_of(packed(SCREEN), 64_000_000) == difference_hash(packed(SCREEN))


def test_a_picture_that_kills_the_child_has_no_hash_and_is_not_refused():
    decoder = Decoder((sys.executable, "-c", "print('ready', flush=True); input()"))
    assert decoder.difference_hash(b"", 9) is None
    decoder.close()


@pytest.mark.parametrize(("level", "wanted", "hashed"), [("decode", True, True), ("decode", False, False), ("structure", True, False)])
def test_only_decoded_screens_are_hashed(tmp_path, level: str, wanted: bool, hashed: bool):
    path = tmp_path / "a.png"
    path.write_bytes(packed(SCREEN))
    stat = path.stat()
    found = verify("kit/a.png", stat.st_size, stat.st_mtime_ns, str(path), None, configuration(images={"verify": level}), wanted)
    assert (found.verdict, found.difference_hash) == ("good", difference_hash(path.read_bytes()) if hashed else None)


@pytest.mark.parametrize(
    ("step", "screen"),
    [(None, "a.png"), (0, "a.png"), ("1", "a.png"), ("step-01", "a.png"), (2, None), ("step_12", None), ("first", "a.png"), ("9" * 5000, None)],
)
def test_an_episode_begins_on_the_first_picture_of_its_first_step(step: object, screen: str | None):
    record = b'{"messages": [{"role": "user", "content": "<image><image>Q"}, {"role": "assistant", "content": "A"}], "images": ["a.png", "b.png"]'
    more = b"" if step is None else b', "step_id": ' + (str(step) if isinstance(step, int) else f'"{step}"').encode()
    made = draft_of(raw_record("kit", "a.jsonl", 1, record + more + b"}"), configuration())
    assert isinstance(made, Draft)
    assert first_screen(made) == screen


def test_a_draft_without_pictures_begins_on_no_screen():
    made = draft_of(
        raw_record("kit", "a.jsonl", 1, b'{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}'), configuration()
    )
    assert isinstance(made, Draft)
    assert first_screen(made) is None
