"""Experiments with cumulative logs and rows of steps: nights and redrives of them are killed, and their books must balance all the same.

calls    `fold: prefix`: an episode whose last calls show a picture that is missing, one whose history was cleared, one that begins alike
steps    `rows: {of: step}` with a history: an episode whose screens are all missing, one that is whole, one record that is an episode
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image
from pyspark.sql import SparkSession

from pipelines.config import Config
from tests.crash.campaign import redrive
from tests.crash.scene import Scene, View, reader_view
from tests.crash.stage import Stage, at_pass, left_over, reader_faults
from tests.crash.zygote import KILLED, Zygote, die
from tests.episodes.logs import Turn, answers, call_record, call_records, episode
from tests.episodes.steps.records import SIZE, aitz, odyssey
from tests.making import configuration, write_lines

NIGHT_POINTS = ("stage steps: after", "runs: after")
REDRIVE_POINTS = ("stage outcomes: after", "plan: written", "runs: after", "samples: before")
LATE = "late.png"  # is missing at first


class EpisodeScene(Scene):
    def config(self, **more: Any) -> Config:
        paths = {name: {"name": name, "path": str(self.folder / "logs" / "{batch}" / f"{name}.jsonl")} for name in ("calls", "steps")}
        rows = {"of": "step", "prompt": "agentcpm_gui", "history": {"steps": 1, "images": 2}}
        screens = {"image_root": str(self.folder / "screens")}
        sources = [paths["calls"] | screens | {"fold": "prefix"}, paths["steps"] | screens | {"rows": rows}]
        options = {"max_tokens": 1500, "tool_syntax": "hermes"}
        return configuration("agentcpm_gui", sources=sources, output={"root": self.uri}, gates={"max_quarantined": 1}, options=options, **more)


class Expected(NamedTuple):
    """What readers see after the night, and after the redrive."""

    night: View
    redriven: View


def calls() -> list[Any]:
    turns = episode(1, calls=5)
    turns.insert(-3, {"role": "user", "content": [{"type": "image_url", "image_url": {"url": LATE}}]})
    rewritten = episode(2, calls=5)
    alike = [*episode(2, calls=3)[:-1], {"role": "assistant", "content": "Number 2 is beyond repair."}]
    long = [*episode(3, calls=2), {"role": "user", "content": "Why? " * 2000}, {"role": "assistant", "content": "Because."}]
    records = [*call_records(turns), *call_records(rewritten)[:3], *cleared(rewritten)[3:], *call_records(alike, session_id="other"), *call_records(long)]
    return [*records, records[0], b"{broken"]


def cleared(turns: list[Turn]) -> list[dict[str, Any]]:
    return [call_record([turn | ({"content": "[cleared]"} if turn["role"] == "tool" else {}) for turn in turns[:i]], turns[i]) for i in answers(turns)]


def steps() -> list[Any]:
    late = [aitz(i, 4, (i / 10, 0.5), episode_id="late", image_path=LATE) for i in range(3)]
    whole = [aitz(i, 4, (i / 10, 0.2), episode_id="whole") for i in range(3)]
    return [*late, *whole, whole[1], odyssey(("HOME", ""), ("COMPLETE", "")), odyssey(("HOME", ""), ("BACK", ""), episode_id="other")]


def staged(zygote: Zygote, folder: Path) -> tuple[Stage, Expected]:
    stage = Stage(zygote, EpisodeScene(folder / "scene"))
    zygote.run(lambda spark: build(spark, stage.scene))
    zygote.run(lambda spark: stage.scene.keep())
    scene = stage.fresh()
    night, _ = stage.look(lambda: reader_view(scene))
    add_picture(scene)
    if (ended := redrive(stage, scene)) != "published":
        raise RuntimeError(f"an undisturbed redrive ended as {ended}")
    again, _ = stage.look(lambda: reader_view(scene))
    return stage, Expected(night, again)


def build(spark: SparkSession, scene: Scene) -> None:
    (scene.folder / "screens").mkdir(parents=True)
    for name in ("s0.png", "s1.png", "s2.png"):
        Image.new("RGB", SIZE, "red").save(scene.folder / "screens" / name)
    for name, records in (("calls", calls()), ("steps", steps())):
        write_lines(scene.folder / "logs" / "n1" / f"{name}.jsonl", records)
    scene.run(spark, "n1")


def add_picture(scene: Scene) -> None:
    Image.new("RGB", SIZE, "blue").save(scene.folder / "screens" / LATE)


def experiments(expected: Expected) -> Iterator[tuple[str, str, Any]]:
    yield "episodes", "books of episodes", partial(undisturbed, expected=expected)
    for point in NIGHT_POINTS:
        yield "episodes", f"a night of episodes is killed at {point}", partial(night_killed, expected=expected, where=point)
    for point in REDRIVE_POINTS:
        yield "episodes", f"a redrive of episodes is killed at {point}", partial(redrive_killed, expected=expected, where=point)


def undisturbed(stage: Stage, expected: Expected) -> list[str]:
    """The books of the night and of its redrive, which must have moved the records whose picture was missing, and only these."""
    faults = [*books(stage.scene, expected.night), *books(stage.scene, expected.redriven)]
    missing = [sum(row["reason"] == "image.missing" for row in rows_of(seen, "quarantine")) for seen in expected]
    conversations = [len(rows_of(seen, "conversations")) for seen in expected]
    faults += [] if missing == [5, 0] else [f"{missing} records lack a picture"]
    return faults + ([] if conversations[1] > conversations[0] + 3 else [f"{conversations} conversations"])


def night_killed(stage: Stage, expected: Expected, where: str) -> list[str]:
    """The first night of a root is killed, and run again."""
    scene = stage.fresh()
    shutil.rmtree(scene.root)
    ended = [stage.drive(scene, "n1", on_point=at_pass(where, die)), stage.drive(scene, "n1")]
    faults = [] if ended[0] == KILLED and ended[1] in ("published", "unchanged") else [f"the runs ended as {ended}"]
    return faults + reader_faults(stage, scene, [expected.night], "after the rerun") + left_over(stage, scene)


def redrive_killed(stage: Stage, expected: Expected, where: str) -> list[str]:
    """Readers see the night or the whole redrive, after the kill; and the redrive after it was run again."""
    scene = stage.fresh()
    add_picture(scene)
    ended = [redrive(stage, scene, at_pass(where, die))]
    faults = reader_faults(stage, scene, list(expected), "after the kill")
    ended.append(redrive(stage, scene))
    faults += [] if ended[0] == KILLED and ended[1] in ("published", "unchanged") else [f"the redrives ended as {ended}"]
    return faults + reader_faults(stage, scene, [expected.redriven], "after the redrive") + left_over(stage, scene)


def rows_of(seen: View, table: str) -> list[dict[str, Any]]:
    return [json.loads(row) for row in seen[table]]


def books(scene: Scene, seen: View) -> list[str]:
    """What is wrong with the books of these tables, counted from the rows alone, and whether an answer of the calls is trained twice or never."""
    place = lambda row: (row["origin"]["source"], row["origin"]["line"])  # noqa: E731
    conversations, samples, quarantine = (rows_of(seen, table) for table in ("conversations", "samples", "quarantine"))
    states = Counter({place(row) for row in conversations})
    states.update(place(row) for row in quarantine if row["dialect"] is None)
    lines = {name: len((scene.folder / "logs" / "n1" / f"{name}.jsonl").read_bytes().splitlines()) for name in ("calls", "steps")}
    expected = {(name, line + 1): 1 for name, count in lines.items() for line in range(count)}
    faults = [] if states == expected else [f"records with several states, or none: {sorted(set((states - Counter(expected)) + (Counter(expected) - states)))}"]
    offered = Counter(row["sample_id"] for row in conversations)
    taken = Counter(row["sample_id"] for row in [*samples, *(row for row in quarantine if row["dialect"])] if not row.get("window"))
    faults += [] if offered == taken else [f"{len(offered)} conversations were offered, {len(taken)} are rows or refused"]
    messages = [message for row in conversations if row["origin"]["source"] == "calls" for message in row["messages"]]
    trained = Counter(one["content"] for one in messages if one["role"] == "assistant" and one["loss_weight"] != 0)
    twice = {text: count for text, count in trained.items() if count > 1}
    return faults + ([f"answers that are trained twice: {twice}"] if twice else [])
