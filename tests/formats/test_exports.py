"""Exports of ChatGPT: the branch that the user saw last is the conversation."""

import json
from typing import Any

from pipelines.flow import draft_of
from pipelines.records import Draft, raw_record
from tests.making import configuration, conversation, refusals, turns


def node(parent: str | None, role: str | None = None, text: Any = "", **more: Any) -> dict[str, Any]:
    content = {"content_type": "text", "parts": [text]} if isinstance(text, str) else text
    message = {"author": {"role": role, "name": None}, "content": content, "recipient": "all", "status": "finished_successfully"} | more
    return {"parent": parent, "children": [], "message": message if role else None}


TREE = {
    "root": node(None),
    "s": node("root", "system"),
    "q": node("s", "user", "Q"),
    "a1": node("q", "assistant", "First."),
    "a2": node("q", "assistant", "Second."),
    "q2": node("a2", "user", "Q2"),
    "a3": node("q2", "assistant", "Third."),
}
EXPORT = {"title": "T", "create_time": 1.0, "conversation_id": "c", "mapping": TREE, "current_node": "a3", "default_model_slug": "m"}


def test_the_last_branch_is_read_and_the_others_are_counted():
    made = conversation(EXPORT)
    assert turns(made) == [("user", "", "Q"), ("assistant", "", "Second."), ("user", "", "Q2"), ("assistant", "", "Third.")]
    assert (made.episode_id, made.findings) == ("c", ())
    draft = draft_of(raw_record("kit", "logs.jsonl", 1, json.dumps(EXPORT).encode()), configuration())
    assert isinstance(draft, Draft)
    assert dict(draft.unread)["record.mapping (other branches)"] == 1


def test_what_is_no_text_refuses_the_record_by_its_place():
    code = node("q", "assistant", {"content_type": "code", "language": "python", "text": "1+1"}, recipient="python")
    result = node("c", "tool", {"content_type": "execution_output", "text": "2"})
    tree = TREE | {"c": code, "r": result, "a2": node("r", "assistant", "Second.")}
    assert refusals(EXPORT | {"mapping": tree})[0] == ("schema.content_type", "conversation[1].content")
    picture = node("s", "user", {"content_type": "multimodal_text", "parts": [{"asset_pointer": "file-service://x"}, "Q"]})
    assert refusals(EXPORT | {"mapping": TREE | {"q": picture}})[0] == ("schema.content_type", "conversation[0].content")


def test_a_tree_that_goes_in_a_circle_has_an_end():
    circle = {"a": node("b", "assistant", "A"), "b": node("a", "user", "Q")}
    assert turns(conversation({"mapping": circle, "current_node": "a"})) == [("user", "", "Q"), ("assistant", "", "A")]


def test_a_mapping_without_a_last_node_is_no_export():
    assert refusals({"mapping": {}, "current_node": "a"})[0][0] == "schema.unknown_format"
    assert refusals({"mapping": TREE})[0][0] == "schema.unknown_format"
