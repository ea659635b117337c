"""A plan of all records equals the run, in rows, tokens and reasons."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

import pytest

from pipelines.cli import main
from pipelines.demo import BATCH
from pipelines.flow import Flow, open_flow
from pipelines.ledger.books import ASIDE
from pipelines.local import list_files, run_listed
from pipelines.planning import Plan, make_plan
from pipelines.reasons import Reason
from pipelines.records import Conversation, Outcome, Quarantined, Sample
from tests.conftest import DEMO_CONF, demo_config
from tests.episodes.logs import call_records, episode
from tests.episodes.steps.records import aitz, android, stepwise, write_screens
from tests.golden import open_case
from tests.making import asked, configuration, write_lines
from tests.test_hostile import GLM, MINICPM
from tests.test_hostile import configuration as hostile_configuration

Counts = Counter[tuple[Hashable, ...]]
OWN = ("rows", "tokens", "target_tokens", "images", "slices", "quarantined")


def counted(outcomes: Iterable[Outcome]) -> Counts:
    """What a plan counts, counted from the rows of a run."""
    found: Counts = Counter()
    kept = set()
    for one in outcomes:
        if isinstance(one, Conversation):
            found["conversations",] += 1
            kept.add(one.record_id)
        elif isinstance(one, Sample):
            images = one.tokens.images
            numbers = (1, len(one.tokens.input_ids), one.tokens.num_target_tokens, len(images), sum(len(image.token_spans) for image in images))
            found.update({(one.dialect, name): number for name, number in zip(OWN, numbers, strict=False)})
        elif one.dialect is not None:
            found.update([(one.dialect, "quarantined"), (one.dialect, "reason", one.findings[0].code)])
        else:
            code = one.findings[0].code
            found.update([("records", "damaged" if one.raw.origin.line == 0 else ASIDE.get(code, "quarantined")), ("reason", code)])
    return +(found + Counter({("records", "kept"): len(kept)}))


def planned(plan: Plan) -> Counts:
    """The same from the plan, under the dialects' own max_tokens."""
    found: Counts = Counter()
    own = {dialect.settings.name: dialect.settings.max_tokens for dialect in plan.dialects}
    for key in plan.sums.keys:
        estimate = plan.estimate(*key)
        assert estimate.low == estimate.total == estimate.high == estimate.in_sample or not plan.is_exact
        if key[0] in ("conversations", "records", "reason"):
            found[key] = estimate.total
        elif key[0] in own and key[1] == own[str(key[0])] and (key[2] in OWN or key[2] == "reason"):
            found[key[0], *key[2:]] = estimate.total
    return +found


def plan_of(flow: Flow, files: list[str], sample: int | None = None, **more: Any) -> Plan:
    return make_plan(flow, list_files(flow.config, files, None).files, sample, **more)


def run_of(flow: Flow, files: list[str]) -> Counts:
    return counted(run_listed(flow, list_files(flow.config, files, None).files))


def test_a_plan_of_the_whole_demo_equals_its_run(demo, demo_outcomes):
    folder, _ = demo
    config = demo_config(folder, folder / "out")
    files = [str(path) for kind in ("gui", "tools") for path in sorted((folder / kind / BATCH).iterdir())]
    outcomes: list[Outcome] = []
    plan = make_plan(open_flow(config), list_files(config, files, BATCH).files, None, on_outcome=outcomes.append)
    assert (plan.is_exact, plan.reads_pixels) == (True, True)
    assert planned(plan) == counted(demo_outcomes)
    assert {id_of(row) for row in outcomes} == {id_of(row) for row in demo_outcomes if code_of(row) != Reason.RECORD_DUPLICATE.code}


def id_of(row: Outcome) -> tuple[Hashable, ...]:
    if isinstance(row, Sample):
        return row.sample_id, row.dialect, row.tokens.input_ids.tobytes(), row.tokens.labels.tobytes(), row.tokens.findings
    return (row.raw.origin, row.dialect, row.findings) if isinstance(row, Quarantined) else (row.sample_id, row.findings)


def code_of(row: Outcome) -> str | None:
    return row.findings[0].code if isinstance(row, Quarantined) else None


def test_a_plan_of_the_hostile_records_by_headers_equals_a_run_that_verifies_headers(hostile: Path):
    config = hostile_configuration(hostile, (GLM, MINICPM))
    flow = open_flow(config.model_copy(update={"images": config.images.model_copy(update={"verify": "header"})}))
    files = [str(hostile / "records.jsonl"), str(hostile / "raw")]
    assert planned(plan_of(flow, files, reads_pixels=False)) == run_of(flow, files)


def cumulative() -> list[Any]:
    return [record for number in range(3) for record in call_records(episode(number, calls=5), id=f"{number}")]


def with_same_ids() -> list[Any]:
    return [asked("One?", id="a"), asked("Two?", id="a"), asked("Three?", id="b"), asked("Three?", id="b")]


