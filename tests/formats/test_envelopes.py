"""Tools and system texts in objects beside the turns: read where such objects are known, and never lost silently."""

import json

import pytest

from tests.making import asked, configuration, conversation, notes, refusals, turns

DEFINITION = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}}}}
PLAIN = DEFINITION["function"]
ANTHROPIC = {"name": "f", "description": "d", "input_schema": PLAIN["parameters"]}
BEDROCK = {"toolSpec": {"name": "f", "description": "d", "inputSchema": {"json": PLAIN["parameters"]}}}
QUESTION = [{"role": "user", "content": "Q"}]
ANSWER = {"role": "assistant", "content": "A"}
RESPONSE = {"choices": [{"message": ANSWER}]}
SPAN = {"run_type": "llm", "inputs": {"messages": QUESTION}, "outputs": RESPONSE}


@pytest.mark.parametrize(
    "record",
    [
        asked(model_parameters={"tools": [DEFINITION], "tool_choice": "auto"}),
        asked(optional_params={"tools": [DEFINITION]}),
        asked(kwargs={"functions": [PLAIN]}),
        asked(config={"tools": [ANTHROPIC]}),
        asked(config=json.dumps({"tools": [ANTHROPIC]})),
        asked(toolConfig={"tools": [BEDROCK]}),
        asked(metadata={"user": "u", "tools": [DEFINITION]}, config={"tools": [DEFINITION]}),
        asked(extra={"invocation_params": {"tools": [DEFINITION]}}),
        asked(tools=[], config={"tools": [DEFINITION]}),
        {"messages": QUESTION, "response": RESPONSE, "proxy_server_request": {"body": {"tools": [DEFINITION], "messages": QUESTION}}},
        {"request": {"messages": QUESTION, "extra_body": {"tools": [DEFINITION]}}, "response": RESPONSE},
        {"request": {"messages": QUESTION, "toolConfig": {"tools": [BEDROCK]}}, "response": RESPONSE},
        SPAN | {"extra": {"invocation_params": {"tools": [DEFINITION]}}},
        {"type": "GENERATION", "input": QUESTION, "output": ANSWER, "modelParameters": {"tools": json.dumps([DEFINITION])}},
        {"type": "GENERATION", "input": QUESTION, "output": ANSWER, "metadata": {"tools": [DEFINITION]}},
        {"prompt": "Q", "completion": "A", "config": {"tools": [DEFINITION]}},
    ],
)
def test_tools_of_an_envelope_are_those_of_the_record(record):
    made = conversation(record)
    assert json.loads(made.tools or "") == [DEFINITION]
    assert notes(made) == []


@pytest.mark.parametrize(
    "envelope", [{"config": {"system_instruction": "Brief."}}, {"agent_config": {"instructions": "Brief."}}, {"request": {"system": "Brief."}}]
)
def test_a_system_text_of_an_envelope_is_the_first_turn(envelope):
    for record in (asked("Q", "A", **envelope), {"prompt": "Q", "completion": "A"} | envelope):
        assert turns(conversation(record)) == [("system", "", "Brief."), ("user", "", "Q"), ("assistant", "", "A")]


@pytest.mark.parametrize(
    ("beside", "place"),
    [
        ({"run": {"setup": {"tools": [DEFINITION]}}}, "run.setup.tools"),
        ({"mcp": [{"catalog": [ANTHROPIC]}]}, "mcp[0].catalog"),
        ({"my_abilities": json.dumps([DEFINITION])}, "my_abilities"),
        ({"run": {"abilities": {"a": {"b": [BEDROCK]}}}}, "run.abilities.a.b"),
        ({"model_info": {"functionDeclarations": [PLAIN]}}, "model_info"),
        ({"run": {"setup": {"system_prompt": "Brief."}}}, "run.setup.system_prompt"),
        ({"config": {"system": "Brief!"}, "metadata": {"system_prompt": "Long!"}}, "metadata.system_prompt"),
        ({"config": {"system": "Brief!"}, "agent": {"instructions": "Long!"}}, "agent.instructions"),
        ({"tools": [DEFINITION], "config": {"tools": [ANTHROPIC | {"name": "g"}]}}, "config.tools"),
        ({"system": "Brief!", "config": {"system": "Long!"}}, "config.system"),
    ],
)
def test_what_is_told_elsewhere_refuses_the_record(beside, place: str):
    for record in (asked(**beside), {"prompt": "Q", "completion": "A"} | beside):
        assert ("schema.field_unread", place) in refusals(record)
        assert conversation(record, configuration(source={"ignore": [place.partition(".")[0].partition("[")[0]]}))


