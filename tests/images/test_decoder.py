"""A picture that takes the decoder down costs one picture."""

import os
import sys
from pathlib import Path

import pytest

from pipelines.images import decoder as own
from pipelines.images.decoder import Decoder, DecoderUnavailable
from pipelines.local import run_files
from pipelines.reasons import Reject
from pipelines.records import Size
from tests.golden import open_case
from tests.images.hostile_pictures import drawn, jpeg_with_scans
from tests.making import asked, configuration, write_lines

MOST = 64_000_000

# Answers well, but for a picture that says die, hang or babble.
FRAGILE = """
import os, sys, time
sys.stdout.buffer.write(b"ready\\n"); sys.stdout.buffer.flush()
for head in iter(sys.stdin.buffer.readline, b""):
    data = sys.stdin.buffer.read(int(head.split()[2]))
    if data == b"die": os.abort()
    if data == b"exit": os._exit(7)
    if data == b"hang": time.sleep(60)
    sys.stdout.buffer.write(b'["good", "PNG", 3, 2]\\n'); sys.stdout.buffer.flush()
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
    assert fragile.inspect(b"fine", "decode", MOST) == ("PNG", Size(3, 2))
    with pytest.raises(Reject) as caught:
        fragile.inspect(data, "decode", MOST)
    assert [(finding.code, finding.detail) for finding in caught.value.findings] == [("image.corrupt", detail)]
    assert fragile.inspect(b"fine again", "decode", MOST) == ("PNG", Size(3, 2))


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ([sys.executable, "-c", "import nothing_of_this_name"], "the decoder died with status 1 before it was ready"),
        ([sys.executable, "-c", "import os; os.abort()"], "the decoder died of SIGABRT before it was ready"),
        ([sys.executable, "-c", "print('hello')"], "the decoder said something else before it was ready"),
        (["/no/such/program"], "/no/such/program cannot be started: No such file or directory"),
    ],
)
def test_a_decoder_that_cannot_start_is_an_internal_error_and_no_verdict(command: list[str], words: str):
    decoder = Decoder(command)
    with pytest.raises(DecoderUnavailable, match=words):
        decoder.inspect(b"any picture", "header", MOST)


def test_a_decoder_that_cannot_start_stops_the_run(hostile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(own, "_decoders", {os.getpid(): Decoder(["/no/such/program"])})
    logs = write_lines(tmp_path / "logs.jsonl", [asked("Look: <image>", images=["scr/dc0c3947.png"])])
    config = configuration(source={"path": str(logs), "image_root": str(hostile / "images")})
    with pytest.raises(DecoderUnavailable):
        list(run_files(open_case(config), [str(logs)]))


def test_the_real_decoder_says_what_is_wrong_and_goes_on(hostile: Path):
    decoder = Decoder()
    good = (hostile / "images" / "scr" / "dc0c3947.png").read_bytes()
    assert decoder.inspect(good, "decode", MOST) == ("PNG", Size(63, 52))
    with pytest.raises(Reject) as caught:
        decoder.inspect(good[:-40], "decode", MOST)
    assert caught.value.findings[0].code.startswith("image.")
    assert decoder.inspect(good, "decode", MOST) == ("PNG", Size(63, 52))
    decoder.close()


LIMITED = """
import sys
from pipelines.images import decoder
decoder.{setting}
decoder.serve(sys.stdin.buffer, sys.stdout.buffer)
"""


@pytest.mark.parametrize(
    ("setting", "details"),
    [
        ("PROCESSOR_SECONDS = 0.05", ["the decoder used up its processor time"]),
        ("SPARE_BYTES = decoder.BYTES_OF_PIXEL = 0", ["decoding it needs more memory than a picture may use", "Memory allocation failure"]),
    ],
)
def test_a_picture_that_takes_too_much_time_or_memory_costs_one_picture(setting: str, details: list[str]):
    decoder = Decoder([sys.executable, "-c", LIMITED.format(setting=setting)])
    with pytest.raises(Reject) as caught:
        decoder.inspect(jpeg_with_scans(31, 8000, 8000), "decode", MOST)
    assert caught.value.findings[0].code == "image.corrupt"
    assert caught.value.findings[0].detail in details
    assert decoder.inspect(drawn("GIF"), "header", MOST) == ("GIF", Size(12, 9))
    decoder.close()
