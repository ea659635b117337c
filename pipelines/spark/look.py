"""References -> images: each place resolved, each distinct image verified once, ever, and joined back."""

from __future__ import annotations

from dataclasses import asdict

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.config import Config
from pipelines.images.look import locate
from pipelines.images.verify import LEVELS, Verdict, rests_on_limit, verify
from pipelines.reasons import Reason, Reject
from pipelines.schema import FINDINGS, IMAGES, Row, long, struct, text
from pipelines.spark.bridge import Step, config_of, map_records

LOCATED = struct(source=text, key=text, uri=text, path=text, size=long, modified=long, ref=text, findings=FINDINGS)
KEY = ["uri", "size", "modified"]
NEVER_REUSED = [reason.code for reason in Reason if reason is Reason.IMAGE_MISSING or rests_on_limit(reason.code)]


def locate_refs(drafts: DataFrame, config: Config) -> DataFrame:
    """One row per distinct (source, reference): where its image is, or the findings that refuse it. Opens no picture."""
    refs = drafts.select("source", F.explode("refs").alias("ref"))
    distinct = refs.groupBy("source", F.col("ref.key").alias("key")).agg(F.min("ref.ref").alias("ref"))
    settings = config.model_dump_json()

    def make() -> Step:
        own = config_of(settings)
        return lambda rows: (_located_row(row, own) for row in rows)

    return map_records(distinct, make, LOCATED)


def known_images(catalogue: DataFrame, level: str) -> DataFrame:
    """The rows of table `images` that serve this level: their own level or a higher one, and no verdict that may change by itself."""
    serves = F.col("level").isin(list(LEVELS[LEVELS.index(level) :]))
    lasting = F.col("reason").isNull() | ~F.col("reason").isin(NEVER_REUSED)
    columns = [field.name for field in IMAGES if field.name not in KEY]
    best = F.max_by(F.struct(*columns), F.array_position(F.array(*map(F.lit, LEVELS)), F.col("level")))
    return catalogue.where(serves & lasting).groupBy(*KEY).agg(best.alias("row")).select(*KEY, "row.*")


def verify_new(located: DataFrame, known: DataFrame | None, config: Config) -> DataFrame:
    """A row of table `images` for every distinct image that the catalogue does not know."""
    distinct = located.where(F.col("uri").isNotNull()).groupBy(*KEY).agg(F.min("path").alias("path"), F.min("ref").alias("ref"))
    new = distinct if known is None else distinct.join(known.select(*KEY), on=KEY, how="left_anti")
    settings = config.model_dump_json()

    def make() -> Step:
        own = config_of(settings)
        return lambda rows: (asdict(_verdict(row, own)) for row in rows)

    return map_records(new, make, IMAGES)


def seen_images(located: DataFrame, images: DataFrame) -> DataFrame:
    """(source, key) -> what finish needs to know of its image: struct `seen`."""
    joined = located.join(images, on=KEY, how="left")
    seen = F.struct("key", "uri", "sha256", "format", "width", "height", "verdict", "reason", "detail", "findings")
    return joined.select("source", "key", seen.alias("seen"))


def _located_row(row: Row, config: Config) -> Row:
    """`ref` is carried on only where the image is in it."""
    source = next(source for source in config.sources if source.name == row["source"])
    try:
        located = locate(row["ref"], source, config)
    except Reject as reject:
        nowhere = dict.fromkeys(("uri", "path", "size", "modified", "ref"))
        return row | nowhere | {"findings": [finding._asdict() for finding in reject.findings]}
    findings = [finding._asdict() for finding in located.findings]
    return row | asdict(located) | {"ref": None if located.path else row["ref"], "findings": findings}


def _verdict(row: Row, config: Config) -> Verdict:
    return verify(row["uri"], row["size"], row["modified"], row["path"], row["ref"], config)
