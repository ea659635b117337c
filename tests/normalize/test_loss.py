"""What a log says of training a turn, under every key that logs use."""

import pytest

from tests.making import conversation, refusals

KEYS = ["loss", "train", "trainable", "training", "loss_mask", "mask", "loss_scale", "loss_weight", "weight"]


def weighed(**more):
    return {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A", **more}]}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", [False, 0, 0.0, "false", "False", 1e-50, 7e-46])
def test_no_is_a_weight_of_zero_under_every_key(key: str, value):
    assert conversation(weighed(**{key: value})).messages[1].loss_weight == 0.0


@pytest.mark.parametrize("key", KEYS)
def test_yes_is_no_weight_and_a_number_between_is_one(key: str):
    assert conversation(weighed(**{key: True})).messages[1].loss_weight is None
    assert conversation(weighed(**{key: 0.5})).messages[1].loss_weight == 0.5


@pytest.mark.parametrize("value", ["no", "0", [0], {"a": 1}, -1, 1e39])
def test_anything_else_is_refused(value):
    assert refusals(weighed(loss=value)) == [("schema.field_type", "messages[1].loss")]


def test_no_under_one_key_wins_and_two_weights_that_differ_are_refused():
    assert conversation(weighed(loss=False, weight=1)).messages[1].loss_weight == 0.0
    assert refusals(weighed(weight=0.5, loss_scale=2)) == [("schema.field_type", "messages[1]")]


def test_parts_of_one_turn_are_trained_together_or_refused():
    def parts(*weights):
        return weighed(content=[{"type": "text", "text": "a", "loss_weight": weight} for weight in weights])

    assert conversation(parts(0, 0)).messages[1].loss_weight == 0.0
    assert refusals(parts(0, 1)) == [("schema.field_unread", "messages[1].loss_weight")]


def test_no_on_a_part_wins_over_its_turns_weight_and_a_call_part_has_a_say():
    call = {"type": "tool_call", "value": {"name": "f", "arguments": {}}}
    assert conversation(weighed(content=[call | {"loss": False}])).messages[1].loss_weight == 0.0
    assert conversation(weighed(loss_weight=1, content=[{"type": "text", "text": "a", "loss": False}])).messages[1].loss_weight == 0.0
    assert refusals(weighed(content=[{"type": "text", "text": "a"}, call | {"loss_weight": 0}])) == [("schema.field_unread", "messages[1].loss_weight")]


def test_parts_of_a_question_may_differ():
    parts = [{"type": "text", "text": "a", "loss": False}, {"type": "text", "text": "b"}]
    record = {"messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": "A"}]}
    assert conversation(record).findings == ()


@pytest.mark.parametrize("key", ["is_masked", "mask_loss", "loss_masked", "no_loss", "skip_training"])
def test_a_flag_of_unknown_meaning_that_says_yes_is_refused(key: str):
    assert refusals(weighed(**{key: True})) == [("schema.field_unread", f"messages[1].{key}")]
