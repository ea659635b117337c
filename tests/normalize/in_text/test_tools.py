"""Tool definitions in system texts."""

import json
from typing import Any

import pytest

from tests.making import asked, configuration, conversation, notes, refusals, turns

F = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}
G = {"name": "g", "description": "d", "parameters": {"type": "object"}}
WRAPPED = [json.dumps({"type": "function", "function": tool}) for tool in (F, G)]
QWEN = (
    "# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are provided with function signatures within <tools></tools> XML tags:\n<tools>\n"
    + "\n".join(WRAPPED)
    + "\n</tools>\n\nFor each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n"
    + '{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
)
GLM = "# 可用工具" + "".join(f"\n\n## {tool['name']}\n\n{json.dumps(tool, indent=4)}\n在调用上述函数时，请使用 Json 格式表示调用的参数。" for tool in (F, G))
GLAIVE = "SYSTEM: You are a helpful assistant with access to the following functions. Use them if required -\n" + "\n\n".join(
    json.dumps(tool, indent=4) for tool in (F, G)
)


def with_system(text: str, **more: Any) -> dict[str, Any]:
    record = asked(**more)
    return record | {"messages": [{"role": "system", "content": text}, *record["messages"]]}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (QWEN, ""),
        (f"Be brief.\n\n{QWEN}\n\nThink.", "Be brief.\n\nThink."),
        (f"你是一个助手。\n\n{GLM}", "你是一个助手。"),
        (GLAIVE, "You are a helpful assistant with access to the following functions. Use them if required -"),
        (f"[AVAILABLE_TOOLS][{', '.join(WRAPPED)}][/AVAILABLE_TOOLS]Be brief.", "Be brief."),
    ],
)
def test_definitions_in_the_words_of_a_template_become_tools(text: str, left: str):
    made = conversation(with_system(text))
    assert turns(made)[0] == ("system", "", left)
    assert [tool["function"] for tool in json.loads(made.tools or "[]")] == [F, G]
    assert notes(made) == [("repair.tools_extracted", "messages[0].content")]


@pytest.mark.parametrize(
    "text",
    [
        f"You may use <tools>\n{WRAPPED[0]}\n</tools>",
        QWEN.replace("</tools>\n\nFor", "</tools>\n\nand For"),
        QWEN.replace('"name": "f"', '"name": 7'),
        GLAIVE.replace('"name": "f"', '"title": "f"'),
        GLAIVE[:-1],
        GLAIVE + "\nBe brief.",
        "# 可用工具\n\n## f\n\n{",
        "[AVAILABLE_TOOLS] are listed here",
        "You have access to the following tools:\n\nf: Call it. Parameters: {}",
    ],
)
def test_any_other_text_stays(text: str):
    made = conversation(with_system(text))
    assert (turns(made)[0], made.tools, made.findings) == (("system", "", text), None, ())


def test_definitions_of_the_record_come_first():
    made = conversation(with_system(QWEN, tools=[G]))
    assert turns(made)[0] == ("system", "", QWEN)
    assert [tool["function"] for tool in json.loads(made.tools or "[]")] == [G]


def test_nothing_is_taken_out_where_calls_in_text_or_repairs_are_off():
    assert conversation(with_system(QWEN), configuration(source={"calls_in_text": "none"})).tools is None
    assert refusals(with_system(QWEN), configuration(normalize={"repair": "none"})) == [("tool.schema_invalid", "messages[0].content")]


def test_a_tool_from_the_system_text_makes_an_answer_of_its_name_a_call():
    answer = '{"name": "f", "arguments": {"a": "x"}}'
    assert turns(conversation(with_system(GLAIVE, answer=answer)))[2] == ("assistant", "f", '{"a": "x"}')


def test_toolbench_s_definitions_are_python_literals():
    apis = "Specifically, you have access to the following APIs: " + str([F | {"parameters": F["parameters"] | {"optional": []}}, G | {"name": "Finish"}])
    action = '\nThought: Look.\nAction: f\nAction Input: {"a": "x"}'
    finish = '\nThought: \nAction: Finish\nAction Input: {"final_answer": "4"}'
    said = [("system", f"You are AutoGPT.\n{apis}"), ("user", "Q"), ("assistant", action), ("function", "4"), ("assistant", finish)]
    made = conversation({"conversations": [{"from": role, "value": text} for role, text in said]})
    assert turns(made) == [
        ("system", "", "You are AutoGPT."),
        ("user", "", "Q"),
        ("assistant", "", "Thought: Look."),
        ("assistant", "f", '{"a": "x"}'),
        ("observation", "", "4"),
        ("assistant", "", "Thought:"),
        ("assistant", "Finish", '{"final_answer": "4"}'),
    ]
    assert [tool["function"]["name"] for tool in json.loads(made.tools or "")] == ["f", "Finish"]
    broken = conversation({"conversations": [{"from": "system", "value": apis[:-1]}, {"from": "user", "value": "Q"}, {"from": "gpt", "value": "A"}]})
    assert (broken.messages[0].content, broken.tools) == (apis[:-1], None)
