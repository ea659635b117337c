"""Completes a run: reads back what was written, balances the books, checks the gates, writes the report and publishes."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.errors import PySparkException

from pipelines.config import Gates
from pipelines.ledger.batches import Comparison, Past, Volume, past_of, source_rows, volumes
from pipelines.ledger.books import WRITTEN, Books, Counts
from pipelines.ledger.filtered import input_warnings, keep_if_facts
from pipelines.ledger.gates import failed_gates, gate_warnings, gates_of, too_many_errors
from pipelines.ledger.manifest import Json, make_manifest, manifest_bytes
from pipelines.ledger.redriven import improvement
from pipelines.ledger.run_row import input_rows_with_books, run_row
from pipelines.ledger.summary import alone_by_source, summary_lines
from pipelines.ledger.superseded import lost_answers, may_be_lost
from pipelines.ledger.tally import Tally
from pipelines.ledger.unread_keys import counts_of, number_of_keys, unread_facts
from pipelines.reports import Shown
from pipelines.reports.index import write_index
from pipelines.spark.plans.read_back import find_duplicate_keys, lost_with_holders, read_back
from pipelines.spark.run.catalog import register_tables
from pipelines.spark.run.compaction import merge_small_files
from pipelines.spark.run.on_call import advice
from pipelines.spark.run.reporting import cause_facts, report_of, usual_in_others
from pipelines.spark.run.staging import Run, StagedRun
from pipelines.storage.files import open_output, write_file
from pipelines.storage.locations import StoreError
from pipelines.storage.locks import LostRace
from pipelines.tables.publication.cleaning import apply_retention, remove_unfinished, unfinished_runs
from pipelines.tables.publication.complete import complete, read_manifest
from pipelines.tables.publication.gate_opening import write_row
from pipelines.tables.publication.plan import Plan, plan_of, write_plan
from pipelines.tables.publication.publish import check_rows, publish
from pipelines.tables.publication.root import newest_of
from pipelines.tables.publication.staged import write_staged_report
from pipelines.tables.reading import write_input_rows
from pipelines.tables.schema import Row

PUBLISHED, UNCHANGED, GATE_FAILED, INTERNAL = "published", "unchanged", "gate_failed", "internal_error"
EXIT_CODES = {PUBLISHED: 0, UNCHANGED: 0, INTERNAL: 1, GATE_FAILED: 3}


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended. `words` say why a run did not publish; `books` are None where there was nothing to do."""

    status: str
    words: tuple[str, ...]
    manifest: Json = field(repr=False)
    books: Books | None = field(repr=False)
    root: str
    report: str
    seconds: Json = field(default_factory=dict, repr=False)

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.status]

    def line(self) -> Json:
        """The line on stdout, for a scheduler."""
        named = ("run_id", "batch", "counts", "quarantined_share", "sources", "without_episode", "images_opened", "published")
        line = {"status": self.status, "words": list(self.words), "report": self.report} | {key: self.manifest.get(key) for key in named}
        line |= {"worst": self.manifest["worst"], "next": self.manifest["next"]} if "next" in self.manifest else {}
        return line | {"unread_keys": number_of_keys(self.manifest)}

    def _repr_html_(self) -> str:
        return Shown(self.line())._repr_html_()

    def summary(self) -> list[str]:
        """The lines at the end, for a person."""
        lines = summary_lines(self.books, self.manifest) if self.books else []
        facts = self.manifest.get("tokenizers", {})
        standins = [f"{name}: {fact['tokenizer']} is a stand-in vocabulary" for name, fact in facts.items() if fact["standin"]]
        published = self.status in (PUBLISHED, UNCHANGED)
        where = f"tables           {self.root}" if published else "nothing was published"
        ends = [f"time            {sum(self.seconds.values()):>9.1f} s", where, f"report           {self.report}"]
        if self.status == PUBLISHED and self.books and self.books.rows()["quarantine"]:
            ends.append(f"put aside        episodes quarantine {shlex.quote(self.root)} --batch {self.manifest['batch']}")
        return [*lines, *standins, *self.words, *ends]


