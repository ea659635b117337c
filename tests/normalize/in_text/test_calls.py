"""Calls written in the text of an answer, and results in the text of a question."""

from typing import Any

import pytest

from pipelines.normalize.in_text.spellings import SIGNS, may_contain_call
from tests.making import asked, configuration, conversation, notes, refusals, run, turns

QUESTION, ANSWER = {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}
HERMES = '<tool_call>{"name": "w", "arguments": {"city": "Rome"}}</tool_call>'
CALL = ("assistant", "w", '{"city": "Rome"}')
REACT = 'Thought: I look.\nAction: w\nAction Input: {"city": "Rome"}'


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        ('{"POINT":[480,900]}', []),
        ('{"name": "x"}', []),
        ("{name}", []),
        ('{"name": "x", "arguments": {}}', ["tool.call_in_text"]),  # no tool of this name is declared, and no result follows
        ('{"name": "x", "arguments": {}, "more": 1}', ["tool.call_in_text"]),
        ('[{"name": "x", "arguments": {}}]', ["tool.call_in_text"]),
        ("<tool_call>\nHow is it used?\n</tool_call>", ["tool.call_in_text"]),
        ('Write `<tool_call>{"name": "x", "arguments": {}}</tool_call>`.', ["tool.call_in_text"]),
        ('<tool_call>{"name": "x", "arguments": {}}</tool_call> is a call.', ["tool.call_in_text"]),
        ('<tool_call>{"name": 7, "arguments": {}}</tool_call>', ["tool.call_in_text"]),
        ('<tool_call>{"name": "x", "arguments": {}</tool_call>', ["tool.call_in_text"]),
        ("<|channel|>commentary to=functions.w <|constrain|>json<|message|>{}", ["tool.call_in_text"]),
        ("Thought: look\nAction: w\nAction Input: Rome", ["tool.call_in_text"]),
        ("Action: Click [3]", []),
        ("[w(city)]", ["tool.call_in_text"]),
        ("It is in [a](b) {c} <d>", []),
        ("Thought: look\nAction: w[Rome]", ["tool.call_in_text"]),
        ("w(city='Rome')", ["tool.call_in_text"]),
        ("It is cold (today)", []),
        ("<start_function_call>call:w{city:<escape>Rome<escape>}<end_function_call>", ["tool.call_in_text"]),
        ("<use_mcp_tool>\n<server_name>s</server_name>\n</use_mcp_tool>", ["tool.call_in_text"]),
        ("<read_file>\n<path>a.py</path>\n</read_file>", ["tool.call_in_text"]),
        ("<p>\n<b>Bold</b>\n</p>", []),
        ('<tool>w</tool><args>{"city": "Rome"}</args>', ["tool.call_in_text"]),
        ("<search>weather in Rome</search>", ["tool.call_in_text"]),
        ('<tool_code>{"tool_name": "w", "parameters": {}}</tool_code>', ["tool.call_in_text"]),
        # examples
        (f"> {HERMES}", ["tool.call_in_text"]),
        (f"As the manual says:\n>> {HERMES}", ["tool.call_in_text"]),
        (f"- {HERMES}", ["tool.call_in_text"]),
        (f"Two ways.\n1. {HERMES}", ["tool.call_in_text"]),
        (f"So it goes.\n\n    {HERMES}", ["tool.call_in_text"]),
        (f"\t{HERMES}", ["tool.call_in_text"]),
        (f"A call looks like this: {HERMES}", ["tool.call_in_text"]),
        (f"An example of a call:\n\n{HERMES}", ["tool.call_in_text"]),
    ],
)
def test_an_answer_stays_text_unless_it_is_certainly_a_call(text: str, noted: list[str]):
    made = conversation(asked(answer=text))
    assert (made.messages[1].metadata, made.messages[1].content) == ("", text)
    assert [code for code, _ in notes(made)] == noted


@pytest.mark.parametrize("before", ["- ", "    ", "I look at the weather: "])
def test_a_call_in_a_list_or_after_a_colon_is_one_where_something_says_so(before: str):
    assert turns(conversation({"messages": [QUESTION, {"role": "assistant", "content": before + HERMES}, {"role": "tool", "content": "4"}]}))[-2] == CALL
    assert turns(conversation(asked(answer=before + HERMES, tools=[{"name": "w"}])))[-1] == CALL
    assert turns(conversation(asked(answer=before + HERMES, system="Call tools as <tool_call>{...}</tool_call>.")))[-1] == CALL
    first = [{"role": "assistant", "content": HERMES}, {"role": "tool", "content": "4"}]
    assert turns(conversation({"messages": [QUESTION, *first, {"role": "assistant", "content": before + HERMES}]}))[-1] == CALL


