"""Logged turns -> GLM metadata and content: roles, calls, results, tools, images."""

import json

import pytest

from tests.making import asked, configuration, conversation, notes, refusals, run, turns

CALL = {"name": "get_weather", "arguments": {"city": "Oslo"}}
ARGUMENTS = '{"city": "Oslo"}'


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ({"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}, "openai"),
        ({"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "metadata": "", "content": "A"}]}, "glm"),
        ({"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]}, "sharegpt"),
        ({"conversations": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}], "image": {}}, "agentcpm"),
    ],
)
def test_every_format_gives_the_same_conversation_and_is_named(record, name: str):
    made = conversation(record)
    assert turns(made) == [("user", "", "Q"), ("assistant", "", "A")]
    assert made.format == name


@pytest.mark.parametrize("role", ["human", "USER", "Human"])
def test_role_aliases_are_the_four_roles(role: str):
    assert conversation({"conversations": [{"from": role, "value": "Q"}, {"from": "GPT", "value": "A"}]}).messages[0].role == "user"


def test_an_unknown_role_is_named_with_its_place():
    record = {"messages": [{"role": "narrator", "content": "Q"}, {"role": "assistant", "content": "A"}]}
    assert refusals(record)[0] == ("schema.role_unknown", "messages[0].role")


@pytest.mark.parametrize(
    ("record", "repairs"),
    [
        (
            {
                "messages": [
                    {"role": "user", "content": "Q"},
                    {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function", "function": CALL}]},
                    {"role": "tool", "tool_call_id": "1", "content": "4"},
                    {"role": "assistant", "content": "A"},
                ]
            },
            [],
        ),
        (
            {
                "conversations": [
                    {"from": "human", "value": "Q"},
                    {"from": "function_call", "value": json.dumps(CALL)},
                    {"from": "observation", "value": "4"},
                    {"from": "gpt", "value": "A"},
                ]
            },
            [],
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": "Q"},
                    {"role": "assistant", "metadata": "get_weather", "content": ARGUMENTS},
                    {"role": "observation", "content": "4"},
                    {"role": "assistant", "content": "A"},
                ]
            },
            [],
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": "Q"},
                    {"role": "assistant", "content": f" {json.dumps(CALL)}\n"},
                    {"role": "observation", "content": "4"},
                    {"role": "assistant", "content": "A"},
                ]
            },
            ["repair.tool_call_extracted"],
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "value": "Q"}]},
                    {"role": "assistant", "content": [{"type": "tool_call", "value": json.dumps(CALL)}]},
                    {"role": "tool", "content": [{"type": "text", "value": "4"}]},
                    {"role": "assistant", "content": [{"type": "text", "value": "A"}]},
                ]
            },
            [],
        ),
    ],
)
def test_a_call_becomes_metadata_and_content_wherever_it_was_logged(record, repairs):
    made = conversation(record)
    assert turns(made) == [("user", "", "Q"), ("assistant", "get_weather", ARGUMENTS), ("observation", "", "4"), ("assistant", "", "A")]
    assert [code for code, _ in notes(made) if code.startswith("repair")] == repairs


