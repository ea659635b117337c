"""Keys that few APIs have: calls, reasoning and pictures are read from them where their meaning is plain; else the record is refused by name."""

from typing import Any

import pytest

from tests.making import asked, conversation, refusals, turns

ASKED = {"role": "user", "content": "Q"}
CALL = {"name": "f", "arguments": {"a": 1}}
PICTURE = "data:image/png;base64," + "A" * 64


def answered(**more: Any) -> dict[str, Any]:
    return {"messages": [ASKED, {"role": "assistant", "content": "A", **more}]}


@pytest.mark.parametrize(
    "more",
    [
        *({key: CALL} for key in ("tool_call", "toolCall", "tool_use", "functionCall")),
        *({key: [CALL]} for key in ("calls", "tool_uses", "function_calls", "functionCalls")),
        {"calls": '[{"name": "f", "arguments": {"a": 1}}]'},
        {"tool_call": CALL, "tool_calls": [CALL]},
        {"additional_kwargs": {"function_call": {"name": "f", "arguments": '{"a": 1}'}}},
    ],
)
def test_calls_are_read_from_every_plain_key(more: dict[str, Any]):
    assert turns(conversation(answered(**more))) == [("user", "", "Q"), ("assistant", "", "A"), ("assistant", "f", '{"a": 1}')]


@pytest.mark.parametrize(
    "more",
    [
        *({key: "R"} for key in ("reasoning_text", "cot", "chain_of_thought", "thinking_content")),
        {"thinking_blocks": [{"type": "thinking", "thinking": "R", "signature": "s"}]},
        {"additional_kwargs": {"reasoning_content": "R"}},
        {"provider_specific_fields": {"thinking_blocks": [{"type": "thinking", "thinking": "R"}], "reasoning_content": "R"}},
        {"reasoning_content": "R", "additional_kwargs": {"reasoning_content": "R"}},
    ],
)
def test_reasoning_is_read_from_every_plain_key(more: dict[str, Any]):
    assert turns(conversation(answered(**more)))[1] == ("assistant", "", "<think>R</think>A")


@pytest.mark.parametrize(
    "more",
    [
        {"image_base64": PICTURE},
        {"frames": [PICTURE]},
        {"attachments": [{"type": "image", "url": PICTURE}]},
        {"attachments": [{"type": "image", "payload": {"url": PICTURE}}]},
        {"experimental_attachments": [{"name": "1.png", "contentType": "image/png", "url": PICTURE}]},
        {"files": [PICTURE]},
    ],
)
def test_pictures_are_read_from_every_plain_key_of_a_turn(more: dict[str, Any]):
    record = {"messages": [ASKED | more, {"role": "assistant", "content": "A"}]}
    assert "schema.field_unread" not in {code for code, _ in refusals(record)}
    assert {where.partition(".")[2].partition("[")[0] for _, where in refusals(record)} == {next(iter(more))}  # it was read: it is no real picture


@pytest.mark.parametrize("key", ["image_base64", "images_base64", "image_b64", "image_data", "frames", "visual", "observation_image"])
def test_pictures_are_read_from_every_plain_key_of_a_record(key: str):
    code, where = refusals(asked(**{key: PICTURE}))[0]
    assert (code.partition(".")[0], where) == ("image", key)  # it was read: it is no real picture


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"attachments": [{"type": "image", "url": PICTURE}, {"name": "a.pdf"}]}, "attachments"),
        ({"files": ["notes.txt"]}, "files"),
        ({"calls": "to her mother"}, "calls"),
        ({"action": "click(3)"}, "action"),
        ({"action": {"type": "click"}}, "action"),
        ({"command": "ls"}, "command"),
        ({"code": "print(1)"}, "code"),
        ({"observation": "4"}, "observation"),
        ({"tool": "f", "tool_input": {"a": 1}}, "tool_input"),
        ({"tool_name": "f"}, "tool_name"),
        ({"invalid_tool_calls": [{"name": "f", "args": "{"}]}, "invalid_tool_calls"),
        ({"additional_kwargs": {"tool_outputs": [{"output": "4"}]}}, "additional_kwargs.tool_outputs"),
        ({"rationale": "because"}, "rationale"),
        ({"alternatives": ["B"]}, "alternatives"),
        ({"edited_content": "B"}, "edited_content"),
        ({"final_answer": "B"}, "final_answer"),
        ({"error": "the stream broke"}, "error"),
        ({"deleted": True}, "deleted"),
        ({"steps": [{"thought": "t"}]}, "steps"),
        ({"intermediate_steps": [["x", "y"]]}, "intermediate_steps"),
    ],
)
def test_what_else_a_turn_may_say_refuses_the_record(more: dict[str, Any], place: str):
    assert refusals(answered(**more)) == [("schema.field_unread", f"messages[1].{place}")]