def test_an_example_of_react_stays_text():
    tools = [{"name": "w"}]
    assert turns(conversation(asked(answer=REACT, tools=tools)))[-1] == CALL
    text = f"Here is an example:\n{REACT}"
    assert turns(conversation(asked(answer=text, tools=tools)))[1:] == [("assistant", "", text)]


def test_the_result_of_a_call_that_stays_text_is_refused_with_the_name_of_its_syntax():
    text = "Thought: look\nAction: w\nAction Input: Rome"
    first = run({"messages": [QUESTION, {"role": "assistant", "content": text}, {"role": "tool", "content": "4"}, ANSWER]})[0].findings[0]
    assert (first.code, first.where, "in the syntax react" in first.detail) == ("tool.call_in_text", "messages[2]", True)


def test_text_before_a_json_call_is_allowed_only_where_a_result_follows():
    text = 'I look.\n```json\n{"name": "w", "arguments": {"city": "Rome"}}\n```'
    assert turns(conversation(asked(answer=text, tools=[{"name": "w"}])))[1:] == [("assistant", "", text)]
    followed = conversation({"messages": [QUESTION, {"role": "assistant", "content": text}, {"role": "tool", "content": "4"}, ANSWER]})
    assert turns(followed)[1:3] == [("assistant", "", "I look."), CALL]


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ("<tool_response>\n12\n</tool_response>", ["12"]),
        ("<tool_use_result>\n<name>w</name>\n<result>12</result>\n</tool_use_result>", ["12"]),
        ("<tool_use_result><name>w</name><error>no</error></tool_use_result>", ["no"]),
        ("```tool_output\n12\n```", ["12"]),
        ("[w for 'Rome'] Result:\n\n12", ["12"]),
        ("[w] Result:\n12", ["12"]),
        ("<tool_response>\n12\n</tool_response>\n<tool_response>\n\n13\n</tool_response>", ["12", "13"]),
        ('<tool_response>\n{"name": "w", "content": {"temp": 7.50}}\n</tool_response>', ['{"temp": 7.50}']),
        ('<tool_response>{"name": "w", "content": "warm"}</tool_response>', ["warm"]),
        ('<tool_response>{"name": "w", "content": "warm", "more": 1}</tool_response>', ['{"name": "w", "content": "warm", "more": 1}']),
        ("Observation: 12\n", ["12"]),
        ("OBSERVATION:\n1: x\n2: y", ["1: x\n2: y"]),
        ("EXECUTION RESULT of [w]:\na.py", ["a.py"]),
        *((sentence, [sentence]) for sentence in ("Your command ran successfully and did not produce any output.",)),
        ("EXECUTION RESULT of [v]:\n1\nEXECUTION RESULT of [w]:\n2", ["2", "1"]),
        ("[TOOL_RESULTS] 12[/TOOL_RESULTS]", ["12"]),
        ("<｜tool▁outputs▁begin｜><｜tool▁output▁begin｜>12<｜tool▁output▁end｜><｜tool▁outputs▁end｜>", ["12"]),
    ],
)
def test_results_in_a_question_after_calls_in_text_become_results(results: str, expected: list[str]):
    calls = [HERMES] * len(expected)
    if len(expected) == 2 and "[v]" in results:
        calls[1] = calls[1].replace('"w"', '"v"')
    for role in ("user", "tool"):
        record = {"messages": [QUESTION, {"role": "assistant", "content": "\n".join(calls)}, {"role": role, "content": results}, ANSWER]}
        made = conversation(record)
        assert [(role, content) for role, _, content in turns(made)[-1 - len(expected) : -1]] == [("observation", text) for text in expected]
        assert ("repair.tool_result_extracted", "messages[2].content") in notes(made)


@pytest.mark.parametrize("text", ["<tool_response>12", "What is an Observation: ?", "Thanks.", "<b>12</b>"])
def test_a_question_that_holds_no_whole_result_stays_a_question(text: str):
    made = conversation({"messages": [QUESTION, {"role": "assistant", "content": HERMES}, {"role": "user", "content": text}, ANSWER]})
    assert turns(made)[2] == ("user", "", text)


