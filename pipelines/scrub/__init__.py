"""Secrets and personal data in a record's bytes become placeholders, before anything else reads them.

So no file under the output root contains them: no table, no message of a finding, no report, and not the bytes that `quarantine` keeps.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import NamedTuple

import numpy as np
import orjson
from msgspec.structs import replace

from pipelines.config import Config, Scrub
from pipelines.reasons import Reason
from pipelines.records import Finding, RawRecord
from pipelines.scrub.kinds import KINDS, LONG, NAMED, NAMED_BYTES, NAMED_HINTS, NAMES, URLS, VALUE, WORD_BYTES, Kind, is_random
from pipelines.scrub.personal import PERSONAL
from pipelines.visible import counted

MASK = b"[masked:"
_MASKED = re.compile(rb"\[masked:([a-z_]{1,40}):[0-9a-f]{8}\]")
_PERSONAL = {kind.name for kind in PERSONAL}
_BASE64 = re.compile(rb";base64,(?:[A-Za-z0-9+/=]|\\/){64,}+")  # the bytes of a picture
_GAPS = bytes(byte == ord(" ") for byte in WORD_BYTES)  # 1 for what ends a word
HEAD = 64  # bytes of a long word in which a key may begin; a random text that is longer has any prefix somewhere
BEFORE, AFTER = 64, 8  # bytes beside a long word in which hints are looked for
FEW = 32  # values with names are replaced one after the other, which is faster; more in one pass
_ESCAPE = re.compile(rb"\\(?:u00([2-7][0-9A-Fa-f])|/)")
_NUMBER_BEFORE = re.compile(rb"[:\[,]\s{0,20}\Z")
_NUMBER_AFTER = re.compile(rb"\s{0,20}[,}\]]")


def scrub_records(records: Iterable[RawRecord], config: Config) -> Iterator[RawRecord]:
    """The records, each with placeholders for what `scrub` of the configuration says. The record's id is that of the bytes as logged."""
    is_off = config.scrub.secrets == "off" and config.scrub.pii == "off"
    return iter(records) if is_off else (scrub(record, config.scrub, config.split.salt) for record in records)


class _Hints(NamedTuple):
    """Where each kind, by its position, has to be searched for."""

    plain: tuple[tuple[bytes, int], ...]
    starts: re.Pattern[bytes]  # any of them
    kinds: Mapping[bytes, tuple[int, ...]]  # of what `starts` finds


@cache
def _hints() -> _Hints:
    """One flat loop over all hints takes a fifth of the time of a loop for each kind."""
    plain = tuple((hint, i) for i, kind in enumerate(KINDS) for hint in kind.hints)
    starts = sorted({start for kind in KINDS for start in kind.starts})  # sk- before sk-ant-, and so for the kinds of both
    kinds = {first: tuple(i for i, kind in enumerate(KINDS) if any(start.startswith(first) for start in kind.starts)) for first in starts}
    # By their first sign, so that a third of the time of one flat list is enough.
    groups = [
        re.escape(sign) + b"(?:" + b"|".join([re.escape(start[1:]) for start in group]) + b")" for sign, group in groupby(starts, lambda start: start[:1])
    ]
    return _Hints(plain, re.compile(b"|".join(groups)), kinds)


def _long_words(raw: bytes) -> list[tuple[int, bytes]]:
    """The long words with their places, in order, but for those of small letters alone, such as tool_call_id: no generated key is one. The name
    aws_secret_access_key stays, because the key after it may have no long word.

    Looking at the distances of all other bytes takes a third of the time of splitting.
    """
    (gaps,) = np.frombuffer((b" %b " % raw).translate(_GAPS), dtype=np.bool_).nonzero()
    (before,) = (gaps[1:] - gaps[:-1] > LONG).nonzero()
    words = [(start, raw[start:end]) for start, end in zip(gaps[before].tolist(), (gaps[before + 1] - 1).tolist(), strict=True)]
    return [(start, word) for start, word in words if b"ecret" in word or not _is_small(word.translate(None, b"_-+"))]


