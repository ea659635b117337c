"""A key of a log is read, harmless, counted, or a reason to refuse the record."""

import json
from typing import Any

import pytest

from pipelines.flow import draft_of
from pipelines.records import Draft, raw_record
from tests.making import asked, configuration, conversation, notes, refusals, turns

ANSWER = {"role": "assistant", "content": "A"}


def unread(record: Any, **source: Any) -> dict[str, int]:
    raw = raw_record("kit", "logs.jsonl", 1, json.dumps(record).encode())
    return dict(draft_of(raw, configuration(source=source)).unread)


@pytest.mark.parametrize(
    ("record", "place"),
    [
        # Preference data: shapes/27e, 27g of public fine-tuners' reports.
        (asked(chosen={"role": "assistant", "content": "good"}), "chosen"),
        (asked(rejected="bad"), "rejected"),
        (asked(response={"choices": []}, choices=[1]), "choices"),
        (asked(objects={"bbox": [[1, 2]]}), "objects"),
        (asked(loss_mask=[0, 1]), "loss_mask"),
        ({"messages": [{"role": "user", "content": "Q"}, ANSWER | {"train_detail": [{"train": False}]}]}, "messages[1].train_detail"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "Q", "actions": [1]}]}, ANSWER]}, "messages[0].content[0].actions"),
        (
            {"messages": [{"role": "user", "content": "Q"}, ANSWER | {"tool_calls": [{"function": {"name": "f", "arguments": "{}", "output": "4"}}]}]},
            "messages[1].tool_calls[0].function.output",
        ),
        (asked(tools=[{"type": "function", "function": {"name": "f"}, "actions": ["x"]}]), "tools[0].actions"),
        (asked(conversations=[{"from": "human", "value": "B"}, {"from": "gpt", "value": "C"}]), "messages"),
        ({"messages": [{"role": "user", "content": "Q", "value": "another question"}, ANSWER]}, "messages[0].value"),
    ],
)
def test_an_unread_key_with_a_meaningful_name_refuses_the_record(record, place: str):
    assert ("schema.field_unread", place) in refusals(record)
    made = conversation(record, configuration(normalize={"field_unread": "warn"}))
    assert ("schema.field_unread", place) in notes(made)
    assert made.findings[0].code == "schema.field_unread"


def test_a_key_that_the_source_ignores_is_counted_and_refuses_nothing():
    record = asked(rejected="bad")
    assert conversation(record, configuration(source={"ignore": ["rejected"]})).findings == ()
    assert unread(record, ignore=["rejected"]) == {"record.rejected": 1}


@pytest.mark.parametrize("value", [None, "", [], {}, False])
def test_an_unread_key_without_a_value_refuses_nothing(value):
    assert conversation(asked(rejected=value)).findings == ()


@pytest.mark.parametrize(("key", "value"), [("train_on_input", True), ("loss_scales", 1), ("function_call", "auto"), ("reasoning_effort", "high")])
def test_a_default_refuses_nothing(key: str, value):
    assert conversation(asked(**{key: value})).findings == ()


def test_other_unread_keys_are_counted_by_place_unless_they_are_null():
    part = {"type": "text", "text": "Q", "lang": "en"}
    record = {"messages": [{"role": "user", "content": [part], "mood": "x"}, ANSWER | {"mood": "y", "padded": None}], "points": 1, "id": "7", "timestamp": 3}
    assert unread(record) == {"turn.mood": 2, "part.lang": 1, "record.points": 1}


def test_a_key_of_an_object_that_is_no_turn_is_counted_by_its_place_and_why_an_answer_ended_is_read():
    choice = {"index": 0, "message": ANSWER, "finish_reason": "stop", "seed": 3}
    request = {"messages": [{"role": "user", "content": "Q"}], "user": "u"}
    record = {"request": request, "response": {"choices": [choice], "id": "r"}, "finish_reason": "stop", "user": "u"}
    assert unread(record) == {"record.request.user": 1, "record.response.choices[].seed": 1, "record.response.id": 1, "record.user": 1}


def test_a_key_that_is_read_on_other_turns_only_is_counted():
    assert unread({"messages": [{"role": "user", "name": "ann", "content": "Q"}, ANSWER | {"tool_call_id": "1"}]}) == {"turn.name": 1, "turn.tool_call_id": 1}


def test_a_record_that_is_refused_has_its_keys_counted_too():
    assert unread(asked(points=1, rejected="bad")) == {"record.points": 1, "record.rejected": 1}


def test_a_record_of_many_keys_is_counted_in_bounded_space():
    counted = unread(asked(**{f"key{n}": 1 for n in range(1000)}))
    assert len(counted) == 257
    assert sum(counted.values()) == 1000


