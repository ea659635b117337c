"""Decoding in a process of its own: a picture that takes a native decoder down, or holds it for ever, costs one picture and not the job.

The child says `ready` once it can decode; one that cannot is our own fault and stops the run. Then the parent sends `<kind> <bytes>\\n`
and the file, and the child answers with one line of JSON: null, or the code and detail of what is wrong.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import BinaryIO

import orjson

from pipelines.images.files import FORMATS
from pipelines.reasons import Reason, Reject, reason_of

SECONDS = 60.0  # the largest picture that the limits allow takes about two
READY = b"ready\n"


class DecoderUnavailable(Exception):
    """No child can be started here: whatever the picture, and no fault of it."""


class Decoder:
    """A child process that decodes; it is started at the first picture, and again after one that killed it."""

    def __init__(self, command: Sequence[str] | None = None, seconds: float = SECONDS):
        self._command = list(command or (sys.executable, "-m", "pipelines.images.decoder"))
        self._seconds = seconds
        self._child: subprocess.Popen[bytes] | None = None

    def check(self, kind: str, data: bytes) -> None:
        """Decodes every pixel of a file of this kind. Raises Reject with what is wrong, and DecoderUnavailable."""
        child = self._started()
        assert child.stdin
        assert child.stdout
        try:
            child.stdin.write(f"{kind} {len(data)}\n".encode() + data)
            child.stdin.flush()
        except BrokenPipeError:
            self._buried()
        if not select.select([child.stdout], [], [], self._seconds)[0]:
            self.close()
            raise Reject(Reason.IMAGE_CORRUPT.at("", f"decoding it took more than {self._seconds:g} s"))
        answer = child.stdout.readline()
        if not answer.endswith(b"\n"):
            self._buried()
        if found := orjson.loads(answer):
            raise Reject(reason_of(found[0]).at("", found[1]))

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
            environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
            try:
                self._child = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
            except OSError as error:
                raise DecoderUnavailable(f"{self._command[0]} cannot be started: {error.strerror}") from error
            self._greeted(self._child)
        return self._child

    def _greeted(self, child: subprocess.Popen[bytes]) -> None:
        """Returns once the child has said that it can decode. Raises DecoderUnavailable."""
        assert child.stdout
        if not select.select([child.stdout], [], [], SECONDS)[0]:
            self.close()
            raise DecoderUnavailable(f"the decoder was not ready within {SECONDS:g} s")
        said = child.stdout.readline()
        if said != READY:
            how = "said something else" if said else self._death()
            self.close()
            raise DecoderUnavailable(f"the decoder {how} before it was ready; its words stand on stderr")

    def _buried(self) -> None:
        """Raises Reject with what the child died of."""
        death = self._death()
        self.close()
        raise Reject(Reason.IMAGE_CORRUPT.at("", f"the decoder {death}"))

    def _death(self) -> str:
        assert self._child
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(1)
        status = self._child.returncode
        return f"died of {signal.Signals(-status).name}" if status is not None and status < 0 else f"died with status {status}"


_decoders: dict[int, Decoder] = {}


def check_pixels(kind: str, data: bytes) -> None:
    """Decodes a picture in this process's own child. Raises Reject, and DecoderUnavailable where no child can be started."""
    own = os.getpid()  # a forked worker must not talk to its parent's child
    if own not in _decoders:
        _decoders.clear()
        _decoders[own] = Decoder()
    _decoders[own].check(kind, data)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """The child's side, until its parent is gone."""
    answers.write(READY)
    answers.flush()
    while head := requests.readline():
        kind, size = head.split()
        data = requests.read(int(size))
        try:
            FORMATS[kind.decode()].check_pixels(data)
            found = None
        except Reject as reject:
            found = [reject.findings[0].code, reject.findings[0].detail]
        except MemoryError:
            found = [Reason.IMAGE_CORRUPT.code, "decoding it needs more memory than there is"]
        answers.write(orjson.dumps(found) + b"\n")
        answers.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
