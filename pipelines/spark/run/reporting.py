"""The report of a run, from the counts and the few example rows that were read back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.config import Config
from pipelines.episodes.steps.coordinates import THOUSAND
from pipelines.images.bytes_of import image_bytes
from pipelines.ledger.batches import BATCHES_COMPARED, latest_runs_of_others
from pipelines.ledger.books import Books
from pipelines.ledger.causes import cause_rows, usual_reasons, worst_files
from pipelines.ledger.history import early_bytes
from pipelines.ledger.manifest import Json
from pipelines.ledger.picks import longest_episode
from pipelines.ledger.tally import Pick, Tally, read_pick
from pipelines.reasons import REPAIR, reason_of
from pipelines.reports import Card, EpisodeView, card_of, episode_of, render_report, report_data
from pipelines.reports.changes import change_of
from pipelines.spark.plans.read_back import Staged
from pipelines.spark.run.staging import Run
from pipelines.storage.opening import open_file
from pipelines.tables.publication.complete import read_manifest
from pipelines.tables.schema import PARTITIONS, SAMPLES, Row, integer, struct, text
from pipelines.training.tables import SPLITS

SIZES = struct(images=pa.list_(struct(uri=text, format=text, width=integer, height=integer)))
STEP = ["episode_id", "step_id", "images", "messages"]
MOST_CARDS = 24
MOST_EPISODES = 3
SHOWN = {"conversations": ["origin", "findings", "messages", "tools"], "samples": ["origin", "findings"], "quarantine": ["origin", "findings", "raw"]}


def report_of(run: Run, staged: Staged, tally: Tally, manifest: Json) -> str:
    """The text of report.html."""
    sizes = _image_sizes(staged.frame(run.job, "conversations", SIZES)) if tally.images else []
    return render_report(report_data(manifest, _examples(run, tally), tally.length_counts(), sizes, list(_cards(run, tally)), list(_episodes(run, tally))))


def usual_in_others(run: Run) -> Json:
    """What was usual for each reason in the last other batches."""
    others = latest_runs_of_others(run.runs, run.batch)[-BATCHES_COMPARED:]
    return usual_reasons(read_manifest(run.root, row["batch"]) for row in others)


def cause_facts(books: Books, tally: Tally, usual: Json) -> Json:
    """For the manifest: the reasons by source, the worst files, and what was usual for each reason."""
    return {"causes": cause_rows(tally.causes), "worst_files": worst_files(books), "usual_reasons": usual}


def _examples(run: Run, tally: Tally) -> dict[str, list[Row]]:
    """Reason code -> its first rows, by place."""
    return {code: [_with_change(run, code, _read(run, pick, SHOWN[pick.table])) for pick in picks] for code, picks in tally.examples.items()}


def _with_change(run: Run, code: str, row: Row) -> Row:
    """The row of a repaired conversation with `change`, what it was before and after. What `scrub` masks is never read from the log again."""
    finding = next((one for one in row["findings"] if one["code"] == code), None)
    if "messages" not in row or finding is None or reason_of(code).value.severity != REPAIR:
        return row
    is_scrubbed = run.config.scrub.secrets != "off" or run.config.scrub.pii != "off"
    raw = None if is_scrubbed else early_bytes(row["origin"], run.config.stores)
    return row | {"change": change_of(raw, row, finding)}


def _image_sizes(conversations: DataFrame) -> list[Row]:
    """The number of distinct images per size and format, the most frequent first."""
    images = conversations.select(F.explode("images").alias("image")).select("image.uri", "image.width", "image.height", "image.format").distinct()
    counted = images.groupBy("width", "height", "format").count().orderBy(F.desc("count"), "width", "height", "format")
    return [row.asDict() for row in counted.limit(200).collect()]


def _cards(run: Run, tally: Tally) -> Iterator[Card]:
    """A few rows of each dialect and split, in this order."""
    columns = [field.name for field in SAMPLES if field.name not in PARTITIONS["samples"]]
    dialects = {dialect.name: dialect.vocabulary for dialect in run.flow.dialects}
    keys = [f"{name}/{split}" for name in dialects for split in SPLITS]
    for pick in [pick for key in keys for pick in tally.cards.get(key, ())][:MOST_CARDS]:
        row = _read(run, pick, columns)
        vocabulary = dialects[row["dialect"]]
        unit = _unit_of(run.config, row["origin"]["source"])
        yield card_of(row, vocabulary.pieces, vocabulary.specials, lambda image: image_bytes(image, run.config), unit=unit)


def _episodes(run: Run, tally: Tally) -> Iterator[EpisodeView]:
    """One episode of each of a few sources, with its first steps."""
    for source, picks in sorted(tally.episodes.items())[:MOST_EPISODES]:
        rows = [_read(run, pick, STEP) for pick in longest_episode(picks)]
        yield episode_of(source, rows, lambda image: image_bytes(image, run.config), _unit_of(run.config, source))


def _unit_of(config: Config, source: str) -> str:
    """The unit of the points in the answers of a source; "" where only its logs know it."""
    return THOUSAND if any(one.name == source and one.rows.of == "step" for one in config.sources) else ""


def _read(run: Run, pick: Pick, columns: Sequence[str]) -> Row:
    return read_pick(pick, columns, lambda path: open_file(path, run.root.stores))
