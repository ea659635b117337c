"""Which keys decide the format of a record, and where its turns are read."""

import json

import pytest

from tests.making import asked, configuration, conversation, notes, refusals, turns

ROLES = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]
FROM = [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]
QA = [("user", "", "Q"), ("assistant", "", "A")]
TOOLS = json.dumps([{"name": "f", "parameters": {}}])


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ({"conversations": ROLES}, "agentcpm"),
        ({"conversations": ROLES, "image": {}}, "agentcpm"),
        ({"conversations": FROM, "image": {}}, "agentcpm"),  # the key `image` decides
        ({"conversations": ROLES, "image": {}, "tools": TOOLS}, "agentcpm"),
        ({"conversations": FROM}, "sharegpt"),
        ({"conversations": [ROLES[0], FROM[1]]}, "sharegpt"),  # one turn with `from` is enough
        ({"conversations": ROLES, "images": []}, "sharegpt"),
        ({"conversations": ROLES, "tools": TOOLS}, "sharegpt"),
        ({"conversations": ROLES, "system": ""}, "sharegpt"),
        ({"conversations": ROLES, "image": None, "images": []}, "sharegpt"),  # null is no key
        ({"conversations": ROLES, "images": None}, "agentcpm"),
        ({"messages": ROLES, "images": []}, "sharegpt"),
        ({"messages": ROLES, "images": None}, "openai"),
        ({"messages": ROLES}, "openai"),
        ({"messages": ROLES, "image": {}}, "openai"),
        ({"messages": ROLES, "tools": TOOLS}, "openai"),
        ({"messages": [ROLES[0] | {"metadata": ""}, ROLES[1]]}, "glm"),
        ({"messages": [ROLES[0] | {"metadata": None}, ROLES[1]]}, "openai"),
        ({"messages": [{"role": "system", "content": "", "tools": []}, *ROLES]}, "glm"),
        ({"messages": [ROLES[0] | {"image": ""}, ROLES[1]]}, "glm"),
        ({"messages": [ROLES[0] | {"images": []}, ROLES[1]]}, "openai"),
    ],
)
def test_only_keys_with_values_decide_the_format(record, name: str):
    made = conversation(record)
    assert made.format == name
    assert [turn for turn in turns(made) if turn[0] != "system"] == QA


def test_a_turn_of_role_observation_means_format_glm():
    call = {"role": "assistant", "metadata": "f", "content": "{}"}
    assert conversation({"messages": [ROLES[0], call, {"role": "observation", "content": "4"}, ROLES[1]]}).format == "glm"


@pytest.mark.parametrize("name", ["agentcpm", "sharegpt", "glm", "openai"])
@pytest.mark.parametrize("key", ["conversations", "messages"])
def test_a_source_may_name_the_format_of_turns_under_either_key(name: str, key: str):
    made = conversation({key: ROLES}, configuration(source={"format": name}))
    assert (made.format, turns(made)) == (name, QA)


@pytest.mark.parametrize("name", ["auto", "agentcpm", "openai"])
def test_a_record_without_turns_has_no_format(name: str):
    assert refusals({"prompt": "Q", "image": "a.png"}, configuration(source={"format": name})) == [("schema.unknown_format", "")]


@pytest.mark.parametrize(("name", "first"), [("sharegpt", "conversations"), ("agentcpm", "conversations"), ("glm", "messages"), ("openai", "messages")])
def test_a_format_reads_its_own_list_of_turns_and_refuses_a_different_second_one(name: str, first: str):
    config = configuration(source={"format": name})
    assert turns(conversation({"conversations": ROLES, "messages": ROLES}, config)) == QA
    other = "messages" if first == "conversations" else "conversations"
    assert refusals({first: ROLES, other: [*ROLES, *ROLES]}, config) == [("schema.field_unread", other)]


@pytest.mark.parametrize(("key", "other", "value"), [("role", "from", "user"), ("content", "value", "Q")])
def test_two_keys_of_the_same_meaning_must_have_the_same_value(key: str, other: str, value: str):
    for question in ({other: value, **ROLES[0]}, {**ROLES[0], other: value}):
        assert turns(conversation({"messages": [question, ROLES[1]]})) == QA
    for question in ({other: "else", **ROLES[0]}, {**ROLES[0], other: "else"}):
        assert refusals({"messages": [question, ROLES[1]]}) == [("schema.field_unread", f"messages[0].{other}")]


@pytest.mark.parametrize("turn", ["Q", "[]", '{"role": "user"', 7, None, ["user", "Q"]])
def test_a_turn_that_is_not_an_object_is_reported_with_its_place(turn):
    assert refusals({"messages": [ROLES[0], turn, ROLES[1]]}) == [("schema.turn_not_object", "messages[1]")]


@pytest.mark.parametrize(
    ("value", "code"), [("Q", "turns_not_list"), ("{}", "turns_not_list"), ({}, "turns_not_list"), (7, "turns_not_list"), ([], "turns_empty")]
)
def test_turns_that_are_not_a_list_are_refused(value, code: str):
    assert refusals({"messages": value})[0] == (f"schema.{code}", "messages")


@pytest.mark.parametrize("key", ["label", "kto_tag"])
@pytest.mark.parametrize("value", [False, "false", " False "])
def test_an_answer_that_is_labelled_as_bad_is_refused(key: str, value):
    assert refusals(asked(**{key: value})) == [("record.labelled_bad", key)]


@pytest.mark.parametrize("value", [True, "true"])
def test_an_answer_that_is_labelled_as_good_is_kept(value):
    assert turns(conversation(asked(label=value))) == [("user", "", "Hello?"), ("assistant", "", "Hello.")]


@pytest.mark.parametrize(
    ("key", "value", "is_refused"),
    [
        *[("rejected", value, False) for value in (None, "", [], {}, False)],
        *[("rejected", value, True) for value in (True, 1, 0, "x", "auto", [""], {"a": None})],
        *[("train_on_input", value, False) for value in (None, True, 1, "")],
        *[("train_on_input", value, True) for value in (False, 0, 2, "false", "auto")],
        *[("weights", value, False) for value in (1, True)],
        *[("weights", value, True) for value in (0, 0.5, False)],
        *[("my_mask", value, True) for value in (False, [1, 0])],
        *[
            ("ITEMS", 1, False),
            ("Images_path", 1, True),
            ("IMG_URLS", 1, True),
            ("audio_path", 1, True),
            ("image_2", 1, True),
            ("image_id", 1, False),
            ("outputs", 1, False),
            ("output", 1, True),
        ],
    ],
)
def test_an_unread_key_of_a_meaningful_name_is_refused_unless_it_has_a_default_value(key: str, value, is_refused: bool):
    record = asked(**{key: value})
    if is_refused:
        assert refusals(record) == [("schema.field_unread", key)]
    else:
        assert notes(conversation(record)) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": NaN}]', [("schema.content_type", "messages[1].content")]),
        ('"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}], "note": [-Infinity]', None),  # nothing reads it
        ('"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}], "session_id": NaN', [("json.nonfinite", "episode_id")]),
    ],
)
def test_nan_and_infinity_are_refused_in_fields_that_are_read(text: str, found: list[tuple[str, str]] | None):
    record = f"{{{text}}}".encode()
    assert refusals(record) == found if found else conversation(record)
