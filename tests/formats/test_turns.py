"""The same conversation as each API logs it gives the same turns."""

import base64
import json
from typing import Any

import pytest

from pipelines.flow import draft_of
from pipelines.images.data_uri import decode_data_uri
from pipelines.records import Draft, Quarantined, raw_record
from tests.making import configuration, conversation, notes, refusals, run, turns

ASKED = {"role": "user", "content": "Weather in Oslo?"}
ANSWERED = {"role": "assistant", "content": "It is 7 degrees."}
WANTED = [
    ("user", "", "Weather in Oslo?"),
    ("assistant", "", "I look."),
    ("assistant", "get_weather", '{"city": "Oslo"}'),
    ("observation", "", "7"),
    ("assistant", "", "It is 7 degrees."),
]
CITY = {"city": "Oslo"}

APIS: dict[str, list[Any]] = {
    "openai": [
        ASKED,
        {"role": "assistant", "content": "I look.", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "get_weather", "arguments": CITY}}]},
        {"role": "tool", "tool_call_id": "1", "content": "7"},
        ANSWERED,
    ],
    "anthropic": [
        ASKED,
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look.", "cache_control": {"type": "ephemeral"}},
                {"type": "tool_use", "id": "1", "name": "get_weather", "input": CITY},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "7"}], "is_error": False}]},
        ANSWERED,
    ],
    "responses": [
        {"role": "user", "content": [{"type": "input_text", "text": "Weather in Oslo?"}]},
        {"type": "message", "role": "assistant", "id": "m1", "status": "completed", "content": [{"type": "output_text", "text": "I look.", "annotations": []}]},
        {"type": "function_call", "id": "fc1", "call_id": "1", "name": "get_weather", "arguments": json.dumps(CITY), "status": "completed"},
        {"type": "function_call_output", "call_id": "1", "output": "7"},
        ANSWERED,
    ],
    "gemini": [
        {"role": "user", "parts": [{"text": "Weather in Oslo?"}]},
        {"role": "model", "parts": [{"text": "I look."}, {"functionCall": {"name": "get_weather", "args": CITY}, "thoughtSignature": "x"}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "get_weather", "response": "7"}}]},
        {"role": "model", "parts": [{"text": "It is 7 degrees."}]},
    ],
    "bedrock": [
        {"role": "user", "content": [{"text": "Weather in Oslo?"}]},
        {"role": "assistant", "content": [{"text": "I look."}, {"toolUse": {"toolUseId": "1", "name": "get_weather", "input": CITY}}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "1", "content": [{"text": "7"}], "status": "success"}}]},
        {"role": "assistant", "content": [{"text": "It is 7 degrees."}]},
    ],
    "langchain": [
        {"type": "human", "content": "Weather in Oslo?", "additional_kwargs": {}, "response_metadata": {}, "example": False},
        {"type": "ai", "content": "I look.", "tool_calls": [{"name": "get_weather", "args": CITY, "id": "1", "type": "tool_call"}], "invalid_tool_calls": []},
        {"type": "tool", "content": "7", "tool_call_id": "1", "status": "success", "artifact": None},
        {"type": "ai", "content": "It is 7 degrees."},
    ],
    "langchain data": [
        {"type": "human", "data": {"content": "Weather in Oslo?", "type": "human"}},
        {"type": "ai", "data": {"content": "I look.", "tool_calls": [{"name": "get_weather", "args": CITY, "id": "1"}]}},
        {"type": "tool", "data": {"content": "7", "tool_call_id": "1"}},
        {"type": "ai", "data": {"content": "It is 7 degrees."}},
    ],
    "langchain constructor": [
        {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "HumanMessage"], "kwargs": {"content": "Weather in Oslo?"}},
        {"lc": 1, "type": "constructor", "id": ["x", "AIMessage"], "kwargs": {"content": "I look.", "tool_calls": [{"name": "get_weather", "args": CITY}]}},
        {"lc": 1, "type": "constructor", "id": ["x", "ToolMessage"], "kwargs": {"content": "7"}},
        {"lc": 1, "type": "constructor", "id": ["x", "AIMessage"], "kwargs": {"content": "It is 7 degrees.", "type": "ai"}},
    ],
    "vercel": [
        ASKED,
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "I look."}, {"type": "tool-call", "toolCallId": "1", "toolName": "get_weather", "input": CITY}],
        },
        {
            "role": "tool",
            "content": [{"type": "tool-result", "toolCallId": "1", "toolName": "get_weather", "output": {"type": "text", "value": "7"}}],
        },
        ANSWERED,
    ],
    "vercel ui": [
        {"id": "1", "role": "user", "parts": [{"type": "text", "text": "Weather in Oslo?"}]},
        {
            "id": "2",
            "role": "assistant",
            "parts": [
                {"type": "step-start"},
                {"type": "text", "text": "I look.", "state": "done"},
                {"type": "tool-get_weather", "toolCallId": "1", "state": "output-available", "input": CITY, "output": "7"},
                {"type": "step-start"},
                {"type": "text", "text": "It is 7 degrees."},
            ],
        },
    ],
    "vercel ui 4": [
        {"role": "user", "content": [{"type": "text", "text": "Weather in Oslo?"}]},
        {
            "role": "assistant",
            "parts": [
                {"type": "text", "text": "I look."},
                {"type": "tool-invocation", "toolInvocation": {"state": "result", "toolCallId": "1", "toolName": "get_weather", "args": CITY, "result": "7"}},
                {"type": "text", "text": "It is 7 degrees."},
            ],
        },
    ],
    "responses mcp": [
        ASKED,
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
        {"type": "mcp_call", "id": "1", "server_label": "w", "name": "get_weather", "arguments": json.dumps(CITY), "output": "7", "error": None},
        ANSWERED,
    ],
    "otel": [
        {"role": "user", "parts": [{"type": "text", "content": "Weather in Oslo?"}]},
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "I look."}, {"type": "tool_call", "id": "1", "name": "get_weather", "arguments": CITY}],
            "finish_reason": "tool_call",
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": "7"}]},
        {"role": "assistant", "parts": [{"type": "text", "content": "It is 7 degrees."}]},
    ],
    "atif": [
        {"step_id": 1, "source": "user", "message": "Weather in Oslo?"},
        {
            "source": "agent",
            "message": "I look.",
            "tool_calls": [{"tool_call_id": "1", "function_name": "get_weather", "arguments": CITY}],
            "observation": {"results": [{"source_call_id": "1", "content": "7"}]},
        },
        {"source": "agent", "message": "It is 7 degrees."},
    ],
}


