"""A picture that takes the decoder down costs one picture."""

import sys
from pathlib import Path

import pytest

from pipelines.images.decoder import Decoder
from pipelines.reasons import Reject

# Answers well, but for a picture that says die, hang or babble.
FRAGILE = """
import os, sys, time
for head in iter(sys.stdin.buffer.readline, b""):
    data = sys.stdin.buffer.read(int(head.split()[1]))
    if data == b"die": os.abort()
    if data == b"exit": os._exit(7)
    if data == b"hang": time.sleep(60)
    sys.stdout.buffer.write(b"null\\n"); sys.stdout.buffer.flush()
"""


@pytest.fixture
def fragile():
    decoder = Decoder([sys.executable, "-c", FRAGILE], seconds=1.0)
    yield decoder
    decoder.close()


@pytest.mark.parametrize(
    ("data", "detail"), [(b"die", "the decoder died of SIGABRT"), (b"exit", "the decoder died with status 7"), (b"hang", "decoding it took more than 1 s")]
)
def test_a_decoder_that_dies_or_hangs_costs_one_picture(fragile: Decoder, data: bytes, detail: str):
    fragile.check("PNG", b"fine")
    with pytest.raises(Reject) as caught:
        fragile.check("PNG", data)
    assert [(finding.code, finding.detail) for finding in caught.value.findings] == [("image.corrupt", detail)]
    fragile.check("PNG", b"fine again")


def test_the_real_decoder_says_what_is_wrong_and_goes_on(hostile: Path):
    decoder = Decoder()
    good = (hostile / "images" / "scr" / "dc0c3947.png").read_bytes()
    decoder.check("PNG", good)
    with pytest.raises(Reject) as caught:
        decoder.check("PNG", good[:-40])
    assert caught.value.findings[0].code.startswith("image.")
    decoder.check("PNG", good)
    decoder.close()
