"""A commit takes place at exactly one version of a table, and commits of others stay."""

from dataclasses import replace
from typing import Any

import orjson
import pyarrow as pa
import pytest
from deltalake import DeltaTable, Schema

from pipelines.storage.files import names_in, write_file
from pipelines.tables.publication import delta as module
from pipelines.tables.publication.delta import Outdated, add_missing_columns, applied_to, commit, files_in, open_delta, set_retention
from pipelines.tables.publication.plan import Added
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.schema import COLUMNS, PARTITIONS
from pipelines.training.delta_log import table_state
from tests.tables.publication.kit import append_foreign, delta, in_delta, on_disk_and_in_a_store, plan_for, transactions


def samples(root: OutputRoot, run_id: str, batch: str = "mon") -> list[Added]:
    return plan_for(root, run_id, batch).tables["samples"]


def add(root: OutputRoot, run_id: str, batch: str = "mon", **more: Any) -> int:
    """Commits the samples of a run to the newest version."""
    return commit(root, "samples", open_delta(root, "samples"), samples(root, run_id, batch), [], run_id=run_id, **more)


@on_disk_and_in_a_store
def test_the_first_commit_creates_the_table_as_every_reader_of_delta_knows_it(root: OutputRoot):
    assert open_delta(root, "samples") is None
    assert (applied_to(None), files_in(None)) == (-1, [])
    assert add(root, "r1", applied=3, days=5) == 0
    table = delta(root, "samples")
    assert in_delta(root, "samples") == ["r1-train", "r1-val"]
    assert table.metadata().partition_columns == PARTITIONS["samples"]
    assert [field.name for field in table.schema().fields] == COLUMNS["samples"].names
    configuration = table.metadata().configuration
    assert configuration["delta.deletedFileRetentionDuration"] == "interval 5 days"
    assert configuration["delta.logRetentionDuration"] == "interval 30 days"
    assert configuration["delta.enableDeletionVectors"] == "false"
    assert (applied_to(table), transactions(root, "samples")) == (3, [3])


@on_disk_and_in_a_store
def test_an_empty_table_is_created_too(root: OutputRoot):
    assert commit(root, "images", None, [], [], run_id="r1", applied=0) == 0
    assert in_delta(root, "images") == []


@on_disk_and_in_a_store
def test_of_two_that_create_a_table_the_second_is_outdated(root: OutputRoot):
    commit(root, "samples", None, samples(root, "r1"), [], run_id="r1")
    with pytest.raises(Outdated):
        commit(root, "samples", None, samples(root, "r2"), [], run_id="r2")
    assert (in_delta(root, "samples"), delta(root, "samples").version()) == (["r1-train", "r1-val"], 0)


@on_disk_and_in_a_store
def test_of_two_commits_to_the_same_version_the_second_is_outdated_and_leaves_nothing(root: OutputRoot):
    add(root, "r1")
    first, second = open_delta(root, "samples"), open_delta(root, "samples")
    assert commit(root, "samples", first, samples(root, "r2"), [], run_id="r2", applied=1) == 1
    with pytest.raises(Outdated):
        commit(root, "samples", second, samples(root, "r3"), [], run_id="r3", applied=2)
    assert in_delta(root, "samples") == ["r1-train", "r1-val", "r2-train", "r2-val"]
    assert (delta(root, "samples").version(), applied_to(open_delta(root, "samples"))) == (1, 1)


@on_disk_and_in_a_store
@pytest.mark.parametrize("others", ["append", "delete", "optimize"])
def test_a_commit_of_somebody_else_makes_ours_outdated_and_stays(root: OutputRoot, others: str):
    add(root, "r1")
    add(root, "r2")
    found = open_delta(root, "samples")
    if others == "append":
        append_foreign(root, "samples", "x", "tue")
    elif others == "delete":
        delta(root, "samples").delete("sample_id = 'r1-val'")
    else:
        delta(root, "samples").optimize.compact()
    between = in_delta(root, "samples")
    with pytest.raises(Outdated):
        commit(root, "samples", found, samples(root, "r3"), [], run_id="r3")
    assert in_delta(root, "samples") == between
    add(root, "r3")
    assert in_delta(root, "samples") == sorted([*between, "r3-train", "r3-val"])


@on_disk_and_in_a_store
def test_a_batch_is_replaced_in_one_commit_whoever_has_written_its_files(root: OutputRoot):
    add(root, "r1")
    add(root, "r2", "tue")
    append_foreign(root, "samples", "x", "mon")
    found = open_delta(root, "samples")
    replaced = files_in(found, "mon")
    assert len(replaced) == 3
    commit(root, "samples", found, samples(root, "r3"), replaced, run_id="r3", applied=2)
    assert in_delta(root, "samples") == ["r2-train", "r2-val", "r3-train", "r3-val"]
    assert files_in(open_delta(root, "samples"), "wed") == []