@pytest.mark.parametrize(
    ("arguments", "kept", "repairs"),
    [
        ('{"amount": 2.50, "to": "\\u4e2d"}', '{"amount": 2.50, "to": "\\u4e2d"}', []),
        ("{'amount': 2.5, 'ok': True, 'of': None}", '{"amount": 2.5, "ok": true, "of": null}', ["repair.python_literal"]),
        ("{}", "{}", []),
    ],
)
def test_arguments_keep_their_own_text_where_they_are_json(arguments, kept, repairs):
    made = conversation(_called(arguments))
    assert made.messages[1].content == kept
    assert [code for code, _ in notes(made)] == repairs


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ('{"city": ', "tool.args_unparseable"),
        ("__import__('os').system('touch CANARY_EXECUTED_test')", "tool.code_expression"),
        ("{'a': open('x')}", "tool.code_expression"),
        ('["a"]', "tool.args_not_object"),
        ("{'a': " + "[" * 200 + "]" * 200 + "}", "tool.literal_too_deep"),
        ("{'a': '" + "x" * 70_000 + "'}", "tool.args_too_large"),
        ("{'a': 1j}", "tool.args_not_json_type"),
        ("{'a': (1, {2})}", "tool.args_not_json_type"),
    ],
)
def test_arguments_that_are_neither_json_nor_a_literal_are_refused_and_never_run(arguments, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refusals(_called(arguments))[0] == (code, "messages[1].tool_calls[0].function.arguments")
    assert list(tmp_path.iterdir()) == []


def test_without_repair_a_literal_is_refused():
    assert refusals(_called("{'a': 1}"), configuration(normalize={"repair": "none"}))[0][0] == "tool.args_unparseable"


def _called(arguments: str) -> dict:
    calls = [{"id": "1", "function": {"name": "f", "arguments": arguments}}]
    return {
        "messages": [
            {"role": "user", "content": "Q"},
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": "1", "content": "4"},
        ]
    }


def test_parallel_calls_are_followed_by_their_results_in_call_order():
    calls = [{"id": name, "function": {"name": name, "arguments": "{}"}} for name in ("a", "b")]
    results = [{"role": "tool", "tool_call_id": name, "content": f"of {name}"} for name in ("b", "a")]
    messages = [
        {"role": "user", "content": "Q"},
        {"role": "assistant", "content": "Both.", "tool_calls": calls},
        *results,
        {"role": "assistant", "content": "A"},
    ]
    assert turns(conversation({"messages": messages})) == [
        ("user", "", "Q"),
        ("assistant", "", "Both."),
        ("assistant", "a", "{}"),
        ("assistant", "b", "{}"),
        ("observation", "", "of a"),
        ("observation", "", "of b"),
        ("assistant", "", "A"),
    ]


def test_a_result_of_no_call_is_an_orphan():
    messages = [{"role": "user", "content": "Q"}, {"role": "tool", "tool_call_id": "9", "content": "4"}, {"role": "assistant", "content": "A"}]
    assert refusals({"messages": messages})[0] == ("tool.result_orphan", "messages[1]")


@pytest.mark.parametrize(("setting", "content"), [("keep", "<think>Hm.</think>A"), ("drop", "A")])
def test_reasoning_stands_before_its_turns_text_or_is_dropped_by_option(setting: str, content: str):
    record = {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "reasoning_content": "Hm.", "content": "A"}]}
    assert conversation(record, configuration(normalize={"reasoning": setting})).messages[1].content.replace("\n", "") == content


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        ('{"POINT":[480,900]}', []),
        ('{"name": "x"}', []),
        ("{name}", []),
        ('{"name": "x", "arguments": {}}', ["tool.call_in_text"]),  # no tool of this name is declared, and no result follows
        ('{"name": "x", "arguments": {}, "more": 1}', ["tool.call_in_text"]),
        ('[{"name": "x", "arguments": {}}]', ["tool.call_in_text"]),
    ],
)
def test_an_answer_that_is_no_call_for_sure_stays_an_answer(text: str, noted: list[str]):
    made = conversation(asked(answer=text))
    assert (made.messages[1].metadata, made.messages[1].content) == ("", text)
    assert [code for code, _ in notes(made)] == noted


@pytest.mark.parametrize(
    "tools",
    [
        [
            {
                "type": "function",
                "function": {
                    "name": "f",
                    "description": "d",
                    "parameters": {"type": "object", "properties": {"a": {"type": "string", "enum": None}, "b": None}},
                },
            }
        ],
        [{"name": "f", "description": "d", "parameters": {"type": "object", "properties": {"a": {"type": "string"}, "b": None}}}],
        json.dumps([{"name": "f", "description": "d", "parameters": {"type": "object", "properties": {"a": {"type": "string", "default": None}}}}]),
    ],
)
def test_tool_definitions_are_one_json_text_without_nulls_at_any_depth(tools):
    made = conversation(asked(tools=tools))
    function = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}
    assert json.loads(made.tools) == [{"type": "function", "function": function}]
    assert "repair.null_dropped" in [code for code, _ in notes(made)]


@pytest.mark.parametrize("tools", [None, [], "", "[]"])
def test_no_tools_are_null(tools):
    assert conversation(asked(tools=tools)).tools is None


@pytest.mark.parametrize(("setting", "kept"), [("warn", True), ("quarantine", False)])
def test_arguments_are_checked_against_the_declared_schema(setting: str, kept: bool):
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    record = _called('{"city": 7}') | {"tools": [{"type": "function", "function": {"name": "f", "parameters": parameters}}]}
    config = configuration(normalize={"schema_invalid": setting})
    if kept:
        assert [code for code, _ in notes(conversation(record, config))] == ["tool.schema_invalid"]
    else:
        assert refusals(record, config)[0][0] == "tool.schema_invalid"


