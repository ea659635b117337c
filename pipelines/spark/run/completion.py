"""Completes a run: reads back what was staged, balances the books, checks the gates, writes the report and publishes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from pyspark.sql import DataFrame

from pipelines.config import Gates
from pipelines.ledger.batches import Comparison, Past, Volume, past_of, source_rows, volumes
from pipelines.ledger.books import Books, Counts
from pipelines.ledger.gates import failed_gates, gates_of, too_many_errors
from pipelines.ledger.manifest import Json, make_manifest, manifest_bytes
from pipelines.ledger.summary import summary_lines
from pipelines.ledger.tally import Tally
from pipelines.ledger.unread_keys import counts_of, number_of_keys, unread_facts
from pipelines.report import Shown
from pipelines.spark.plans.read_back import Staged, find_duplicate_keys, read_back
from pipelines.spark.publishing.publish import check_unchanged, publish
from pipelines.spark.publishing.recovery import apply_retention, read_manifest, recover, report_folder, staged_report
from pipelines.spark.run.reporting import report_of
from pipelines.spark.run.staging import Run, images_opened
from pipelines.storage.locks import publication_lock
from pipelines.tables.reading import run_rows
from pipelines.tables.schema import Row

PUBLISHED, UNCHANGED, GATE_FAILED, INTERNAL = "published", "unchanged", "gate_failed", "internal_error"
EXIT_CODES = {PUBLISHED: 0, UNCHANGED: 0, INTERNAL: 1, GATE_FAILED: 3}


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended. `words` say why a run did not publish; `books` are None where there was nothing to do."""

    status: str
    words: tuple[str, ...]
    manifest: Json
    books: Books | None
    root: Path
    report: Path
    seconds: Json = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.status]

    def line(self) -> Json:
        """The line on stdout, for a scheduler."""
        named = ("run_id", "batch", "counts", "quarantined_share", "sources", "without_episode", "images_opened", "published")
        line = {"status": self.status, "words": list(self.words), "report": str(self.report)} | {key: self.manifest.get(key) for key in named}
        return line | {"unread_keys": number_of_keys(self.manifest)}

    def _repr_html_(self) -> str:
        return Shown(self.line())._repr_html_()

    def summary(self) -> list[str]:
        """The lines at the end, for a person."""
        lines = summary_lines(self.books, self.manifest) if self.books else []
        facts = self.manifest.get("tokenizers", {})
        standins = [f"{name}: {fact['tokenizer']} is a stand-in vocabulary" for name, fact in facts.items() if fact["standin"]]
        published = self.status in (PUBLISHED, UNCHANGED)
        where = f"tables           {self.root}" if published else f"nothing was published; staged files are under {self.root}/_staging"
        return [*lines, *standins, *self.words, f"time            {sum(self.seconds.values()):>9.1f} s", where, f"report           {self.report}"]


@dataclass(frozen=True, slots=True)
class RunOutput:
    """What a run is going to publish: its rows, its new images, and the input files that they come from."""

    staged: Staged
    images: DataFrame | None
    inputs: Sequence[Row]
    kind: str = "batch"
    records: Counts | None = None  # of the batch by (source, path), where the staged drafts are only some of them
    facts: Json = field(default_factory=dict)  # about the input, from `manifest.listed_facts`
    earlier_manifest: Json = field(default_factory=dict)  # of the batch's last run, where this run replaces only some of its rows


