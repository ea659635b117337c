"""Rows from steps on Spark: the same rows as on local files, whatever files have the steps of an episode; books; and a redrive."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.console.trial import json_row
from pipelines.ledger.batches import Refused
from pipelines.local import run_files
from pipelines.reading import open_table
from pipelines.spark.run.redrive import Selection, redrive_batch
from tests.episodes.steps.records import SIZE, aitz, android, odyssey, stepwise, write_screens
from tests.golden import open_case
from tests.making import configuration, write_lines

pytestmark = pytest.mark.spark


@pytest.mark.parametrize("seed", range(2))
def test_spark_makes_the_rows_that_local_files_make_and_the_books_balance(run_job, tmp_path: Path, seed: int):
    rng = random.Random(seed)
    write_screens(tmp_path / "screens", 6)
    steps = [aitz(i, 4, (i / 10, 0.5), episode_id=f"e{k}") for k in range(9) for i in range(5)]
    steps += [
        aitz(2, 5, episode_id="e1"),
        aitz(1, 2, episode_id="bad"),
        aitz(2, 6, episode_id="bad"),
        steps[3],
        aitz(0, 6, image_path="gone.png", episode_id="g"),
    ]
    episodes = [android([{"action_type": "click", "x": 54, "y": i}] * 3, episode_id=i) for i in range(5)]
    taps = [{"goal": f"{x}", "steps": [{"screenshot": "s0.png", "action": {"type": "tap", "x": x, "y": 0.5}}]} for x in (0.25, 0.5, 1)]
    taps.append({"goal": "open", "steps": [{"screenshot": "s0.png", "action": {"type": "tap", "x": 1, "y": 1}}]})
    own = [{"goal": "Go.", "action": "home", "screenshot": "s0.png", "episode_id": f"own {i // 3}", "step_id": i % 3, "id": i % 17} for i in range(21)]
    own[0] |= {"action": "fly"}
    own[3] |= {"goal": None}
    own[6] |= {"step_id": "first"}
    own[10] |= {"screenshot": None}
    own[13] |= {"video": "v.mp4"}
    own += [own[10], own[16] | {"action": "fly"}]  # logged twice
    records = [*steps, *taps, *episodes, *own, odyssey(("HOME", ""), ("COMPLETE", "")), odyssey(("CLICK", "KEY_APPSELECT")), {"messages": []}]
    rng.shuffle(records)
    files = [str(write_lines(tmp_path / "logs" / f"{i}.jsonl", records[i::4])) for i in range(4)]
    source = {"path": str(tmp_path / "logs"), "image_root": str(tmp_path / "screens")}
    config = stepwise("agentcpm_gui", source, history={"steps": 2, "images": 2}).model_copy(
        update={
            "output": configuration(output={"root": str(tmp_path / "out")}).output,
            "gates": configuration(gates={"max_quarantined": 1}).gates,
            "dialects": configuration("agentcpm_gui").dialects,
        }
    )
    result = run_job(config)
    assert (result.exit_code, result.books.faults()) == (0, [])
    local = [json_row(one, "", config) for one in run_files(open_case(config), files)]
    for table in ("conversations", "quarantine", "samples"):
        made = [row for row in local if row["table"] == table]
        assert len(made) == open_table(tmp_path / "out", table).count_rows()
        columns = ["record_id", "sample_id", "episode_id", "findings"]
        there = open_table(tmp_path / "out", table).to_table(columns=columns).to_pylist()
        assert sorted(repr([row[name] or None for name in columns]) for row in made) == sorted(repr([row[name] or None for name in columns]) for row in there)
    aside = [row for row in local if row["table"] == "quarantine" and (row["episode_id"] or "").startswith("own ")]
    assert sorted((row["episode_id"][-1], row["reason"]) for row in aside) == [
        *(("0", "step.action_unknown"), ("0", "step.gap"), ("0", "step.gap")),
        *(("1", "schema.unknown_format"), ("1", "step.gap"), ("1", "step.gap")),
        *(("2", "step.gap"), ("2", "step.gap"), ("2", "step.number_bad")),
        *(("3", "schema.unknown_format"), ("3", "step.gap")),
        *(("4", "schema.field_unread"), ("4", "step.gap")),
        ("5", "step.action_unknown"),
    ]
    said = sorted(json.dumps([row["sample_id"], row["messages"]], sort_keys=True) for row in local if row["table"] == "conversations")
    there = open_table(tmp_path / "out", "conversations").to_table(columns=["sample_id", "messages"]).to_pylist()
    assert said == sorted(json.dumps([row["sample_id"], row["messages"]], sort_keys=True) for row in there)
    states = result.books.states()
    assert states["records"] == len(records) == states["kept"] + states["quarantined"] + states["duplicates"]
    assert states["conversations"] == len(said) > states["kept"]
    manifest = json.loads((tmp_path / "out" / "reports" / "2026-11-22" / "manifest.json").read_bytes())
    assert manifest["counts"]["kept"] == states["kept"]
    assert manifest["coordinates"] == {"kit": "unit"}
    assert [row["messages"][-1]["content"] for row in there if "Question>open<" in row["messages"][1]["content"]] == ['{"POINT":[1000,1000]}']


def test_a_redrive_makes_all_rows_of_an_episode_again_and_none_with_a_shorter_history(spark, run_job, tmp_path: Path):
    """Episodes in one record, one whose steps are all quarantined, and one whose second step is, for another reason."""
    write_screens(tmp_path / "screens", 2)
    (tmp_path / "screens" / "empty.png").write_bytes(b"")
    typed = {"action_type": "input_text", "text": "x " * 500}
    whole = [aitz(i, 4, (0.1, 0.5), episode_id="whole", image_path="s2.png") for i in range(2)]
    part = [aitz(0, 4, (0.2, 0.5), episode_id="part"), aitz(1, 4, (0.3, 0.5), episode_id="part", image_path="empty.png")]
    one = {"goal": "Go.", "action": "home", "screenshot": "s2.png"}  # numbered from 1; of the other episode, step 0 was published at once
    from_1 = [one | {"episode_id": "from 1", "step_id": i} for i in (1, 2)]
    from_0 = [one | {"episode_id": "from 0", "step_id": i, "screenshot": "s1.png" if i == 0 else "empty.png"} for i in (0, 1)]
    unread = [one | {"episode_id": name, "step_id": i, "video": "v.mp4"} for name in ("first", "middle") for i in range(3)]
    unread[0]["audio"] = unread[4]["audio"] = "a.mp3"
    episodes = [android([{"action_type": "click", "x": 54, "y": 60}, typed]), odyssey(("HOME", ""), ("COMPLETE", ""))]
    records = [*episodes, *whole, *part, *from_1, *from_0, *unread]
    log = write_lines(tmp_path / "logs" / "a.jsonl", records)
    source = {"path": str(tmp_path / "logs"), "image_root": str(tmp_path / "screens")}
    more = configuration("agentcpm_gui", output={"root": str(tmp_path / "out")}, gates={"max_quarantined": 1}, options={"max_tokens": 900})
    settings = {"output": more.output, "gates": more.gates, "dialects": more.dialects}
    config = stepwise("agentcpm_gui", source, history={"steps": 1, "images": 1}).model_copy(update=settings)
    first = run_job(config)
    names = ("records", "kept", "conversations", "quarantined")
    assert [first.books.states()[name] for name in names] == [16, 3, 4, 13]
    write_screens(tmp_path / "screens", 3, SIZE)
    again = redrive_batch(spark, config, Selection("image.missing"), "2026-11-22", "2026-11-22.again", datetime.now(UTC))
    assert (again.exit_code, again.books.faults()) == (0, [])
    assert [again.books.states()[name] for name in names] == [16, 8, 11, 8]
    # Eight records are quarantined, and two of the three conversations of the first are too long: that of the typing, and the one that lists it.
    assert (again.books.refused_by_all, again.books.quarantined_share()) == (2, pytest.approx((8 + 2 / 3) / 16, abs=1e-6))
    local = [json_row(one, "", config) for one in run_files(open_case(config), [str(log)])]
    there = open_table(tmp_path / "out", "conversations").to_table(columns=["sample_id", "messages"]).to_pylist()
    assert sorted((row["sample_id"], repr(row["messages"])) for row in there) == sorted(
        (row["sample_id"], repr(row["messages"])) for row in local if row["table"] == "conversations"
    )
    # Steps that are refused again leave the steps after them without a history.
    reads_more = config.model_copy(update={"sources": (config.sources[0].model_copy(update={"ignore": ("video",)}),)})
    more = redrive_batch(spark, reads_more, Selection("schema.field_unread"), "2026-11-22", "2026-11-22.unread", datetime.now(UTC))
    assert (more.exit_code, more.books.faults(), more.books.states()["kept"]) == (0, [], 10)
    rows = open_table(tmp_path / "out", "quarantine").to_table(columns=["episode_id", "reason"]).to_pylist()
    assert sorted((row["episode_id"], row["reason"]) for row in rows if row["episode_id"] in ("first", "middle")) == [
        *(("first", "schema.field_unread"), ("first", "step.gap")),
        *(("middle", "schema.field_unread"), ("middle", "step.gap")),
    ]
    write_screens(tmp_path / "screens", 3)
    with pytest.raises(Refused, match=r"batch 2026-11-22: 2 records, the first at .*a\.jsonl:6, are steps whose earlier steps are missing or not among"):
        redrive_batch(spark, config, Selection("image.empty"), "2026-11-22", "2026-11-22.more", datetime.now(UTC))