@on_disk_and_in_a_store
def test_the_files_of_a_table_have_their_size_and_the_values_of_their_partition(root: OutputRoot):
    add(root, "r1")
    planned = samples(root, "r1")
    found = files_in(open_delta(root, "samples"))
    assert sorted(found) == sorted(one._replace(stats="{}") for one in planned)
    assert sorted(found)[0].values == {"dialect": "glm_4", "split": "train", "batch": "mon"}


@on_disk_and_in_a_store
def test_statistics_in_the_log_let_readers_skip_files(root: OutputRoot):
    add(root, "r1")
    found = delta(root, "samples").get_add_actions(flatten=True)
    bounds = sorted(zip(found["min.sample_id"].to_pylist(), found["max.sample_id"].to_pylist(), found["num_records"].to_pylist(), strict=True))
    assert bounds == [("r1-train", "r1-train", 1), ("r1-val", "r1-val", 1)]
    assert orjson.loads(samples(root, "r1")[0].stats)["numRecords"] == 1


@on_disk_and_in_a_store
def test_a_checkpoint_is_written_every_20_commits(root: OutputRoot):
    for number in range(21):
        commit(root, "images", open_delta(root, "images"), [], [], run_id=f"r{number}", applied=number)
    log = names_in(root.path("images", "_delta_log"), root.stores)
    assert len([name for name in log if name.endswith(".checkpoint.parquet")]) == 1
    assert applied_to(open_delta(root, "images")) == 20
    assert table_state(root.filesystem(), "images").in_log == 20


@on_disk_and_in_a_store
def test_a_table_of_an_earlier_version_gets_the_columns_that_it_lacks_once(root: OutputRoot):
    assert add_missing_columns(root, "samples", None) is None
    old = [field for field in Schema.from_arrow(pa.schema(list(COLUMNS["samples"]))).fields if field.name not in ("turn_spans", "num_target_tokens")]
    DeltaTable.create(root.path("samples"), Schema(old), partition_by=PARTITIONS["samples"], storage_options=root.table_options())
    outdated = open_delta(root, "samples")
    found = add_missing_columns(root, "samples", open_delta(root, "samples"))
    assert found is not None
    assert (found.version(), {field.name for field in found.schema().fields}) == (1, set(COLUMNS["samples"].names))
    again = add_missing_columns(root, "samples", found)
    assert again is not None
    assert again.version() == 1
    add(root, "r1")
    assert in_delta(root, "samples") == ["r1-train", "r1-val"]
    with pytest.raises(Outdated):
        add_missing_columns(root, "samples", outdated)


@on_disk_and_in_a_store
def test_the_retention_of_a_table_follows_the_configuration(root: OutputRoot):
    set_retention(None, 3)
    add(root, "r1", days=7)
    set_retention(open_delta(root, "samples"), 7)
    assert delta(root, "samples").version() == 0
    outdated = open_delta(root, "samples")
    set_retention(open_delta(root, "samples"), 90)
    found = delta(root, "samples")
    assert (found.version(), found.metadata().configuration["delta.deletedFileRetentionDuration"]) == (1, "interval 90 days")
    assert found.metadata().configuration["delta.logRetentionDuration"] == "interval 90 days"
    set_retention(outdated, 3)  # another writer came first
    assert delta(root, "samples").metadata().configuration["delta.deletedFileRetentionDuration"] in ("interval 90 days", "interval 3 days")


@on_disk_and_in_a_store
def test_an_error_of_the_store_is_not_taken_for_a_race(root: OutputRoot, monkeypatch: pytest.MonkeyPatch):
    def fail(*args: Any, **more: Any) -> None:
        raise module.DeltaError("no space left")

    monkeypatch.setattr(module, "create_table_with_add_actions", fail)
    with pytest.raises(module.DeltaError, match="no space left"):
        commit(root, "images", None, [], [], run_id="r1")


@on_disk_and_in_a_store
def test_a_root_that_cannot_be_opened_is_not_an_empty_table(root: OutputRoot):
    damaged = replace(root, uri=root.path("damaged"))
    add(damaged, "r1")
    write_file(damaged.path("samples", "_delta_log", f"{0:020}.json"), b"{broken", damaged.stores)
    with pytest.raises(module.DeltaError):
        open_delta(damaged, "samples")