@pytest.mark.parametrize(
    ("records", "source", "more"),
    [
        (cumulative, {"fold": "prefix"}, {}),
        (with_same_ids, {}, {"normalize": {"id_conflict": "quarantine"}}),
        (with_same_ids, {"keep_if": {"id": ["a"]}}, {}),
        (lambda: [asked("My key is sk-ant-api03-" + "aB3dE5fG7h" * 9)], {}, {"scrub": {"secrets": "quarantine"}}),
        (list, {}, {}),
    ],
)
def test_what_other_records_decide_is_decided_as_in_a_run(tmp_path: Path, records: Any, source: dict[str, Any], more: dict[str, Any]):
    files = [str(write_lines(tmp_path / "a.jsonl", records()))]
    flow = open_case(configuration("glm_4", source=source, **more))
    run = run_of(flow, files)
    assert planned(plan_of(flow, files)) == run
    assert len(run) > 1 or not records()


@pytest.mark.parametrize("reads_pixels", [True, False])
def test_steps_of_an_episode_in_several_files_have_their_history(tmp_path: Path, reads_pixels: bool):
    write_screens(tmp_path / "screens", 6)
    steps = [aitz(i, 4, (i / 10, 0.5), episode_id=f"e{k}") for k in range(5) for i in range(5)]
    taps = [{"goal": f"{x}", "steps": [{"screenshot": "s0.png", "action": {"type": "tap", "x": x, "y": 0.5}}]} for x in (0.25, 0.5, 1)]
    episodes = [android([{"action_type": "click", "x": 54, "y": i}] * 3, episode_id=i) for i in range(3)]
    records = [*steps, aitz(0, 6, image_path="gone.png", episode_id="g"), *taps, *episodes, steps[3], {"messages": []}]
    files = [str(write_lines(tmp_path / "logs" / f"{i}.jsonl", records[i::3])) for i in range(3)]
    source = {"path": str(tmp_path / "logs"), "image_root": str(tmp_path / "screens")}
    config = stepwise("agentcpm_gui", source, history={"steps": 2, "images": 2})
    flow = open_case(config.model_copy(update={"dialects": configuration("agentcpm_gui").dialects}))
    run = run_of(flow, files)
    assert planned(plan_of(flow, files, reads_pixels=reads_pixels)) == run
    assert run["agentcpm_gui", "rows"] > run["records", "kept"] > 20


@pytest.mark.parametrize("lines", [[asked(f"Question {i}?", "word " * (i % 7 + 1)) for i in range(400)]])
def test_a_sample_is_scaled_to_all_records_and_its_interval_holds_their_total(tmp_path: Path, lines: list[Any]):
    files = [str(write_lines(tmp_path / "a.jsonl", [*lines, lines[0], b"{not json"]))]
    flow = open_case(configuration("glm_4"))
    whole, part = plan_of(flow, files), plan_of(flow, files, 100, seed=3)
    exact, guess = whole.estimate("glm_4", 8192, "tokens"), part.estimate("glm_4", 8192, "tokens")
    assert exact.low == exact.high
    assert guess.low < exact.total < guess.high
    assert abs(guess.total - exact.total) < exact.total / 10
    assert (part.is_exact, part.reads_pixels, dict(part.sums.sampled), dict(part.census.records)) == (False, False, {"kit": 100}, {"kit": 401})
    assert part.estimate("records", "duplicate") == whole.estimate("records", "duplicate")


def test_the_share_of_the_gate_is_that_of_the_run(tmp_path: Path):
    call = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}
    files = [str(write_lines(tmp_path / "a.jsonl", [asked("One?"), b"{not json", {"messages": [{"role": "user", "content": "Q"}, call]}, asked("Two?")]))]
    flow = open_case(configuration("minicpm_v_2_6"))
    assert plan_of(flow, files).quarantined_share() == 0.5  # a bad line, and a record that the only dialect cannot take


def test_the_smallest_setting_is_the_length_of_a_row(tmp_path: Path):
    files = [str(write_lines(tmp_path / "a.jsonl", [asked(f"{i}?", "word " * i) for i in range(1, 201)]))]
    flow = open_case(configuration("glm_4"))
    plan = plan_of(flow, files)
    lengths = sorted(len(row.tokens.input_ids) for row in run_listed(flow, list_files(flow.config, files, None).files) if isinstance(row, Sample))
    assert (plan.least_that_fits("glm_4", 1.0), plan.least_that_fits("glm_4", 0.99)) == (lengths[-1], lengths[197])


def test_the_example_in_the_docs_is_true(demo, capsys: pytest.CaptureFixture[str]):
    folder, _ = demo
    page = (Path(__file__).parents[2] / "docs" / "plan.md").read_text(encoding="utf-8")
    shown, printed = re.findall(r"```\n(.*?)```", page, re.S)
    command, _, *options = shlex.split(shown)
    settings = [f"sources[0].path={folder}/gui/{{batch}}", f"sources[0].image_root={folder}/screens", f"sources[1].path={folder}/tools/{{batch}}"]
    given = [part for setting in (*settings, f"dialects[4].tokenizer={folder}/chatml_standin") for part in ("--set", setting)]
    assert command == "episodes"
    assert main(["plan", "--config", str(DEMO_CONF), *options[2:], *given]) == 0
    assert capsys.readouterr().out.startswith(printed)
