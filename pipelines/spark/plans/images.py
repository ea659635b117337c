"""References -> images: resolves each reference and verifies each distinct image once, ever."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.config import Config
from pipelines.images.files.formats import LEVELS
from pipelines.images.media import keep_picture
from pipelines.images.references import locate
from pipelines.images.verify import rests_on_limit, verify
from pipelines.reasons import Reason, Reject
from pipelines.spark.plans.bridge import Job, MapRows, Work, config_of, file_batches, read_files, read_paths, write_files
from pipelines.storage.stores import Stores
from pipelines.tables.publication.root import NotPublished
from pipelines.tables.schema import FINDINGS, IMAGES, Row, long, struct, text
from pipelines.tables.writing import FileSet

LOCATED = struct(source=text, key=text, uri=text, path=text, size=long, modified=long, ref=text, is_first=pa.bool_(), findings=FINDINGS)
REFS = pa.list_(struct(source=text, key=text, findings=FINDINGS))
# uri is null where the references were refused. `is_new` says that table `images` has no such row yet.
VERIFIED = pa.struct([*IMAGES, ("refs", REFS), ("opened", pa.bool_()), ("is_new", pa.bool_())])
REFERENCES = struct(origin=struct(source=text), refs=pa.list_(struct(key=text, ref=text)), screen=text)  # of drafts
KEY = ["uri", "size", "modified"]
# What `flow.make_outcomes` needs of an image, by the key of the reference.
SEEN = pa.struct([("key", text), *(field for field in IMAGES if field.name not in ("size", "modified", "level", "difference_hash")), ("findings", FINDINGS)])
NEVER_REUSED = frozenset(reason.code for reason in Reason if reason is Reason.IMAGE_MISSING or rests_on_limit(reason.code))
MOST_LOOKED_UP = 1 << 20  # images of a night, up to which a task compares rows of table `images` with all of them before Spark does


def verify_images(job: Job, drafts: FileSet, config: Config) -> FileSet:
    """Files of VERIFIED: one row per distinct image of the drafts and per refused reference. Opens only the images that table `images` lacks."""
    located = write_files(job, _located(read_files(job, drafts, "drafts", REFERENCES), config), job.work_folder, {"located": LOCATED})
    place = F.coalesce("uri", F.concat_ws("\0", "source", "key")).alias("place")
    named = F.collect_list(F.struct("source", "key", "findings")).alias("refs")
    references = read_files(job, located, "located", LOCATED).groupBy(place, *KEY)
    images = references.agg(F.min("path").alias("path"), F.min("ref").alias("ref"), F.max("is_first").alias("is_first"), named).drop("place")
    images = images.join(listed_images(job, located), on=KEY, how="left")
    settings = config.model_dump_json()

    def make() -> MapRows:
        own = config_of(settings)
        return lambda rows: (("verified", "", _verified_row(row, own), 1000) for row in rows)

    return write_files(job, Work(images, make), job.work_folder, {"verified": VERIFIED})


def new_images(job: Job, verified: FileSet) -> FileSet:
    """The rows that table `images` lacks, written to its folder. They become part of it when the run is published."""
    kind = pa.struct([*IMAGES, ("is_new", pa.bool_())])
    names = [field.name for field in IMAGES]
    rows = read_files(job, verified, "verified", kind).where("is_new")
    return write_files(
        job, Work(rows, lambda: lambda found: (("images", "", {name: row[name] for name in names}, 500) for row in found)), job.root.uri, {"images": IMAGES}
    )


def images_by_reference(verified: DataFrame) -> DataFrame:
    """The image of each reference: source, key and the struct `seen`."""
    rows = verified.select(F.explode("refs").alias("named"), "*").select("*", "named.source", "named.key", "named.findings")
    return rows.select("source", "key", F.struct(*(field.name for field in SEEN)).alias("seen"))


def _located(drafts: DataFrame, config: Config) -> Work:
    """One row per distinct reference of a source: where its image is, or the findings that refuse it. Opens no image."""
    refs = drafts.select(F.col("origin.source").alias("source"), F.explode("refs").alias("ref"), "screen")
    is_first = F.coalesce(F.max(F.col("ref.key") == F.col("screen")), F.lit(False)).alias("is_first")
    distinct = refs.groupBy("source", F.col("ref.key").alias("key")).agg(F.min("ref.ref").alias("ref"), is_first)
    settings = config.model_dump_json()

    def make() -> MapRows:
        own = config_of(settings)
        return lambda rows: (("located", "", _located_row(row, own), 500) for row in rows)

    return Work(distinct, make)


def listed_images(job: Job, located: FileSet) -> DataFrame:
    """KEY and `listed`: the rows that table `images` has of these images."""
    files: list[Row] = []
    with suppress(NotPublished):
        published = job.root.published()
        files = [{"path": published.path_of(file), "values": []} for file in published.files("images")]
    few = sum(file.rows for file in located.files) <= MOST_LOOKED_UP
    wanted = job.share([{"path": path} for path, _ in located.of("located")]) if few else None
    rows = read_paths(job, files, IMAGES, lambda stores: _keep_wanted(wanted.read(), stores) if wanted else None)
    return rows.groupBy(*KEY).agg(F.collect_list(F.struct(*(field.name for field in IMAGES))).alias("listed"))


def _keep_wanted(located: Sequence[Row], stores: Stores) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
    """A function that keeps the rows of images that these files name."""
    batches = [batch for row in located for batch in file_batches(row["path"], {}, struct(uri=text), stores)]
    uris = pa.Table.from_batches(batches)["uri"].combine_chunks() if batches else pa.array([], text)
    return lambda batch: batch.filter(pc.is_in(batch["uri"], uris))


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
        return dict.fromkeys(field.name for field in IMAGES) | {"refs": row["refs"], "opened": False, "is_new": False}
    listed = row["listed"] or ()
    image = _known(listed, config.images.verify)
    opened = image is None
    if image is None:
        image = asdict(verify(row["uri"], row["size"], row["modified"], row["path"], row["ref"], config, row["is_first"]))
    if row["ref"] is not None:
        keep_picture(image, row["ref"], config.output.root, config.stores)
    is_listed = any((one["level"], one["reason"]) == (image["level"], image["reason"]) for one in listed)
    return image | {"refs": row["refs"], "opened": opened, "is_new": opened and not is_listed and image["reason"] != Reason.IMAGE_MISSING.code}


def _known(listed: Sequence[Row], level: str) -> Row | None:
    """The row with the highest level among those verified at this level or a higher one, without verdicts that may change by themselves."""
    serving = [one for one in listed if LEVELS.index(one["level"]) >= LEVELS.index(level) and one["reason"] not in NEVER_REUSED]
    return max(serving, key=lambda one: LEVELS.index(one["level"]), default=None)
