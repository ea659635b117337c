"""Loss flags and weights, under every key that logs use."""

import pytest

from tests.making import asked, conversation, refusals

KEYS = ["loss", "train", "trainable", "training", "loss_mask", "mask", "loss_scale", "loss_weight", "weight"]


def weighed(**more):
    return {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A", **more}]}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", [False, 0, 0.0, "false", "False", 1e-50, 7e-46])
def test_false_means_weight_zero_under_every_key(key: str, value):
    assert conversation(weighed(**{key: value})).messages[1].loss_weight == 0.0


@pytest.mark.parametrize("key", KEYS)
def test_true_gives_no_weight_and_a_fraction_gives_one(key: str):
    assert conversation(weighed(**{key: True})).messages[1].loss_weight is None
    assert conversation(weighed(**{key: 0.5})).messages[1].loss_weight == 0.5


@pytest.mark.parametrize("value", ["no", "0", [0], {"a": 1}, -1, 1e39])
def test_any_other_loss_value_is_refused(value):
    assert refusals(weighed(loss=value)) == [("schema.field_type", "messages[1].loss")]


def test_false_under_one_key_wins_and_two_different_weights_are_refused():
    assert conversation(weighed(loss=False, weight=1)).messages[1].loss_weight == 0.0
    assert refusals(weighed(weight=0.5, loss_scale=2)) == [("schema.field_type", "messages[1]")]


def test_parts_of_one_turn_with_different_weights_are_refused():
    def parts(*weights):
        return weighed(content=[{"type": "text", "text": "a", "loss_weight": weight} for weight in weights])

    assert conversation(parts(0, 0)).messages[1].loss_weight == 0.0
    assert refusals(parts(0, 1)) == [("schema.field_unread", "messages[1].loss_weight")]


def test_weight_zero_on_a_part_wins_over_the_weight_of_its_turn():
    call = {"type": "tool_call", "value": {"name": "f", "arguments": {}}}
    assert conversation(weighed(content=[call | {"loss": False}])).messages[1].loss_weight == 0.0
    assert conversation(weighed(loss_weight=1, content=[{"type": "text", "text": "a", "loss": False}])).messages[1].loss_weight == 0.0
    assert refusals(weighed(content=[{"type": "text", "text": "a"}, call | {"loss_weight": 0}])) == [("schema.field_unread", "messages[1].loss_weight")]


def test_parts_of_a_question_may_have_different_weights():
    parts = [{"type": "text", "text": "a", "loss": False}, {"type": "text", "text": "b"}]
    record = {"messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": "A"}]}
    assert conversation(record).findings == ()


@pytest.mark.parametrize("key", ["is_masked", "mask_loss", "loss_masked", "no_loss", "skip_training"])
def test_an_unknown_loss_flag_that_is_true_is_refused(key: str):
    assert refusals(weighed(**{key: True})) == [("schema.field_unread", f"messages[1].{key}")]


@pytest.mark.parametrize(
    ("logged", "weight"),
    [({}, None), ({"loss": False}, 0.0), ({"train": False}, 0.0), ({"loss_weight": 0}, 0.0), ({"loss_weight": 0.5}, 0.5), ({"loss": True}, None)],
)
def test_loss_flags_become_a_weight(logged, weight):
    record = {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A", **logged}]}
    assert conversation(record).messages[1].loss_weight == weight


@pytest.mark.parametrize("weight", [10**400, 1e39, -1, [1], "1"])
def test_a_weight_that_the_column_cannot_hold_is_refused(weight):
    assert refusals(asked(question="Q") | {"messages": [{"role": "assistant", "content": "A", "loss_weight": weight}]}) == [
        ("schema.field_type", "messages[0].loss_weight")
    ]
