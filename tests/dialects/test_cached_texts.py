"""Texts that conversations have in common are encoded once, and the row has the same tokens as without that."""

from dataclasses import replace
from typing import Any

from pipelines.dialects import Dialect
from pipelines.records import Tokens
from tests.golden import open_case
from tests.making import configuration, conversation

TOOLS = [
    {"name": "look", "parameters": {"type": "object", "properties": {"at": {"type": "integer"}}}},
    {"name": "## 天气 <|user|>", "description": "e\u0301\n## x", "parameters": {"type": "object", "properties": {}}},
    {"name": "1", "parameters": {"type": "object", "properties": {}}},
]


def other(dialect: Dialect, **facts: Any) -> Dialect:
    """The dialect with other facts about its vocabulary."""
    return replace(dialect, vocabulary=replace(dialect.vocabulary, facts=dialect.vocabulary.facts._replace(**facts)))


def tokens(dialect: Dialect, record: dict[str, Any]) -> Tokens:
    return dialect.complete(dialect.encode(dialect.lay_out(conversation(record, configuration("glm_4")))))


def test_definitions_are_encoded_separately_only_where_that_gives_the_same_ids():
    (dialect,) = open_case(configuration("glm_4")).dialects
    ways = (other(dialect), other(dialect, cuts_headings=False), other(dialect, cuts_headings=False, answers=None))
    for tools in (TOOLS, TOOLS[::-1], TOOLS[:1], TOOLS[:1] * 3):
        record = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "tools": tools}
        apart, whole, exact = (tokens(way, record) for way in ways)
        assert apart.input_ids.tolist() == whole.input_ids.tolist() == exact.input_ids.tolist()
        assert apart.labels.tolist() == whole.labels.tolist()
