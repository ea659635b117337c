"""Runs quarantined records again from the bytes that were kept, after a fix of code, configuration or images.

All rows of such a record are removed from the batch, and the rows that the same stages make now are added. The batch's other rows stay
as they are, and the books of the whole batch must balance as always.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.config import Config
from pipelines.episodes.steps.groups import with_histories
from pipelines.flow import Flow
from pipelines.ledger.batches import Comparison, Refused, last_of_batch
from pipelines.ledger.manifest import Json
from pipelines.ledger.redriven import batches_with
from pipelines.reasons import Reason
from pipelines.records import Origin, RawRecord
from pipelines.scrub import scrub_records
from pipelines.spark.plans.bridge import MapRows, Work, read_files, read_paths, write_files
from pipelines.spark.plans.context import Outside
from pipelines.spark.plans.drafts import drafting
from pipelines.spark.plans.fold import PUBLISHED, published_rows, withheld_rows
from pipelines.spark.plans.read_back import Staged
from pipelines.spark.plans.steps import Group, steps_without_history
from pipelines.spark.run.batch import DEFAULT_OPTIONS, RunOptions, begin, prepare_run
from pipelines.spark.run.completion import Result, RunOutput, complete_run, unchanged_result
from pipelines.spark.run.staging import Run, stage_rows
from pipelines.tables.publication.complete import read_manifest
from pipelines.tables.publication.root import BATCH_TABLES, OutputRoot, newest_of
from pipelines.tables.reading import NotPublished, input_rows_of
from pipelines.tables.schema import ORIGIN, PARTITIONS, TABLES, Row, struct, text
from pipelines.tables.writing import OUTCOMES, DataFile, FileSet
from pipelines.training.tables import run_rows
from pipelines.visible import counted

# Records whose bytes were not kept, or were kept in another row.
NOT_KEPT = (Reason.LINE_TOO_LARGE.code, Reason.RECORD_DUPLICATE.code)
MOST_GROUPS = 10_000  # episodes whose other rows are looked for
PLACE = ["record_id", "origin"]
OTHERS = struct(record_id=text, origin=ORIGIN, raw=pa.binary(), dialect=text, reason=text)
PICKED = struct(record_id=text, origin=ORIGIN, raw=pa.binary(), id_conflict=pa.bool_())


@dataclass(frozen=True, slots=True)
class Selection:
    """The records quarantined for this reason, in `since` and the batches whose name sorts after it."""

    reason: str
    since: str | None = None

    def records_in(self, quarantine: DataFrame, batch: str) -> DataFrame:
        """One row per record to run again: record_id, origin, raw, and whether it had an id conflict."""
        rows = quarantine.where((F.col("batch") == batch) & F.col("raw").isNotNull() & ~F.col("reason").isin(*NOT_KEPT))
        clash = F.max(F.exists("findings", lambda finding: finding["code"] == Reason.RECORD_ID_CONFLICT.code)).alias("id_conflict")
        picked = rows.groupBy(*PLACE).agg(F.first("raw").alias("raw"), F.max(F.col("reason") == self.reason).alias("wanted"), clash)
        return picked.where("wanted").drop("wanted")


def batches_to_redrive(config: Config, selection: Selection) -> tuple[list[str], str]:
    """As `batches_with`. Raises NotPublished where nothing was published."""
    root = OutputRoot(config.output.root, config.stores)
    runs = run_rows(root.filesystem(), root.uri, ["version", "batch", "reasons"])
    if not runs:
        raise NotPublished(f"nothing is published under {config.output.root}")
    if selection.reason in NOT_KEPT:
        why = "its row does not have all its bytes" if selection.reason == Reason.LINE_TOO_LARGE.code else "another record with the same bytes was kept"
        return [], f"nothing to do: a record with {selection.reason} cannot be run again, because {why}"
    return batches_with(runs, selection.reason, selection.since)


def redrive_batch(
    spark: SparkSession, config: Config, selection: Selection, batch: str, run_id: str, started: datetime, options: RunOptions = DEFAULT_OPTIONS
) -> Result:
    """Redrives one batch. Raises what run_batch raises, and Refused where new rows would not fit the batch's other rows."""
    with prepare_run(spark, config, batch, run_id, started, options) as run:
        base, newest = last_of_batch(run.runs, batch), newest_of(run.runs, batch)
        if base is None or newest is None:
            raise NotPublished(f"no run has published batch {batch} under {run.root.uri}")
        check_compatible(run)
        begin(run)
        picked = _picked(run, selection)
        if picked is None:
            words = (f"batch {batch}: no quarantined record with reason {selection.reason} can be run again",)
            return unchanged_result(run, Comparison(newest, True, words))
        before = read_manifest(run.root, batch)
        others = Outside(clashing=picked.where("id_conflict"), answers=_other_answers(run, picked) if run.config.cumulative else None)
        staged = stage_rows(
            run,
            redrive_drafts(picked, run.flow),
            others,
            run.job.work_folder,
            before.get("coordinates") or None,
            check_drafts=lambda drafts: _check_histories(run, drafts, picked),
        )
        with run.steps.step("merge with the batch's other rows"):
            merged = replace(staged, staged=Staged(staged.staged.drafts, _merge_with_batch(run, staged.staged, picked)))
        files = input_rows_of(run.root, base["run_id"])
        records: dict[tuple[str, ...], int] = {(row["source"], row["path"]): row["records"] for row in files if row["records"]}
        inputs = [{name: row[name] for name in ("source", "path", "size", "modified", "sha256")} for row in files]
        facts: Json = {name: before[name] for name in ("passed_over", "delta_sources") if name in before}
        output = RunOutput(merged, inputs, base["inputs_sha256"], "redrive", records, facts, before)
        return complete_run(run, output, Comparison(base, False, _words(run, staged.staged, selection)))