@dataclass(frozen=True, slots=True)
class RunOutput:
    """What a run is going to publish: its rows, its new images, and the input files that they come from."""

    staged: StagedRun
    inputs: Sequence[Row]
    inputs_sha256: str
    kind: str = "batch"
    records: Counts | None = None  # of the batch by (source, path), where the drafts are only some of them
    facts: Json = field(default_factory=dict)  # about the input, from `manifest.listed_facts`
    earlier_manifest: Json = field(default_factory=dict)  # of the batch's last run, where this run replaces only some of its rows


def complete_run(run: Run, output: RunOutput, comparison: Comparison) -> Result:
    """Publishes the output, or says why not. Raises LostRace, RowCountMismatch or RootDamaged; then nothing of it is published."""
    staged = output.staged.staged
    with run.steps.step("read back and balance the books"):
        with ThreadPoolExecutor(1) as executor:  # reading back needs the workers, finding duplicates the driver or the JVM
            duplicates = executor.submit(find_duplicate_keys, run.job, staged)
            tally = read_back(run.job, staged, run.config)
        books = tally.books(run.config, output.records)
        faults = [*books.faults(), *duplicates.result()]
    status, words = _verdict(books, faults, gates_of(run.config), _past(run, output, comparison))
    usual = usual_in_others(run)
    on_call = {} if status == PUBLISHED else advice(run, books, words, usual, status == GATE_FAILED)
    keep_if = keep_if_facts(run.config, books, tally.judged, tally.absent)
    lost = lost_answers(lost_with_holders(run.job, staged) if may_be_lost(books, tally.repairs) else {})
    later = (*input_warnings(books, keep_if), *lost, *on_call.pop("lines", ()))
    failed, words = words, (*comparison.words, *_improvement(run, output, books), *words, *later)
    with run.steps.step("report"):
        facts: Json = {"status": status, "words": list(words), "splits": tally.splits(), "repairs": dict(tally.repairs)}
        facts |= {
            "kind": output.kind,
            "images_opened": output.staged.images_opened,
            "coordinates": dict(output.staged.units),
            "sources": _sources(run, output.inputs, books),
        }
        facts |= _unread(tally, output.earlier_manifest) | {"without_episode": _without_episode(run, tally)} | output.facts
        facts["first"] = {code: picks[0].order for code, picks in tally.examples.items()}  # (path, line)
        facts |= on_call | ({"gates_failed": list(failed)} if status == GATE_FAILED else {})
        facts |= {"keep_if": keep_if} | cause_facts(books, tally, usual)
        manifest = make_manifest(run.flow, run.batch, run.run_id, output.inputs, books, facts)
        manifest |= {"published": None, "started": run.started.isoformat(), "finished": run.now().isoformat(), "seconds": run.steps.seconds}
        plan = plan_of(run.run_id, run.batch, staged.tables, output.staged.images)
        html = report_of(run, staged, tally, manifest)
        _write_run(run, output, books, plan, manifest, html)
    if status != PUBLISHED:
        report = write_staged_report(run.root, run.batch, html.encode(), manifest)
        _write_index(run)
        return Result(status, words, manifest, books, run.root.uri, report, run.steps.seconds)
    with run.steps.step("publish"):
        _publish(run, output, books, plan)
        words = (*words, *register_tables(run.spark, run.config, run.root))
    manifest = read_manifest(run.root, run.batch)
    return Result(status, words, manifest, books, run.root.uri, f"{run.root.report_folder(run.batch)}/report.html", run.steps.seconds)


def _improvement(run: Run, output: RunOutput, books: Books) -> tuple[str, ...]:
    before = newest_of(run.runs, run.batch)
    return improvement(before, books) if output.kind == "redrive" and before is not None else ()


def _write_run(run: Run, output: RunOutput, books: Books, plan: Plan, manifest: Json, report: str) -> None:
    """Writes the folder `_runs/<run_id>`. The manifest is written last."""
    root, folder = run.root, run.root.run_folder(run.run_id)
    write_input_rows(root, run.run_id, input_rows_with_books(books, output.inputs))
    with open_output(f"{folder}/dialects.parquet", root.stores) as sink:
        pq.write_table(pa.Table.from_pylist([asdict(book) for book in books.dialects]), sink)
    write_plan(root, plan)
    write_file(f"{folder}/report.html", report.encode(), root.stores)
    root.on_point("report: written")
    if manifest["status"] == GATE_FAILED:  # somebody may publish it after a look
        write_row(root, _row_of(run, output, books), books.rows())
    write_file(f"{folder}/manifest.json", manifest_bytes(manifest), root.stores)
    root.on_point("manifest: written")


