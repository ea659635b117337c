"""Counts for the books, the summary and the report. They are read back from the staged files, not taken while the files are written.

Each group of files is read separately, and only the columns that are counted; the tallies of all groups are added up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, BinaryIO

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.config import Config
from pipelines.ledger.blame import RECORD, UNIT, Blame, blame_of, records_in, several_of
from pipelines.ledger.books import ASIDE, WRITTEN, Books, Counts, make_books, rounded
from pipelines.ledger.filtered import BEFORE, count_absent
from pipelines.ledger.picks import CARDS, Pick, StagedFile, from_different_files, of_few_episodes, pick_cards, pick_episodes, pick_examples
from pipelines.ledger.unread_keys import count_unread, trim
from pipelines.reasons import Reason
from pipelines.tables.parquet import read_in_batches
from pipelines.tables.schema import Row
from pipelines.tables.writing import FileSet, partition_values

BATCH_ROWS = 1 << 16
INTERNAL_ERRORS = (Reason.INTERNAL_ERROR.code, Reason.TOKENS_SPAN_MISMATCH.code)
PLACE = ["origin.source", "origin.path"]
OWN = ["record_id", "episode_id"]
COUNTED = {
    "drafts": [*PLACE, "origin.line", "unread"],
    "conversations": [*PLACE, "origin.line", *OWN, "step_id", "repairs", "images.list.element.width"],
    "samples": [*PLACE, "origin.line", "sample_id", "window", "num_tokens", "num_target_tokens", "repairs", "images.list.element.grid.rows"],
    "quarantine": [*PLACE, "origin.line", *OWN, "sample_id", "dialect", "reason", "findings.list.element.where", "findings.list.element.detail"],
}


# Counters that are added up.
SUMS = (
    "records",
    "states",
    "dialects",
    "reasons",
    "repairs",
    "lengths",
    "targets",
    "unread",
    "unread_more",
    "without_episode",
    "judged",
    "absent",
    "blame",
    "refused",
    "refused_records",
    "causes",
)


@dataclass(slots=True)
class Tally:
    """Numbers of rows by kind. `repairs` counts conversations, or samples where a dialect made the repair."""

    records: Counter[tuple[str, ...]] = field(default_factory=Counter)  # (source, path)
    states: Counter[tuple[str, ...]] = field(default_factory=Counter)  # (source, path, state)
    dialects: Counter[tuple[str, ...]] = field(default_factory=Counter)  # (source, path, dialect, state)
    reasons: Counter[str] = field(default_factory=Counter)
    repairs: Counter[str] = field(default_factory=Counter)
    lengths: Counter[tuple[str, str, int]] = field(default_factory=Counter)  # (dialect, split, number of tokens)
    targets: Counter[tuple[str, str]] = field(default_factory=Counter)  # (dialect, split) -> trained tokens
    unread: Counter[tuple[str, str]] = field(default_factory=Counter)  # (source, key) -> how often records have it, not counting duplicates
    unread_more: Counter[str] = field(default_factory=Counter)  # source -> number of keys that are not listed
    without_episode: Counter[str] = field(default_factory=Counter)  # source -> records that are their own episode, not counting duplicates
    judged: Counter[str] = field(default_factory=Counter)  # source -> records in quarantine to which keep_if was applied
    absent: Counter[tuple[str, str]] = field(default_factory=Counter)  # (source, field of keep_if) -> records filtered because they lack it
    blame: Blame = field(default_factory=Counter)  # as `blame_of` returns it
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)  # (source, path) -> conversations that every dialect refused
    refused_records: Counter[tuple[str, str]] = field(default_factory=Counter)  # (source, path) -> the records that they count as
    causes: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # (source, reason, record | conversation | file) -> rows of quarantine
    images: int = 0  # references in conversations
    examples: dict[str, list[Pick]] = field(default_factory=dict)  # by reason or repair
    cards: dict[str, list[Pick]] = field(default_factory=dict)  # by `dialect/split`
    episodes: dict[str, list[Pick]] = field(default_factory=dict)  # by source: the steps of a few episodes

    def add(self, other: Tally) -> None:
        for name in SUMS:
            getattr(self, name).update(getattr(other, name))
        trim(self.unread, self.unread_more)
        self.images += other.images
        for code, picks in other.examples.items():
            self.examples[code] = from_different_files([*self.examples.get(code, ()), *picks])
        for key, picks in other.cards.items():
            self.cards[key] = sorted([*self.cards.get(key, ()), *picks])[:CARDS]
        for source, picks in other.episodes.items():
            self.episodes[source] = of_few_episodes([*self.episodes.get(source, ()), *picks])

    def books(self, config: Config, records: Counts | None = None) -> Books:
        """`records` by (source, path) replaces the count of the drafts, where these are not all of the batch's records."""
        internal = sum(self.reasons[code] for code in INTERNAL_ERRORS)
        counts = self.records if records is None else records
        books = make_books(config, counts, self.states, self.dialects, self.refused_by_all, internal, dict(self.reasons))
        totals = {name: sum(split[name] for split in self.splits()) for name in WRITTEN}
        blame, refused = ({key: rounded(count) for key, count in counts.items()} for counts in (self.blame, self.refused_records))
        return replace(books, blame=blame, refused=refused, written=totals)

    @property
    def refused_by_all(self) -> int:
        return self.refused.total()

    def splits(self) -> list[Row]:
        """Per dialect and split: rows, tokens and trained tokens."""
        found: dict[tuple[str, str], list[int]] = {}
        for (dialect, split, tokens), rows in self.lengths.items():
            total = found.setdefault((dialect, split), [0, 0])
            total[0] += rows
            total[1] += rows * tokens
        return [
            {"dialect": dialect, "split": split, "rows": rows, "tokens": tokens, "target_tokens": self.targets[(dialect, split)]}
            for (dialect, split), (rows, tokens) in sorted(found.items())
        ]

    def length_counts(self) -> dict[str, dict[int, int]]:
        """Dialect -> number of tokens -> rows."""
        found: dict[str, dict[int, int]] = {}
        for (dialect, _, tokens), rows in self.lengths.items():
            of_dialect = found.setdefault(dialect, {})
            of_dialect[tokens] = of_dialect.get(tokens, 0) + rows
        return found

    def to_bytes(self) -> bytes:
        """JSON, counters as lists of pairs."""
        return orjson.dumps({name: list(value.items()) if isinstance(value, dict) else value for name, value in self._fields()}, default=tuple)

    @classmethod
    def from_bytes(cls, data: bytes) -> Tally:
        fields = orjson.loads(data)
        tally = cls(images=fields["images"])
        for name, value in tally._fields():
            if isinstance(value, Counter):
                value.update({tuple(key) if isinstance(key, list) else key: count for key, count in fields[name]})
            elif isinstance(value, dict):
                value |= {key: [Pick(tuple(order), *more) for order, *more in picks] for key, picks in fields[name]}
        return tally

    def _fields(self) -> Iterator[tuple[str, Any]]:
        return ((name, getattr(self, name)) for name in self.__slots__)


