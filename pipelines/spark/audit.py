"""Counts read back from what was staged: the books, and what the summary and the report show. Never counts taken on the way."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.books import Books, Counts, make_books, takers
from pipelines.config import Config
from pipelines.reasons import Reason
from pipelines.schema import Row

OUR_FAULTS = [Reason.INTERNAL_ERROR.code, Reason.TOKENS_SPAN_MISMATCH.code]


@dataclass(frozen=True, slots=True)
class Staged:
    """What a run has staged, read back: the drafts and the three tables."""

    drafts: DataFrame
    conversations: DataFrame
    samples: DataFrame
    quarantine: DataFrame

    def table(self, name: str) -> DataFrame:
        frame: DataFrame = getattr(self, name)
        return frame


PLACE = ["origin.source", "origin.path"]


def audit(staged: Staged, config: Config, records: Counts | None = None) -> Books:
    """`records` in by (source, path), where the drafts are not all that came in."""
    if records is None:
        records = _counts(staged.drafts.where("origin.line > 0").select(*PLACE))
    state = (
        F.when(F.col("origin.line") == 0, "damaged").when(F.col("reason") == Reason.RECORD_DUPLICATE.code, "duplicate").otherwise("quarantined").alias("state")
    )
    states = _counts(staged.conversations.select(*PLACE, F.lit("conversation").alias("state"))) | _counts(
        staged.quarantine.where("dialect is null").select(*PLACE, state)
    )
    kept = F.when(F.size("repairs") > 0, "repaired").otherwise("clean").alias("state")
    dialects = _counts(staged.samples.select(*PLACE, "dialect", kept)) | _counts(
        staged.quarantine.where("dialect is not null").select(*PLACE, "dialect", F.lit("quarantined").alias("state"))
    )
    reasons = {key[0]: count for key, count in _counts(staged.quarantine.select("reason")).items()}
    return make_books(config, records, states, dialects, _refused_by_all(staged, config), sum(reasons.get(code, 0) for code in OUR_FAULTS), reasons)


def doubled_rows(staged: Staged) -> list[str]:
    """Laws that no book shows: one row per conversation, per sample and dialect, and per quarantined record and dialect."""
    keys = {"conversations": ["sample_id"], "samples": ["sample_id", "dialect"], "quarantine": ["record_id", "dialect", "origin.path", "origin.line"]}
    faults = []
    for name, columns in keys.items():
        doubled = staged.table(name).groupBy(*columns).agg(F.count(F.lit(1)).alias("rows")).where("rows > 1").count()
        if doubled:
            faults.append(f"{name}: {doubled} keys stand more than once")
    return faults


def split_rows(staged: Staged) -> list[Row]:
    """Per dialect and split: rows, tokens and trained tokens."""
    totals = [F.count(F.lit(1)).alias("rows"), F.sum("num_tokens").alias("tokens"), F.sum("num_target_tokens").alias("target_tokens")]
    return [row.asDict() for row in staged.samples.groupBy("dialect", "split").agg(*totals).collect()]


def repair_counts(staged: Staged) -> dict[str, int]:
    """Repair code -> conversations with it, or samples where a dialect made it."""
    own = staged.conversations.select(F.explode("repairs"))
    dialect = staged.samples.join(staged.conversations.select("sample_id", F.col("repairs").alias("before")), on="sample_id", how="inner")
    more = dialect.select(F.explode(F.array_except("repairs", "before")))
    return {key[0]: count for key, count in _counts(own.unionAll(more)).items()}


def length_counts(staged: Staged) -> dict[str, dict[int, int]]:
    """Dialect -> number of tokens -> rows."""
    lengths: dict[str, dict[int, int]] = {}
    for row in staged.samples.groupBy("dialect", "num_tokens").count().collect():
        lengths.setdefault(row["dialect"], {})[row["num_tokens"]] = row["count"]
    return lengths


def _refused_by_all(staged: Staged, config: Config) -> int:
    offered = staged.conversations.where(F.col("origin.source").isin([source for source, names in takers(config).items() if names]))
    return offered.join(staged.samples.select("sample_id"), on="sample_id", how="left_anti").count()


def _counts(frame: DataFrame) -> dict[tuple[str, ...], int]:
    return {tuple(row[:-1]): row[-1] for row in frame.groupBy(*frame.columns).count().collect()}