def _row_of(run: Run, output: RunOutput, books: Books) -> Json:
    return run_row(run.flow, run.run_id, run.batch, output.kind, books, output.inputs, output.inputs_sha256, run.started, run.now())


def _publish(run: Run, output: RunOutput, books: Books, plan: Plan) -> None:
    root, days = run.root, run.config.retention.days
    row = _row_of(run, output, books)  # reads tokenizers, so it comes before anything is committed
    check_rows(plan, books.rows())
    unfinished = [begun for begun in unfinished_runs(root, run.batch, run.runs) if begun.run_id != run.run_id]
    run.publishing.append(True)
    try:
        runs = publish(root, plan, row, newest_of(run.runs, run.batch), days)
    except LostRace:
        run.publishing.clear()
        raise
    complete(root, runs, days)
    run.publishing.clear()
    _write_index(run, runs)
    remove_unfinished(root, unfinished, runs[-1]["version"])
    try:
        merge_small_files(run, runs)
    except (OSError, StoreError, PySparkException) as error:  # such as a night at the same time that removed this run's work folder
        run.steps.say(f"small files stay as they are until another night: {type(error).__name__}")
    apply_retention(root, runs, run.run_id, days)


def _write_index(run: Run, runs: Sequence[Row] | None = None) -> None:
    try:
        write_index(run.root, run.root.runs() if runs is None else runs)
    except (OSError, StoreError) as error:
        run.steps.say(f"the page of all batches, reports/index.html, was not written: {type(error).__name__}")


def unchanged_result(run: Run, comparison: Comparison) -> Result:
    """The result of a run with nothing to do: what is published already."""
    earlier = comparison.earlier or {}
    before = read_manifest(run.root, run.batch)  # one of an older version lacks some of these
    counts = {name: count for name, count in earlier["states"].items() if name not in WRITTEN}
    manifest: Json = {"run_id": earlier["run_id"], "batch": run.batch, "counts": counts, "quarantined_share": earlier["quarantined_share"]}
    manifest |= {name: before.get(name) for name in ("published", "unread", "unread_more", "without_episode")}
    manifest |= {"images_opened": 0, "sources": source_rows(_names(run), volumes(earlier), run.runs, run.batch)}
    return Result(UNCHANGED, comparison.words, manifest, None, run.root.uri, f"{run.root.report_folder(run.batch)}/report.html", run.steps.seconds)


def _verdict(books: Books, faults: Sequence[str], gates: Gates, past: Past) -> tuple[str, tuple[str, ...]]:
    """Whether to publish. Books that do not close are an internal error, and nothing may be published from them."""
    errors = too_many_errors(books, gates)
    if faults or errors:
        return INTERNAL, (*faults, *([errors] if errors else []))
    failed, warnings = failed_gates(books, gates, past), gate_warnings(books, gates)
    return (GATE_FAILED, (*failed, *warnings)) if failed else (PUBLISHED, tuple(warnings))


def _past(run: Run, output: RunOutput, comparison: Comparison) -> Past:
    """What the gates compare with. A redrive has no records of its own to compare, only shares."""
    past = past_of(run.runs, run.batch, comparison.earlier, _names(run))
    return past if output.kind == "batch" else Past(past.shares)


def _names(run: Run) -> list[str]:
    return [source.name for source in run.config.sources]


def _sources(run: Run, inputs: Sequence[Row], books: Books) -> list[Json]:
    files = Counter(row["source"] for row in inputs)
    now = {source: Volume(files[source], books.records_of(source)) for source in _names(run)}
    return source_rows(now, now, run.runs, run.batch)


def _unread(tally: Tally, before: Json) -> Json:
    """The counts of unread keys. A redrive counts only the records that it runs again, so the counts of the earlier run stay."""
    counts, more = counts_of(before)
    return unread_facts(tally.unread | counts, tally.unread_more | more)


def _without_episode(run: Run, tally: Tally) -> dict[str, int]:
    return alone_by_source(run.config, {source: tally.without_episode[source] for source in _names(run)})