@pytest.mark.parametrize(
    "more",
    [
        {"action": "A"},  # as in the content
        {"deleted": False},
        {"tool_calls": [], "calls": []},
        {"response_metadata": {"model_name": "m"}},
        {"additional_kwargs": {"refusal": None}},
        {"provider_specific_fields": {"citations": None}},
        {"feedback": {"score": 1}},
        {"num_calls": 3},
    ],
)
def test_metadata_and_repetitions_refuse_nothing(more: dict[str, Any]):
    assert turns(conversation(answered(**more))) == [("user", "", "Q"), ("assistant", "", "A")]


def test_a_refusal_is_what_the_assistant_said():
    assert turns(conversation({"messages": [ASKED, {"role": "assistant", "content": None, "refusal": "I cannot."}]}))[1] == ("assistant", "", "I cannot.")
    assert turns(conversation({"messages": [ASKED, {"role": "assistant", "content": "", "refusal": "I cannot."}]}))[1] == ("assistant", "", "I cannot.")
    assert refusals(answered(refusal="I cannot.")) == [("schema.field_unread", "messages[1].refusal")]


def test_a_result_may_have_the_name_of_its_tool():
    call = {"role": "assistant", "tool_calls": [{"name": "f", "arguments": {}}, {"name": "g", "arguments": {}}]}
    results = [{"role": "tool", "tool_name": name, "content": name.upper()} for name in ("g", "f")]
    made = conversation({"messages": [ASKED, call, *results]})
    assert [(turn.role, turn.content) for turn in made.messages[3:]] == [("observation", "F"), ("observation", "G")]


@pytest.mark.parametrize("source", ["agent", "user"])
def test_a_step_that_another_trajectory_has_is_not_trained_again(source: str):
    steps = [{"source": "user", "message": "Q"}, {"source": "agent", "message": "A"}, {"source": "user", "message": "R"}, {"source": "agent", "message": "B"}]
    steps[1 if source == "agent" else 2]["is_copied_context"] = True  # type: ignore[assignment]
    made = conversation({"schema_version": "ATIF-v1.5", "session_id": "e", "agent": {"name": "a"}, "steps": steps})
    assert [message.loss_weight for message in made.messages] == [None, 0 if source == "agent" else None, 0 if source == "user" else None, None]


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"context": "It snows."}, "context"),
        ({"question": "What else?"}, "question"),
        ({"prompt": "You are a judge."}, "prompt"),
        ({"documents": [{"text": "It snows."}]}, "documents"),
        ({"corrected_answer": "B"}, "corrected_answer"),
        ({"response_2": "B"}, "response_2"),
        ({"chat_history": [{"role": "user", "content": "Earlier."}]}, "chat_history"),
        ({"conversation_b": [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "B"}]}, "conversation_b"),
    ],
)
def test_texts_beside_the_turns_refuse_the_record_unless_the_turns_have_them(more: dict[str, Any], place: str):
    assert refusals(asked() | more) == [("schema.field_unread", place)]


@pytest.mark.parametrize(
    "more",
    [
        {"prompt": "Hello?", "prompt_id": "7"},
        {"context": "Hello", "answer": "Hello"},
        {"text": "<|user|>Hello?<|assistant|>Hello."},
        {"prompt": "<|user|>Hello?<|assistant|>"},
        {"instruction": "Hello?", "response": "Hello."},
        {"all_messages": [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Hello."}]},
        {"question_type": "greeting", "response_time": "1 s", "answer_score": 0.5, "input_tokens": 7},
        {"original_prompt": "Hi?", "instruction_id": "x", "output_format": "text"},
    ],
)
def test_repetitions_and_metadata_beside_the_turns_refuse_nothing(more: dict[str, Any]):
    assert turns(conversation(asked() | more)) == [("user", "", "Hello?"), ("assistant", "", "Hello.")]