def groups_of(*staged: FileSet) -> list[list[StagedFile]]:
    """The files grouped by their writer. All rows of a record come from one writer, so each group can be counted alone."""
    named = [
        (part.name.rpartition("-")[0], StagedFile(table, part.partition, path))
        for files in staged
        for table in sorted({file.table for file in files.files})
        for path, part in files.of(table)
    ]
    return [[one for _, one in group] for _, group in groupby(sorted(named), key=lambda pair: pair[0])]


def tally_of(
    group: Sequence[StagedFile],
    takers: Mapping[str, Sequence[str]],
    open_file: Callable[[str], BinaryIO],
    quarantine: Sequence[str] = (),
    conversations: Sequence[str] = (),
) -> Tally:
    """Counts of one group. `takers`: source -> the dialects that take it; `quarantine`: the quarantine files of all groups, which name the duplicates;
    `conversations`: those of all groups, read if a refused conversation has no row in this group, as in a redrive.

    Raises OSError or ArrowInvalid where a file is lost or damaged.
    """
    tally = Tally()
    aside: list[pa.Table] = []
    kept: list[pa.Table] = []
    for staged in group:
        first = 0
        with open_file(staged.path) as source, pq.ParquetFile(source) as file:
            for batch in read_in_batches(file, BATCH_ROWS, COUNTED[staged.table]):
                rows = _flat(batch, first)
                first += len(batch)
                if staged.table == "drafts":
                    tally.records.update(_counts(rows.filter(pc.greater(rows["line"], 0)).select(["source", "path"])))
                    count_unread(tally.unread, tally.unread_more, rows, quarantine, open_file)
                elif staged.table == "conversations":
                    _conversations(tally, rows, staged)
                    kept.append(rows.select(RECORD).group_by(RECORD).aggregate([([], "count_all")]).rename_columns([*RECORD, "conversations"]))
                elif staged.table == "samples":
                    _samples(tally, rows, staged)
                else:
                    _quarantined(tally, rows, staged)
                    aside.append(rows.select([*UNIT, "dialect", "reason"]))
    if kept:  # a record may have several conversations, in different splits
        distinct = pa.concat_tables(kept).group_by(RECORD).aggregate([])
        tally.states.update({(*place, "kept"): count for place, count in _counts(distinct.select(["source", "path"])).items()})
    if aside:
        several = several_of(kept, aside, lambda: (records_in(path, open_file) for path in conversations))
        tally.blame, tally.refused, tally.refused_records = blame_of(aside, takers, several)
    return tally


def read_pick(pick: Pick, columns: Sequence[str], open_file: Callable[[str], BinaryIO]) -> Row:
    """These columns of a picked row, and its partition columns."""
    with open_file(pick.path) as source, pq.ParquetFile(source) as file:
        row, group = pick.row, 0
        while row >= file.metadata.row_group(group).num_rows:
            row, group = row - file.metadata.row_group(group).num_rows, group + 1
        found: Row = file.read_row_group(group, columns=list(columns), use_threads=False).slice(row, 1).to_pylist()[0]
    return found | partition_values(pick.partition)


