"""Drafts of records that are one step each -> the same drafts with the earlier steps of their episodes, whatever file has these."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import groupby, tee

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import functions as F

from pipelines.config import Config
from pipelines.config.rows import Rows
from pipelines.episodes.steps import units_of
from pipelines.episodes.steps.groups import Member, earlier_steps, history_length, member_of, refused_member, with_histories, without_history
from pipelines.flow import with_history
from pipelines.records import Draft, Finding, Origin, RawRecord, Step, StepNumber
from pipelines.spark.plans.bridge import Job, MapRows, Work, config_of, file_batches, read_files
from pipelines.spark.plans.drafts import DRAFTS
from pipelines.tables.schema import ORIGIN, Row, draft_from_bytes, draft_to_bytes, long, struct, text
from pipelines.tables.writing import FileSet, Placed

Group = tuple[str, str]  # the source and the id of an episode whose records are one step each


def histories_work(job: Job, drafts: FileSet, config: Config) -> Work:
    """The work of writing all DRAFTS again, the rows of an episode in one task and in order. Other rows pass through."""
    order = ["origin.source", "step_group", "step_number", "origin.path", "origin.line"]
    rows = read_files(job, drafts, "drafts", DRAFTS).repartition(job.parallelism, F.col("origin.source"), F.coalesce("step_group", "record_id"))
    settings = config.model_dump_json()

    def make() -> MapRows:
        own = config_of(settings)
        return lambda found: _with_histories(found, own)

    return Work(rows.sortWithinPartitions(*order), make)


def steps_without_history(job: Job, drafts: FileSet, config: Config, with_other_rows: Callable[[Collection[Group]], Collection[Group]]) -> list[Member]:
    """The records of these DRAFTS that are one step each and whose history is in other records, sorted by place. The driver compares them. A step that is
    refused is known: the records that need it are refused too, as in a run of the whole batch.

    `with_other_rows` says which of some groups have other rows in the batch. It is asked about groups whose first step may be 0 or 1.
    """
    settings = with_histories(config)
    kind = struct(record_id=text, origin=ORIGIN, step_group=text, step_number=long, episode_id=text, draft=pa.binary())
    groups: dict[Group, list[Member]] = {}
    for path, _ in drafts.of("drafts"):
        for batch in file_batches(path, {}, kind, job.root.stores):
            for row in batch.filter(pc.is_valid(batch["step_group"])).to_pylist():
                if (source := row["origin"]["source"]) in settings:
                    groups.setdefault((source, row["step_group"]), []).append(_member(row, _draft(row)))
    lengths = {source: history_length(rows) for source, rows in settings.items()}
    lacking = {group: found for group, members in groups.items() if (found := without_history(members, lengths[group[0]]))}
    # A published row has the id of its episode, and its group only where that is the id.
    open_groups = [group for group in lacking if all(member.first is None and member.episode_id == group[1] for member in groups[group])]
    for group in set(open_groups) - set(with_other_rows(open_groups) if open_groups else ()):
        lacking[group] = without_history(groups[group], lengths[group[0]], is_whole=True)
    return sorted((member for found in lacking.values() for member in found), key=lambda member: (member.path, member.line))


def find_units(job: Job, drafts: FileSet) -> dict[str, str]:
    """The unit of each source on which the values of its episodes agree, "" where too few say it."""
    kind = struct(origin=struct(source=text), step_unit=text)
    rows = read_files(job, drafts, "drafts", kind).where("step_unit is not null").groupBy("origin.source", "step_unit").count()
    return units_of({(row["source"], row["step_unit"]): row["count"] for row in rows.collect()})


def _with_histories(rows: Iterator[Row], config: Config) -> Iterator[Placed]:
    settings = with_histories(config)
    for (source, group), same in groupby(rows, key=lambda row: (row["origin"]["source"], row["step_group"])):
        if group is None or source not in settings:
            for row in same:
                yield "drafts", "", row, _weight(row)
            continue
        # The rows of one number wait until all of them are read, and no others.
        of_rows, of_members = tee((row, _draft(row)) for row in same)
        found = earlier_steps((_member(row, draft) for row, draft in of_members), history_length(settings[source]))
        for (row, draft), (_, earlier) in zip(of_rows, found, strict=True):
            yield "drafts", "", row if draft is None else _row(row, draft, earlier, settings[source]), _weight(row)


def _draft(row: Row) -> Draft | None:
    return None if row["draft"] is None else draft_from_bytes(row["draft"])


def _member(row: Row, draft: Draft | None) -> Member:
    if draft is not None:
        return member_of(draft)
    return refused_member(Origin(**row["origin"]), row["record_id"], StepNumber(row["step_group"], row["step_number"], row["episode_id"]))


def _row(row: Row, draft: Draft, earlier: tuple[Step, ...] | Finding, rows: Rows) -> Row:
    """The row as it was read, with the history or the reason why it is not known. Its structs stay dicts, like those of rows that pass through."""
    made = with_history(RawRecord(draft.origin, draft.record_id, row["raw"]), draft, earlier, rows)
    if isinstance(made, Draft):
        return row | {"draft": draft_to_bytes(made), "refs": [{"key": ref.key, "ref": ref.ref} for ref in made.refs]}
    nothing = dict.fromkeys(("draft", "screen", "step_group", "step_number"))  # its id and its unit count, as on local files
    return row | nothing | {"refs": [], "findings": [finding._asdict() for finding in made.findings]}


def _weight(row: Row) -> int:
    return 3 * len(row["raw"] or b"")
