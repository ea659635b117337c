"""`format: fields`, the columns of trainers, and what `check` says about a faulty mapping."""

import json
from typing import Any

import pytest

from pipelines.config import ConfigError, parse_config
from pipelines.flow import draft_of
from pipelines.records import raw_record
from tests.making import configuration, conversation, notes, refusals, run, turns

QA = [("user", "", "Q"), ("assistant", "", "A")]


def mapped(fields: dict[str, Any], **source: Any) -> Any:
    return configuration(source={"format": "fields", "fields": fields} | source)


def faults(fields: Any, **source: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        configuration(source={"format": "fields", "fields": fields} | source)
    return list(caught.value.faults)


DIALOG = {
    "data": {
        "dialog": [
            {"speaker": "customer", "body": {"text": "Q"}},
            {"speaker": "bot", "body": {"text": "A"}, "acts": [{"fn": "f", "params": {"x": 2.5}, "uid": "1"}], "w": 0},
            {"speaker": "machine", "body": {"text": "4"}, "ref": "1"},
            {"speaker": "bot", "body": {"text": "B"}, "thinks": "Hm."},
        ]
    }
}
MAPPING = {
    "turns": "data.dialog",
    "turn": {"role": "speaker", "content": "body.text", "calls": "acts", "call_id": "ref", "loss": "w", "reasoning": "thinks"},
    "roles": {"customer": "user", "bot": "assistant", "machine": "tool"},
    "call": {"name": "fn", "arguments": "params", "id": "uid"},
}


def test_turns_and_calls_of_any_names_are_read():
    made = conversation(json.dumps(DIALOG).replace("2.5}", "2.50}").encode(), mapped(MAPPING))
    assert turns(made) == [*QA, ("assistant", "f", '{"x": 2.50}'), ("observation", "", "4"), ("assistant", "", "<think>Hm.</think>B")]
    assert [message.loss_weight for message in made.messages] == [None, 0, 0, None, None]
    assert (made.format, made.findings) == ("fields", ())


@pytest.mark.parametrize(
    ("fields", "record", "wanted"),
    [
        ({"prompt": "q", "answer": "a"}, {"q": "Q", "a": "A"}, QA),
        ({"prompt": ["q", "more"], "answer": "a"}, {"q": "Q", "more": "M", "a": "A"}, [("user", "", "Q\nM"), ("assistant", "", "A")]),
        ({"prompt": ["q", "more"], "answer": "a"}, {"q": "Q", "more": "", "a": "A"}, QA),
        ({"prompt": "x | q", "answer": "a"}, {"q": "Q", "a": "A"}, QA),
        ({"prompt": "io[0]", "answer": "io[-1]"}, {"io": ["Q", "A"]}, QA),
        ({"prompt": "io.q", "answer": "io.a"}, {"io": '{"q": "Q", "a": "A"}'}, QA),
        ({"prompt": "a.b.q", "answer": "a.b.a"}, {"a.b": {"q": "Q", "a": "A"}}, QA),
        ({"history": "h", "prompt": "q", "answer": "a"}, {"h": [["Q", "A"]], "q": "Q2", "a": "A2"}, [*QA, ("user", "", "Q2"), ("assistant", "", "A2")]),
        ({"turns": "t"}, {"t": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}, QA),
        ({"turns": "t"}, {"t": '[{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]'}, QA),
        ({"turns": "t", "answer": "a"}, {"t": [{"role": "user", "content": "Q"}], "a": "A"}, QA),
        ({"prompt": "q", "answer": "a", "system": "s"}, {"q": "Q", "a": "A", "s": "S"}, [("system", "", "S"), *QA]),
        ({"prompt": "q", "answer": "a"}, {"q": "Q", "a": "A", "system": "S"}, [("system", "", "S"), *QA]),  # the usual keys hold too
        ({"turns": "t", "roles": {"u": "user", "m": "assistant"}}, {"t": [{"role": "u", "content": "Q"}, {"role": "m", "content": "A"}]}, QA),
    ],
)
def test_paths_lead_to_texts_and_turns(fields: dict[str, Any], record: dict[str, Any], wanted: list[tuple[str, str, str]]):
    assert turns(conversation(record, mapped(fields))) == wanted


def test_a_mark_of_images_may_have_any_spelling():
    fields = {"prompt": "q", "answer": "a", "images": "pics", "image_mark": "[IMG]"}
    made = conversation({"q": "Look: [IMG]", "a": "A", "pics": ["a.png"]}, mapped(fields), {"a.png": (8, 8)})
    assert (made.messages[0].content, made.messages[0].image_at) == ("Look: ", (6,))


def test_ids_come_from_their_paths():
    fields = {"prompt": "q", "answer": "a", "episode_id": "meta.run", "step_id": "meta.n"}
    made = conversation({"q": "Q", "a": "A", "meta": {"run": "r7", "n": 3}}, mapped(fields))
    assert (made.episode_id, made.step_id) == ("r7", "3")


def test_keys_beside_a_mapping_are_counted_or_refused():
    record = {"io": {"q": "Q", "a": "A", "note": 1}, "other": 2}
    fields = {"prompt": "io.q", "answer": "io.a"}
    raw = raw_record("kit", "logs.jsonl", 1, json.dumps(record).encode())
    assert dict(draft_of(raw, mapped(fields)).unread) == {"record.io.note": 1, "record.other": 1}
    record["io"]["thought"] = "x"
    assert refusals(record, mapped(fields)) == [("schema.field_unread", "io.thought")]
    turn = {"speaker": "customer", "body": {"text": "Q", "image": "a.png"}}
    dialog = [turn, *DIALOG["data"]["dialog"][1:]]
    assert refusals({"data": {"dialog": dialog}}, mapped(MAPPING)) == [("schema.field_unread", "data.dialog[0].body.image")]


def test_a_record_without_the_mapped_fields_is_refused():
    assert refusals({"x": 1}, mapped({"turns": "t"})) == [("schema.turns_empty", "t")]
    assert refusals({"t": 5}, mapped({"turns": "t"}))[0][0] == "schema.turn_not_object"


@pytest.mark.parametrize(
    ("fields", "record", "wanted"),
    [
        # LLaMA-Factory's dataset_info.json
        ({"columns": {"prompt": "q", "query": "x", "response": "a"}}, {"q": "Q", "x": "", "a": "A"}, QA),
        ({"formatting": "alpaca"}, {"instruction": "Q", "input": "", "output": "A"}, QA),
        ({"formatting": "sharegpt"}, {"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]}, QA),
        (
            {"formatting": "sharegpt", "columns": {"messages": "m"}, "tags": {"role_tag": "r", "content_tag": "c", "user_tag": "U", "assistant_tag": "B"}},
            {"m": [{"r": "U", "c": "Q"}, {"r": "B", "c": "A"}]},
            QA,
        ),
        (
            {"formatting": "sharegpt", "ranking": True, "columns": {"messages": "m", "chosen": "good", "rejected": "bad"}},
            {"m": [{"from": "human", "value": "Q"}], "good": {"from": "gpt", "value": "A"}, "bad": {"from": "gpt", "value": "B"}},
            QA,
        ),
        ({"ranking": True, "columns": {"prompt": "q", "chosen": "good", "rejected": "bad"}}, {"q": "Q", "good": "A", "bad": "B"}, QA),
        # ms-swift's --columns
        ({"columns": {"text1": "query", "text2": "response"}}, {"text1": "Q", "text2": "A"}, QA),
        ({"columns": {"dialog": "messages"}}, {"dialog": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}, QA),
    ],
)
def test_the_columns_of_trainers_are_taken_as_they_are(fields: dict[str, Any], record: dict[str, Any], wanted: list[tuple[str, str, str]]):
    config = mapped(fields)
    assert turns(conversation(record, config)) == wanted
    assert parse_config(json.loads(config.model_dump_json())) == config  # as a worker reads it


def test_a_rejected_answer_of_a_mapping_is_kept_aside():
    made = conversation({"q": "Q", "good": "A", "bad": "B"}, mapped({"prompt": "q", "answer": "good", "rejected": "bad"}))
    assert (made.extra, notes(made)) == ('{"rejected": "B"}', [("record.rejected_kept", "bad")])


FIELDS = "sources[0].fields"


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        (
            {"turns": "a..b", "turn": {"rol": "x"}, "rols": {}},
            [
                f"{FIELDS}.turns: 'a..b' is not a path such as data.turns or a[0].b, or alternatives of it such as data.turns | turns",
                f"{FIELDS}.turn.rol: unknown key; did you mean role?",
                f"{FIELDS}.rols: unknown key; did you mean roles?",
            ],
        ),
        ({"turns": "a", "roles": {"x": "boss"}}, [f"{FIELDS}.roles.x: 'boss' is not one of system, user, assistant, observation, function_call"]),
        ({"prompt": "q"}, [f"{FIELDS}: needs turns, or prompt and answer"]),
        ({"turns": 5}, [f"{FIELDS}.turns: expected text, found 5 (put it in quotes)"]),
        ({"columns": {"promt": "q", "response": "a"}}, [f"{FIELDS}: columns.promt: unknown key; did you mean prompt?"]),
        (
            {"formatting": "alpaca", "columns": {"promt": "q", "respons": "a"}},
            [f"{FIELDS}: columns.promt: unknown key; did you mean prompt?; columns.respons: unknown key; did you mean response?"],
        ),
        ({"columns": {"prompt": "q"}, "tags": {"role_tga": "r"}}, [f"{FIELDS}: tags.role_tga: unknown key; did you mean role_tag?"]),
        (
            {"columns": {"query": "response", "response": "query"}},
            [f"{FIELDS}: columns: may be of LLaMA-Factory or of ms-swift; write `formatting: alpaca` or `sharegpt` beside LLaMA-Factory's"],
        ),
        (
            {"columns": {"prompt": "q"}, "turns": "t"},
            [f"{FIELDS}: columns, tags, formatting and ranking are a trainer's form, and stand alone; found turns beside them"],
        ),
        ({"formatting": "chatml"}, [f"{FIELDS}: formatting: 'chatml' is not one of alpaca, sharegpt, openai"]),
        (None, ["sources[0]: format: fields needs the setting fields"]),
    ],
)
def test_every_fault_of_a_mapping_is_told_at_once_with_the_nearest_key(fields: Any, found: list[str]):
    assert faults(fields) == found


def test_a_mapping_needs_its_format_and_a_format_its_name():
    assert faults({"turns": "t"}, format="openai") == ["sources[0]: fields is read with format: fields, not openai"]
    assert "did you mean openai?" in faults(None, format="opnai")[0]
    assert faults(None, format="a:b:c") == ["sources[0].format: 'a:b:c' is not of the form module:function"]


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"turns": "t", "prompt": "q", "answer": "a"}, "turns and prompt both say where the questions are"),
        ({"answer": "a"}, "answer has no question before it; give prompt too"),
        ({"prompt": "q", "answer": "q"}, "answer and prompt are the same path, 'q'"),
        ({"prompt": ["q", "q"], "answer": "a"}, "prompt and prompt[1] are the same path, 'q'"),
        ({"turns": "t", "turn": {"role": "x", "content": "x"}}, "turn.role and turn.content are the same path, 'x'"),
        ({"turns": "t", "call": {"name": "x", "arguments": "x"}}, "call.name and call.arguments are the same path, 'x'"),
    ],
)
def test_a_mapping_that_no_record_can_have_is_a_fault(fields: dict[str, Any], fault: str):
    (found,) = faults(fields)
    assert found.startswith(f"sources[0].fields: {fault}")