def _is_small(word: bytes) -> bool:
    return word.isalpha() and word.islower()


def _to_search(raw: bytes, words: Sequence[tuple[int, bytes]]) -> list[int]:
    """The positions of the kinds of which a hint occurs. A word may begin with what stands before a key: the n of \\n, u003c, 32m, MY_TOKEN_."""
    plain, starts, kinds = _hints()
    near = b" ".join([raw[max(0, at - BEFORE) : at + len(word) + AFTER] for at, word in words])
    found = {i for hint, i in plain if hint in near}
    for start in set(starts.findall(b" ".join([word[:HEAD] for _, word in words]))):
        found.update(kinds[start])
    return sorted(found)


def scrub(record: RawRecord, settings: Scrub, salt: str) -> RawRecord:
    """The record with a placeholder for each secret, and a finding that says which kinds were found and how often.

    A secret has the same placeholder everywhere: its kind, and a hash of it and of `salt`.
    """
    is_stub = bool(record.findings) and any(finding.code == Reason.LINE_TOO_LARGE.code for finding in record.findings)
    raw = _without_escapes(_without_head(record.raw) if is_stub else record.raw)
    found: Counter[str] = Counter(match[1].decode() for match in _MASKED.finditer(raw)) if MASK in raw else Counter()
    if settings.secrets != "off":
        raw = _secrets_masked(raw, salt, found)
    for kind in PERSONAL if settings.pii != "off" else ():
        if all(hint in raw for hint in kind.hints):
            raw = _masked(raw, kind, salt, found)
    if is_stub:
        raw = record.raw if not found else _with_head(record.raw, raw)
    return replace(record, raw=raw, findings=(*record.findings, *_findings(found, settings.secrets == "quarantine"))) if found else record


def _without_escapes(raw: bytes) -> bytes:
    """The same JSON with signs of ASCII written as themselves, where an escape could hide one: \\u003d is =, and \\/ is /. Quotes, backslashes and
    control characters stay escaped. A record in which nothing is found keeps its own bytes."""
    if b"\\u00" not in raw and (b"/" not in raw or b"\\/" not in raw):  # one sign is found in a tenth of the time of two
        return raw
    # Without the pairs, every backslash begins an escape: \\\\u003d is a backslash and a text.
    return b"\\\\".join([_ESCAPE.sub(_unescaped, part) for part in raw.split(b"\\\\")])


def _unescaped(escape: re.Match[bytes]) -> bytes:
    code = int(escape[1], 16) if escape[1] else ord("/")
    return bytes([code]) if code < 0x7F and code not in b'"\\' else escape[0]


def _findings(found: Counter[str], quarantine: bool) -> Iterator[Finding]:
    for personal, reason in ((False, Reason.RECORD_SECRET if quarantine else Reason.REPAIR_SECRET_MASKED), (True, Reason.REPAIR_PII_MASKED)):
        kinds = [f"{name} ({counted(count, 'time')})" for name, count in sorted(found.items()) if (name in _PERSONAL) == personal]
        if kinds:
            yield reason.at("", ", ".join(kinds))


def _secrets_masked(raw: bytes, salt: str, found: Counter[str]) -> bytes:
    searched = _BASE64.sub(b"", raw) if b";base64," in raw else raw
    words = _long_words(searched)
    for i in _to_search(searched, words) if words else ():
        raw = _masked(raw, KINDS[i], salt, found)
    has_address = False
    for kind in URLS if b"/" in searched else ():
        if kind.hints[0] in searched if kind.hints else has_address:
            has_address = True
            raw = _masked(raw, kind, salt, found)
    return _named_masked(raw, searched, words, salt, found)


@cache
def _starts(kind: Kind) -> re.Pattern[bytes]:
    return re.compile(b"|".join(map(re.escape, kind.starts)))


