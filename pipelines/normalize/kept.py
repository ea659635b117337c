"""Fields that say how an episode went: which records `keep_if` keeps, and which fields go into column `extra`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from msgspec.structs import replace

from pipelines.config import Source
from pipelines.formats.keys import OUTCOMES, Unread
from pipelines.formats.paths import Found, Trail, find
from pipelines.normalize.written import spell, write_json
from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import clip, kind_of
from pipelines.parsing.written import Written
from pipelines.reasons import Reason, Reject
from pipelines.records import Draft, Finding

ABSENT = "the record does not have this field"
# A flag or a number that says that the episode failed, and words that do. A score of a reward model may be any other number below 0.
FAILED = (False, 0, -1)
FAILED_WORDS = frozenset(("false", "0", "no", "fail", "failed", "failure", "unsuccessful", "incorrect", "wrong", "unresolved", "not_resolved", "rejected"))


class Kept(NamedTuple):
    """The fields of a record that go into column `extra`, as (name, JSON text), and what was found in them."""

    fields: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()


NOTHING = Kept()


def kept_fields(record: Mapping[str, Any], text: bytes, source: Source, budget: Budget, unread: Unread) -> Kept:
    """What `keep`, and the usual names of outcomes, keep of this record, which has the JSON text `text`. A field that is kept or judged counts
    as read.

    Raises Reject with a finding for every field of `keep_if` that has another value.
    """
    if not source.keep_if and not source.keep and OUTCOMES.isdisjoint(record):
        return NOTHING
    top, trail = Found(dict(record), (), Written(text), ""), Trail(budget)
    _judge(top, source, trail)
    fields: dict[str, str] = {}
    findings: list[Finding] = []
    for path in source.keep:
        if (found := find(top, path, trail)) is not None:
            _keep(path.partition("|")[0].strip(), found, fields, findings)
    for name in OUTCOMES.intersection(record) - set(source.ignore) - fields.keys():
        if record[name] is not None:
            notes: list[Finding] = []
            _keep(name, top.at(name), fields, notes)
            if name in fields:  # else it contains NaN, which does no harm in a field that nobody asked for
                trail.add("", top.value, (name,))
                findings += notes
    unread.kept = trail.read
    return Kept(tuple(sorted(fields.items())), tuple(sorted(findings)))


def with_kept(draft: Draft, kept: Kept) -> Draft:
    """The draft with these fields in `extra`, beside the rejected side of a preference."""
    if not kept.fields:
        return draft
    rejected = {} if draft.extra is None else orjson.loads(draft.extra)
    texts = [draft.extra[1:-1]] if draft.extra is not None else []
    texts += [f"{spell(name)}: {value}" for name, value in kept.fields if name not in rejected]
    return replace(draft, extra="{" + ", ".join(texts) + "}")


def _judge(top: Found, source: Source, trail: Trail) -> None:
    others = []
    for path, values in source.keep_if.items():
        found = find(top, path, trail)
        if not any(is_same(found and found.value, value) for value in values):
            detail = ABSENT if found is None else f"found {_shown(found.value)}; kept: {', '.join(map(_shown, values))}"
            others.append(Reason.RECORD_FILTERED.at(path, detail))
    if others:
        raise Reject(*others)


def is_same(found: Any, value: Any) -> bool:
    """Whether two JSON values are the same. A field that is null counts as absent, and is the same as null.

    >>> is_same(1, 1.0), is_same(1, True), is_same("1", 1), is_same(None, None)
    (True, False, False, True)
    """
    return isinstance(found, bool) == isinstance(value, bool) and bool(found == value)


def says_failure(name: str, value: Any) -> bool:
    """Whether this value, of a field whose last key is one of the usual names of outcomes, says that the episode failed.

    >>> says_failure("info.reward", 0.0), says_failure("resolved", "False"), says_failure("score", 0.5), says_failure("split", False)
    (True, True, False, False)
    """
    if name.rpartition(".")[2] not in OUTCOMES:
        return False
    if isinstance(value, str):
        return value.strip().lower() in FAILED_WORDS
    return isinstance(value, (bool, int, float)) and value in FAILED


def _keep(name: str, found: Found, fields: dict[str, str], findings: list[Finding]) -> None:
    """Adds the field, and a note if it says that the episode failed; or a refusal if it contains NaN or Infinity."""
    try:
        fields[name] = write_json(found.value, found.written, found.path)
    except Reject as reject:
        findings += [finding._replace(where=found.where) for finding in reject.findings]
        return
    if says_failure(name, found.value):
        findings.append(Reason.RECORD_FAILED.at(found.where, f"found {_shown(found.value)}"))


def _shown(value: Any) -> str:
    """A value for a finding: JSON text of a scalar, the kind of anything else."""
    if isinstance(value, str):
        return clip(value)
    return kind_of(value) if isinstance(value, (dict, list)) else orjson.dumps(value).decode()
