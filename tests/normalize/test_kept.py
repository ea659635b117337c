"""`keep_if` leaves records out; `keep`, and the usual names of outcomes, go into column `extra`."""

import json
from typing import Any

import pytest

from pipelines.flow import draft_of
from pipelines.records import Draft, Quarantined, raw_record
from tests.making import asked, configuration, conversation, notes, refusals, run, run_lines, write_lines


def extra(record: Any, **source: Any) -> Any:
    made = conversation(record, configuration(source=source)).extra
    return made and json.loads(made)


def drafted(line: str, **source: Any) -> Draft | Quarantined:
    return draft_of(raw_record("kit", "logs.jsonl", 1, line.encode()), configuration(source=source))


def details(record: Any, **source: Any) -> list[tuple[str, str, str]]:
    (first,) = run(record, configuration(source=source))
    return [(finding.code, finding.where, finding.detail) for finding in first.findings]


@pytest.mark.parametrize(
    ("value", "kept", "is_kept"),
    [
        (True, True, True),
        (False, True, False),
        (1, True, False),  # a number is not a flag
        (True, 1, False),
        (1, 1.0, True),
        (1.0, 1, True),
        ("true", True, False),
        ("good", ["good", "great"], True),
        ("Good", ["good", "great"], False),
        (0.5, ["good", 0.5], True),
        (["good"], "good", False),
        ({"good": 1}, ["good", 1], False),
        (None, True, False),  # null counts as absent
        (None, [True, None], True),
        (None, None, True),
        (False, None, False),
    ],
)
def test_a_record_is_kept_if_its_field_has_one_of_the_values(value: Any, kept: Any, is_kept: bool):
    (first,) = run(asked(quality=value), configuration(source={"keep_if": {"quality": kept}}))
    assert isinstance(first, Quarantined) != is_kept


def test_a_filtered_record_names_every_field_that_has_another_value():
    found = details(asked(resolved=0, steps=[1]), keep_if={"resolved": True, "steps": ["few", None], "info.reward": [1, 0.5]})
    assert found == [
        ("record.filtered", "resolved", "found 0; kept: true"),
        ("record.filtered", "steps", "found a list; kept: 'few', null"),
        ("record.filtered", "info.reward", "the record does not have this field"),
    ]


def test_a_record_without_the_field_is_kept_where_null_is_among_the_values():
    assert refusals(asked(), configuration(source={"keep_if": {"error": "none"}})) == [("record.filtered", "error")]
    assert conversation(asked(), configuration(source={"keep_if": {"error": ["none", None]}}))


def test_a_field_is_found_by_its_path():
    record = asked(info={"eval": [{"reward": 1}]}, meta='{"split": "train"}')
    for path in ("info.eval[0].reward", "reward | info.eval[-1].reward"):
        assert conversation(record, configuration(source={"keep_if": {path: 1}}))
    assert conversation(record, configuration(source={"keep_if": {"meta.split": "train"}}))  # inside JSON text


def test_a_record_that_is_filtered_is_not_judged_further():
    assert refusals({"messages": "broken", "resolved": False}, configuration(source={"keep_if": {"resolved": True}})) == [("record.filtered", "resolved")]


def test_a_line_that_is_not_json_is_quarantined_for_that():
    found = drafted('{"resolved": tru', keep_if={"resolved": True})
    assert isinstance(found, Quarantined)
    assert found.findings[0].code == "line.truncated_json"


def test_the_column_of_a_folder_can_be_judged(tmp_path):
    config = configuration(source={"path": str(tmp_path), "keep_if": {"resolved": "yes"}})
    path = write_lines(tmp_path / "resolved=yes" / "a.jsonl", [asked()])
    assert [type(outcome).__name__ for outcome in run_lines(config, path)] == ["Conversation"]


def test_fields_are_kept_as_they_are_written():
    line = '{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}], "cost": 2.50, "info": {"by": "J\\u00f6rg", "n": null}}'
    made = drafted(line, keep=["cost", "info.by", "info.n", "absent", "who | info.by"])
    assert isinstance(made, Draft)
    assert made.extra == '{"cost": 2.50, "info.by": "Jörg", "who": "Jörg"}'