def _matches(raw: bytes, kind: Kind) -> Iterator[re.Match[bytes]]:
    """All matches of the kind's pattern. Where it can only begin with one of its starts, these are looked for: that takes a tenth of the time."""
    if kind.hints:
        yield from kind.pattern.finditer(raw)
        return
    end = 0
    for start in _starts(kind).finditer(raw):
        if start.start() >= end and (match := kind.pattern.match(raw, start.start())):
            yield match
            end = match.end()


def _masked(raw: bytes, kind: Kind, salt: str, found: Counter[str]) -> bytes:
    pieces, end = [], 0
    for match in _matches(raw, kind):
        group = "secret" if "secret" in kind.pattern.groupindex else 0
        value = match[group]
        if kind.is_secret(value):
            found[kind.name] += 1
            pieces += [raw[end : match.start(group)], _placeholder(raw, match.start(group), match.end(group), kind.name, value, salt)]
            end = match.end(group)
    return b"".join([*pieces, raw[end:]]) if pieces else raw


def _named_masked(raw: bytes, searched: bytes, words: Sequence[tuple[int, bytes]], salt: str, found: Counter[str]) -> bytes:
    """Masks every value that looks random and stands after a name such as api_key, wherever it stands in the record."""
    starts = [max(0, at - NAMED_BYTES) for at, _ in words]
    windows = [searched[start:at] for start, (at, _) in zip(starts, words, strict=True)]
    near = b" ".join(windows).lower()
    hints = [hint for hint in NAMED_HINTS if hint in near]  # most records have none
    names: dict[bytes, str] = {}
    for start, window, (at, word) in zip(starts, windows, words, strict=True) if hints else ():
        lower = window.lower()
        if not [hint for hint in hints if hint in lower] or not is_random(word):  # faster than any()
            continue
        before = NAMED.search(window if window[-1:] != b"%" else searched[start : at + 2])  # the word may begin with the 3D of %3D
        value = VALUE.match(searched, start + before.start("head")) if before else None
        if before and value:
            names.setdefault(value[0], NAMES[before["authorization"] is None])
    if len(names) > FEW:
        return _replaced(raw, names, salt, found)
    for named, name in names.items():
        if named in raw:
            found[name] += raw.count(named)
            raw = raw.replace(named, _mask(name, named, salt))
    return raw


def _replaced(raw: bytes, names: Mapping[bytes, str], salt: str, found: Counter[str]) -> bytes:
    """Masks these values in one pass. Passes for each would take quadratic time in a log of very many."""
    lengths: dict[bytes, list[int]] = {}
    for value in sorted(names, key=len, reverse=True):
        of_head = lengths.setdefault(value[:LONG], [])
        if len(value) not in of_head[-1:]:
            of_head.append(len(value))
    pieces, end, at = [], 0, 0
    while at < len(raw):
        here = next((here for length in lengths.get(raw[at : at + LONG], ()) if (here := raw[at : at + length]) in names), None)
        if here is None:
            at += 1
        else:
            found[names[here]] += 1
            pieces += [raw[end:at], _mask(names[here], here, salt)]
            end = at = at + len(here)
    return b"".join([*pieces, raw[end:]])


def _placeholder(raw: bytes, start: int, end: int, name: str, value: bytes, salt: str) -> bytes:
    """Digits that may be a number of JSON become a number, so that the record can still be parsed."""
    if value.isdigit() and _NUMBER_BEFORE.search(raw, max(0, start - 24), start) and _NUMBER_AFTER.match(raw, end):
        return b"9" * len(value)
    return _mask(name, value, salt)


def _mask(name: str, value: bytes, salt: str) -> bytes:
    return b"%s%s:%s]" % (MASK, name.encode(), hashlib.sha256(salt.encode() + b"\0" + value).hexdigest()[:8].encode())


def _without_head(stub: bytes) -> bytes:
    """The beginning of a line that was too long, which its record keeps in base64."""
    return base64.b64decode(orjson.loads(stub)["head_base64"])


def _with_head(stub: bytes, head: bytes) -> bytes:
    return orjson.dumps(orjson.loads(stub) | {"head_base64": base64.b64encode(head).decode()})