def test_a_question_after_results_stays_a_question():
    text = "<tool_response>12</tool_response>\nAnd in Oslo?"
    made = conversation({"messages": [QUESTION, {"role": "assistant", "content": HERMES}, {"role": "user", "content": text}, ANSWER]})
    assert turns(made)[2:4] == [("observation", "", "12"), ("user", "", "And in Oslo?")]


def test_without_a_call_in_text_nothing_is_read_as_a_result():
    text = "<tool_response>12</tool_response>"
    made = conversation({"messages": [QUESTION, ANSWER, {"role": "user", "content": text}, ANSWER]})
    assert turns(made)[2] == ("user", "", text)


def test_the_image_of_a_result_in_a_question_stays_with_it():
    parts = [{"type": "text", "text": "Observation:\n"}, {"type": "image_url", "image_url": {"url": "a.png"}}]
    record = {"messages": [QUESTION, {"role": "assistant", "content": HERMES}, {"role": "user", "content": parts}, ANSWER]}
    made = conversation(record, sizes={"a.png": (8, 8)})
    assert [(message.role, message.content, message.image_at) for message in made.messages[2:3]] == [("observation", "", (0,))]


def test_images_and_several_results_stay_a_question():
    parts = [{"type": "text", "text": "<tool_response>1</tool_response><tool_response>2</tool_response>"}, {"type": "image_url", "image_url": {"url": "a.png"}}]
    record = {"messages": [QUESTION, {"role": "assistant", "content": HERMES}, {"role": "user", "content": parts}, ANSWER]}
    assert conversation(record, sizes={"a.png": (8, 8)}).messages[2].role == "user"


def test_a_whole_run_in_one_answer_becomes_turns():
    text = f"{REACT}\nObservation: 12\nThought: And Oslo.\nAction: w\nAction Input: {{}}\nObservation: 7\n\nThought: I know.\nFinal Answer: 12 and 7."
    made = conversation(asked(answer=text))
    assert turns(made)[1:] == [
        ("assistant", "", "Thought: I look."),
        CALL,
        ("observation", "", "12"),
        ("assistant", "", "Thought: And Oslo."),
        ("assistant", "w", "{}"),
        ("observation", "", "7"),
        ("assistant", "", "Thought: I know.\nFinal Answer: 12 and 7."),
    ]


def test_a_run_that_an_answer_only_describes_stays_text():
    text = f"An agent writes, for example:\n{REACT}\nObservation: 12\nThought: I know.\nFinal Answer: 12"
    assert turns(conversation(asked(answer=text)))[1:] == [("assistant", "", text)]


SCHEMA = {
    "type": "object",
    "properties": {
        "n": {"type": "integer"},
        "x": {"type": ["number", "null"]},
        "on": {"type": "boolean"},
        "of": {"type": "array"},
        "s": {"type": "string"},
        "any": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
    },
}


@pytest.mark.parametrize(
    ("key", "written", "expected"),
    [
        ("n", "7", "7"),
        ("n", "seven", '"seven"'),
        ("n", "true", '"true"'),
        ("x", "2.50", "2.50"),
        ("x", "null", "null"),
        ("on", "true", "true"),
        ("of", "[1, 5]", "[1, 5]"),
        ("of", '"a"', '"\\"a\\""'),
        ("s", "7", '"7"'),
        ("s", ' "a" ', '" \\"a\\" "'),
        ("any", "7", "7"),
        ("any", "x", '"x"'),
    ],
)
def test_an_argument_without_quotes_has_the_type_that_its_tool_declares(key: str, written: str, expected: str):
    tools = [{"name": "f", "parameters": SCHEMA}]
    for text in (
        f"<function=f><parameter={key}>{written}</parameter></function>",
        f"<tool_call>f<arg_key>{key}</arg_key><arg_value>{written}</arg_value></tool_call>",
    ):
        assert turns(conversation(asked(answer=text, tools=tools)))[1] == ("assistant", "f", f'{{"{key}": {expected}}}')