@pytest.mark.parametrize(
    ("logged", "weight"),
    [({}, None), ({"loss": False}, 0.0), ({"train": False}, 0.0), ({"loss_weight": 0}, 0.0), ({"loss_weight": 0.5}, 0.5), ({"loss": True}, None)],
)
def test_flags_of_loss_become_a_weight(logged, weight):
    record = {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A", **logged}]}
    assert conversation(record).messages[1].loss_weight == weight


@pytest.mark.parametrize(
    ("question", "image", "image_at", "content"),
    [
        ("<image>\nWhat?", "a.png", (0,), "\nWhat?"),
        ("See <image> here", "a.png", (4,), "See  here"),
        ("What?", "a.png", (0,), "\nWhat?"),
        ("<image_01> and <image_00>", {"<image_00>": "a.png", "<image_01>": "b.png"}, (1, 8), "\n\n and \n\n"),
    ],
)
def test_images_stand_where_their_marks_were(question, image, image_at, content):
    record = {"conversations": [{"role": "user", "content": question}, {"role": "assistant", "content": "A"}], "image": image}
    message = conversation(record, sizes={"a.png": (9, 9), "b.png": (9, 9)}).messages[0]
    assert (message.image_at, message.content) == (image_at, content)


def test_images_come_in_text_order_not_in_the_order_of_their_names():
    record = {
        "conversations": [{"role": "user", "content": "<image_01> then <image_00>"}, {"role": "assistant", "content": "A"}],
        "image": {"<image_00>": "a.png", "<image_01>": "b.png"},
    }
    made = conversation(record, sizes={"a.png": (9, 9), "b.png": (9, 9)})
    assert [image.uri for image in made.images] == ["kit/b.png", "kit/a.png"]


def test_every_fault_of_a_record_is_named_not_only_the_first():
    messages = [{"role": "narrator", "content": "Q"}, {"role": "assistant", "content": 7}, "text"]
    assert refusals({"messages": messages}) == [
        ("schema.role_unknown", "messages[0].role"),
        ("schema.content_type", "messages[1].content"),
        ("schema.turn_not_object", "messages[2]"),
    ]


@pytest.mark.parametrize(("logged", "kept"), [(7, "7"), (7.50, "7.5"), ("7", "7"), (None, None), ("", None)])
def test_a_number_as_an_id_is_its_json_text(logged, kept):
    made = conversation(asked(episode_id=logged, step_id=logged))
    assert (made.episode_id, made.step_id) == (kept or made.record_id, kept)


def test_a_number_as_an_id_keeps_the_text_it_was_written_with():
    raw = b'{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}], "episode_id": 1.50}'
    assert run(raw)[0].episode_id == "1.50"


@pytest.mark.parametrize("weight", [10**400, 1e39, -1, [1], "1"])
def test_a_weight_that_no_column_holds_is_refused(weight):
    assert refusals(asked(question="Q") | {"messages": [{"role": "assistant", "content": "A", "loss_weight": weight}]}) == [
        ("schema.field_type", "messages[0].loss_weight")
    ]


def test_a_call_among_parts_under_value_keeps_its_text():
    part = {"type": "tool_call", "value": {"name": "f", "arguments": {"a": 2.50}}}
    raw = json.dumps({"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": [part]}]}).replace("2.5", "2.50").encode()
    assert turns(conversation(raw))[1] == ("assistant", "f", '{"a": 2.50}')


@pytest.mark.parametrize("ids", [True, False])
def test_thousands_of_results_find_their_calls(ids: bool):
    """Each by one look: with a search through the calls for every result these took seconds."""
    calls = [{"function": {"name": "f", "arguments": {}}} | ({"id": f"c{n}"} if ids else {}) for n in range(4000)]
    results = [{"role": "tool", "content": f"r{n}"} | ({"tool_call_id": f"c{n}"} if ids else {}) for n in range(4000)]
    turns = [{"role": "user", "content": "Q"}, {"role": "assistant", "tool_calls": calls}, *(reversed(results) if ids else results)]
    assert [message.content for message in conversation({"messages": turns}).messages[4001:]] == [f"r{n}" for n in range(4000)]


@pytest.mark.parametrize("text", ["for " * 16000, "if " * 16000, "'" * 20001, "{'a'" + " " * 60000 + "$}"])
def test_a_long_text_that_is_no_literal_is_refused_by_looking_at_it_once(text: str):
    assert refusals(_called(text))[0] == ("tool.args_unparseable", "messages[1].tool_calls[0].function.arguments")


def test_thousands_of_calls_in_one_turn_are_each_cut_out_as_written():
    calls = [{"function": {"name": "f", "arguments": {"n": n}}} for n in range(4000)]
    made = conversation({"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "tool_calls": calls}]})
    assert [message.content for message in made.messages[1:]] == [json.dumps(call["function"]["arguments"]) for call in calls]
