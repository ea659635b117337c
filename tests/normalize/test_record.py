"""What is read from a record as a whole: its turns, system texts, tools, label, media and episode."""

import json
from typing import Any

import pytest

from pipelines.flow import draft_of
from pipelines.records import Draft, Quarantined, raw_record
from tests.making import asked, configuration, conversation, notes, refusals, run, turns

Q, A = {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}


def unread_keys(record: dict[str, Any]) -> list[tuple[str, int]]:
    draft = draft_of(raw_record("kit", "a.jsonl", 1, json.dumps(record).encode()), configuration())
    assert isinstance(draft, Draft), draft
    return list(draft.unread)


def system(text: Any) -> dict[str, Any]:
    return {"role": "system", "content": text}


@pytest.mark.parametrize(
    ("logged", "refused"),
    [
        ("x", [("schema.turns_not_list", "messages")]),
        ({}, [("schema.turns_not_list", "messages")]),
        (5, [("schema.turns_not_list", "messages")]),
        ([], [("schema.turns_empty", "messages")]),
        ([Q, 5, A], [("schema.turn_not_object", "messages[1]")]),
        ([Q, [A]], [("schema.turn_not_object", "messages[1]")]),
        ([Q], [("schema.no_target", "")]),
        ([Q, A | {"content": " "}], [("schema.no_target", "")]),
        ([Q, A | {"content": None}, Q, A], [("schema.content_missing", "messages[1]")]),
        ([Q | {"content": ""}, A], [("schema.content_missing", "messages[0]")]),
        ([Q | {"content": None}, A], [("schema.content_missing", "messages[0]")]),  # and not a second time as a blank turn
        ([Q | {"content": None}, Q | {"content": ""}, A], [("schema.content_missing", "messages[0]"), ("schema.content_missing", "messages[1]")]),
    ],
)
def test_a_record_needs_a_list_of_turns_with_an_answer_and_no_blank_turn(logged: Any, refused: list[tuple[str, str]]):
    assert refusals({"messages": logged}) == refused


@pytest.mark.parametrize("blank", ["", "\n", [{"type": "text", "text": ""}]])
def test_a_blank_answer_beside_another_is_kept_with_a_note(blank: Any):
    made = conversation({"messages": [Q, A | {"content": blank}, Q, A]})
    assert [role for role, _, _ in turns(made)] == ["user", "assistant", "user", "assistant"]
    assert notes(made) == [("schema.answer_blank", "messages[1]")]


def test_an_answer_that_is_blank_because_its_reasoning_is_dropped_is_refused():
    answers = [A | {"content": "", "reasoning_content": "Hm."}, Q, A]
    found = refusals({"messages": [Q, *answers]}, configuration(normalize={"reasoning": "drop"}))
    assert found == [("schema.content_missing", "messages[1]"), ("repair.reasoning_dropped", "messages[1]")]


def test_a_blank_system_turn_is_no_fault():
    assert turns(conversation({"messages": [system(" "), Q, A]}))[0] == ("system", "", " ")


@pytest.mark.parametrize(
    ("beside", "first", "found"),
    [
        ({"system": "S"}, [], ["S"]),
        ({"system": ""}, [], []),
        ({"system": "S"}, ["S"], ["S"]),  # said once
        ({"system": "S"}, ["T"], ["S", "T"]),
        ({"system": "S", "system_prompt": "S"}, [], ["S"]),
        ({"system": "S", "system_prompt": "T"}, [], ["S", "T"]),
        ({"system": "S", "system_prompt": "T"}, ["T"], ["S", "T"]),
        ({"system": [{"type": "text", "text": "S"}]}, [], ["S"]),
        ({"system": "Q"}, [], ["Q"]),  # a question that says the same is no system text
    ],
)
def test_the_same_system_text_is_not_repeated(beside: dict[str, Any], first: list[str], found: list[str]):
    made = turns(conversation({"messages": [*map(system, first), Q, A], **beside}))
    assert made == [*(("system", "", text) for text in found), ("user", "", "Q"), ("assistant", "", "A")]


@pytest.mark.parametrize("value", [5, {"note": "S"}, True])
def test_a_system_text_that_is_neither_text_nor_parts_is_refused(value: Any):
    assert ("schema.field_type", "system") in refusals(asked(system=value))


LOOK, TAP = ({"name": name, "parameters": {"type": "object", "properties": {}}} for name in ("look", "tap"))


@pytest.mark.parametrize(
    ("record", "names"),
    [
        ({"tools": [LOOK]}, ["look"]),
        ({"tools": [LOOK], "functions": [LOOK]}, ["look"]),
        ({"tools": [LOOK], "functions": [TAP]}, ["look", "tap"]),
        ({"functions": [LOOK], "available_tools": [LOOK], "tools": [TAP]}, ["tap", "look"]),
        ({"tools": []}, []),
    ],
)
def test_the_same_tools_under_two_keys_are_one_list(record: dict[str, Any], names: list[str]):
    tools = conversation(asked(**record)).tools or ""
    assert sorted(names) == sorted(name for name in ("look", "tap") if tools.count(f'"{name}"') == 1)