@pytest.mark.parametrize("api", APIS)
def test_the_turns_of_every_api_are_the_same(api: str):
    assert turns(conversation({"messages": APIS[api]})) == WANTED


@pytest.mark.parametrize("api", APIS)
def test_arguments_that_are_objects_keep_their_numbers_as_written(api: str):
    text = json.dumps({"messages": APIS[api]}).replace('"Oslo"', "2.50").replace('\\"Oslo\\"', "2.50")
    assert turns(conversation(text.encode()))[2] == ("assistant", "get_weather", '{"city": 2.50}')


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ({"type": "thinking", "thinking": "Hm.", "signature": "x"}, "<think>Hm.</think>A"),
        ({"type": "redacted_thinking", "data": "x"}, "A"),
        ({"type": "reasoning", "text": "Hm."}, "<think>Hm.</think>A"),
        ({"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "x"}, "<think>Hm.</think>A"),
        ({"type": "reasoning", "summary": []}, "A"),
        ({"text": "Hm.", "thought": True}, "<think>Hm.</think>A"),
        ({"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "x"}}}, "<think>Hm.</think>A"),
    ],
)
def test_parts_of_reasoning_stand_before_the_answer(part: dict[str, Any], text: str):
    answer = {"role": "assistant", "content": [part, {"type": "text", "text": "A"}]}
    assert turns(conversation({"messages": [ASKED, answer]}))[1:] == [("assistant", "", text)]


def test_an_item_of_reasoning_belongs_to_the_answer_or_the_call_that_follows():
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
    call, result = {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"}, {"type": "function_call_output", "call_id": "1", "output": "4"}
    made = conversation({"messages": [ASKED, thought, call, result, thought, ANSWERED, thought]})
    assert turns(made)[1:] == [
        ("assistant", "", "<think>Hm.</think>"),
        ("assistant", "f", "{}"),
        ("observation", "", "4"),
        ("assistant", "", "<think>Hm.</think>It is 7 degrees."),
        ("assistant", "", "<think>Hm.</think>"),
    ]


PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
        {"type": "image", "source": {"type": "url", "url": f"data:image/png;base64,{PIXEL}"}},
        {"type": "image", "data": PIXEL, "mimeType": "image/png"},
        {"type": "image", "source_type": "base64", "data": PIXEL, "mime_type": "image/png"},
        {"type": "image", "base64": PIXEL, "mime_type": "image/png"},
        {"type": "image", "image": f"data:image/png;base64,{PIXEL}"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "auto"},
        {"type": "file", "mediaType": "image/png", "data": PIXEL},
        {"type": "media", "mediaType": "image/png", "data": PIXEL},
        {"type": "blob", "mime_type": "image/png", "modality": "image", "content": PIXEL},
        {"type": "uri", "modality": "image", "uri": f"data:image/png;base64,{PIXEL}"},
        {"inlineData": {"mimeType": "image/png", "data": PIXEL}},
        {"fileData": {"mimeType": "image/png", "fileUri": f"data:image/png;base64,{PIXEL}"}},
        {"image": {"format": "png", "source": {"bytes": PIXEL}}},
    ],
)
def test_the_picture_parts_of_every_api_are_read(part: dict[str, Any]):
    record = {"messages": [{"role": "user", "content": [part, {"type": "text", "text": "Q"}]}, ANSWERED]}
    draft = draft_of(raw_record("kit", "a.jsonl", 1, json.dumps(record).encode()), configuration())
    assert isinstance(draft, Draft), draft.findings
    assert (draft.messages[0].content, draft.messages[0].image_at, draft.findings) == ("Q", (0,), ())
    assert decode_data_uri(draft.refs[0].ref) == base64.b64decode(PIXEL)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "file", "mediaType": "audio/wav", "data": "x"},
        {"inlineData": {"mimeType": "video/mp4", "data": "x"}},
        {"type": "blob", "modality": "video", "content": "x"},
        {"type": "media", "mime_type": "audio/mpeg", "data": "x"},
    ],
)
def test_files_of_video_and_audio_are_refused(part: dict[str, Any]):
    assert refusals({"messages": [{"role": "user", "content": [part]}, ANSWERED]})[0][0] == "media.unsupported"