def test_kept_fields_are_read_and_what_lies_beside_them_is_not():
    record = asked(info={"reward": 1, "note": "x", "timestamp": 3}, cost=2, mood="calm")
    assert drafted(json.dumps(record)).unread == (("record.info", 1), ("record.cost", 1), ("record.mood", 1))
    assert drafted(json.dumps(record), keep=["info.reward", "cost"]).unread == (("record.info.note", 1), ("record.mood", 1))
    assert drafted(json.dumps(record), keep_if={"info": ["x", None], "cost": 2}).unread == ()  # filtered
    assert drafted(json.dumps(record), keep_if={"cost": 2}).unread == (("record.info", 1), ("record.mood", 1))


def test_a_field_that_would_refuse_the_record_can_be_kept_instead():
    record = asked(objects={"bbox": [1]}, meta={"actions": ["tap"], "weights": [2]})
    assert refusals(record) == [("schema.field_unread", "objects")]
    assert extra(record, keep=["objects"]) == {"objects": {"bbox": [1]}}
    assert refusals(record, configuration(source={"keep": ["objects", "meta.actions"]})) == [("schema.field_unread", "meta.weights")]


@pytest.mark.parametrize(
    ("fields", "kept", "failed"),
    [
        ({"resolved": True}, {"resolved": True}, []),
        ({"resolved": False}, {"resolved": False}, ["resolved"]),
        ({"resolved": 0}, {"resolved": 0}, ["resolved"]),
        ({"reward": 0.0, "score": 0.4}, {"reward": 0.0, "score": 0.4}, ["reward"]),
        ({"score": -3.7}, {"score": -3.7}, []),  # of a reward model
        ({"task_completed": "False", "alignment_score": 7}, {"alignment_score": 7, "task_completed": "False"}, ["task_completed"]),
        ({"outcome": "Success"}, {"outcome": "Success"}, []),
        ({"rewards": [0, 1]}, {"rewards": [0, 1]}, []),
        ({"success": None}, None, []),
        ({"other": False}, None, []),
    ],
)
def test_the_usual_names_of_outcomes_are_kept_with_a_note_where_they_say_failure(fields: dict[str, Any], kept: Any, failed: list[str]):
    made = conversation(asked(**fields))
    assert (made.extra and json.loads(made.extra)) == kept
    assert notes(made) == [("record.failed", place) for place in failed]


def test_the_place_of_a_failure_is_where_it_was_found():
    made = conversation(asked(info={"reward": 0}), configuration(source={"keep": ["reward | info.reward"]}))
    assert (made.extra, notes(made)) == ('{"reward": 0}', [("record.failed", "info.reward")])


def test_an_outcome_that_the_source_ignores_is_not_kept():
    assert extra(asked(reward=0), ignore=["reward"]) is None
    assert extra(asked(reward=0), ignore=["reward"], keep=["reward"]) == {"reward": 0}


def test_an_answer_that_is_labelled_as_bad_is_quarantined_unless_keep_if_leaves_it_out_first():
    record = asked(label=False)
    assert refusals(record, configuration(source={"keep": ["label"]})) == [("record.labelled_bad", "label")]
    assert refusals(record, configuration(source={"keep_if": {"label": True}})) == [("record.filtered", "label")]


def test_kept_fields_stand_beside_the_rejected_side_of_a_preference():
    record = {"prompt": "Q", "chosen": "A", "rejected": "B", "score": 3}
    assert extra(record) == {"rejected": "B", "score": 3}
    assert extra(record, keep=["rejected"]) == {"rejected": "B", "score": 3}


def test_nan_is_refused_in_a_field_to_keep_and_does_no_harm_in_any_other():
    text = '{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}], "reward": NaN, "scores": [NaN]}'
    found = drafted(text)
    assert isinstance(found, Draft)
    assert (found.extra, dict(found.unread)) == (None, {"record.reward": 1, "record.scores": 1})
    refused = drafted(text, keep=["reward", "scores"])
    assert isinstance(refused, Quarantined)
    assert [(finding.code, finding.where) for finding in refused.findings] == [("json.nonfinite", "reward"), ("json.nonfinite", "scores")]


def test_an_id_or_the_turns_can_be_kept_and_are_read_all_the_same():
    record = asked(id="7", episode_id="e")
    made = conversation(record, configuration(source={"keep": ["id", "messages[0].content", "episode_id"]}))
    assert (made.episode_id, json.loads(made.extra or "")) == ("e", {"episode_id": "e", "id": "7", "messages[0].content": "Hello?"})