def test_tools_on_a_turn_are_tools_of_the_record():
    tools = conversation({"messages": [Q | {"tools": [LOOK]}, A]}).tools
    assert tools is not None
    assert '"look"' in tools
    assert conversation({"messages": [Q | {"tools": None}, A]}).tools is None


@pytest.mark.parametrize(
    ("label", "refused"),
    [
        (True, None),
        ("true", None),
        (" True ", None),
        (False, "record.labelled_bad"),
        ("false", "record.labelled_bad"),
        ("FALSE\n", "record.labelled_bad"),
    ],
)
def test_an_answer_that_is_labelled_as_bad_is_refused(label: Any, refused: str | None):
    if refused:
        assert refusals(asked(kto_tag=label)) == [(refused, "kto_tag")]
        assert conversation(asked(kto_tag=label), configuration(source={"ignore": ["kto_tag"]}))
    else:
        assert conversation(asked(kto_tag=label)).findings == ()


@pytest.mark.parametrize("label", ["good", 1, 0, []])
def test_any_other_label_is_counted_as_unread(label: Any):
    assert notes(conversation(asked(label=label))) == []
    assert unread_keys(asked(label=label)) == [("record.label", 1)]
    assert unread_keys(asked(label=True)) == []


@pytest.mark.parametrize("key", ["video", "audio", "media"])
@pytest.mark.parametrize(
    ("value", "is_refused"), [("a.mp4", True), (["a.mp4"], True), (5, True), (True, True), ("", False), ([], False), ({}, False), (False, False)]
)
def test_media_are_refused_unless_the_value_is_empty(key: str, value: Any, is_refused: bool):
    for record in (asked(**{key: value}), {"messages": [Q | {key: value}, A]}):
        if is_refused:
            assert [code for code, _ in refusals(record)] == ["media.unsupported"]
        else:
            assert turns(conversation(record)) != []


@pytest.mark.parametrize(
    ("key", "logged", "episode"),
    [
        ("episode_id", "e1", "e1"),
        ("episode_id", 7, "7"),
        ("episode_id", 7.5, "7.5"),
        ("episode_id", "", None),
        ("episode_id", None, None),
        ("other", "e1", None),
        ({"from": "episode_id", "pattern": "(.+)_\\d+"}, "e1_5", "e1"),
        ({"from": "episode_id", "pattern": "(.+)_(\\d+)"}, "e1_5", "e1"),
        ({"from": "episode_id", "pattern": "(.+)_\\d+"}, "e1", None),
        ({"from": "episode_id", "pattern": "(.+)_\\d+"}, "e1_5x", None),  # the pattern must match the whole id
        ({"from": "episode_id", "pattern": "(.*)_\\d+"}, "_5", None),
        ({"from": "episode_id", "pattern": "(\\d)\\d*"}, 75, "7"),
    ],
)
def test_an_episode_is_identified_by_its_id_or_a_part_of_it(key: Any, logged: Any, episode: str | None):
    made = conversation(asked(episode_id=logged), configuration(source={"episode_id": key}))
    assert made.episode_id == (episode or made.record_id)


@pytest.mark.parametrize(
    ("turn", "unread"),
    [
        (Q | {"name": "n"}, [("turn.name", 1)]),
        (Q | {"tool_call_id": "1"}, [("turn.tool_call_id", 1)]),
        (Q | {"metadata": "m"}, [("turn.metadata", 1)]),
        (Q | {"metadata": ""}, []),
        (Q | {"loss": True}, [("turn.loss of a question", 1)]),
        (Q | {"loss": False}, []),
        (Q | {"name": None}, []),
    ],
)
def test_keys_that_mean_nothing_on_a_question_are_counted_as_unread(turn: dict[str, Any], unread: list[tuple[str, int]]):
    assert unread_keys({"messages": [turn, A]}) == unread


def test_every_turn_without_a_known_role_is_refused():
    record = {"messages": [Q, {"role": "narrator", "content": "x"}, {"content": "x"}, {"role": 5, "content": "x"}, {"role": "assistant", "content": "A"}]}
    assert refusals(record) == [
        ("schema.role_unknown", "messages[1].role"),
        ("schema.role_missing", "messages[2]"),
        ("schema.role_unknown", "messages[3].role"),
    ]
    assert len(run(record)) == 1


@pytest.mark.parametrize(
    ("logged", "found"),
    [("x", "a string that is not a JSON list"), ("{}", "a string that is not a JSON list"), ({}, "an object"), (5, "a number"), (None, "null")],
)
def test_turns_that_are_no_list_are_said_to_be_what_they_are(logged: Any, found: str):
    (row,) = run({"messages": logged})
    assert isinstance(row, Quarantined)
    assert f"found {found}; " in row.findings[0].detail
