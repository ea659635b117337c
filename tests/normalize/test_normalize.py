"""A record as a whole: its format, its ids, and all errors in it."""

from typing import Any

import pytest

from tests.making import asked, configuration, conversation, refusals, run, turns


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ({"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}, "openai"),
        ({"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "metadata": "", "content": "A"}]}, "glm"),
        ({"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]}, "sharegpt"),
        ({"conversations": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}], "image": {}}, "agentcpm"),
    ],
)
def test_every_format_is_recognized_and_gives_the_same_conversation(record, name: str):
    made = conversation(record)
    assert turns(made) == [("user", "", "Q"), ("assistant", "", "A")]
    assert made.format == name


def test_all_errors_of_a_record_are_reported_not_only_the_first():
    messages = [{"role": "narrator", "content": "Q"}, {"role": "assistant", "content": 7}, "text"]
    assert refusals({"messages": messages}) == [
        ("schema.role_unknown", "messages[0].role"),
        ("schema.content_type", "messages[1].content"),
        ("schema.turn_not_object", "messages[2]"),
    ]


@pytest.mark.parametrize(("logged", "kept"), [(7, "7"), (7.50, "7.5"), ("7", "7"), (None, None), ("", None)])
def test_a_numeric_id_becomes_its_json_text(logged, kept):
    made = conversation(asked(episode_id=logged, step_id=logged))
    assert (made.episode_id, made.step_id) == (kept or made.record_id, kept)


def test_a_numeric_id_keeps_the_digits_that_were_logged():
    raw = b'{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}], "episode_id": 1.50}'
    assert run(raw)[0].episode_id == "1.50"


@pytest.mark.parametrize("key", ["step_id", "id", "episode_id"])
@pytest.mark.parametrize(("value", "is_refused"), [("x", False), (7, False), (7.5, False), ("", False), (True, True), ([], True), ({}, True)])
def test_an_id_is_text_or_a_number(key: str, value: Any, is_refused: bool):
    record = asked(**{key: value})
    if is_refused:
        assert ("schema.field_type", key) in refusals(record)
    else:
        assert conversation(record).findings == ()


@pytest.mark.parametrize("setting", ["keep", "quarantine"])
def test_a_blank_turn_is_refused_and_so_is_a_record_without_an_answer(setting: str):
    config = configuration(normalize={"id_conflict": setting})
    assert refusals(asked(answer=" \n"), config) == [("schema.no_target", "")]
    blank = {"messages": [*asked()["messages"], {"role": "user", "content": "\t"}, *asked()["messages"][1:]]}
    assert refusals(blank, config) == [("schema.content_missing", "messages[2]")]
    assert refusals({"messages": [{"role": "user", "content": "Q"}]}, config) == [("schema.no_target", "")]
