"""Chunks -> lines or array elements, each as its exact bytes, in memory bounded by limits.line_bytes."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from typing import Any

import orjson

from pipelines.containers.chunks import Damaged
from pipelines.reasons import Reason
from pipelines.records import Finding
from pipelines.visible import counted

HEAD_BYTES = 4096
BLANK = b" \t\r\n\v\f"
BOM = b"\xef\xbb\xbf"

Piece = tuple[bytes, tuple[Finding, ...]]


class Collector:
    """Collects the bytes of one piece. Over the limit, only their number, hash and first bytes are kept."""

    __slots__ = ("_digest", "_limit", "_parts", "size")

    def __init__(self, limit: int):
        self._limit = limit
        self._parts: list[bytes] = []
        self._digest: Any = None
        self.size = 0

    def add(self, data: bytes) -> None:
        self.size += len(data)
        if self._digest is None and self.size > self._limit:
            self._digest = hashlib.sha256()
            for part in self._parts:
                self._digest.update(part)
            self._parts = [b"".join(self._parts[:HEAD_BYTES])[:HEAD_BYTES]]
        if self._digest is None:
            self._parts.append(data)
            return
        self._digest.update(data)
        # The head must not depend on how the bytes are split into chunks: record_id is made from it.
        if len(self._parts[0]) < HEAD_BYTES:
            self._parts[0] += data[: HEAD_BYTES - len(self._parts[0])]

    def piece(self) -> Piece:
        data = b"".join(self._parts)
        if self._digest is None:
            return data, ()
        stub = {"bytes": self.size, "sha256": self._digest.hexdigest(), "head_base64": base64.b64encode(data).decode()}
        return orjson.dumps(stub), (Reason.LINE_TOO_LARGE.at("", f"{counted(self.size, 'byte')}; limits.line_bytes is {self._limit:,}"),)


def lines_of(chunks: Iterator[bytes], limit: int) -> Iterator[Piece]:
    """Every line, including blank ones, without its 0x0A, the only byte that ends a line."""
    line = Collector(limit)
    for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            if not line.size and len(part) <= limit:
                yield part, ()
                continue
            line.add(part)
            yield line.piece()
            line = Collector(limit)
        line.add(rest)
    if line.size:
        yield line.piece()


def is_blank(raw: bytes) -> bool:
    return not raw.removeprefix(BOM).strip(BLANK)


_OUTSIDE = re.compile(rb'["\[\]{},]')
_IN_STRING = re.compile(rb'["\\]')


def elements_of(chunks: Iterator[bytes], limit: int, path: str) -> Iterator[Piece]:
    """Every element of the JSON array, from its first to its last byte. What is in an element is not checked here.

    Raises Damaged if the array has no end, or if anything follows it.
    """
    element, depth, in_string, skip = Collector(limit), 0, False, False
    closed = False
    for chunk in chunks:
        at = start = 0
        if skip and chunk:  # the byte after a backslash at the end of the last chunk
            at, skip = 1, False
        while not closed and (found := (_IN_STRING if in_string else _OUTSIDE).search(chunk, at)):
            sign, at = found.group(), found.end()
            if sign == b"\\":
                at += 1
                skip = at > len(chunk)
            elif sign == b'"':
                in_string = not in_string
            elif sign in b"[{":
                depth += 1
                if depth == 1:
                    start = at  # the array itself opens
            elif sign in b"]}":
                depth -= 1
                if depth == 0:
                    closed = True
                    element.add(chunk[start : found.start()])
                    if element.size and not is_blank(element.piece()[0]):
                        yield _stripped(element)
                    element, start = Collector(limit), at
            elif depth == 1:
                element.add(chunk[start : found.start()])
                yield _stripped(element)
                element, start = Collector(limit), at
        element.add(chunk[start:])
    if not closed:
        raise Damaged(Reason.FILE_JSON_TRUNCATED.at(path, f"the array has no end; its last element was not read: {counted(element.size, 'byte')}"))
    if not is_blank(element.piece()[0]):
        raise Damaged(Reason.FILE_CORRUPT.at(path, f"there is more after the end of the array: {counted(element.size, 'byte')}"))


def _stripped(element: Collector) -> Piece:
    raw, findings = element.piece()
    return raw.strip(BLANK), findings


def objects_of(chunks: Iterator[bytes], limit: int, path: str) -> Iterator[Piece]:
    """Every object of a text of objects over many lines, from its first to its last byte.

    Raises Damaged if the last object has no end, or if there is anything else between two objects.
    """
    element, depth, in_string, skip = Collector(limit), 0, False, False
    for chunk in chunks:
        at = start = 0
        if skip and chunk:  # the byte after a backslash at the end of the last chunk
            at, skip = 1, False
        while found := (_IN_STRING if in_string else _OUTSIDE).search(chunk, at):
            sign, at = found.group(), found.end()
            if sign == b"\\":
                at += 1
                skip = at > len(chunk)
            elif sign == b'"':
                in_string = not in_string
            elif sign in b"[{":
                if depth == 0:
                    _refuse_between(element, chunk[start : found.start()], path)
                    element, start = Collector(limit), found.start()
                depth += 1
            elif sign in b"]}":
                depth -= 1
                if depth < 0:
                    raise Damaged(Reason.FILE_CORRUPT.at(path, f"found {sign.decode()} between two objects"))
                if depth == 0:
                    element.add(chunk[start:at])
                    yield element.piece()
                    element, start = Collector(limit), at
        element.add(chunk[start:])
    if depth:
        raise Damaged(Reason.FILE_JSON_TRUNCATED.at(path, f"the last object has no end, and was not read: {counted(element.size, 'byte')}"))
    _refuse_between(element, b"", path)


def _refuse_between(element: Collector, rest: bytes, path: str) -> None:
    element.add(rest)
    if not is_blank(element.piece()[0]):
        raise Damaged(Reason.FILE_CORRUPT.at(path, f"there is something between two objects or after the last one: {counted(element.size, 'byte')}"))
