"""What is counted while files are tried, and the rows of `--json`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from pipelines.config import Config
from pipelines.flow import DraftWithImages
from pipelines.ledger.blame import RECORD, UNIT, blame_of
from pipelines.ledger.books import ASIDE, Books, make_books, rounded, takers
from pipelines.ledger.filtered import absent_fields, is_judged, keep_if_facts
from pipelines.ledger.summary import alone_by_source
from pipelines.ledger.superseded import holder_of
from pipelines.ledger.unread_keys import add, trim, unread_facts
from pipelines.reasons import Reason, repairs_of
from pipelines.records import Conversation, Outcome, Quarantined, Sample, origin_of
from pipelines.tables.schema import Row, message_row, row_of

RUN_ID = "try"


def json_row(outcome: Outcome, batch: str, config: Config) -> Row:
    """The row as in its table, with the table's name; a sample also has its messages and tools. Raw bytes are written as text."""
    table, row = row_of(outcome, batch, RUN_ID, config.split)
    if isinstance(outcome, Sample):
        conversation = outcome.conversation
        row |= {"messages": [message_row(message) for message in conversation.messages], "tools": conversation.tools}
        row |= {"attention_mask": [1] * row["num_tokens"], "position_ids": list(range(row["num_tokens"]))}
    elif isinstance(outcome, Quarantined) and row["raw"] is not None:
        row["raw"] = row["raw"].decode("utf-8", "backslashreplace")
    return {"table": table} | row


def codes_of(outcome: Outcome) -> Sequence[str]:
    """The reason of a row that was put aside; the repairs of a conversation, or of its dialect."""
    if isinstance(outcome, Quarantined):
        return (outcome.findings[0].code,)
    return repairs_of(outcome.findings if isinstance(outcome, Conversation) else outcome.tokens.findings)