def test_an_undeclared_argument_is_text_in_xml_and_json_in_glm_4_5():
    xml, glm = "<function=f><parameter=a>[1, 5]</parameter></function>", "<tool_call>f<arg_key>a</arg_key><arg_value>[1, 5]</arg_value></tool_call>"
    assert turns(conversation(asked(answer=xml)))[1][2] == '{"a": "[1, 5]"}'
    assert turns(conversation(asked(answer=glm)))[1][2] == '{"a": [1, 5]}'


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<function=f><parameter=a>1</parameter><parameter=a>2</parameter></function>", "json.duplicate_key"),
        ('<tool_call>{"name": "f", "arguments": {"a": 1, "a": 2}}</tool_call>', "json.duplicate_key"),
        ('<tool_call>{"name": "f", "arguments": {"a": NaN}}</tool_call>', "json.nonfinite"),
        ('<tool_call>{"name": "f", "arguments": "[1]"}</tool_call>', "tool.args_not_object"),
    ],
)
def test_a_call_in_text_with_bad_arguments_is_refused(text: str, code: str):
    assert refusals(asked(answer=text))[0][0] == code


def test_nothing_is_extracted_where_repairs_are_off():
    config = configuration(normalize={"repair": "none"})
    assert refusals(asked(answer=HERMES), config) == [("tool.call_malformed", "messages[1].content")]
    record: dict[str, Any] = {"messages": [QUESTION, {"role": "assistant", "content": HERMES}, {"role": "user", "content": "Observation: 1"}, ANSWER]}
    assert ("tool.result_orphan", "messages[2].content") in refusals(record, config)


def test_the_weight_of_an_answer_goes_to_its_calls():
    made = conversation({"messages": [QUESTION, {"role": "assistant", "content": f"I look. {HERMES}", "weight": 0}, QUESTION, ANSWER]})
    assert [message.loss_weight for message in made.messages[1:3]] == [0, 0]


@pytest.mark.parametrize("text", [HERMES, f"I look.\n{HERMES}", "<function=w><parameter=city>Rome</parameter></function>", REACT])
def test_a_turn_that_is_said_to_be_a_call_may_have_it_in_any_syntax(text: str):
    said = [{"from": "human", "value": "Q"}, {"from": "function_call", "value": text}, {"from": "observation", "value": "12"}, {"from": "gpt", "value": "A"}]
    assert CALL in turns(conversation({"conversations": said}))
    said[1] = {"from": "function_call", "value": "I look."}
    assert refusals({"conversations": said})[0] == ("tool.call_malformed", "conversations[1].value")


@pytest.mark.parametrize("sign", SIGNS)
def test_a_text_with_any_sign_may_contain_a_call(sign: str):
    assert may_contain_call(f"Text {{ [ < before {sign} and after.")


@pytest.mark.parametrize("text", ["", "It is cold (today).", "a < b, [1, 2] and {c}", "Read `x`; see Action 3.", "f(x)"])
def test_most_texts_contain_no_call(text: str):
    assert not may_contain_call(text)


def test_the_last_call_is_extracted_as_those_before_it_are():
    def react(name: str) -> dict[str, str]:
        return {"role": "assistant", "content": f"Thought: Go on.\nAction: {name}\nAction Input: {{}}"}

    made = conversation({"messages": [QUESTION, react("look"), {"role": "user", "content": "Observation: 12"}, react("finish")]})
    assert [(name, text) for _, name, text in turns(made)][1:] == [
        ("", "Thought: Go on."), ("look", "{}"), ("", "12"), ("", "Thought: Go on."), ("finish", "{}")
    ]  # fmt: skip
    as_json = {"role": "assistant", "content": '{"name": "look", "arguments": {}}'}
    made = conversation({"messages": [QUESTION, as_json, {"role": "tool", "content": "12"}, as_json]})
    assert [name for _, name, _ in turns(made)] == ["", "look", "", "look"]


def test_an_object_of_name_and_parameters_is_no_call_because_a_question_begins_with_observation():
    said = '{"name": "Bob", "parameters": {"age": 3}}'
    messages = [QUESTION, {"role": "assistant", "content": said}, {"role": "user", "content": "Observation: he is older"}, ANSWER]
    made = conversation({"messages": messages})
    assert [text for _, _, text in turns(made)][1:3] == [said, "Observation: he is older"]
    assert notes(made) == [("tool.call_in_text", "messages[1].content")]
    declared = [{"name": "Bob", "parameters": {"type": "object", "properties": {"age": {"type": "integer"}}}}]
    assert [name for _, name, _ in turns(conversation({"messages": messages, "tools": declared}))][1] == "Bob"
