"""Damaged records of every format: each ends in exactly one known state, with its own bytes, and a conversation that is kept can be read again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipelines.config import Config
from pipelines.console.trial import Tally
from pipelines.containers.shapes import shape_of
from pipelines.flow import Flow, draft_of, is_internal
from pipelines.local import run_files
from pipelines.reasons import repairs_of
from pipelines.records import Conversation, Draft, Message, Outcome, Quarantined, origin_of, raw_record
from pipelines.tables.schema import message_row
from tests.golden import DIALECTS, open_case
from tests.making import configuration
from tests.properties.damage import lines
from tests.properties.depth import deep
from tests.properties.logs import records

SOME = ("glm_4", "minicpm_v_2_6")


Run = Callable[[Sequence[bytes]], list[Outcome]]


@pytest.fixture(scope="session")
def config(root: Path) -> Config:
    """Two dialects in `make test`, all six in a long run. Pictures are checked but not decoded, because test_images.py does that."""
    names = DIALECTS if "EXAMPLES" in os.environ else SOME
    source = {"path": str(root.parent), "image_root": str(root)}
    return configuration(*names, source=source, options={"tool_syntax": "json"}, images={"verify": "structure"})


@pytest.fixture(scope="session")
def run(config: Config, root: Path) -> Run:
    flow = open_case(config)
    return lambda written: ran(flow, root, written)


@pytest.fixture(scope="session")
def run_bare(config: Config, root: Path) -> Run:
    """Without dialects."""
    return lambda written: ran(Flow(config, ()), root, written)


def ran(flow: Flow, folder: Path, written: Sequence[bytes]) -> list[Outcome]:
    path = folder.parent / "logs.jsonl"
    path.write_bytes(b"\n".join(written))
    return list(run_files(flow, [str(path)]))


def books_of(outcomes: Sequence[Outcome], config: Config) -> Any:
    tally = Tally(config)
    for outcome in outcomes:
        tally.count(outcome)
    return tally.books()


@given(written=st.lists(lines(), min_size=1, max_size=4), again=st.booleans())
@deep(60)
def test_every_line_ends_in_one_known_state_with_its_own_bytes(run: Run, config: Config, written: list[bytes], again: bool):
    written = written + written[:1] if again else written
    assume(not b"".join(written).lstrip(b"\xef\xbb\xbf \t\r\n\v\f").startswith(b"["))  # a file that begins so may be an array, of which an element is a record
    assume(shape_of(b"\n".join(written), True, True) == "lines")  # parts of records on lines of their own may be one object over many lines
    outcomes = run(written)
    assert [outcome for outcome in outcomes if is_internal(() if not isinstance(outcome, Quarantined) else outcome.findings)] == []
    records_in = {number: line for number, line in enumerate(written, 1) if line.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n\v\f")}
    states = [outcome for outcome in outcomes if isinstance(outcome, Conversation) or (isinstance(outcome, Quarantined) and outcome.dialect is None)]
    assert [origin_of(state).line for state in states] == list(records_in)
    offered = {origin_of(state).line for state in states if isinstance(state, Conversation)}
    for dialect in config.dialects:
        assert sorted(origin_of(row).line for row in outcomes if getattr(row, "dialect", None) == dialect.name) == sorted(offered)
    for row in outcomes:
        assert not isinstance(row, Quarantined) or row.raw.raw == records_in[row.raw.origin.line]
    books = books_of(outcomes, config)
    assert books.faults() == []
    assert books.states() | {"damaged": 0} == books.states()
    assert books.total("records") == len(records_in)


def written_again(conversation: Conversation, draft: Draft) -> bytes:
    """The conversation as a record of format glm: images as parts, in their places, by the references that the log gave."""
    refs = iter([ref.ref for ref in draft.refs])
    turns = [
        {"role": message.role, "metadata": message.metadata, "content": _content(message, refs), "loss_weight": message.loss_weight}
        for message in conversation.messages
    ]
    ids = {"id": draft.logged_id, "step_id": conversation.step_id}
    episode = {} if conversation.episode_id == conversation.record_id else {"episode_id": conversation.episode_id}
    tools = None if conversation.tools is None else json.loads(conversation.tools)
    return json.dumps({"messages": turns, "tools": tools, **ids, **episode}, ensure_ascii=False).encode()


def _content(message: Message, refs: Any) -> Any:
    if not message.image_at:
        return message.content
    ends = [*message.image_at, len(message.content)]
    parts: list[Any] = [{"type": "text", "text": message.content[: ends[0]]}]
    for start, end in zip(message.image_at, ends[1:], strict=True):
        parts += [{"type": "image", "image": next(refs)}, {"type": "text", "text": message.content[start:end]}]
    return parts


def kept(run: Run, config: Config, line: bytes) -> tuple[Conversation, Draft] | None:
    first = next(iter(run([line])), None)  # a blank line has no outcome
    if not isinstance(first, Conversation):
        return None
    draft = draft_of(raw_record(first.origin.source, first.origin.path, 1, line), config)
    assert isinstance(draft, Draft)
    return first, draft


@given(line=st.one_of(lines(), records(safe=True).map(lambda record: json.dumps(record).encode())))
@deep(120)
def test_a_conversation_that_is_kept_is_clean_and_unchanged_when_it_is_read_again(run_bare: Run, config: Config, line: bytes):
    found = kept(run_bare, config, line)
    if found is None:
        return
    once, draft = found
    again = kept(run_bare, config, written_again(once, draft))
    assert again is not None
    twice = again[0]
    paths = {
        "repair.path_case",
        "repair.path_separator",
        "repair.path_percent",
        "repair.path_root",
        "repair.path_unicode",
    }  # the references are still those of the log
    assert set(repairs_of(twice.findings)) <= paths
    assert list(map(message_row, twice.messages)) == list(map(message_row, once.messages))
    assert (twice.tools, twice.images, twice.step_id) == (once.tools, once.images, once.step_id)
    assert twice.episode_id == (twice.record_id if once.episode_id == once.record_id else once.episode_id)


@given(record=records(safe=True))
@deep(60)
def test_most_undamaged_records_are_kept(run_bare: Run, record: Any):
    """If all random records were refused, the properties above would say nothing."""
    first = run_bare([json.dumps(record).encode()])[0]
    assert isinstance(first, Conversation) or {finding.code for finding in first.findings} & MAY_BE_REFUSED, first.findings


# A random text may be blank, contain an image mark, or look like half a call; ids and the field `extra` can have any value.
MAY_BE_REFUSED = {"schema.content_missing", "schema.no_target", "json.lone_surrogate", "json.huge_number", "schema.field_type", "tool.result_orphan"}
