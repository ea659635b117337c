"""The gates: the conditions that a run must meet to be published, with a sentence for each one that it fails."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Literal

from pipelines.config import Config, Gates, ShareGate
from pipelines.ledger.batches import Past, ratio_of_volumes, ratio_to_median
from pipelines.ledger.books import Books, rounded
from pipelines.visible import amount, counted

NO_PAST = Past()


def gates_of(config: Config) -> Gates:
    """The gates as configured, but min_records is 0 where every source has allow_empty."""
    may_be_empty = all(source.allow_empty for source in config.sources)
    return config.gates.model_copy(update={"min_records": 0}) if may_be_empty else config.gates


def failed_gates(books: Books, gates: Gates, past: Past = NO_PAST) -> list[str]:
    """A sentence for each gate that the run fails."""
    found = (_quarantined(books, gates), _ratio(books, gates, past), _few(books, gates), _shrink(books, gates, past), _volume(books, gates, past))
    return [*(words for words in found if words), *_shares(books, gates, "fail")]


def gate_warnings(books: Books, gates: Gates) -> list[str]:
    """A sentence for each share that is above its `warn`, but not above its `fail`."""
    failed = {words.partition(":")[0] for words in _shares(books, gates, "fail")}
    return [f"warning: {words}" for words in _shares(books, gates, "warn") if words.partition(":")[0] not in failed]


def too_many_errors(books: Books, gates: Gates) -> str | None:
    if books.internal_errors > gates.max_internal_errors:
        return f"max_internal_errors: {counted(books.internal_errors, 'record')} failed with an internal error; the limit is {gates.max_internal_errors}"
    return None


def _quarantined(books: Books, gates: Gates) -> str | None:
    share = books.quarantined_share()
    if share > gates.max_quarantined:
        return f"max_quarantined: {books.quarantined_words()}; the limit is {gates.max_quarantined:.2%}"
    return None


def _ratio(books: Books, gates: Gates, past: Past) -> str | None:
    share = books.quarantined_share()
    ratio = ratio_to_median(share, past.shares, books.wanted())
    if gates.max_ratio_to_median is not None and ratio is not None and ratio > gates.max_ratio_to_median:
        usual = _median_of(len(past.shares))
        return f"max_ratio_to_median: {books.quarantined_words()}, {ratio:.1f} times {usual}; the limit is {gates.max_ratio_to_median:g}"
    return None


def _shares(books: Books, gates: Gates, level: Literal["warn", "fail"]) -> Iterator[str]:
    """A sentence for each source and each reason whose share of the records is above this limit."""
    for source, limits in gates.sources.items():
        lost, wanted = books.share_of(source)
        yield from _above(
            f"sources.{source}", f"{amount(lost)} of {counted(wanted, 'record')} of source {source} were quarantined", lost, wanted, limits, level
        )
    for code, limits in gates.reasons.items():
        lost = rounded(sum(count for (_, _, reason, _), count in books.blame.items() if reason == code))
        wanted = books.wanted()
        words = f"{amount(lost)} of {counted(wanted, 'record')} were quarantined for {code}, as a whole or by a dialect"
        yield from _above(f"reasons.{code}", words, lost, wanted, limits, level)


def _above(name: str, words: str, lost: float, wanted: int, limits: ShareGate, level: Literal["warn", "fail"]) -> Iterator[str]:
    limit = getattr(limits, level)
    share = lost / wanted if wanted else 0.0
    if limit is not None and share > limit:
        yield f"{name}: {words} ({share:.2%}); {'the limit is' if level == 'fail' else 'the warning limit is'} {limit:.2%}"


def _few(books: Books, gates: Gates) -> str | None:
    records = books.total("records")
    if records < gates.min_records:
        return f"min_records: {counted(records, 'record')} came in; the minimum is {gates.min_records:,}"
    return None


def _shrink(books: Books, gates: Gates, past: Past) -> str | None:
    """Fails too where one source loses all its records, however few: its folder is more likely unmounted than really empty."""
    before, now = sum(past.published.values()), books.total("records")
    if gates.max_shrink is None or not before:
        return None
    lost = {source: (records, books.records_of(source)) for source, records in past.published.items() if books.records_of(source) < records}
    is_gone = any(now == 0 and source in past.sources for source, (_, now) in lost.items()) and gates.max_shrink < 1
    shrink = max(0.0, (before - now) / before)
    if shrink <= gates.max_shrink and not is_gone:
        return None
    of_sources = "; ".join(f"source {source} lost {was - left:,} of {counted(was, 'record')}" for source, (was, left) in sorted(lost.items()))
    limit = "no source may lose all its records" if shrink <= gates.max_shrink else f"the limit is {gates.max_shrink:.2%}"
    return f"max_shrink: {counted(now, 'record')} came in, {shrink:.2%} fewer than the {before:,} of the published batch; {limit}: {of_sources}"


def _volume(books: Books, gates: Gates, past: Past) -> str | None:
    records = books.total("records")
    ratio = ratio_of_volumes(records, past.records)
    if gates.max_volume_ratio is None or ratio is None or ratio <= gates.max_volume_ratio:
        return None
    usual = median(past.records)
    side = "above" if records > usual else "below"
    than = f"a factor of {ratio:.1f} {side} {_median_of(len(past.records))}, {usual:,.0f}"
    return f"max_volume_ratio: {counted(records, 'record')} came in, {than}; the limit is {gates.max_volume_ratio:g}"


def _median_of(batches: int) -> str:
    return f"the median of the last {batches} batches" if batches > 1 else "that of the batch before"
