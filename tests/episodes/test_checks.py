"""The checks of an agent's steps find what was planted, and nothing else."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from pipelines.config import ConfigError
from pipelines.config.checks import Checks
from pipelines.episodes.checks import CHECKS, check_steps
from pipelines.episodes.checks.steps import Episode
from pipelines.reasons import Reject
from pipelines.records import Conversation, Message, Quarantined, Sample
from tests.episodes.checks.planted import PLANTED, call, clean_gui, clean_tools, conversation
from tests.episodes.steps.records import android, sizes_of, stepwise
from tests.making import configuration, run

EPISODES = 1000


def found(made: Conversation) -> set[str]:
    return {name for name, (check, _) in CHECKS.items() if any(True for _ in check(Episode(made)))}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_planted_faults_are_found(plant: Any):
    """In 99 of 100 episodes, and what another check finds there is rare."""
    seen = Counter(name for seed in range(EPISODES) for name in found(plant(Random(seed))))
    assert seen.pop(plant.__name__) >= 0.99 * EPISODES
    related = {"same_failing_call": "error_streak"}.get(plant.__name__)
    assert sum(count for name, count in seen.items() if name != related) <= 0.01 * EPISODES, seen


@pytest.mark.parametrize("make", [clean_tools, clean_gui], ids=lambda make: make.__name__)
def test_nothing_is_found_where_nothing_was_planted(make: Any):
    assert Counter(name for seed in range(EPISODES) for name in found(make(Random(seed)))) == {}


def test_by_default_a_fault_is_noted_and_changes_nothing():
    failing = [turn for _ in range(4) for turn in (call("look", at=1), Message("observation", "Error: no such page"))]
    made = conversation([Message("user", "Go"), *failing, Message("assistant", "Done.")], [])
    checked = check_steps(made, Checks())
    assert checked.messages == made.messages
    assert [(finding.code, finding.stage, finding.where, finding.detail) for finding in checked.findings] == [
        ("check.same_failing_call", "checks", "messages[3]", "'look' fails 4 times in a row with the same arguments")
    ]


def test_mask_takes_the_answers_of_the_step_out_of_the_loss():
    failing = [turn for i in range(3) for turn in (Message("assistant", f"Try {i}."), call("look", at=1), Message("observation", "Error: no such page"))]
    made = conversation([Message("user", "Go"), *failing, Message("assistant", "Done.")], [])
    checked = check_steps(made, Checks(same_failing_call="mask"))
    assert [i for i, message in enumerate(checked.messages) if message.loss_weight == 0] == [4, 5, 7, 8]
    assert [(finding.code, finding.where, finding.detail) for finding in checked.findings[1:]] == [
        ("repair.step_masked", f"messages[{i}]", "checks.same_failing_call is mask") for i in (4, 5, 7, 8)
    ]


def test_quarantine_refuses_the_conversation_with_all_that_was_found():
    failing = [turn for i in range(4) for turn in (call("look", at=i), Message("observation", "Error: no such page"))]
    made = conversation([Message("user", "Go"), *failing], [])
    with pytest.raises(Reject) as caught:
        check_steps(made, Checks(no_end="quarantine"))
    assert [(finding.code, finding.where) for finding in caught.value.findings] == [("check.no_end", "messages[8]"), ("check.error_streak", "messages[1]")]


def test_a_step_of_an_episode_needs_no_end():
    made = conversation([Message("user", "Go"), call("look", at=1), Message("observation", "seen")], [])
    assert found(made) == {"no_end"}
    assert found(replace(made, step_id="3")) == set()


UNDECLARED = {
    "messages": [
        {"role": "user", "content": "Q"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "g", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "4"},
        {"role": "assistant", "content": "A"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "description": "", "parameters": {"type": "object", "properties": {}}}}],
}


def test_a_record_goes_through_the_checks_before_its_dialects():
    first, row = run(UNDECLARED, configuration("glm_4"))
    assert isinstance(first, Conversation)
    assert isinstance(row, Sample)
    assert [(finding.code, finding.where) for finding in first.findings] == [("tool.unknown_tool", "messages[1].tool_calls[0]")]
    first, row = run(UNDECLARED, configuration("glm_4", checks={"undeclared_tool": "mask"}))
    assert isinstance(first, Conversation)
    assert isinstance(row, Sample)
    assert [message.loss_weight for message in first.messages] == [None, 0.0, None, None]
    assert row.tokens.num_target_tokens == 3
    (row,) = run(UNDECLARED, configuration("glm_4", checks={"undeclared_tool": "quarantine"}))
    assert isinstance(row, Quarantined)
    assert (row.findings[0].code, row.findings[0].where, row.dialect, row.episode_id) == ("tool.unknown_tool", "messages[1]", None, row.raw.record_id)


@pytest.mark.parametrize(
    ("checks", "fault"), [({"no_ends": "mask"}, "no_end"), ({"no_end": "drop"}, "not one of note, mask, quarantine"), ({"no_end": None}, "note")]
)
def test_an_unknown_check_and_an_unknown_consequence_are_refused(checks: dict[str, Any], fault: str):
    with pytest.raises(ConfigError, match=fault):
        configuration("glm_4", checks=checks)


BACK, TAP = {"action_type": "navigate_back"}, {"action_type": "click", "x": 54, "y": 120}


def step_rows(actions: list[Any], checks: dict[str, str], **rows: Any) -> list[Any]:
    """The outcomes of an episode of these actions. All of its screens are the same picture."""
    config = stepwise(**rows)
    return run(android(actions), config.model_copy(update={"checks": Checks.model_validate(checks)}), sizes_of(len(actions) + 1))


def test_the_rows_of_an_episode_are_checked_together():
    rows = step_rows([BACK, BACK, TAP], {})
    assert [[(finding.code, finding.where) for finding in row.findings] for row in rows] == [[], [("check.no_change", "messages[2]")], [], []]
    rows = step_rows([BACK, TAP], {}, finish_row=False)
    assert [[(finding.code, finding.where) for finding in row.findings] for row in rows] == [[], [("check.no_end", "messages[2]")]]


def test_a_step_that_is_masked_has_a_row_that_is_not_trained():
    rows = step_rows([BACK, BACK, TAP], {"no_change": "mask"})
    assert [row.messages[-1].loss_weight for row in rows] == [None, 0.0, None, None]
    assert [finding.code for finding in rows[1].findings] == ["check.no_change", "repair.step_masked"]


def test_an_episode_with_a_fault_can_be_refused_whole():
    (row,) = step_rows([BACK, BACK, TAP], {"no_change": "quarantine"})
    assert [finding.code for finding in row.findings] == ["check.no_change"]


def test_a_masked_step_is_not_trained_in_later_rows_that_show_it():
    rows = step_rows([TAP, TAP, TAP], {"no_change": "mask"}, finish_row=False, loss="all", history={"steps": 0, "images": 2})
    weights = [[message.loss_weight for message in row.messages if message.role == "assistant"] for row in rows]
    assert weights == [[None], [None, 0.0], [0.0, 0.0]]


def test_waiting_on_an_unchanged_screen_is_no_fault():
    wait = {"action_type": "wait"}
    rows = step_rows([wait, wait, TAP], {"no_change": "quarantine"})
    assert len(rows) == 4
    assert [finding for row in rows for finding in row.findings] == []
