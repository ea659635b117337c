"""What a run is going to publish: for each table the files to add. Kept as `_runs/<run_id>/plan.json`, so that anybody can complete the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import orjson

from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.writing import FileSet


class Added(NamedTuple):
    """A data file: its path below the folder of its table, its partition values, and its statistics as Delta's log has them."""

    path: str
    size: int
    values: Mapping[str, str]
    stats: str


class Plan(NamedTuple):
    """In conversations, samples and quarantine the files replace all rows of `batch`; to `images` they are added."""

    run_id: str
    batch: str
    tables: Mapping[str, list[Added]]

    def rows(self, table: str) -> int:
        """The number of rows in the files that are added."""
        return sum(orjson.loads(file.stats)["numRecords"] for file in self.tables.get(table, ()))


def plan_of(run_id: str, batch: str, *written: FileSet) -> Plan:
    tables: dict[str, list[Added]] = {}
    for files in written:
        for file in files.files:
            tables.setdefault(file.table, []).append(Added(file.path, file.bytes, file.values(), file.stats))
    return Plan(run_id, batch, tables)


def write_plan(root: OutputRoot, plan: Plan) -> None:
    tables = {name: [added._asdict() for added in files] for name, files in plan.tables.items()}
    root.write_json(plan._asdict() | {"tables": tables}, "_runs", plan.run_id, "plan.json")
    root.on_point("plan: written")


def read_plan(root: OutputRoot, run_id: str) -> Plan:
    """Raises FileNotFoundError."""
    found = root.read_json("_runs", run_id, "plan.json")
    return Plan(found["run_id"], found["batch"], {name: [Added(**added) for added in files] for name, files in found["tables"].items()})
