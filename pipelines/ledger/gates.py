"""The gates: what a run must be like to be published, and in which words one is closed."""

from __future__ import annotations

from statistics import median

from pipelines.config import Config, Gates
from pipelines.ledger.books import Books
from pipelines.ledger.nights import Past, ratio_of_volumes, ratio_to_median

NOTHING = Past()


def gates_of(config: Config) -> Gates:
    """The gates as configured; where every source may be without files, no record need come in."""
    may_be_empty = all(source.allow_empty for source in config.sources)
    return config.gates.model_copy(update={"min_records": 0}) if may_be_empty else config.gates


def closed_gates(books: Books, gates: Gates, past: Past = NOTHING) -> list[str]:
    """The gates that a run fails, as sentences."""
    found = (_quarantined(books, gates), _ratio(books, gates, past), _few(books, gates), _shrink(books, gates, past), _volume(books, gates, past))
    return [words for words in found if words]


def too_many_errors(books: Books, gates: Gates) -> str | None:
    if books.internal_errors > gates.max_internal_errors:
        return f"max_internal_errors: {books.internal_errors} records failed by our own fault, {gates.max_internal_errors} are allowed"
    return None


def _quarantined(books: Books, gates: Gates) -> str | None:
    share = books.quarantined_share()
    if share > gates.max_quarantined:
        return f"max_quarantined: {share:.2%} of the records were quarantined, {gates.max_quarantined:.2%} are allowed"
    return None


def _ratio(books: Books, gates: Gates, past: Past) -> str | None:
    share = books.quarantined_share()
    ratio = ratio_to_median(share, past.shares, books.total("records") - books.total("duplicates"))
    if gates.max_ratio_to_median is not None and ratio is not None and ratio > gates.max_ratio_to_median:
        usual = f"the median of the last {len(past.shares)} nights"
        return f"max_ratio_to_median: {share:.2%} of the records were quarantined, {ratio:.1f} times {usual}; {gates.max_ratio_to_median:g} are allowed"
    return None


def _few(books: Books, gates: Gates) -> str | None:
    records = books.total("records")
    if records < gates.min_records:
        return f"min_records: {records:,} records came in, at least {gates.min_records:,} must"
    return None


def _shrink(books: Books, gates: Gates, past: Past) -> str | None:
    """A source that loses all its records is unmounted more often than it is meant to be empty, however small a part of the batch it was."""
    before, now = sum(past.standing.values()), books.total("records")
    if gates.max_shrink is None or not before:
        return None
    lost = {source: (records, books.records_of(source)) for source, records in past.standing.items() if books.records_of(source) < records}
    is_gone = any(now == 0 and source in past.sources for source, (_, now) in lost.items()) and gates.max_shrink < 1
    shrink = max(0.0, (before - now) / before)
    if shrink <= gates.max_shrink and not is_gone:
        return None
    of_sources = "; ".join(f"source {source} lost {was - left:,} of {was:,} records" for source, (was, left) in sorted(lost.items()))
    allowed = "and no source may lose all it had" if shrink <= gates.max_shrink else f"{gates.max_shrink:.2%} are allowed"
    return f"max_shrink: {now:,} records came in, {shrink:.2%} fewer than the {before:,} of the published batch, {allowed}: {of_sources}"


def _volume(books: Books, gates: Gates, past: Past) -> str | None:
    records = books.total("records")
    ratio = ratio_of_volumes(records, past.records)
    if gates.max_volume_ratio is None or ratio is None or ratio <= gates.max_volume_ratio:
        return None
    usual = median(past.records)
    than = f"{'more' if records > usual else 'fewer'} than {usual:,.0f}, the median of the last {len(past.records)} batches"
    return f"max_volume_ratio: {records:,} records came in, {ratio:.1f} times {than}; {gates.max_volume_ratio:g} times are allowed"