class Tally:
    """Counts outcomes by file and state."""

    def __init__(self, config: Config):
        self._config = config
        self._records: set[tuple[str, str, int]] = set()
        self._conversations: Counter[tuple[str, str, int]] = Counter()  # by record
        self._states: Counter[tuple[str, ...]] = Counter()
        self._dialects: Counter[tuple[str, ...]] = Counter()
        self._reasons: Counter[str] = Counter()
        self._splits: dict[tuple[str, str], list[int]] = {}
        self._offered: set[str] = set()
        self._kept: set[str] = set()
        self.repairs: Counter[str] = Counter()
        self.unread: Counter[tuple[str, str]] = Counter()
        self.unread_more: Counter[str] = Counter()
        self.without_episode: Counter[str] = Counter()
        self.judged: Counter[str] = Counter()
        self.absent: Counter[tuple[str, str]] = Counter()
        self._aside: dict[tuple[str, str, int, str | None, str | None, str], None] = {}  # as the columns of `aside`
        self._holders: Counter[str] = Counter()  # record_id -> records that leave answers to it
        self._refused: dict[tuple[str, str, str], None] = {}  # (record_id, dialect, reason) of sources with `fold`
        self.first: dict[str, tuple[str, int]] = {}  # reason or repair -> its first place

    def note(self, record: DraftWithImages | Quarantined) -> None:
        """Counts the unread keys of a record. Those of a duplicate are not counted."""
        add(self.unread, record.raw.origin.source, (record.draft if isinstance(record, DraftWithImages) else record).unread)
        trim(self.unread, self.unread_more)

    def count(self, outcome: Outcome) -> None:
        origin = origin_of(outcome)
        place = (origin.source, origin.path)
        for code in codes_of(outcome):
            self.first.setdefault(code, (origin.path, origin.line))
        if origin.line > 0:
            self._records.add((*place, origin.line))
        if isinstance(outcome, Conversation):
            self._states[(*place, "conversation")] += 1
            self._conversations[(*place, origin.line)] += 1
            self.repairs.update(repairs_of(outcome.findings))
            if holder := holder_of(outcome.findings):
                self._holders[holder] += 1
            self.without_episode[origin.source] += outcome.episode_id == outcome.record_id
            if any(dialect.takes(origin.source) for dialect in self._config.dialects):
                self._offered.add(outcome.sample_id)
        elif isinstance(outcome, Sample):
            self._count_sample(outcome, place)
        else:
            self._count_quarantined(outcome, place)

    def _count_sample(self, sample: Sample, place: tuple[str, str]) -> None:
        findings = (*sample.conversation.findings, *sample.tokens.findings)
        self._dialects[(*place, sample.dialect, "more_windows" if sample.window else "repaired" if repairs_of(findings) else "clean")] += 1
        if not sample.window:  # the first has all repairs of the others
            self.repairs.update(repairs_of(sample.tokens.findings))
        self._kept.add(sample.conversation.sample_id)
        _, row = row_of(sample, "", RUN_ID, self._config.split)
        total = self._splits.setdefault((sample.dialect, row["split"]), [0, 0, 0])
        for i, number in enumerate((1, row["num_tokens"], row["num_target_tokens"])):
            total[i] += number

    def _count_quarantined(self, row: Quarantined, place: tuple[str, str]) -> None:
        reason = row.findings[0].code
        self._reasons[reason] += 1
        self._aside[(*place, row.raw.origin.line, row.sample_id, row.dialect, reason)] = None
        if holder := holder_of(row.findings[:1]):
            self._holders[holder] += 1
        elif row.raw.origin.source in self._config.cumulative and reason not in ASIDE:
            self._refused[row.raw.record_id, row.dialect or "", reason] = None
        if row.dialect:
            self._dialects[(*place, row.dialect, "quarantined")] += 1
        else:
            state = "damaged" if row.raw.origin.line == 0 else ASIDE.get(reason, "quarantined")
            self._states[(*place, state)] += 1
            self.judged[place[0]] += is_judged(reason)
            self.absent.update((place[0], field) for field in absent_fields(row.findings))
            self.without_episode[place[0]] += row.episode_id == row.raw.record_id

    def lost(self) -> Counter[tuple[str, str]]:
        """(dialect, or "" for all, reason) -> records that leave answers to one that is quarantined for this."""
        lost: Counter[tuple[str, str]] = Counter()
        for record_id, dialect, reason in self._refused:
            lost[dialect, reason] += self._holders[record_id]
        return +lost

    def worst_place(self) -> tuple[str, int] | None:
        """The first record with the most frequent reason; None where no record was refused."""
        found = [(-count, code) for code, count in self._reasons.items() if code not in ASIDE and self.first[code][1]]
        return self.first[min(found)[1]] if found else None

    def books(self) -> Books:
        records: Counter[tuple[str, ...]] = Counter((source, path) for source, path, _ in self._records)
        kept = Counter((source, path, "kept") for source, path, _ in self._conversations)
        internal = sum(self._reasons[reason.code] for reason in (Reason.INTERNAL_ERROR, Reason.TOKENS_SPAN_MISMATCH))
        books = make_books(self._config, records, self._states | kept, self._dialects, len(self._offered - self._kept), internal, self._reasons)
        lost = blame_of([self._aside_table()], takers(self._config), self._several())
        blame, refused = ({key: rounded(count) for key, count in counts.items()} for counts in (lost.blame, lost.records))
        return replace(books, blame=blame, refused=refused)

    def _several(self) -> pa.Table:
        found = [(*record, count) for record, count in self._conversations.items() if count > 1]
        columns = pa.schema([(name, pa.string()) for name in RECORD[:2]] + [(name, pa.int64()) for name in (RECORD[2], "conversations")])
        return pa.Table.from_pylist([dict(zip(columns.names, row, strict=True)) for row in found], columns)

    def _aside_table(self) -> pa.Table:
        columns = pa.schema([(name, pa.int64() if name == "line" else pa.string()) for name in (*UNIT, "dialect", "reason")])
        return pa.Table.from_pylist([dict(zip(columns.names, row, strict=True)) for row in self._aside], columns)

    def facts(self, books: Books, files: Mapping[str, int]) -> Row:
        """The facts that a manifest would have; `files` are counts by source."""
        sources = [{"source": source, "files": count, "records": books.records_of(source)} for source, count in files.items()]
        facts = {"sources": sources, "splits": self.splits(), "repairs": self.repairs, "without_episode": alone_by_source(self._config, self.without_episode)}
        facts["first"] = self.first
        facts |= {"keep_if": keep_if_facts(self._config, books, self.judged, self.absent)}
        return facts | unread_facts(self.unread, self.unread_more)

    def splits(self) -> list[Row]:
        return [
            {"dialect": dialect, "split": split, "rows": rows, "tokens": tokens, "target_tokens": targets}
            for (dialect, split), (rows, tokens, targets) in sorted(self._splits.items())
        ]
