"""References -> images: resolves each reference and verifies each distinct image once, ever."""

from __future__ import annotations

from dataclasses import asdict

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_type

from pipelines.config import Config
from pipelines.images.files.formats import LEVELS
from pipelines.images.media import keep_picture
from pipelines.images.references import locate
from pipelines.images.verify import rests_on_limit, verify
from pipelines.reasons import Reason, Reject
from pipelines.spark.plans.bridge import MapRows, config_of, map_records
from pipelines.tables.schema import FINDINGS, IMAGES, Row, long, struct, text

LOCATED = struct(source=text, key=text, uri=text, path=text, size=long, modified=long, ref=text, findings=FINDINGS)
REFS = pa.list_(struct(source=text, key=text, findings=FINDINGS))
VERIFIED = pa.struct([*IMAGES, ("refs", REFS), ("opened", pa.bool_())])  # uri is null where the references were refused
KEY = ["uri", "size", "modified"]
# What `flow.make_outcomes` needs of an image, by the key of the reference.
SEEN = pa.struct([("key", text), *(field for field in IMAGES if field.name not in ("size", "modified", "level")), ("findings", FINDINGS)])
NEVER_REUSED = [reason.code for reason in Reason if reason is Reason.IMAGE_MISSING or rests_on_limit(reason.code)]


def verify_images(drafts: DataFrame, catalogue: DataFrame | None, config: Config) -> DataFrame:
    """One row of VERIFIED per distinct image of the drafts and per refused reference. Opens only the images that `catalogue` does not have."""
    located = _located(drafts, config)
    place = F.coalesce("uri", F.concat_ws("\0", "source", "key")).alias("place")
    named = F.collect_list(F.struct("source", "key", "findings")).alias("refs")
    images = located.groupBy(place, *KEY).agg(F.min("path").alias("path"), F.min("ref").alias("ref"), named).drop("place")
    if catalogue is None:
        images = images.withColumn("known", F.lit(None).cast(from_arrow_type(IMAGES)))
    else:
        images = images.join(_known(catalogue, config.images.verify), on=KEY, how="left")
    settings = config.model_dump_json()

    def make() -> MapRows:
        own = config_of(settings)
        return lambda rows: (_verified_row(row, own) for row in rows)

    return map_records(images, make, VERIFIED)


def images_by_reference(verified: DataFrame) -> DataFrame:
    """The image of each reference: source, key and the struct `seen`."""
    rows = verified.select(F.explode("refs").alias("named"), "*").select("*", "named.source", "named.key", "named.findings")
    return rows.select("source", "key", F.struct(*(field.name for field in SEEN)).alias("seen"))


def _located(drafts: DataFrame, config: Config) -> DataFrame:
    """One row per distinct reference of a source: where its image is, or the findings that refuse it. Opens no image."""
    refs = drafts.select(F.col("origin.source").alias("source"), F.explode("refs").alias("ref"))
    distinct = refs.groupBy("source", F.col("ref.key").alias("key")).agg(F.min("ref.ref").alias("ref"))
    settings = config.model_dump_json()

    def make() -> MapRows:
        own = config_of(settings)
        return lambda rows: (_located_row(row, own) for row in rows)

    return map_records(distinct, make, LOCATED)


def _known(catalogue: DataFrame, level: str) -> DataFrame:
    """The rows of table `images` that were verified at this level or a higher one, without verdicts that may change by themselves."""
    serves = F.col("level").isin(list(LEVELS[LEVELS.index(level) :]))
    lasting = F.col("reason").isNull() | ~F.col("reason").isin(NEVER_REUSED)
    best = F.max_by(F.struct(*(field.name for field in IMAGES)), F.array_position(F.array(*map(F.lit, LEVELS)), F.col("level")))
    return catalogue.where(serves & lasting).groupBy(*KEY).agg(best.alias("known"))


def _located_row(row: Row, config: Config) -> Row:
    """`ref` is kept only where it holds the image itself."""
    source = next(source for source in config.sources if source.name == row["source"])
    try:
        located = locate(row["ref"], source, config)
    except Reject as reject:
        nowhere = dict.fromkeys(("uri", "path", "size", "modified", "ref"))
        return row | nowhere | {"findings": reject.findings}
    return row | asdict(located) | {"ref": None if located.path else row["ref"], "findings": located.findings}


def _verified_row(row: Row, config: Config) -> Row:
    if row["uri"] is None:
        return dict.fromkeys(field.name for field in IMAGES) | {"refs": row["refs"], "opened": False}
    image, opened = row["known"], row["known"] is None
    if opened:
        image = asdict(verify(row["uri"], row["size"], row["modified"], row["path"], row["ref"], config))
    if row["ref"] is not None:
        keep_picture(image, row["ref"], config.output.root)
    return image | {"refs": row["refs"], "opened": opened}