def test_the_unread_keys_of_a_draft_and_of_a_refused_record_both_count():
    raw = raw_record("kit", "logs.jsonl", 1, json.dumps(asked(reward=1)).encode())
    assert isinstance(draft_of(raw, configuration()), Draft)


@pytest.mark.parametrize(
    "record",
    [
        {"conversations": json.dumps([{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}])},
        {"messages": json.dumps([{"role": "user", "content": "Q"}, ANSWER])},
        {"messages": [json.dumps({"role": "user", "content": "Q"}), json.dumps(ANSWER)]},
        {"conversations": None, "messages": [{"role": "user", "content": "Q"}, ANSWER], "image": None},
        {"messages": [{"role": "human", "content": "Q"}, {"role": "ai", "content": "A"}]},
    ],
)
def test_turns_may_be_a_list_or_json_text_and_columns_of_nulls_are_ignored(record):
    assert turns(conversation(record)) == [("user", "", "Q"), ("assistant", "", "A")]


@pytest.mark.parametrize("key", ["system", "system_prompt", "system_message", "instructions", "systemInstruction"])
def test_a_system_text_beside_the_turns_is_read_once(key: str):
    assert turns(conversation(asked(**{key: "S"})))[0] == ("system", "", "S")
    said = {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}, ANSWER], key: "S"}
    assert turns(conversation(said)) == [("system", "", "S"), ("user", "", "Q"), ("assistant", "", "A")]


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (asked(videos=["clip.mp4"], question="<video>What?"), "media.unsupported"),
        ({"conversations": [{"from": "human", "value": "<audio>What?"}, {"from": "gpt", "value": "A"}], "audios": ["a.wav"]}, "media.unsupported"),
        ({"messages": [{"role": "user", "content": [{"type": "video", "video": "clip.mp4"}, {"type": "text", "text": "Q"}]}, ANSWER]}, "media.unsupported"),
        (asked(label=False), "record.labelled_bad"),
    ],
)
def test_media_and_answers_labelled_as_bad_are_refused(record, code: str):
    assert refusals(record)[0][0] == code


def test_the_settings_can_allow_media_and_ignore_labels():
    made = conversation(asked(videos=["clip.mp4"]), configuration(normalize={"media": "warn"}))
    assert notes(made) == [("media.unsupported", "videos")]
    assert conversation(asked(label=False), configuration(source={"ignore": ["label"]})).findings == ()
    assert conversation(asked(label=True)).findings == ()


@pytest.mark.parametrize(
    ("more", "wanted", "found"),
    [
        ({"trajectory_id": "t7"}, None, "t7"),
        ({"session_id": 7, "conversation_id": "c"}, None, "7"),
        ({"task": "k", "session_id": "s"}, "task", "k"),
        ({"id": "ep3_12"}, {"from": "id", "pattern": r"(.+)_\d+"}, "ep3"),
        ({"id": "ep3"}, {"from": "id", "pattern": r"(.+)_\d+"}, None),
        ({}, None, None),
    ],
)
def test_the_episode_id_comes_from_the_first_configured_key_or_a_part_of_it(more, wanted, found):
    made = conversation(asked(**more), configuration(source={"episode_id": wanted} if wanted else {}))
    assert made.episode_id == (found or made.record_id)


@pytest.mark.parametrize("text", ['"reward": NaN', '"logprobs": [-0.1, -Infinity]'])
def test_nan_in_an_unread_field_does_no_harm(text: str):
    raw = b'{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A", "logprobs": [Infinity]}], ' + text.encode() + b"}"
    assert turns(conversation(raw)) == [("user", "", "Q"), ("assistant", "", "A")]


@pytest.mark.parametrize("text", ['"step_id": NaN', '"tools": [{"name": "f", "parameters": {"x": NaN}}]'])
def test_nan_in_a_field_that_is_read_refuses_the_record(text: str):
    raw = b'{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}], ' + text.encode() + b"}"
    assert refusals(raw)[0][0] == "json.nonfinite"


def test_a_key_that_the_source_ignores_is_not_read():
    record = {"messages": [{"role": "user", "content": "Q"}, ANSWER | {"weight": 0, "thought": "hm"}], "images": ["a.png"]}
    config = configuration(source={"ignore": ["weight", "thought", "images"]})
    made = conversation(record, config)
    assert (turns(made)[1], made.messages[1].loss_weight, made.images) == (("assistant", "", "A"), None, ())
    assert unread(record, ignore=["weight", "thought", "images"]) == {"turn.weight": 1, "turn.thought": 1, "record.images": 1}


@pytest.mark.parametrize("labels", [{"label": True, "kto_tag": False}, {"kto_tag": "false"}])
def test_every_label_counts(labels):
    assert refusals(asked(**labels)) == [("record.labelled_bad", "kto_tag")]
    assert conversation(asked(**labels), configuration(source={"ignore": ["kto_tag"]})).findings == ()
