"""Published tables without Spark and Delta Lake, compared with what deltalake reads."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from pipelines.tables.publication.complete import complete
from pipelines.tables.publication.root import OutputRoot
from pipelines.training.delta_log import table_state
from pipelines.training.tables import NotPublished, filesystem_of, open_root, why_not
from tests.published import DAYS, plan_rows, publish_rows, publish_run

PARTITIONS = ["dialect", "split", "batch"]
SPAN = {"message": 0, "role": "user", "start": 0, "end": 1, "weight": None}


def sample(name: str, split: str = "train", dialect: str = "glm_4", **more) -> dict:
    return {"sample_id": name, "input_ids": [1, 2], "dialect": dialect, "split": split} | more


def names(root: Path, **where) -> list[str]:
    return [row["sample_id"] for row in open_root(root).rows("samples", **where)]


def append(root: Path, name: str, batch: str) -> None:
    """A commit of somebody else."""
    rows = pa.table({"sample_id": [name], "input_ids": pa.array([[1, 2]], pa.list_(pa.int32())), "dialect": ["glm_4"], "split": ["train"], "batch": [batch]})
    write_deltalake(str(root / "samples"), rows, partition_by=PARTITIONS, mode="append", schema_mode="merge")


def add_commit(root: Path, action: dict) -> None:
    log = root / "samples" / "_delta_log"
    number = len(list(log.glob("*.json")))
    (log / f"{number:020}.json").write_text(json.dumps(action))


@pytest.fixture
def nights(tmp_path: Path) -> Path:
    """A root with two published nights."""
    root = OutputRoot(str(tmp_path))
    publish_rows(root, "r1", "b1", {"samples": [sample("a"), sample("b", split="val"), sample("c", dialect="glm_4v")]}, 1)
    publish_rows(root, "r2", "b2", {"samples": [sample("d", turn_spans=[SPAN])]}, 2, settings={"image_roots": {}})
    return tmp_path


def test_rows_are_those_of_the_published_runs(nights: Path):
    assert open_root(nights).batches == ("b1", "b2")
    assert sorted(names(nights)) == ["a", "b", "c", "d"]


def test_rows_are_chosen_by_dialect_split_and_batch(nights: Path):
    assert names(nights, dialect="glm_4v") == ["c"]
    assert names(nights, split="val", batch="b1") == ["b"]
    assert names(nights, batch="b2") == ["d"]
    assert names(nights, dialect="nothing") == []
    with pytest.raises(NotPublished, match=r"batch b3 is not published .* published are b1, b2"):
        names(nights, batch="b3")


def test_rows_carry_the_partition_columns_as_text(nights: Path):
    row = next(open_root(nights).rows("samples", batch="b2"))
    assert {name: row[name] for name in PARTITIONS} == {"dialect": "glm_4", "split": "train", "batch": "b2"}


def test_a_column_that_a_file_lacks_is_null(nights: Path):
    published = open_root(nights)
    rows = list(published.rows("samples", split="train", dialect="glm_4", columns=["split", "turn_spans", "sample_id"]))
    assert rows == [
        {"split": "train", "turn_spans": None, "sample_id": "a"},
        {"split": "train", "turn_spans": [SPAN], "sample_id": "d"},
    ]
    table = published.table("samples", split="train", dialect="glm_4", columns=["split", "turn_spans", "sample_id"])
    assert table.to_pylist() == rows
    assert published.table("samples", columns=["loss_weight"]).to_pylist() == [{"loss_weight": None}] * 4


def test_a_table_equals_what_deltalake_reads(nights: Path):
    ours = open_root(nights).table("samples").sort_by("sample_id")
    theirs = pa.table(DeltaTable(str(nights / "samples")).to_pyarrow_table()).sort_by("sample_id")
    assert set(ours.column_names) <= set(theirs.column_names)
    assert ours.to_pylist() == theirs.select(ours.column_names).to_pylist()


def test_an_empty_choice_is_an_empty_table_with_the_same_columns(nights: Path):
    published = open_root(nights)
    empty = published.table("samples", dialect="nothing")
    assert (empty.num_rows, set(empty.column_names)) == (0, set(published.table("samples").column_names))


def test_a_batch_that_is_published_again_replaces_its_rows_alone(nights: Path):
    publish_rows(OutputRoot(str(nights)), "r3", "b1", {"samples": [sample("e")]}, 3)
    assert sorted(names(nights)) == ["d", "e"]
    assert sorted(row["sample_id"] for row in open_root(nights).as_of("r2").rows("samples")) == ["a", "b", "c", "d"]
    assert sorted(row["sample_id"] for row in open_root(nights).as_of("r1").rows("samples")) == ["a", "b", "c"]


def test_a_run_that_has_not_reached_the_tables_yet_is_read_from_its_plan(nights: Path):
    root = OutputRoot(str(nights))
    before = DeltaTable(str(nights / "samples")).version()
    publish_run(root, plan_rows(root, "r3", "b1", {"samples": [sample("e")]}), completed=False)
    publish_run(root, plan_rows(root, "r4", "b3", {"samples": [sample("f")]}), completed=False)
    assert DeltaTable(str(nights / "samples")).version() == before
    assert sorted(names(nights)) == ["d", "e", "f"]
    assert sorted(row["sample_id"] for row in open_root(nights).as_of("r3").rows("samples")) == ["d", "e"]
    complete(root, root.runs(), DAYS)
    assert sorted(names(nights)) == ["d", "e", "f"]


def test_what_a_reader_has_opened_does_not_change_with_a_later_run(nights: Path):
    root = OutputRoot(str(nights))
    opened = open_root(nights)
    publish_rows(root, "r3", "b1", {"samples": [sample("e")]})
    publish_rows(root, "r4", "b3", {"samples": [sample("f")]})
    assert sorted(row["sample_id"] for row in opened.rows("samples")) == ["a", "b", "c", "d"]


def test_a_batch_whose_row_of_runs_was_deleted_is_not_read(nights: Path):
    DeltaTable(str(nights / "runs")).delete("run_id = 'r1'")
    assert (open_root(nights).batches, names(nights)) == (("b2",), ["d"])


def test_rows_that_somebody_else_added_are_read_only_if_their_batch_is_published(nights: Path):
    append(nights, "x", "b2")
    append(nights, "y", "b 9%")
    assert sorted(names(nights)) == ["a", "b", "c", "d", "x"]
    files = table_state(filesystem_of(str(nights)), "samples").files.values()
    (foreign,) = [file for file in files if file.partition["batch"] == "b 9%"]
    assert (nights / foreign.path).exists()  # the log has its path in percent-encoding


def test_a_checkpoint_serves_when_commits_are_deleted(nights: Path):
    root = OutputRoot(str(nights))
    DeltaTable(str(nights / "samples")).create_checkpoint()
    publish_rows(root, "r3", "b2", {"samples": [sample("e")]})
    log = nights / "samples" / "_delta_log"
    for number in (0, 1):
        (log / f"{number:020}.json").unlink()
    assert sorted(names(nights)) == ["a", "b", "c", "e"]
    assert len(list(open_root(nights).as_of("r2").rows("samples"))) == 4
    with pytest.raises(NotPublished, match="samples: the state that is asked for cannot be read any more, since commit 0 is gone from the log"):
        list(open_root(nights).as_of("r1").rows("samples"))


def test_a_checkpoint_that_has_more_than_the_newest_run_is_passed_over(nights: Path):
    root = OutputRoot(str(nights))
    publish_rows(root, "r3", "b1", {"samples": [sample("e")]})
    DeltaTable(str(nights / "samples")).create_checkpoint()
    fs = filesystem_of(str(nights))
    assert [(state.version, state.in_log, len(state.files)) for state in (table_state(fs, "samples", applied) for applied in (0, 1, 2, None))] == [
        (0, 0, 3),
        (1, 1, 4),
        (2, 2, 2),
        (2, 2, 2),
    ]


def test_commits_of_others_belong_to_the_run_before_them(nights: Path):
    append(nights, "x", "b2")
    publish_rows(OutputRoot(str(nights)), "r3", "b3", {"samples": [sample("e")]})
    append(nights, "y", "b3")
    fs = filesystem_of(str(nights))
    assert [(state.version, state.in_log) for state in (table_state(fs, "samples", applied) for applied in (0, 1, 2))] == [(0, 0), (2, 1), (4, 2)]
    assert table_state(fs, "nothing") == table_state(fs, "nothing", 5)
    assert table_state(fs, "nothing").version == -1


@pytest.mark.parametrize(
    "action, message",
    [
        ({"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["typeWidening"]}}, "typeWidening"),
        ({"protocol": {"minReaderVersion": 4, "minWriterVersion": 7}}, "newer protocol"),
        ({"metaData": {"configuration": {"delta.columnMapping.mode": "name"}}}, "maps its columns"),
        ({"add": {"path": "x.parquet", "partitionValues": {}, "deletionVector": {"storageType": "u"}}}, "deletion vector"),
        ({"add": {"path": "../x.parquet", "partitionValues": {}}}, "outside the table's folder"),
        ({"add": {"path": "s3://b/x.parquet", "partitionValues": {}}}, "outside the table's folder"),
    ],
)
def test_what_needs_a_real_delta_reader_is_one_clear_error(nights: Path, action: dict, message: str):
    add_commit(nights, action)
    with pytest.raises(NotPublished, match=message):
        names(nights)


def test_settings_are_those_of_the_newest_run_and_empty_in_older_roots(nights: Path):
    published = open_root(nights)
    assert published.settings() == published.settings("b2") == {"image_roots": {}}
    assert published.settings("b1") == {}
    with pytest.raises(NotPublished, match="batch x"):
        published.settings("x")


def test_a_root_of_version_0_1_0_is_refused_with_what_to_do(tmp_path: Path):
    moment = pa.array([0], pa.timestamp("us", tz="UTC"))
    old = pa.table({"run_id": ["r"], "batch": ["b"], "finished": moment})
    write_deltalake(str(tmp_path / "delta" / "runs"), old)
    (tmp_path / "parquet" / "runs").mkdir(parents=True)
    pq.write_table(old, tmp_path / "parquet" / "runs" / "r.parquet")
    for form in ("delta", "parquet"):
        root = tmp_path / form
        with pytest.raises(NotPublished, match=f"^the root {root} was written by version 0.1.0; bring it over once with: episodes repair {root}$"):
            open_root(root)


def test_a_store_that_cannot_be_opened_is_said_in_one_line():
    """Without Hadoop's libraries, pyarrow names every place where it has looked for them."""
    with pytest.raises(NotPublished, match=r"^hdfs://127.0.0.1:9/tables cannot be opened: ") as raised:
        open_root("hdfs://127.0.0.1:9/tables")
    assert "\n" not in str(raised.value)
    assert why_not(OSError("Unable to load libhdfs: no such file\ndlopen failed")) == (
        "Unable to load libhdfs: no such file; pyarrow reads HDFS with Hadoop's libhdfs, which needs JAVA_HOME, HADOOP_HOME and CLASSPATH"
    )
    assert why_not(OSError("no answer")) == "no answer"


def test_what_is_not_there_is_said(tmp_path: Path, nights: Path):
    with pytest.raises(NotPublished, match="no such folder"):
        open_root(tmp_path / "nowhere")
    for folder in ("empty", "empty/runs", "empty/runs/_delta_log"):  # the last: a writer was killed before its first commit
        (tmp_path / folder).mkdir()
        with pytest.raises(NotPublished, match="nothing is published"):
            open_root(tmp_path / "empty")
    assert list(open_root(nights).rows("conversations")) == []
