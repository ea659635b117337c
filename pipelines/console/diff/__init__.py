"""`episodes diff`: two batches, or two runs of one: counts by state, source, reason and file, records that changed state, and what differs in code and settings."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from pipelines.config import load_config
from pipelines.console.diff.files import Pair, by_source, file_lines, file_lists, pairs_of
from pipelines.console.diff.side import Side, side_of
from pipelines.console.diff.states import Changes, changes_between
from pipelines.storage.locations import absolute
from pipelines.storage.stores import ENVIRONMENT
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.reading import NotPublished
from pipelines.visible import counted, one_line, visible

OK, USAGE = 0, 2
MOST = 20  # reasons, changes and settings
STATES = ("records", "kept", "conversations", "quarantined", "duplicates", "filtered", "superseded", "damaged", "refused_by_all", "internal_errors")


def run(options: Namespace) -> int:
    stores = ENVIRONMENT if options.config is None else load_config(options.config).stores
    root = OutputRoot(absolute(options.root), stores)
    try:
        a, b = side_of(root, options.a), side_of(root, options.b)
        changes = changes_between(a, b)
    except (NotPublished, FileNotFoundError) as error:
        print(visible(f"episodes: {error}"), file=sys.stderr)
        return USAGE
    if options.json:
        sys.stdout.write(orjson.dumps(as_json(a, b, changes), default=str).decode() + "\n")
    else:
        print(visible("\n".join(lines_of(a, b, changes))))
    return OK


def as_json(a: Side, b: Side, changes: Changes) -> dict[str, Any]:
    sides = {name: {"run_id": one.run_id, "batch": one.batch, "status": one.status, "finished": one.finished} for name, one in (("a", a), ("b", b))}
    found: dict[str, Any] = {"states": {name: [a.states.get(name, 0), b.states.get(name, 0)] for name in STATES}}
    found["reasons"] = {code: [a.reasons.get(code, 0), b.reasons.get(code, 0)] for code in sorted({*a.reasons, *b.reasons})}
    found["fingerprints"] = {name: [a.fingerprints[name], b.fingerprints[name]] for name in a.fingerprints}
    found["settings"] = {place: [a.settings.get(place), b.settings.get(place)] for place in _different(a.settings, b.settings)}
    pairs = pairs_of(a, b)
    found["sources"], found["files"] = by_source(pairs), file_lists(pairs)
    found["file_counts"] = [{"source": pair.source, "path": pair.path} | pair.counts() for pair in pairs]
    return sides | found | {"records": changes._asdict() | {"changed": [change._asdict() for change in changes.changed]}}


def lines_of(a: Side, b: Side, changes: Changes) -> Iterator[str]:
    for name, one in (("A", a), ("B", b)):
        status = "" if one.status == "published" else f", not published: {one.status.replace('_', ' ')}"
        yield f"{name}  batch {one.batch}, run {one.run_id}, {one.finished:%Y-%m-%d %H:%M:%S}{status}"
    for what in a.fingerprints:
        before, after = a.fingerprints[what], b.fingerprints[what]
        yield f"{what:14} {'same' if before == after else f'different: {_short(before)} -> {_short(after)}'}"
    yield from _settings_lines(a, b)
    yield f"{'':30} {'A':>10} {'B':>10}"
    for name in STATES:
        if a.states.get(name) or b.states.get(name):
            yield _count_line(name.replace("_", " "), a.states.get(name, 0), b.states.get(name, 0))
    pairs = pairs_of(a, b)
    yield from _source_lines(pairs)
    codes = sorted({*a.reasons, *b.reasons}, key=lambda code: (-abs(b.reasons.get(code, 0) - a.reasons.get(code, 0)), code))
    if codes:
        yield "reasons, rows put aside"
    other = [code for code in codes if a.reasons.get(code, 0) != b.reasons.get(code, 0)]
    yield from (_count_line(f"  {code}", a.reasons.get(code, 0), b.reasons.get(code, 0)) for code in other[:MOST])
    yield from ([f"  and {counted(len(other) - MOST, 'more reason')}"] if len(other) > MOST else ())
    if len(codes) > len(other):
        yield f"  {counted(len(codes) - len(other), 'reason')} with the same count"
    yield from file_lines(pairs)
    yield f"records without duplicates: {changes.both:,} in both, {changes.only_a:,} only in A, {changes.only_b:,} only in B"
    if changes.both:
        yield "changed state: " + (f"{sum(change.records for change in changes.changed):,}" if changes.changed else "none")
    for change in changes.changed[:MOST]:
        dialect = f"{change.dialect}: " if change.dialect else ""
        yield f"  {change.records:>7,}   {dialect}{change.before} -> {change.after}"
        yield f"            first {one_line(change.path, 400)}:{change.line}, record {change.record_id[:16]}"
    yield from ([f"  and {counted(len(changes.changed) - MOST, 'more kind')}"] if len(changes.changed) > MOST else ())


def _settings_lines(a: Side, b: Side) -> Iterator[str]:
    places = _different(a.settings, b.settings)
    for place in places[:MOST]:
        yield f"  {place}: {one_line(str(a.settings.get(place, 'not set')), 100)} -> {one_line(str(b.settings.get(place, 'not set')), 100)}"
    if len(places) > MOST:
        yield f"  and {counted(len(places) - MOST, 'more setting')}"


def _different(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    return sorted(place for place in {*a, *b} if a.get(place) != b.get(place))


def _source_lines(pairs: Sequence[Pair]) -> Iterator[str]:
    """The records of each source by state, if there are several sources; of one, they are those of the run."""
    found = by_source(pairs)
    for source, counts in found.items() if len(found) > 1 else ():
        yield f"source {one_line(source, 100)}"
        yield from (_count_line(f"  {name}", before, after) for name, (before, after) in counts.items() if before or after)


def _count_line(name: str, before: int, after: int) -> str:
    return f"{name:30} {before:>10,} {after:>10,}" + (f" {after - before:>+10,}" if before != after else "")


def _short(value: Any) -> str:
    return value[:12] if isinstance(value, str) else str(value)
