"""Arguments that are Python literals: read within limits, never run."""

import json
from typing import Any

import pytest

from pipelines.records import Conversation
from tests.making import called, configuration, conversation, notes, refusals, run


@pytest.mark.parametrize(
    ("arguments", "kept", "repairs"),
    [
        ('{"amount": 2.50, "to": "\\u4e2d"}', '{"amount": 2.50, "to": "\\u4e2d"}', []),
        ("{'amount': 2.5, 'ok': True, 'of': None}", '{"amount": 2.5, "ok": true, "of": null}', ["repair.python_literal"]),
        ("{}", "{}", []),
    ],
)
def test_arguments_that_are_json_keep_their_exact_text(arguments, kept, repairs):
    made = conversation(called(arguments))
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
    assert refusals(called(arguments))[0] == (code, "messages[1].tool_calls[0].function.arguments")
    assert list(tmp_path.iterdir()) == []


def test_without_repair_a_literal_is_refused():
    assert refusals(called("{'a': 1}"), configuration(normalize={"repair": "none"}))[0][0] == "tool.args_unparseable"


@pytest.mark.parametrize("text", ["for " * 16000, "if " * 16000, "'" * 20001, "{'a'" + " " * 60000 + "$}"])
def test_a_long_text_that_is_not_a_literal_is_refused_in_one_pass(text: str):
    assert refusals(called(text))[0] == ("tool.args_unparseable", "messages[1].tool_calls[0].function.arguments")


def literal(text: str, **limits: int) -> Any:
    """The value of the argument that is written so in Python, or the code of the reason."""
    first = run(called(f"{{'k': {text}}}"), configuration(limits=limits))[0]
    return json.loads(first.messages[1].content)["k"] if isinstance(first, Conversation) else first.findings[0].code


@pytest.mark.parametrize(
    ("text", "limits", "found"),
    [
        ("[1, 2]", {"literal_bytes": 13}, [1, 2]),
        ("[1, 2]", {"literal_bytes": 12}, "tool.args_too_large"),
        ("[[[[[[1]]]]]]", {"json_depth": 8}, [[[[[[1]]]]]]),
        ("[[[[[[[1]]]]]]]", {"json_depth": 8}, "tool.literal_too_deep"),
        ("{'a': [{'b': {'c': {'d': ()}}}]}", {"json_depth": 8}, {"a": [{"b": {"c": {"d": []}}}]}),
        ("{'a': [{'b': {'c': {'d': [[()]]}}}]}", {"json_depth": 8}, "tool.literal_too_deep"),
        ("1" * 300, {}, int("1" * 300)),
        ("1" * 301, {}, "json.huge_number"),
        ("1e400", {}, "json.huge_number"),
        ("-1e400", {}, "json.huge_number"),
    ],
)
def test_the_length_and_depth_of_a_literal_are_limited(text: str, limits: dict[str, int], found: Any):
    assert literal(text, **limits) == found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("()", []),
        ("(1)", 1),
        ("(1,)", [1]),
        ("(1, 2)", [1, 2]),
        ("[1,]", [1]),
        ("[]", []),
        ("{}", {}),
        ("{'a': 1,}", {"a": 1}),
        ("'a' 'b' \"c\"", "abc"),
        ("-1", -1),
        ("+1.5", 1.5),
        ("0x1f", 31),
        ("0X1F", 31),
        ("0", 0),
        ("00", 0),
        ("1_000", 1000),
        (r"'\101\x41\u0041\U00000041'", "AAAA"),
        (r"'\q\n'", "\\q\n"),
        (r"r'\n'", "\\n"),
        ("u'a'", "a"),
        (r"'\U0010ffff'", "\U0010ffff"),
        (" \t\n'a'\f", "a"),
        ("[True, False, None]", [True, False, None]),
    ],
)
def test_a_literal_has_the_value_that_python_gives_it(text: str, value: Any):
    assert repr(literal(text)) == repr(value)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "args_unparseable"),
        ("[1 2]", "args_unparseable"),
        ("[1", "args_unparseable"),
        ("{'a' 1}", "args_unparseable"),
        ("[1] 2", "args_unparseable"),
        ("01", "args_unparseable"),
        ("1 + 2", "args_unparseable"),
        ("[1 + 2]", "args_unparseable"),
        ("+'a'", "args_unparseable"),
        ("true", "args_unparseable"),
        (r"'\U00110000'", "args_unparseable"),
        (r"'\N{NO SUCH NAME}'", "args_unparseable"),
        ("'a\0'", "args_unparseable"),
        ("{1, 2}", "args_not_json_type"),
        ("{1}", "args_not_json_type"),
        ("{1: 2}", "args_not_json_type"),
        ("{None: 2}", "args_not_json_type"),
        ("b'a'", "args_not_json_type"),
        ("2j", "args_not_json_type"),
        ("[1 + 2j]", "args_not_json_type"),
        ("...", "args_not_json_type"),
        ("f'{a}'", "code_expression"),
        ("open('a')", "code_expression"),
        ("[x for x in y]", "code_expression"),
        ("a if b else c", "code_expression"),
        ("2 * 3", "code_expression"),
        ("a.__class__", "code_expression"),
    ],
)
def test_a_literal_that_json_cannot_hold_is_refused_with_its_reason(text: str, code: str):
    assert literal(text) == f"tool.{code}"


@pytest.mark.parametrize(
    ("text", "code"), [("{'a': 1, 'a': 2}", "json.duplicate_key"), (r"'\ud800'", "json.lone_surrogate"), (r"'\udfff'", "json.lone_surrogate")]
)
def test_duplicate_keys_and_lone_surrogates_in_a_literal_have_the_reasons_of_json(text: str, code: str):
    assert literal(text) == code