def complete_run(run: Run, output: RunOutput, comparison: Comparison) -> Result:
    """Publishes the output, or says why not. Raises LostRace or RowCountMismatch; then `runs` names nothing of it."""
    root = run.tables.root
    with run.steps.step("read back and balance the books"):
        with ThreadPoolExecutor(1) as executor:  # reading back needs the workers, finding duplicates the driver or the JVM
            duplicates = executor.submit(find_duplicate_keys, run.spark, output.staged)
            tally = read_back(run.spark, output.staged, run.config)
        books = tally.books(run.config, output.records)
        faults = [*books.faults(), *duplicates.result()]
    runs = run_rows(root)
    status, words = _verdict(books, faults, gates_of(run.config), _past(run, output, comparison, runs))
    words = (*comparison.words, *words)
    with run.steps.step("report"):
        facts: Json = {"status": status, "words": list(words), "splits": tally.splits(), "repairs": dict(tally.repairs)}
        facts |= {"kind": output.kind, "images_opened": images_opened(run), "sources": _sources(run, output.inputs, books, runs)}
        facts |= _unread(tally, output.earlier_manifest) | {"without_episode": _without_episode(run, tally)} | output.facts
        manifest = make_manifest(run.flow, run.batch, run.run_id, output.inputs, books, facts)
        manifest |= {"published": None, "started": run.started.isoformat(), "finished": run.now().isoformat(), "seconds": run.steps.seconds}
        report = _write_report(run, manifest, report_of(run, output.staged, tally, manifest))
    if status != PUBLISHED:
        return Result(status, words, manifest, books, root, report, run.steps.seconds)
    with run.steps.step("publish"), publication_lock(root, run.steps.say):
        check_unchanged(run, comparison.earlier)
        recover(run.tables, run.run_id)
        publish(run, output.staged, output.images, books, output.inputs, output.kind)
        recover(run.tables, run.run_id)
        apply_retention(run.tables, run.config.retention.days, run.now())
    report = report_folder(run.tables, run.batch) / "report.html"
    return Result(status, words, read_manifest(run.tables, run.batch), books, root, report, run.steps.seconds)


def unchanged_result(run: Run, comparison: Comparison) -> Result:
    """The result of a run with nothing to do: what is published already."""
    earlier = comparison.earlier or {}
    manifest: Json = {"run_id": earlier["run_id"], "batch": run.batch, "counts": earlier["states"], "quarantined_share": earlier["quarantined_share"]}
    manifest["published"] = {"versions": earlier["versions"], "files": earlier["files"]}
    manifest["images_opened"] = 0
    before = read_manifest(run.tables, run.batch)  # one of an older version lacks some of these
    manifest |= {name: before.get(name) for name in ("unread", "unread_more", "without_episode")}
    manifest["sources"] = source_rows(_names(run), volumes(earlier["inputs"]), run_rows(run.tables.root), run.batch)
    return Result(UNCHANGED, comparison.words, manifest, None, run.tables.root, report_folder(run.tables, run.batch) / "report.html", run.steps.seconds)


def _verdict(books: Books, faults: Sequence[str], gates: Gates, past: Past) -> tuple[str, tuple[str, ...]]:
    """Whether to publish. Books that do not close are an internal error, and nothing may be published from them."""
    errors = too_many_errors(books, gates)
    if faults or errors:
        return INTERNAL, (*faults, *([errors] if errors else []))
    failed = failed_gates(books, gates, past)
    return (GATE_FAILED, tuple(failed)) if failed else (PUBLISHED, ())


def _past(run: Run, output: RunOutput, comparison: Comparison, runs: Sequence[Row]) -> Past:
    """What the gates compare with. A redrive has no records of its own to compare, only shares."""
    past = past_of(runs, run.batch, comparison.earlier, _names(run))
    return past if output.kind == "batch" else Past(past.shares)


def _names(run: Run) -> list[str]:
    return [source.name for source in run.config.sources]


def _sources(run: Run, inputs: Sequence[Row], books: Books, runs: Sequence[Row]) -> list[Json]:
    files = Counter(row["source"] for row in inputs)
    now = {source: Volume(files[source], books.records_of(source)) for source in _names(run)}
    return source_rows(now, now, runs, run.batch)


def _unread(tally: Tally, before: Json) -> Json:
    """The counts of unread keys. A redrive counts only the records that it runs again, so the counts of the earlier run stay."""
    counts, more = counts_of(before)
    return unread_facts(tally.unread | counts, tally.unread_more | more)


def _without_episode(run: Run, tally: Tally) -> dict[str, int]:
    return {source: tally.without_episode[source] for source in _names(run)}


def _write_report(run: Run, manifest: Json, report: str) -> Path:
    """Writes the report beside the staged rows; `recover` moves it in after publication. The manifest is written last."""
    folder = staged_report(run.tables, run.run_id)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.html").write_text(report, encoding="utf-8")
    run.tables.on_point("report: staged")
    (folder / "manifest.json").write_bytes(manifest_bytes(manifest))
    run.tables.on_point("manifest: staged")
    return folder / "report.html"