def check_compatible(run: Run) -> None:
    """Raises Refused where new rows would not fit the batch's other rows: other dialects, tokenizers or another split."""
    before = read_manifest(run.root, run.batch)
    now = {name: fact.fingerprint for name, fact in ((dialect.name, dialect) for dialect in run.flow.dialects)}
    known = {source.name for source in run.config.sources}
    faults = [f"source {name}" for name in sorted({row["source"] for row in before.get("sources", ()) if row["files"]} - known)]
    if before and {name: fact["fingerprint"] for name, fact in before["tokenizers"].items()} != now:
        faults.append("dialects or their tokenizers")
    if before and before["settings"]["split"] != run.config.split.model_dump(mode="json"):
        faults.append("split")
    if faults:
        raise Refused(
            f"batch {run.batch} was published with other {' and another '.join(faults)}; run the whole batch again: jobs/run.py --batch {run.batch} --replace"
        )


def _check_histories(run: Run, drafts: FileSet, picked: DataFrame) -> None:
    """Raises Refused where records are steps of episodes whose earlier steps are not run again: their rows would lack the history."""
    if not with_histories(run.config):
        return
    lacking = steps_without_history(run.job, drafts, run.config, lambda groups: _with_other_rows(run, picked, groups))
    if lacking:
        are = "is a step whose earlier steps are" if len(lacking) == 1 else "are steps whose earlier steps are"
        raise Refused(
            f"batch {run.batch}: {counted(len(lacking), 'record')}, the first at {lacking[0].path}:{lacking[0].line}, {are} missing or not"
            f" among the records that this redrive runs; to use all records of the batch, run: jobs/run.py --batch {run.batch} --replace"
        )


def _with_other_rows(run: Run, picked: DataFrame, groups: Collection[Group]) -> Collection[Group]:
    """Those of these episodes of which the batch has rows of records that are not run again."""
    if len(groups) > MOST_GROUPS:
        return groups
    kind = struct(record_id=text, origin=ORIGIN, episode_id=text)
    found: set[Group] = set()
    for table in ("conversations", "quarantine"):
        rows = _published(run, table, kind).where(F.col("episode_id").isin(sorted({episode for _, episode in groups})))
        others = rows.join(picked.select(*PLACE), on=PLACE, how="left_anti").select("origin.source", "episode_id").distinct()
        found |= {(row["source"], row["episode_id"]) for row in others.collect()}
    return found.intersection(groups)