@pytest.mark.parametrize(
    "beside",
    [
        {"tools": [DEFINITION], "run": {"setup": {"tools": [ANTHROPIC]}}},
        {"tools": [DEFINITION | {"function": PLAIN | {"name": "server-f"}}], "metadata": json.dumps({"servers": [{"tools": [ANTHROPIC]}]})},
        {"system": "Brief.", "run": {"setup": {"system_prompt": " Brief."}}},
        {"system": "Brief.", "config": {"system": [{"type": "text", "text": "Brief."}]}},
        {"metadata": {"system": "linux", "tools": ["search", "click"], "functions": 3}},
        {"metadata": {"system": "Windows 11", "annotation": {"instructions": "Rate it."}}},
        {"models": [{"name": "m", "parameters": {"temperature": 1, "top_p": 0.9}}]},
        {"run": {"setup": {"tools": [], "system_prompt": ""}}},
    ],
)
def test_what_is_declared_or_is_no_definition_refuses_nothing(beside):
    assert conversation(asked(**beside))


@pytest.mark.parametrize(
    ("beside", "is_ignored"),
    [
        ({"metadata": {"instructions": "Annotators: mark bad answers."}}, False),
        ({"session": {"system": "Red Hat Enterprise"}}, True),
        ({"metadata": {"system": "Be kind!"}}, True),
        ({"options": {"instructions": "Pick one."}}, True),
    ],
)
def test_an_ambiguous_name_in_notes_is_no_system_prompt(beside, is_ignored: bool):
    """What may be one refuses the record, unless it is ignored."""
    for record in (asked("Q", "A", **beside), {"prompt": "Q", "completion": "A"} | beside):
        assert turns(conversation(record, configuration(source={"ignore": list(beside) if is_ignored else []}))) == [("user", "", "Q"), ("assistant", "", "A")]
        assert not is_ignored or [code for code, _ in refusals(record)] == ["schema.field_unread"]


@pytest.mark.parametrize("names", [("metadata", "request"), ("request", "metadata")])
def test_the_order_of_keys_does_not_decide(names):
    texts = {"metadata": {"instructions": "Mark bad answers."}, "request": {"system": "Brief."}}
    made = conversation(asked("Q", "A", **{name: texts[name] for name in names}))
    assert turns(made)[0] == ("system", "", "Brief.")


def test_an_envelope_that_is_a_text_is_parsed_like_the_record():
    tool = {"name": "f", "input_schema": {"type": "object", "properties": {"n": {"type": "integer", "maximum": 123456789012345678901234567890}}}}
    plain, text = (conversation(asked(config=config)).tools for config in ({"tools": [tool]}, json.dumps({"tools": [tool]})))
    assert plain == text
    assert "123456789012345678901234567890" in (text or "")
    double = '{"tools": [{"name": "f", "input_schema": {"type": "object"}, "name": "g"}]}'
    assert refusals(asked(config=double)) == [("schema.field_unread", "config.tools")]


def test_a_system_turn_with_another_text_is_not_replaced_by_that_of_an_envelope():
    record = {"messages": [{"role": "system", "content": "Brief."}, *QUESTION, ANSWER], "config": {"system": "Long!"}}
    assert refusals(record) == [("schema.field_unread", "config.system")]
    assert conversation(record | {"config": {"system": "Brief."}})