@pytest.mark.parametrize(
    "part", [{"videoMetadata": {"fps": 1}}, {"type": "document", "source": {}}, {"type": "file", "mediaType": "application/pdf", "data": "x"}]
)
def test_a_part_that_no_table_knows_refuses_the_record(part: dict[str, Any]):
    assert refusals({"messages": [{"role": "user", "content": [part]}, ANSWERED]})[0][0] == "schema.part_bad"


def test_text_beside_results_stays_in_its_place():
    call = {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "f", "input": {}}]}
    mixed = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "4"}, {"type": "text", "text": "And now?"}]}
    assert turns(conversation({"messages": [ASKED, call, mixed, ANSWERED]}))[2:] == [
        ("observation", "", "4"),
        ("user", "", "And now?"),
        ("assistant", "", "It is 7 degrees."),
    ]


def test_a_result_may_be_an_object_or_nothing():
    call = {"role": "assistant", "content": [{"type": "tool-call", "toolCallId": "1", "toolName": "f", "input": {}}]}
    for part, text in (
        ({"type": "tool-result", "toolCallId": "1", "output": {"type": "json", "value": {"t": 7}}}, '{"t": 7}'),
        ({"type": "tool-result", "toolCallId": "1", "result": {"t": 7}}, '{"t": 7}'),
        ({"type": "tool_result", "tool_use_id": "1"}, ""),
    ):
        made = conversation({"messages": [ASKED, call, {"role": "tool", "content": [part]}, ANSWERED]})
        assert turns(made)[2] == ("observation", "", text)


def test_an_unread_key_of_a_result_is_counted_or_refused():
    call = {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "f", "input": {}}]}
    result = {"type": "tool_result", "tool_use_id": "1", "content": "4", "images": ["a.png"]}
    place = "messages[2].content[0].images"
    assert refusals({"messages": [ASKED, call, {"role": "user", "content": [result]}, ANSWERED]}) == [("schema.field_unread", place)]


def test_a_turn_without_a_role_and_of_unknown_type_is_refused():
    assert refusals({"messages": [ASKED, {"type": "file_search_call", "queries": ["x"]}, ANSWERED]})[0] == ("schema.role_missing", "messages[1]")


def test_results_of_a_turn_without_calls_are_refused():
    step = {"source": "agent", "message": "A", "observation": {"results": [{"content": "4"}]}}
    assert refusals({"messages": [ASKED, step]}) == [("tool.result_orphan", "messages[1].observation.results[0]")]
    assert refusals({"messages": [ASKED, ANSWERED | {"observation": "seen"}]}) == [("schema.field_unread", "messages[1].observation")]


