"""`episodes try`: the whole pipeline on local files, in one process and without Spark. It writes nothing but the file named by --json."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO

import orjson
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pipelines.config import Config, load_config
from pipelines.flow import DraftWithImages, open_flow
from pipelines.ledger.books import Books, make_books
from pipelines.ledger.gates import failed_gates, gates_of, too_many_errors
from pipelines.ledger.manifest import listed_facts
from pipelines.ledger.summary import summary_lines
from pipelines.ledger.unread_keys import add, trim, unread_facts
from pipelines.local import list_files, run_listed, with_folders
from pipelines.reasons import Reason, repairs_of
from pipelines.records import Conversation, Outcome, Quarantined, Sample, origin_of
from pipelines.tables.schema import Row, message_row, row_of

OK, INTERNAL_ERROR, GATE = 0, 1, 3
RUN_ID = "try"


def run(options: Namespace) -> int:
    config = with_folders(load_config(options.config, options.set), options.files, options.batch)
    flow = open_flow(config)
    listing = list_files(config, options.files, options.batch)
    tally = Tally(config)
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    with _writer(options) as file, _progress(console) as advance:
        for outcome in run_listed(flow, listing.files, tally.note):
            tally.count(outcome)
            advance()
            if file:
                file.write(orjson.dumps(json_row(outcome, options.batch or "", config), option=orjson.OPT_SERIALIZE_NUMPY) + b"\n")
    books = tally.books()
    files = Counter(file.source for file in listing.files)
    for line in summary_lines(books, tally.facts(books, files) | listed_facts(listing)):
        console.print(line)
    return _verdict(books, config, console)


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


class Tally:
    """Counts outcomes by file and state."""

    def __init__(self, config: Config):
        self._config = config
        self._records: set[tuple[str, str, int]] = set()
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

    def note(self, record: DraftWithImages | Quarantined) -> None:
        """Counts the unread keys of a record. Those of a duplicate are not counted."""
        add(self.unread, record.raw.origin.source, (record.draft if isinstance(record, DraftWithImages) else record).unread)
        trim(self.unread, self.unread_more)

    def count(self, outcome: Outcome) -> None:
        origin = origin_of(outcome)
        place = (origin.source, origin.path)
        if origin.line > 0:
            self._records.add((*place, origin.line))
        if isinstance(outcome, Conversation):
            self._states[(*place, "conversation")] += 1
            self.repairs.update(repairs_of(outcome.findings))
            self.without_episode[origin.source] += outcome.episode_id == outcome.record_id
            if any(dialect.takes(origin.source) for dialect in self._config.dialects):
                self._offered.add(outcome.sample_id)
        elif isinstance(outcome, Sample):
            self._count_sample(outcome, place)
        else:
            self._count_quarantined(outcome, place)

    def _count_sample(self, sample: Sample, place: tuple[str, str]) -> None:
        findings = (*sample.conversation.findings, *sample.tokens.findings)
        self._dialects[(*place, sample.dialect, "repaired" if repairs_of(findings) else "clean")] += 1
        self.repairs.update(repairs_of(sample.tokens.findings))
        self._kept.add(sample.conversation.sample_id)
        _, row = row_of(sample, "", RUN_ID, self._config.split)
        total = self._splits.setdefault((sample.dialect, row["split"]), [0, 0, 0])
        for i, number in enumerate((1, row["num_tokens"], row["num_target_tokens"])):
            total[i] += number

    def _count_quarantined(self, row: Quarantined, place: tuple[str, str]) -> None:
        reason = row.findings[0].code
        self._reasons[reason] += 1
        if row.dialect:
            self._dialects[(*place, row.dialect, "quarantined")] += 1
        else:
            state = "damaged" if row.raw.origin.line == 0 else "duplicate" if reason == Reason.RECORD_DUPLICATE.code else "quarantined"
            self._states[(*place, state)] += 1
            self.without_episode[place[0]] += row.episode_id == row.raw.record_id

    def books(self) -> Books:
        records: Counter[tuple[str, ...]] = Counter((source, path) for source, path, _ in self._records)
        internal = sum(self._reasons[reason.code] for reason in (Reason.INTERNAL_ERROR, Reason.TOKENS_SPAN_MISMATCH))
        return make_books(self._config, records, self._states, self._dialects, len(self._offered - self._kept), internal, self._reasons)

    def facts(self, books: Books, files: Mapping[str, int]) -> Row:
        """The facts that a manifest would have; `files` are counts by source."""
        sources = [{"source": source, "files": count, "records": books.records_of(source)} for source, count in files.items()]
        facts = {"sources": sources, "splits": self.splits(), "repairs": self.repairs, "without_episode": self.without_episode}
        return facts | unread_facts(self.unread, self.unread_more)

    def splits(self) -> list[Row]:
        return [
            {"dialect": dialect, "split": split, "rows": rows, "tokens": tokens, "target_tokens": targets}
            for (dialect, split), (rows, tokens, targets) in sorted(self._splits.items())
        ]


def _verdict(books: Books, config: Config, console: Console) -> int:
    errors = too_many_errors(books, config.gates)
    if errors or books.faults():
        console.print("\n".join([*books.faults(), *([errors] if errors else [])]))
        return INTERNAL_ERROR
    failed = failed_gates(books, gates_of(config))
    for line in failed:
        console.print(f"gate failed: {line}")
    return GATE if failed else OK


@contextmanager
def _writer(options: Namespace) -> Iterator[BinaryIO | None]:
    if options.json is None:
        yield None
    elif str(options.json) == "-":
        yield sys.stdout.buffer
    else:
        with options.json.open("wb") as file:
            yield file


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[], None]]:
    columns = (SpinnerColumn(), TextColumn("rows: {task.completed}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        task = bars.add_task("rows", total=None)
        yield lambda: bars.advance(task)
