"""No field of a turn is lost, whatever its role: it is in the draft or in a finding, or the record is refused."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipelines.flow import draft_of
from pipelines.formats.keys import IMAGES, MEDIA, TURN_FIELDS
from pipelines.formats.meaning import carries_meaning
from pipelines.normalize.roles import ALIASES
from pipelines.records import Draft, raw_record
from tests.making import configuration

ROLES = sorted(ALIASES)
# Field -> a value that contains a given word, by which it can be found again.
VALUES: dict[str, Any] = {
    "content": lambda word: word,
    "calls": lambda word: [{"id": "1", "function": {"name": f"f{word}", "arguments": {"a": word}}}],
    "metadata": lambda word: word,
    "tools": lambda word: [{"name": word}],
    "images": lambda word: f"{word}.png",
    "media": lambda word: f"{word}.mp4",
    "reasoning": lambda word: word,
    "loss": lambda word: False,
}
SINGLE = {"function_call": lambda word: {"name": f"f{word}", "arguments": {"a": word}}}


def fields() -> st.SearchStrategy[dict[str, str]]:
    """Some of the fields of a turn, each under one of its keys."""
    return st.fixed_dictionaries({}, optional={field: st.sampled_from(TURN_FIELDS[field]) for field in VALUES})


def logged(role: str, keys: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The turn, and the word in each of its fields."""
    words = {field: f"w{n}x" for n, field in enumerate(keys)}
    made = {key: SINGLE.get(key, VALUES[field])(words[field]) for field, key in keys.items()}
    if "content" in keys and ALIASES[role] == "function_call":
        made[keys["content"]] = json.dumps({"name": words["content"], "arguments": {}})
    elif {"content", "metadata"} <= keys.keys() and ALIASES[role] == "assistant":
        made[keys["content"]] = json.dumps({"a": words["content"]})
    return {"role": role} | made, words


def held(draft: Draft) -> str:
    """Everything in a draft, as text."""
    messages = [(message.role, message.metadata, message.content, message.loss_weight) for message in draft.messages]
    return json.dumps([messages, draft.tools, [ref.ref for ref in draft.refs], draft.findings, draft.unread], ensure_ascii=False)


@given(st.sampled_from(ROLES), fields(), st.sampled_from(["keep", "drop"]), st.sampled_from(["quarantine", "warn"]))
def test_every_field_of_a_turn_is_in_the_draft_or_in_a_finding_or_the_record_is_refused(role: str, keys: dict[str, str], reasoning: str, unread: str):
    turn, words = logged(role, keys)
    before = [{"role": "user", "content": "Q"}, {"role": "assistant", "tool_calls": [{"id": "0", "function": {"name": "g", "arguments": "{}"}}]}]
    record = {"messages": [*before, turn, {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}
    config = configuration(normalize={"reasoning": reasoning, "field_unread": unread, "media": "warn"})
    draft = draft_of(raw_record("kit", "logs.jsonl", 1, json.dumps(record).encode()), config)
    if not isinstance(draft, Draft):
        assert draft.findings
        assert "internal.error" not in [finding.code for finding in draft.findings]
        return
    text = held(draft)
    for field, key in keys.items():
        if field == "loss":
            assert any(message.loss_weight == 0 for message in draft.messages)
        elif field == "reasoning" and reasoning == "drop" and ALIASES[role] in ("assistant", "function_call"):
            assert "repair.reasoning_dropped" in text
        elif words[field] not in text:
            named = [finding for finding in draft.findings if finding.where.endswith(f".{key}") or key in finding.detail]
            assert named, f"{key} of a turn of {role} is lost"


@given(st.sampled_from(ROLES), st.sampled_from(sorted({*IMAGES, *MEDIA, "actions", "objects", "chosen", "response", "mask_of_words", "train_detail"})))
def test_no_key_whose_name_matters_is_ignored(role: str, key: str):
    turn = {"role": role, "content": '{"name": "f", "arguments": {}}', key: "word.png"}
    before = [{"role": "user", "content": "Q"}, {"role": "assistant", "tool_calls": [{"id": "0", "function": {"name": "g", "arguments": "{}"}}]}]
    record = {"messages": [*before, turn, {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}
    draft = draft_of(raw_record("kit", "logs.jsonl", 1, json.dumps(record).encode()), configuration())
    assert carries_meaning(key, "word.png") or key in IMAGES or key in MEDIA
    assert not isinstance(draft, Draft) or "word.png" in [ref.ref for ref in draft.refs]