def test_the_actions_of_adp_are_calls_and_code_is_one_with_a_note():
    steps = [
        {"class_": "text_observation", "content": "S", "source": "environment", "name": "system"},
        {"class_": "text_observation", "content": "Q", "source": "user"},
        {"class_": "code_action", "language": "bash", "content": "ls", "description": "I look."},
        {"class_": "text_observation", "content": "a.py", "source": "environment"},
        {"class_": "message_action", "content": "Done.", "description": "I know."},
    ]
    made = conversation({"id": "1", "content": steps, "details": {}})
    assert turns(made) == [
        ("system", "", "S"),
        ("user", "", "Q"),
        ("assistant", "", "I look."),
        ("assistant", "bash", '{"code": "ls"}'),
        ("observation", "", "a.py"),
        ("assistant", "", "I know.\n\nDone."),
    ]
    assert notes(made) == [("repair.code_as_call", "content[2]")]
    picture = {"class_": "image_observation", "content": "a.png", "source": "user"}
    assert conversation({"content": [picture, steps[4]]}, sizes={"a.png": (8, 8)}).messages[0].image_at == (0,)
    assert refusals({"content": [steps[1], {"class_": "web_observation", "html": "<p>"}, steps[4]]})[0] == ("schema.role_missing", "content[1]")


def test_the_code_that_gemini_runs_is_a_call_with_its_result():
    parts = [
        {"executableCode": {"language": "PYTHON", "code": "print(2)"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2\n"}},
        {"text": "It is 2."},
    ]
    made = conversation({"contents": [{"role": "user", "parts": [{"text": "1+1?"}]}, {"role": "model", "parts": parts}]})
    assert turns(made)[1:] == [("assistant", "PYTHON", '{"code": "print(2)"}'), ("observation", "", "2\n"), ("assistant", "", "It is 2.")]
    assert notes(made) == [("repair.code_as_call", "contents[1].parts[0].executableCode")]


def test_a_search_of_the_responses_api_is_a_call():
    search = {"type": "web_search_call", "id": "w", "status": "completed", "action": {"type": "search", "query": "x"}}
    made = conversation({"input": [ASKED, search], "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A"}]}]})
    assert turns(made)[1:] == [("assistant", "web_search", '{"type": "search", "query": "x"}'), ("assistant", "", "A")]


def test_a_custom_tool_of_openai_is_called_with_a_text():
    call = {"id": "a", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}}
    made = conversation({"messages": [ASKED, {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "a", "content": "1"}]})
    assert turns(made)[1:] == [("assistant", "sql", '{"input": "SELECT 1"}'), ("observation", "", "1")]


def test_the_parts_of_openinference_are_read():
    attributes = {
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.contents.0.message_content.type": "text",
        "llm.input_messages.0.message.contents.0.message_content.text": "Q",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "A",
    }
    assert turns(conversation({"name": "LLM", "attributes": attributes})) == [("user", "", "Q"), ("assistant", "", "A")]


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ({"type": "document", "source": {}}, "found a part of type 'document', which is not read; write it as text or as a picture, or leave it out"),
        ({"functions": []}, "found the keys 'functions'; expected a part with a type such as text or image_url, or one such as functionCall"),
        ({"type": "text", "text": None}, "found a part of type 'text' whose value is null; write it as text or as a picture, or leave it out"),
    ],
)
def test_a_bad_part_is_named_with_what_would_be_right(content: dict[str, Any], detail: str):
    row = run({"messages": [{"role": "user", "content": [content]}, ANSWERED]})[0]
    assert isinstance(row, Quarantined)
    assert (row.findings[0].where, row.findings[0].detail) == ("messages[0].content[0]", detail)


def test_an_item_that_is_no_turn_is_named():
    row = run({"messages": [ASKED, {"type": "file_search_call", "queries": ["x"]}, ANSWERED]})[0]
    assert isinstance(row, Quarantined)
    assert row.findings[0].detail == "an item of type 'file_search_call' is not read; leave it out, or write it as turns"


def test_the_invocations_of_the_ai_sdk_4_come_before_the_text_step_by_step():
    def invocation(name: str, step: int) -> dict[str, Any]:
        return {"state": "result", "step": step, "toolCallId": name, "toolName": name, "args": {"a": 1.5}, "result": {"of": name}}

    message = {"role": "assistant", "content": "A", "toolInvocations": [invocation("f", 0), invocation("g", 0), invocation("h", 1)]}
    made = conversation({"messages": [ASKED, message]})
    called = [("assistant", name, '{"a": 1.5}') for name in "fgh"]
    results = [("observation", "", f'{{"of": "{name}"}}') for name in "fgh"]
    assert turns(made)[1:] == [*called[:2], *results[:2], called[2], results[2], ("assistant", "", "A")]
    assert turns(conversation({"messages": [ASKED, message | {"content": ""}]}))[-1] == results[2]
    waiting = {"state": "call", "toolCallId": "f", "toolName": "f", "args": {}}
    assert refusals({"messages": [ASKED, message | {"toolInvocations": [waiting]}]}) == [("schema.field_unread", "messages[1].toolInvocations")]