def redrive_drafts(picked: DataFrame, flow: Flow) -> Work:
    """The work of making DRAFTS from the bytes that were kept, by the same stages as from a file."""
    return Work(picked.select("record_id", "origin", "raw"), drafting(flow, _raw_record))


def _raw_record(row: Row, config: Config) -> Iterator[RawRecord]:
    return scrub_records([RawRecord(Origin(**row["origin"]), row["record_id"], bytes(row["raw"]))], config)


def _other_answers(run: Run, picked: DataFrame) -> DataFrame:
    """The answers that the batch's other conversations train, and those that its other records withhold. These rows stay, so a redriven record trains
    none of these answers."""
    conversations, quarantine = _published(run, "conversations", PUBLISHED), _published(run, "quarantine", OTHERS)
    is_cumulative = F.col("origin.source").isin(*run.config.cumulative)
    rows = [table.where(is_cumulative).join(picked.select(*PLACE), on=PLACE, how="left_anti") for table in (conversations, quarantine)]
    drafted = rows[1].where(F.col("dialect").isNull() & F.col("raw").isNotNull() & ~F.col("reason").isin(*NOT_KEPT))
    return published_rows(rows[0]).unionByName(withheld_rows(drafted, run.config, _raw_record))


def _published(run: Run, table: str, columns: pa.StructType | None = None) -> DataFrame:
    """The published rows of the batch in this table, without the columns that a writer adds."""
    published = run.root.published()
    files = [{"path": published.path_of(file), "values": list(file.partition.items())} for file in published.files(table, batch=run.batch)]
    return read_paths(run.job, files, columns or TABLES[table])


def _picked(run: Run, selection: Selection) -> DataFrame | None:
    """The records to run again; None where there are none. Written once, so that the same rows are removed and added."""
    rows = selection.records_in(_published(run, "quarantine"), run.batch)
    files = write_files(
        run.job, Work(rows, lambda: lambda found: (("picked", "", row, len(row["raw"]) + 500) for row in found)), run.job.work_folder, {"picked": PICKED}
    )
    return read_files(run.job, files, "picked", PICKED) if files.files else None


def _merge_with_batch(run: Run, staged: Staged, picked: DataFrame) -> FileSet:
    """The new rows and the batch's rows of other records. A duplicate of a redriven record keeps its row: its place is another."""
    files: list[DataFile] = []
    for table in BATCH_TABLES:
        rows = merge_rows(_published(run, table), staged.frame(run.job, table, TABLES[table]), picked, run.batch)
        # All rows of a record go into one file, because they are counted together.
        whole = rows.repartition("record_id").sortWithinPartitions(*PARTITIONS[table])
        files += write_files(run.job, Work(whole, partial(_placing, table)), run.root.uri, {table: OUTCOMES[table]}).files
    return FileSet(run.root.uri, sorted(files))


def _placing(table: str) -> MapRows:
    def place(rows: Iterator[Row]) -> Iterator[tuple[str, str, Row, int]]:
        for row in rows:
            partition = "/".join(f"{name}={row[name]}" for name in PARTITIONS[table])
            yield table, partition, row, 8 * len(row.get("input_ids") or ()) + len(row.get("raw") or b"") + 2000

    return place


def merge_rows(table: DataFrame, new_rows: DataFrame, picked: DataFrame, batch: str) -> DataFrame:
    others = table.where(F.col("batch") == batch).join(picked.select(*PLACE), on=PLACE, how="left_anti")
    return others.select(*new_rows.columns).unionByName(new_rows)


def _words(run: Run, staged: Staged, selection: Selection) -> tuple[str, ...]:
    records = sum(file.rows for file in staged.drafts.files)
    kind = struct(record_id=text, reason=text)
    still = staged.frame(run.job, "quarantine", kind).where(F.col("reason") == selection.reason).select("record_id").distinct().count()
    were, are = "was" if records == 1 else "were", "is" if still == 1 else "are"
    return (f"batch {run.batch}: ran {counted(records, 'record')} again that {were} quarantined for {selection.reason}; {still:,} still {are}",)