def _conversations(tally: Tally, rows: pa.Table, staged: StagedFile) -> None:
    tally.states.update({(*place, "conversation"): count for place, count in _counts(rows.select(["source", "path"])).items()})
    tally.images += pc.sum(pc.list_value_length(rows["images"])).as_py()
    _without_episode(tally, rows)
    repaired = _exploded(rows, rows["repairs"])
    tally.repairs.update(_by_code(repaired))
    pick_examples(tally.examples, repaired, staged)
    pick_episodes(tally.episodes, rows, staged)


def _samples(tally: Tally, rows: pa.Table, staged: StagedFile) -> None:
    partition = partition_values(staged.partition)
    dialect, split = partition["dialect"], partition["split"]
    is_repaired = pc.greater(pc.list_value_length(rows["repairs"]), 0)
    # Of the windows of a conversation the first has all repairs of the others. Rows that an older version wrote have none.
    is_first = pc.equal(pc.fill_null(rows["window"], 0), 0)
    for (source, path, first, repaired), count in _counts(
        rows.select(["source", "path"]).append_column("first", is_first).append_column("repaired", is_repaired)
    ).items():
        tally.dialects[(source, path, dialect, "more_windows" if not first else "repaired" if repaired else "clean")] += count
    tally.lengths.update({(dialect, split, tokens): count for (tokens,), count in _counts(rows.select(["num_tokens"])).items()})
    tally.targets[(dialect, split)] += pc.sum(rows["num_target_tokens"]).as_py()
    firsts = rows.filter(is_first)
    repaired = _exploded(firsts, firsts["repairs"])
    own = repaired.filter(pc.is_in(repaired["code"], pa.array(MADE_BY_DIALECTS)))
    tally.repairs.update(_by_code(own))
    pick_examples(tally.examples, own, staged)
    pick_cards(tally.cards, rows, staged)


def _quarantined(tally: Tally, rows: pa.Table, staged: StagedFile) -> None:
    tally.reasons.update({code: count for (code,), count in _counts(rows.select(["reason"])).items()})
    for (source, path, dialect), count in _counts(rows.filter(pc.is_valid(rows["dialect"])).select(["source", "path", "dialect"])).items():
        tally.dialects[(source, path, dialect, "quarantined")] += count
    kind = pc.if_else(pc.is_valid(rows["dialect"]), "conversation", pc.if_else(pc.equal(rows["line"], 0), "file", "record"))
    tally.causes.update(_counts(rows.select(["source", "reason"]).append_column("of", kind)))
    whole = rows.filter(pc.is_null(rows["dialect"]))
    _without_episode(tally, whole)
    state = pa.scalar("quarantined")
    for code, name in ASIDE.items():
        state = pc.if_else(pc.equal(whole["reason"], code), name, state)
    state = pc.if_else(pc.equal(whole["line"], 0), "damaged", state)
    judged = whole.filter(pc.invert(pc.is_in(whole["reason"], pa.array(BEFORE))))
    tally.judged.update({source: count for (source,), count in _counts(judged.select(["source"])).items()})
    tally.absent.update(count_absent(whole))
    tally.states.update(_counts(whole.select(["source", "path"]).append_column("state", state)))
    pick_examples(tally.examples, rows.select(["path", "line", "row"]).append_column("code", rows["reason"]), staged)


def _without_episode(tally: Tally, rows: pa.Table) -> None:
    alone = rows.filter(pc.equal(rows["episode_id"], rows["record_id"]))
    tally.without_episode.update({source: count for (source,), count in _counts(alone.select(["source"])).items()})


# Repairs made by a dialect. The repairs of a sample also include those of its conversation, which are counted there.
MADE_BY_DIALECTS = [reason.code for reason in Reason if reason.value.stage == "tokenize" and reason.value.severity == "repair"]


def _flat(batch: pa.RecordBatch, first: int) -> pa.Table:
    """The batch with the fields of `origin` as columns, and the row's number in its file."""
    table = pa.Table.from_batches([batch])
    for name in ("source", "path", "line"):
        table = table.append_column(name, pc.struct_field(table["origin"], name))
    return table.append_column("row", pa.array(np.arange(first, first + len(table))))


def _counts(table: pa.Table) -> Counter[tuple[Any, ...]]:
    """Distinct row -> how often it occurs."""
    names = table.column_names
    grouped = table.group_by(names).aggregate([([], "count_all")])
    return Counter(dict(zip(zip(*(grouped[name].to_pylist() for name in names), strict=True), grouped["count_all"].to_pylist(), strict=True)))


def _by_code(table: pa.Table) -> Counter[str]:
    return Counter({code: count for (code,), count in _counts(table.select(["code"])).items()})


def _exploded(rows: pa.Table, codes: pa.ChunkedArray) -> pa.Table:
    """A row per code, with its place."""
    parents = pc.list_parent_indices(codes)
    return rows.select(["path", "line", "row"]).take(parents).append_column("code", pc.list_flatten(codes))
