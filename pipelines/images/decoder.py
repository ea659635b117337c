"""Checking pictures in a process of its own, with limits: one that kills a native decoder, or holds it, costs one picture and not the job.

The child says `ready` once it can decode; one that cannot is an internal error and stops the run. Then the parent sends
`<level> <max_pixels> <bytes>\\n` and the file, and the child answers with one line of JSON: ["good", format, width, height], or
["bad", code, detail]. At level `hash` the answer is ["good", difference hash or null].
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, BinaryIO

import orjson

from pipelines.images.files.formats import check
from pipelines.images.screens import difference_hash
from pipelines.reasons import Reason, Reject, reason_of
from pipelines.records import Size

SECONDS = 60.0  # of the clock: the processor may be shared
# What the default limits allow takes about two seconds of processor time, and 0.6 GB for four components as a progressive JPEG keeps them.
MEGAPIXELS = 64  # for these many, and in proportion for a higher limit
PROCESSOR_SECONDS = 10.0
BYTES_OF_PIXEL = 24
SPARE_BYTES = 512 << 20  # for all that does not grow with the picture
READY = b"ready\n"


class DecoderUnavailable(Exception):
    """No child can be started here: whatever the picture, and no fault of it."""


class Decoder:
    """A child process that checks pictures; it is started at the first one, and again after one that killed it."""

    def __init__(self, command: Sequence[str] | None = None, seconds: float = SECONDS):
        self._command = list(command or (sys.executable, "-m", "pipelines.images.decoder"))
        self._seconds = seconds
        self._child: subprocess.Popen[bytes] | None = None

    def inspect(self, data: bytes, level: str, max_pixels: int) -> tuple[str, Size]:
        """(format as Pillow names it, size in px after EXIF turning) of these bytes. Raises Reject with what is wrong, and DecoderUnavailable."""
        kind, width, height = self._ask(data, level, max_pixels)
        return kind, Size(width, height)

    def difference_hash(self, data: bytes, max_pixels: int) -> int | None:
        """The hash of a picture that was checked before; None where Pillow cannot decode it within the limits. Raises DecoderUnavailable."""
        try:
            (found,) = self._ask(data, "hash", max_pixels)
        except Reject:
            return None
        return None if found is None else int(found)

    def _ask(self, data: bytes, level: str, max_pixels: int) -> list[Any]:
        child = self._started()
        assert child.stdin
        assert child.stdout
        try:
            child.stdin.write(f"{level} {max_pixels} {len(data)}\n".encode())
            child.stdin.write(data)
            child.stdin.flush()
        except BrokenPipeError:
            self._refuse_killer()
        if not select.select([child.stdout], [], [], self._seconds)[0]:
            self.close()
            raise Reject(Reason.IMAGE_CORRUPT.at("", f"decoding it took more than {self._seconds:g} s"))
        answer = child.stdout.readline()
        if not answer.endswith(b"\n"):
            self._refuse_killer()
        verdict, *found = orjson.loads(answer)
        if verdict == "bad":
            raise Reject(reason_of(found[0]).at("", found[1]))
        return list(found)

    def close(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            for pipe in (self._child.stdin, self._child.stdout):
                if pipe:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
            self._child = None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            # The child must find this package wherever the parent did: a checkout, a wheel, an archive shipped by Spark.
            # Python would look in the working directory first, where a folder `pipelines` may be somebody else's.
            environment = os.environ | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path), "PYTHONSAFEPATH": "1"}
            try:
                self._child = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
            except OSError as error:
                raise DecoderUnavailable(f"{self._command[0]} cannot be started: {error.strerror}") from error
            self._wait_until_ready(self._child)
        return self._child

    def _wait_until_ready(self, child: subprocess.Popen[bytes]) -> None:
        """Returns once the child has said that it can decode. Raises DecoderUnavailable."""
        assert child.stdout
        if not select.select([child.stdout], [], [], SECONDS)[0]:
            self.close()
            raise DecoderUnavailable(f"the decoder was not ready within {SECONDS:g} s")
        said = child.stdout.readline()
        if said != READY:
            how = "said something else" if said else self._death()
            self.close()
            raise DecoderUnavailable(f"the decoder {how} before it was ready; its messages are on stderr")

    def _refuse_killer(self) -> None:
        """Raises Reject with what the child died of."""
        death = self._death()
        self.close()
        raise Reject(Reason.IMAGE_CORRUPT.at("", f"the decoder {death}"))

    def _death(self) -> str:
        assert self._child
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(1)
        status = self._child.returncode
        if status == -signal.SIGPROF:
            return "used up its processor time"
        return f"died of {signal.Signals(-status).name}" if status is not None and status < 0 else f"died with status {status}"


_decoders: dict[int, Decoder] = {}


def inspect(data: bytes, level: str, max_pixels: int) -> tuple[str, Size]:
    """`files.check` in this process's own child. Raises Reject with what is wrong, and DecoderUnavailable where no child can be started."""
    return _own_decoder().inspect(data, level, max_pixels)


def _own_decoder() -> Decoder:
    own = os.getpid()  # a forked worker must not talk to its parent's child
    if own not in _decoders:
        _decoders.clear()
        _decoders[own] = Decoder()
    return _decoders[own]


def hash_of(data: bytes, max_pixels: int) -> int | None:
    """`screens.difference_hash` in this process's own child, which has checked the picture. Raises DecoderUnavailable."""
    return _own_decoder().difference_hash(data, max_pixels)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """The child's side, until its parent is gone."""
    own_bytes = _memory_size()
    answers.write(READY)
    answers.flush()
    while head := requests.readline():
        level, max_pixels, size = head.split()
        _limit_memory(own_bytes + 2 * int(size) + SPARE_BYTES + BYTES_OF_PIXEL * int(max_pixels))
        data = requests.read(int(size))
        found: tuple[object, ...]
        # The signal's default action ends the process, also while it is inside a native decoder.
        signal.setitimer(signal.ITIMER_PROF, PROCESSOR_SECONDS * max(1, int(max_pixels) / (MEGAPIXELS * 1_000_000)))
        try:
            found = ("good", difference_hash(data)) if level == b"hash" else ("good", *_checked(data, level.decode(), int(max_pixels)))
        except Reject as reject:
            found = ("bad", reject.findings[0].code, reject.findings[0].detail)
        except MemoryError:
            found = ("bad", Reason.IMAGE_CORRUPT.code, "decoding it needs more memory than a picture may use")
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(orjson.dumps(found) + b"\n")
        answers.flush()


def _checked(data: bytes, level: str, max_pixels: int) -> tuple[str, int, int]:
    kind, (width, height) = check(data, level, max_pixels)
    return kind, width, height


def _memory_size() -> int:
    """Bytes of this process's address space."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _limit_memory(most_bytes: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most_bytes if hard == resource.RLIM_INFINITY else min(most_bytes, hard), hard))


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
