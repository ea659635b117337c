"""Examples of every grammar: what a model wrote, the text before its calls, and the calls as (name, arguments)."""

from __future__ import annotations

from typing import NamedTuple


class Case(NamedTuple):
    text: str
    calls: list[tuple[str, str]]
    before: str = ""


ROME = [("w", '{"city": "Rome"}')]
TWO = [*ROME, ("t", '{"at": 7}')]

CASES: dict[str, list[Case]] = {
    "hermes": [
        Case('<tool_call>\n{"name": "w", "arguments": {"city": "Rome"}}\n</tool_call>', ROME),
        Case(
            'I look.\n<tool_call>\n{"name": "w", "arguments": {"city": "Rome"}}\n</tool_call>\n<tool_call>{"name": "t", "arguments": {"at": 7}}</tool_call>',
            TWO,
            "I look.",
        ),
        Case("<tool_call>\n{'arguments': {'city': 'Rome'}, 'name': 'w'}\n</tool_call>", ROME),
        Case('<tool_call>\n{"name": "w", "arguments": {"city": "Rome"}}\n{"name": "t", "arguments": {"at": 7}}\n</tool_call>', TWO),
        Case('<think>Hm.</think>\n<tool_call>{"name": "w", "arguments": {"city": "Rome"}}', ROME, "<think>Hm.</think>"),
        Case('<tool_call>{"name": "w", "arguments": "{\\"city\\": \\"Rome\\"}"}</tool_call><|im_end|>', ROME),
    ],
    "glm_4_5": [
        Case("<think></think>\n<tool_call>w\n<arg_key>city</arg_key>\n<arg_value>Rome</arg_value>\n</tool_call>", ROME),
        Case(
            "<tool_call>w\n<arg_key>city</arg_key><arg_value>Rome</arg_value></tool_call>\n<tool_call>t<arg_key>at</arg_key><arg_value>7</arg_value></tool_call>",
            TWO,
        ),
        Case("Now.<tool_call>now\n</tool_call>", [("now", "{}")], "Now."),
    ],
    "xml": [
        Case("Let me look.\n\n<function=w>\n<parameter=city>Rome</parameter>\n</function>", ROME, "Let me look."),
        Case("<tool_call>\n<function=w>\n<parameter=city>\nRome\n</parameter>\n</function>\n</tool_call>", ROME),
        Case("<function=w>\n<parameter=city>Rome</parameter>\n", ROME),
        Case('<function=w>{"city": "Rome"}</function>', ROME),
        Case("<function=f>\n<parameter=code>\n  a\n\n</parameter>\n</function>", [("f", '{"code": "  a\\n"}')]),
        Case(
            "<tool_call>\n<function=w>\n<parameter=city>\nRome\n</parameter>\n</function>\n</tool_call>\n<tool_call>\n<function=n>\n</function>\n</tool_call>",
            [*ROME, ("n", "{}")],
        ),
    ],
    "invoke": [
        Case('<function_calls>\n<invoke name="w">\n<parameter name="city">Rome</parameter>\n</invoke>\n</function_calls>', ROME),
        Case('I look.<invoke name="w"><parameter name="city">Rome</parameter></invoke>', ROME, "I look."),
        Case('<｜DSML｜invoke name="w"><｜DSML｜parameter name="city" string="true">Rome</｜DSML｜parameter></｜DSML｜invoke>', ROME),
        Case('<minimax:tool_call>\n<invoke name="w">\n<parameter name="city">Rome</parameter>\n</invoke>\n</minimax:tool_call>', ROME),
    ],
    "glaive": [
        Case('<functioncall> {"name": "w", "arguments": \'{"city": "Rome"}\'} <|endoftext|>', ROME),
        Case('<functioncall> {"name": "w", "arguments": \'{"city": "L\\\'Aquila"}\'}', [("w", '{"city": "L\'Aquila"}')]),
        Case('Wait. <functioncall> {"name": "w", "arguments": {"city": "Rome"}}', ROME, "Wait."),
    ],
    "mistral": [
        Case('[TOOL_CALLS] [{"name": "w", "arguments": {"city": "Rome"}, "id": "123456789"}]</s>', ROME),
        Case('[TOOL_CALLS]w[ARGS]{"city": "Rome"}[TOOL_CALLS]t[CALL_ID]a1[ARGS]{"at": 7}', TWO),
    ],
    "deepseek": [
        Case(
            '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>w\n```json\n{"city": "Rome"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜><｜end▁of▁sentence｜>',
            ROME,
        ),
        Case(
            'Two.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>w<｜tool▁sep｜>{"city": "Rome"}<｜tool▁call▁end｜>'
            '<｜tool▁call▁begin｜>t<｜tool▁sep｜>{"at": 7}<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
            TWO,
            "Two.",
        ),
    ],
    "kimi": [
        Case(
            '<|tool_calls_section_begin|><|tool_call_begin|>functions.w:0<|tool_call_argument_begin|>{"city": "Rome"}<|tool_call_end|>'
            '<|tool_call_begin|>functions.t:1<|tool_call_argument_begin|>{"at": 7}<|tool_call_end|><|tool_calls_section_end|>',
            TWO,
        )
    ],
    "llama": [
        Case('<|python_tag|>{"name": "w", "parameters": {"city": "Rome"}}<|eom_id|>', ROME),
        Case('<|python_tag|>{"name": "w", "parameters": {"city": "Rome"}}; {"type": "function", "function": "t", "parameters": {"at": 7}}', TWO),
    ],
    "qwen_agent": [Case('Well.\n✿FUNCTION✿: w\n✿ARGS✿: {"city": "Rome"}\n✿RESULT✿', ROME, "Well."), Case('✿FUNCTION✿: w\n✿ARGS✿: {"city": "Rome"}', ROME)],
    "tags": [
        Case('<function_call>{"name": "w", "arguments": {"city": "Rome"}}</function_call>', ROME),
        Case('<TOOLCALL>[{"name": "w", "arguments": {"city": "Rome"}}, {"name": "t", "arguments": {"at": 7}}]</TOOLCALL>', TWO),
        Case('Go.<|action_start|><|plugin|>\n{"name": "w", "parameters": {"city": "Rome"}}<|action_end|>', ROME, "Go."),
        Case('<|tool_call|>[{"name": "w", "arguments": {"city": "Rome"}}]', ROME),
    ],
    "react": [
        Case('Thought: look\nAction: w\nAction Input: {"city": "Rome"}', ROME, "Thought: look"),
        Case('Thought: look\nAction: w\nAction Input: {"city": "Rome"}\nObservation:', ROME, "Thought: look"),
        Case('Action: w\nAction Input: ```json\n{"city": "Rome"}\n```', ROME),
        Case("Action: w\nAction Input: {'city': 'Rome'}\n", ROME),
        Case('Thought: look\nAction:\n```json\n{"action": "w", "action_input": {"city": "Rome"}}\n```', ROME, "Thought: look"),
    ],
    "json": [
        Case('{"name": "w", "arguments": {"city": "Rome"}}', ROME),
        Case('[{"name": "w", "arguments": {"city": "Rome"}}, {"name": "t", "arguments": {"at": 7}}]', TWO),
        Case('```json\n{"name": "w", "arguments": {"city": "Rome"}}\n```', ROME),
        Case('{"name": "w", "parameters": {"city": "Rome"}}', ROME),
        Case('{"type": "function", "function": {"name": "w", "arguments": "{\\"city\\": \\"Rome\\"}"}}', ROME),
        Case('{"type": "function", "name": "w", "parameters": {"city": "Rome"}}', ROME),
        Case('{"name": "w", "arguments": {"city": "Rome"}}\n{"name": "t", "arguments": {"at": 7}}', TWO),
    ],
    "pythonic": [
        Case('[w(city="Rome")]', ROME),
        Case("<think>hm</think>\n[w(city='Rome'), t(at=7)]", TWO, "<think>hm</think>"),
        Case('[Market Trends API(a=[1, ")"], b=None)]', [("Market Trends API", '{"a": [1, ")"], "b": null}')]),
        Case("[now()]", [("now", "{}")]),
        Case("w(city='Rome')", ROME),
    ],
    "glm_4": [Case('w\n{"city": "Rome"}', ROME), Case('<think>hm</think>w\n{"city": "Rome"}\n', ROME, "<think>hm</think>")],
    "tool_use": [
        Case('<tool_use>\n  <name>w</name>\n  <arguments>{"city": "Rome"}</arguments>\n</tool_use>', ROME),
        Case(
            'I look.\n<tool_use><name>w</name><arguments>{"city": "Rome"}</arguments></tool_use>\n'
            '<tool_use><name>t</name><arguments>{"at": 7}</arguments></tool_use>',
            TWO,
            "I look.",
        ),
    ],
    "tool_code": [
        Case("```tool_code\nw(city='Rome')\n```", ROME),
        Case("I look.\n```tool_code\nprint(w(city='Rome'))\nprint(t(at=7))\n```", TWO, "I look."),
        Case('<tool_code>\nprint(w(city="Rome"))\n</tool_code>', ROME),
    ],
    "lfm2": [
        Case("<|tool_call_start|>[w(city='Rome'), t(at=7)]<|tool_call_end|>", TWO),
        Case("<|tool_call_start|>[w(city='Rome')]<|tool_call_end|><|im_end|>", ROME),
    ],
    "cline": [
        Case("I read it.\n\n<read_file>\n<path>a.py</path>\n</read_file>", [("read_file", '{"path": "a.py"}')], "I read it."),
        Case(
            "<use_mcp_tool>\n<server_name>s</server_name>\n<tool_name>w</tool_name>\n<arguments>\n{}\n</arguments>\n</use_mcp_tool>",
            [("use_mcp_tool", '{"server_name": "s", "tool_name": "w", "arguments": "{}"}')],
        ),
        Case(
            "<write_to_file>\n<path>a.md</path>\n<content>\n# A\n\n</content>\n</write_to_file>", [("write_to_file", '{"path": "a.md", "content": "# A\\n"}')]
        ),
    ],
}
