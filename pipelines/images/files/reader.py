"""Bytes read front to back, with the end of the file as a reason and never an IndexError."""

from __future__ import annotations

from pipelines.reasons import Reason, Reject


def truncated(detail: str) -> Reject:
    return Reject(Reason.IMAGE_TRUNCATED.at("", detail))


def corrupt(detail: str) -> Reject:
    return Reject(Reason.IMAGE_CORRUPT.at("", detail))


def too_many(most: int, what: str) -> Reject:
    """For what no honest file has so many of, and each of which costs every reader time."""
    return corrupt(f"it has more than {most} {what}")


class Reader:
    """A position in a file's bytes."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes, at: int = 0):
        self.data = data
        self.at = at

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, count: int) -> bytes:
        self.skip(count)
        return self.data[self.at - count : self.at]

    def skip(self, count: int) -> None:
        if count > self.left:
            raise truncated(f"the file ends after {self.left} of the {count} bytes at byte {self.at}")
        self.at += count

    def big(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")

    def little(self, count: int, signed: bool = False) -> int:
        return int.from_bytes(self.take(count), "little", signed=signed)
