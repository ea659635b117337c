"""Cumulative logs in Spark: the query decides as `episodes.fold` does, and a run counts and publishes what it decides."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from msgspec.structs import replace
from PIL import Image
from pyspark.sql.pandas.types import from_arrow_schema

from pipelines.config import Config
from pipelines.episodes.answers import answers_of
from pipelines.episodes.fold import Cumulative, fold
from pipelines.records import Draft, Held, Message
from pipelines.spark.plans import fold as plans
from pipelines.spark.run.redrive import Selection, redrive_batch
from pipelines.tables.reading import open_table
from tests.episodes.logs import call_records, episode, stripped, whole
from tests.episodes.test_fold import asks, draft, masked, refused, says
from tests.making import configuration, run_lines, write_lines

pytestmark = pytest.mark.spark


def test_the_query_decides_as_the_function_without_spark(spark):
    """Many small trees of histories, each in a source of its own, with few texts, so that histories are rewritten in all ways."""
    chance = random.Random(1)
    records = []
    for source in range(150):
        for line in range(chance.randint(1, 6)):
            turns: list[Message] = [] if chance.random() < 0.7 else [Message("system", "s")]
            for _ in range(chance.randint(1, 4)):
                turns += [asks(chance.choice("xxy")), says(chance.choice("aab"), chance.choice(["", "", "hm"]))]
            one = chance.choice([same, same, same, masked, refused])(draft(turns, line, chance.choice(["e", "e", "f", None])))
            place = Held(f"{source}.jsonl", line, f"{source} {line}")
            answers = answers_of(replace(one, origin=one.origin._replace(source=str(source))))
            records.append(Cumulative(place, len(turns), answers, is_published=chance.random() < 0.1))
    rows = [
        {plans.OF_FILE: None if one.is_published else one.place.path, plans.OF_ROW: one.place.line, "path": one.place.path, "line": one.place.line}
        | {"record_id": one.place.record_id, "messages": one.messages, **answer._asdict()}
        for one in records
        for answer in one.answers
    ]
    answers = spark.createDataFrame(rows, from_arrow_schema(pa.schema(list(plans.ROWS)))).repartition(3)
    found = [row.asDict(recursive=True) for row in plans.fold(answers).collect()]
    assert sorted(map(repr, found)) == sorted(map(repr, plans.fold_rows(rows)))
    expected = fold(records)
    assert len(expected) > 300
    assert sum(one.is_superseded for one in expected.values()) > 40
    assert sum(bool(one.withheld) for one in expected.values()) > 20
    places = {(place.path, place.line): place for place in expected}
    assert {places[row[plans.OF_FILE], row[plans.OF_ROW]]: plans.folded_of(row) for row in found} == expected


def same(one: Draft) -> Draft:
    return one


def cut_short(records: list[dict[str, Any]], *endings: str) -> list[dict[str, Any]]:
    """The records, the first of which end in these ways."""
    for record, ending in zip(records, endings, strict=False):
        record["response"]["choices"][0]["finish_reason"] = ending
    return records


def config_of(folder: Path, **more: Any) -> Config:
    source = {"path": str(folder / "logs" / "{batch}"), "fold": "prefix"} | more
    return configuration("glm_4", source=source, output={"root": str(folder / "out")})


def rows_of(root: Path, table: str, columns: list[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = open_table(root, table).to_table(columns=columns).to_pylist()
    return rows


@pytest.mark.parametrize("keeps_thinking", [True, False])
def test_a_run_trains_every_answer_of_20_episodes_once(tmp_path: Path, run_job, keeps_thinking: bool):
    episodes = [episode(number) for number in range(20)]
    records = [record for turns in episodes for record in call_records(turns, keeps_thinking)]
    random.Random(1).shuffle(records)
    for number in range(3):
        write_lines(tmp_path / "logs" / "2026-11-22" / f"{number}.jsonl", records[number::3])
    result = run_job(config_of(tmp_path))
    assert (result.exit_code, result.words) == (0, ())
    alone = run_lines(configuration("glm_4"), write_lines(tmp_path / "whole.jsonl", [whole(turns) for turns in episodes]))
    kept = 20 if keeps_thinking else 620
    states = {"records": 620, "conversations": kept, "quarantined": 0, "duplicates": 0, "superseded": 620 - kept}
    assert {name: result.books.states()[name] for name in states} == states
    assert (result.manifest["counts"]["superseded"], result.manifest["quarantined_share"]) == (620 - kept, 0)
    samples = rows_of(tmp_path / "out", "samples", ["input_ids", "labels", "num_target_tokens"])
    if keeps_thinking:
        by_themselves = [(one.tokens.input_ids.tolist(), one.tokens.labels.tolist()) for one in alone if hasattr(one, "tokens")]
        assert sorted((row["input_ids"], row["labels"]) for row in samples) == sorted(by_themselves)
    assert sum(row["num_target_tokens"] for row in samples) == sum(one.tokens.num_target_tokens for one in alone if hasattr(one, "tokens"))
    messages = [message for row in rows_of(tmp_path / "out", "conversations", ["messages"]) for message in row["messages"]]
    trained = Counter(one["content"] for one in messages if one["role"] == "assistant" and one["loss_weight"] != 0)
    assert trained == Counter(one.content for row in alone if hasattr(row, "messages") for one in row.messages if one.role == "assistant")


def test_a_run_decides_as_the_pipeline_without_spark(tmp_path: Path, run_job):
    """Branches, duplicates, stripped reasoning, records with one id, and longest records that are refused: for an image, as records, or by a dialect."""
    turns, image = episode(1, calls=5), {"type": "image_url", "image_url": {"url": "gone.png"}}
    records = [
        *call_records(turns, id="same"),
        *call_records([*stripped(turns[:6]), *episode(1, calls=3)[-1:]]),
        whole([*turns[:-1], {"role": "user", "content": [image]}, turns[-1]]),
        whole([*turns[:2], {"role": "assistant", "content": "No."}], id="same"),
        *call_records(cut := episode(2, calls=3))[:2],
        json.dumps(whole(cut)).encode()[:-9],
        *call_records(odd := episode(3, calls=3))[:2],
        whole([*odd[:-1], {"role": "narrator", "content": "Meanwhile."}, odd[-1]]),
        *call_records(long := episode(4, calls=3))[:2],
        whole([*long, {"role": "user", "content": "Why? " * 9000}, {"role": "assistant", "content": "Because."}]),
        *cut_short(call_records(episode(5, calls=3)), "length", "content_filter"),
        *cut_short(call_records(episode(6, calls=1)), "length"),
    ]
    log = write_lines(tmp_path / "logs" / "2026-11-22" / "a.jsonl", [*records, *records[2:5]])
    config = config_of(tmp_path, image_root=str(tmp_path)).model_copy(update={"gates": configuration().gates.model_copy(update={"max_quarantined": 1.0})})
    result = run_job(config)
    lost = "answers of 2 records are left to other records that dialect glm_4 quarantines (tokens.too_long), so it does not train them"
    assert (result.exit_code, result.words) == (0, (f"warning: {lost}; on_overflow: windows keeps them",))
    expected = {"conversations": [], "quarantine": []}
    for outcome in run_lines(config, log):
        if hasattr(outcome, "messages"):
            expected["conversations"].append((outcome.origin.line, [m.loss_weight for m in outcome.messages], [list(one) for one in outcome.findings]))
        elif hasattr(outcome, "raw"):
            expected["quarantine"].append((outcome.raw.origin.line, outcome.episode_id, [list(one) for one in outcome.findings]))
    conversations = rows_of(tmp_path / "out", "conversations", ["origin", "messages", "findings"])
    quarantine = rows_of(tmp_path / "out", "quarantine", ["origin", "episode_id", "findings"])
    found = {
        "conversations": [
            (row["origin"]["line"], [m["loss_weight"] for m in row["messages"]], [list(one.values()) for one in row["findings"]]) for row in conversations
        ],
        "quarantine": [(row["origin"]["line"], row["episode_id"], [list(one.values()) for one in row["findings"]]) for row in quarantine],
    }
    for table in expected:
        assert sorted(map(json.dumps, found[table])) == sorted(map(json.dumps, expected[table]))
    reasons = {"record.superseded", "record.duplicate", "image.missing", "line.truncated_json", "schema.role_unknown", "tokens.too_long"}
    reasons |= {"schema.field_unread", "tokens.no_target"}
    assert reasons == {row[2][0][0] for row in found["quarantine"]}
    (weights,) = (row[1] for row in found["conversations"] if any(finding[0] == "repair.answer_withheld" for finding in row[2]))
    assert weights == [None, None, 0, 0, None, 0, 0, None, None]  # of three answers, the first was cut and the second was blocked
    assert {12, 15} <= {row[0] for row in found["conversations"]}  # the second call of the episodes whose longest record was refused


def test_a_redrive_folds_records_against_what_is_published(spark, run_job, tmp_path: Path):
    """Of five calls, the last two have a picture that is missing at first: the third call is kept and trains two answers. That of the second was cut."""
    turns = episode(1, calls=5)
    image = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "late.png"}}]}
    turns.insert(-3, image)
    log = write_lines(tmp_path / "logs" / "n0" / "a.jsonl", cut_short(call_records(turns), "stop", "length"))
    config = config_of(tmp_path, image_root=str(tmp_path)).model_copy(update={"gates": configuration().gates.model_copy(update={"max_quarantined": 1.0})})
    config = config.model_copy(update={"dialects": ()})
    first = run_job(config, "n0")
    assert {name: first.books.states()[name] for name in ("conversations", "quarantined", "superseded")} == {
        "conversations": 1,
        "quarantined": 2,
        "superseded": 2,
    }
    Image.new("RGB", (8, 8)).save(tmp_path / "late.png")
    result = redrive_batch(spark, config, Selection("image.missing"), "n0", "n0.again", datetime.now(UTC))
    assert (result.status, result.books.faults()) == ("published", [])
    assert {name: result.books.states()[name] for name in ("records", "conversations", "quarantined", "superseded")} == {
        "records": 5,
        "conversations": 2,
        "quarantined": 0,
        "superseded": 3,
    }
    rows = rows_of(tmp_path / "out", "conversations", ["origin", "messages", "repairs"])
    trained = Counter(one["content"] for row in rows for one in row["messages"] if one["role"] == "assistant" and one["loss_weight"] != 0)
    assert set(trained.values()) == {1}
    assert not any("Part 1.1." in text for text in trained)
    withheld = "repair.answer_withheld"
    assert {row["origin"]["line"]: row["repairs"] for row in rows} == {3: [withheld], 5: ["repair.answer_trained_elsewhere", withheld]}
    details = {row["origin"]["line"]: row["findings"][0]["detail"] for row in rows_of(tmp_path / "out", "quarantine", ["origin", "findings"])}
    assert {line: detail.partition(", record")[0] for line, detail in details.items()} == {
        line: f"its {what} are trained in {log}:{held}" for line, what, held in ((1, "answers", 3), (2, "other answers", 3), (4, "answers", 5))
    }
    again = redrive_batch(spark, config, Selection("record.superseded"), "n0", "n0.more", datetime.now(UTC))
    assert (again.books.states()["superseded"], again.books.faults()) == (3, [])