@pytest.mark.parametrize("key", ["messages", "conversations"])
def test_the_key_of_a_turn_may_be_its_role(key: str):
    wanted = [("user", "", "Q"), ("assistant", "", "A")]
    assert turns(conversation({key: [{"user": "Q"}, {"assistant": "A"}]})) == wanted
    assert refusals({key: [["human", "Q"], ["ai", "A"]]})[0] == ("schema.turn_not_object", f"{key}[0]")


def test_a_problem_and_its_solution_are_a_question_and_an_answer():
    assert turns(conversation({"problem": "Q", "solution": "A"})) == [("user", "", "Q"), ("assistant", "", "A")]
    assert refusals({"problem": "Q", "solution": "Long.", "answer": "7"}) == [("schema.field_unread", "solution")]


def tool(name: str, **more: Any) -> dict[str, Any]:
    return {"type": f"tool-{name}", "toolCallId": name, "state": "output-available", "input": {}, "output": f"{name}!"} | more


STEP = {"type": "step-start"}


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        ([STEP, tool("f"), STEP, {"type": "text", "text": "A"}], ["f", "f!", "A"]),
        ([STEP, tool("f"), {"type": "text", "text": "A"}], ["f", "f!", "A"]),
        ([tool("f"), tool("g"), {"type": "text", "text": "A"}], ["f", "f!", "g", "g!", "A"]),
        ([STEP, {"type": "text", "text": "I look."}, tool("f"), tool("g"), STEP, tool("h"), STEP, {"type": "text", "text": "A"}], ["I look.", "f", "g", "f!", "g!", "h", "h!", "A"]),
        ([STEP, {"type": "reasoning", "text": ""}, tool("f"), {"type": "text", "text": "A"}], ["f", "f!", "A"]),
        ([STEP, {"type": "reasoning", "text": "Hm."}, tool("f"), {"type": "text", "text": "A"}], ["<think>Hm.</think>", "f", "f!", "A"]),
        ([STEP, tool("f"), STEP], ["f", "f!"]),
    ],
)  # fmt: skip
def test_a_step_of_vercel_s_messages_has_all_its_calls_before_their_results(parts: list[Any], wanted: list[str]):
    made = conversation({"messages": [{"role": "user", "parts": [{"type": "text", "text": "Q"}]}, {"role": "assistant", "parts": parts}]})
    assert [name or content for _, name, content in turns(made)] == ["Q", *wanted]
    assert notes(made) == []


def test_vercel_s_older_messages_say_their_text_and_calls_twice():
    both = {"state": "result", "step": 0, "toolCallId": "1", "toolName": "f", "args": {}, "result": "4"}
    parts = [STEP, {"type": "tool-invocation", "toolInvocation": both}, STEP, {"type": "text", "text": "A"}]
    message = {"role": "assistant", "content": "A", "toolInvocations": [both], "parts": parts}
    made = conversation({"messages": [ASKED, message]})
    assert ([name or content for _, name, content in turns(made)], notes(made)) == (["Weather in Oslo?", "f", "4", "A"], [])
    assert refusals({"messages": [ASKED, message | {"content": "B"}]}) == [("schema.field_unread", "messages[1].parts")]


def _unread(record: dict[str, Any]) -> dict[str, int]:
    draft = draft_of(raw_record("kit", "a.jsonl", 1, json.dumps(record).encode()), configuration())
    assert isinstance(draft, Draft)
    return dict(draft.unread)


def test_only_parts_that_are_there_are_counted():
    asked = {"role": "user", "content": "Q"}
    use = {"type": "tool_use", "id": "a", "name": "search", "input": {}}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "r"}]}
    used = {"messages": [asked, {"role": "assistant", "content": [{"type": "text", "text": "I look."}, use]}, result, {"role": "assistant", "content": "A"}]}
    assert _unread(used) == {}
    steps = {"messages": [asked, {"role": "assistant", "parts": [STEP, tool("f"), STEP, {"type": "text", "text": "A"}]}]}
    assert _unread(steps)["part.step-start without text"] == 2
