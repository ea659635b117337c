"""Whatever the order of publishers, finishers and kills, readers see the batches of the rows in `runs`, each whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipelines.storage.files import files_below
from pipelines.storage.locks import LostRace
from pipelines.tables.publication.cleaning import apply_retention, remove_failed_attempts, remove_unfinished, unfinished_runs
from pipelines.tables.publication.complete import complete, read_manifest
from pipelines.tables.publication.publish import publish
from pipelines.tables.publication.root import BATCH_TABLES, SNAPSHOT_TABLES, OutputRoot, newest_of
from pipelines.tables.schema import Row
from tests.published import DAYS, begin_run, row_for
from tests.tables.publication.kit import Killed, append_foreign, delta, in_delta, keys_of, kill, plan_for, seen, transactions

BATCHES = ("mon", "tue")


@dataclass
class Night:
    """One driver: the batch that it publishes (None: it only completes), and what happens at its points, by their number.

    At a point it is killed, or somebody else acts before it goes on.
    """

    batch: str | None
    at: dict[int, str | Night] = field(default_factory=dict)


@dataclass
class World:
    root: OutputRoot
    answers: dict[str, str] = field(default_factory=dict)  # run_id -> published, lost or killed
    compared: dict[str, str | None] = field(default_factory=dict)  # run_id -> the run of its batch that it was compared with

    def drive(self, night: Night) -> None:
        """As a job does: complete, note, write, publish, complete, clean."""
        run_id = f"{night.batch}.{len(self.answers)}"
        self.answers[run_id] = "killed"
        root = replace(self.root, on_point=self._points(night))
        with suppress(Killed):
            self.answers[run_id] = self._run(root, run_id, night.batch)

    def _run(self, root: OutputRoot, run_id: str, batch: str | None) -> str:
        runs = root.runs()
        complete(root, runs, DAYS)
        if batch is None:
            return "killed"
        earlier = newest_of(runs, batch)
        self.compared[run_id] = earlier and earlier["run_id"]
        plan = plan_for(root, run_id, batch)
        begin_run(root, plan)
        unfinished = [begun for begun in unfinished_runs(root, batch, runs) if begun.run_id != run_id]
        try:
            row = publish(root, plan, row_for(plan), earlier, DAYS)[-1]
        except LostRace:
            return "lost"
        runs = root.runs()
        complete(root, runs, DAYS)
        remove_unfinished(root, unfinished, row["version"])
        remove_failed_attempts(root, run_id, batch)
        apply_retention(root, runs, run_id, DAYS)
        return "published"

    def _points(self, night: Night) -> Callable[[str], None]:
        count = iter(range(10_000))

        def on_point(point: str) -> None:
            event = night.at.get(next(count))
            if event == "kill":
                kill()
            elif isinstance(event, Night):
                self.drive(event)
            elif event is not None:
                self.foreign(event)
            self.check(self.root.runs()[-1:])

        return on_point

    def foreign(self, event: str) -> None:
        """Somebody else commits to a table, if there is one yet."""
        table, _, action = event.partition(" ")
        if not self.root.exists(table, "_delta_log", f"{0:020}.json"):
            return
        if action == "append":
            append_foreign(self.root, table, "foreign", "unknown")
        elif action == "optimize":
            delta(self.root, table).optimize.compact()
        else:
            delta(self.root, table).create_checkpoint()

    def check(self, asked: Sequence[Row] | None = None) -> None:
        """What a reader sees at this moment as of these runs, by default as of all."""
        runs = self.root.runs()
        for row in runs if asked is None else asked:
            self.check_rows(runs[: runs.index(row) + 1])
        before: dict[str, str] = {}
        for row in runs:
            assert self.compared[row["run_id"]] == before.get(row["batch"]), "it replaced a run that it had not seen"
            before[row["batch"]] = row["run_id"]
        published = [row["run_id"] for row in runs]
        assert len(set(published)) == len(published)
        assert [row["version"] for row in runs] == sorted({row["version"] for row in runs})
        for run_id, answer in self.answers.items():
            assert answer == "killed" or (answer == "published") == (run_id in published), run_id

    def check_rows(self, runs: Sequence[Row]) -> None:
        last = runs[-1]["run_id"]
        newest = {row["batch"]: row["run_id"] for row in runs}
        for table in BATCH_TABLES:
            assert seen(self.root, table, run_id=last) == sorted(key for run_id in newest.values() for key in keys_of(run_id)[table])
        images = sorted(key for row in runs for key in keys_of(row["run_id"])["images"])
        assert [key for key in seen(self.root, "images", run_id=last) if key != "foreign"] == images

    def check_end(self) -> None:
        """After one more driver that nobody disturbs, the tables have what readers see, each run came once, and nothing is left of dead runs."""
        for batch in BATCHES:
            self.drive(Night(batch))
        self.check()
        runs = self.root.runs()
        for table in SNAPSHOT_TABLES:
            assert transactions(self.root, table) == [row["version"] for row in runs]
            assert [key for key in in_delta(self.root, table) if key != "foreign"] == [key for key in seen(self.root, table) if key != "foreign"]
        for batch in {row["batch"] for row in runs}:
            newest = newest_of(runs, batch)
            assert newest
            assert read_manifest(self.root, batch)["run_id"] == newest["run_id"]
        published = {row["run_id"] for row in runs}
        left = {path.rpartition("/")[2].rpartition("-")[0] for table in SNAPSHOT_TABLES for path, _ in files_below(self.root.path(table), self.root.stores)}
        assert {name for name in left if name.partition(".")[0] in BATCHES} <= published


FOREIGN = st.sampled_from([f"{table} {action}" for table in ("samples", "images") for action in ("append", "optimize", "checkpoint")])
NUMBERS = st.integers(0, 14)
LEAF = st.builds(Night, st.sampled_from([*BATCHES, None]), st.dictionaries(NUMBERS, st.just("kill"), max_size=1))
NIGHT = st.builds(Night, st.sampled_from(BATCHES), st.dictionaries(NUMBERS, st.one_of(st.just("kill"), LEAF, FOREIGN), max_size=2))


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
# The points of a driver with nothing to complete: 0 noted, 1 plan written, 2 and 3 before and after the commit of `runs`, then the tables.
@example(nights=[Night("mon", {1: Night("mon")})])
@example(nights=[Night("mon", {2: Night("mon", {3: "kill"})}), Night("mon", {4: Night("tue"), 9: "kill"})])
@example(nights=[Night("mon"), Night("mon", {1: Night("tue", {3: "kill"}), 3: "kill"}), Night("tue", {5: Night(None, {2: "kill"})})])
@given(nights=st.lists(NIGHT, min_size=1, max_size=3))
def test_readers_see_exactly_the_published_batches_each_whole(nights: list[Night], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipelines.tables.publication.delta.PAUSE_SECONDS", 0)
    world = World(OutputRoot(str(tmp_path_factory.mktemp("root"))))
    for night in nights:
        world.drive(night)
        world.check()
    world.check_end()