@pytest.mark.parametrize("fields", [{"turns": "t", "answer": "a"}, {"history": "h", "answer": "a"}, {"history": "h", "turns": "t"}])
def test_turns_may_be_in_several_places(fields: dict[str, Any]):
    assert mapped(fields)


@pytest.mark.parametrize(
    ("fields", "record", "wanted", "detail"),
    [
        ({"turns": "dialogs"}, {"dialog": []}, ("schema.turns_empty", "dialogs"), "the record has no turns: nothing is at 'dialogs', which fields.turns names; did you mean 'dialog'?"),
        ({"turns": "data.dialog"}, {"data": {"dialogue": []}}, ("schema.turns_empty", "data.dialog"), "did you mean 'data.dialogue'?"),
        ({"turns": "t"}, {"data": 1}, ("schema.turns_empty", "t"), "the record has no turns: nothing is at 't', which fields.turns names"),
        ({"prompt": "ask", "answer": "a"}, {"asked": "Q", "a": "A"}, ("schema.content_missing", "ask"), "did you mean 'asked'?"),
        ({"prompt": "q", "answer": "said"}, {"q": "Q", "say": "A"}, ("schema.no_target", "said"), "nothing is at 'said', which fields.answer names; did you mean 'say'?"),
    ],
)  # fmt: skip
def test_a_path_that_leads_nowhere_is_named_with_the_nearest_key(fields: dict[str, Any], record: Any, wanted: tuple[str, str], detail: str):
    (finding,) = run(record, mapped(fields))[0].findings
    assert (finding.code, finding.where) == wanted
    assert finding.detail.endswith(detail)


def test_a_turn_s_fault_has_the_place_that_the_log_has():
    config = mapped({"turns": "log", "turn": {"role": "by.who", "content": "body.text"}, "roles": {"bot": "assistant"}})

    def found(who: Any, text: Any) -> list[tuple[str, str]]:
        return refusals({"log": [{"by": {"who": "user"}, "body": {"text": "Q"}}, {"by": {"who": who}, "body": {"text": text}}]}, config)

    assert found("boss", "A") == [("schema.role_unknown", "log[1].by.who")]
    assert found("bot", 3) == [("schema.content_type", "log[1].body.text")]
    (finding,) = run({"log": [{"body": {"text": "Q"}}]}, config)[0].findings
    assert (finding.where, finding.detail) == ("log[0]", "the turn has no role; expected one under by.who")
