"""Texts that conversations have in common are encoded once, and the row has the same tokens as without that."""

from dataclasses import replace
from typing import Any

from pipelines.records import Tokens
from tests.golden import open_case
from tests.making import configuration, conversation

TOOLS = [
    {"name": "look", "parameters": {"type": "object", "properties": {"at": {"type": "integer"}}}},
    {"name": "## 天气 <|user|>", "description": "e\u0301\n## x", "parameters": {"type": "object", "properties": {}}},
    {"name": "1", "parameters": {"type": "object", "properties": {}}},
]


def tokens(tools: list[dict[str, Any]], **facts: Any) -> Tokens:
    config = configuration("glm_4")
    dialect = open_case(config).dialects[0]
    vocabulary = replace(dialect.vocabulary, facts=dialect.vocabulary.facts._replace(**facts))
    record = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "tools": tools}
    other = replace(dialect, vocabulary=vocabulary)
    return other.complete(other.encode(other.lay_out(conversation(record, config))))


def test_definitions_are_encoded_separately_only_where_that_gives_the_same_ids():
    for tools in (TOOLS, TOOLS[::-1], TOOLS[:1], TOOLS[:1] * 3):
        apart, whole, exact = tokens(tools), tokens(tools, cuts_headings=False), tokens(tools, cuts_headings=False, answers=None)
        assert apart.input_ids.tolist() == whole.input_ids.tolist() == exact.input_ids.tolist()
        assert apart.labels.tolist() == whole.labels.tolist()
