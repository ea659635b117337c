"""Files of which a record is more than a line."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.config import Limits
from pipelines.containers import LineSplit, read_records, survey_file
from pipelines.containers.listing import InputFile
from pipelines.containers.whole_files import records_of_file
from pipelines.parsing.sessions import conversations_in, session_of
from pipelines.records import RawRecord


def listed(path: Path, records: str = "auto") -> InputFile:
    stat = path.stat()
    return InputFile("logs", str(path), stat.st_size, stat.st_mtime_ns, records=records)


def read(path: Path, records: str = "auto", limits: Limits | None = None) -> list[RawRecord]:
    return list(read_records(listed(path, records), limits or Limits()))


def event(own: str, parent: str | None, kind: str = "user", **more: Any) -> bytes:
    return json.dumps({"type": kind, "uuid": own, "parentUuid": parent, "sessionId": "s", "message": {}} | more).encode()


SESSION = b"\n".join([event("a", None), event("b", "a", "assistant"), event("x", None, isSidechain=True), event("y", "x", "assistant", isSidechain=True)])


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (SESSION, "claude_code"),
        (b'{"type": "summary", "leafUuid": "u"}\n' + SESSION, "claude_code"),
        (b'{"parentUuid": null, "sessionId": "s", "message": {"content": "' + b"x" * 70_000, "claude_code"),
        (b'{"timestamp": "t", "type": "session_meta", "payload": {}}\n', "codex"),
        (b'{"type": "other", "payload": {}}\n{"type": "other", "payload": {}}', None),
        (b'{"id": "s", "timestamp": "t", "instructions": null}\n{"record_type": "state"}\n', "codex"),
        (b'{"id": "s", "timestamp": "t", "instructions": "x"}\n{"id": "s2", "timestamp": "t", "instructions": "x"}\n', None),
        (b'{"type": "assistant", "message": {}, "session_id": "s", "parent_tool_use_id": null}\n', "claude_code"),
        (b'[{"role": "user", "parts": [{"text": "Q"}]}, ', "turns"),
        (b'{"sessionId": "s", "projectHash": "h"}\n{"id": "1", "type": "user"}', "gemini_cli"),
        (b'{"sessionId": "s", "projectHash": "h", "messages": []}', None),
        (b'{"step_num": 1, "action": "x", "screenshot_file": "a.png"}\n', "osworld"),
        (b'[{"role": "user", "content": "Q"}, {"ro', "turns"),
        (b'[{"messages": [{"role": "user", "content": "Q"}]}]', None),
        (b'{"role": "user", "content": "Q"}\n{"role": "assistant", "content": null}', "turns"),
        (b'{"role": "user", "content": "Q"}\n', None),
        (b'{"messages": [{"role": "user", "parentUuid": "a", "sessionId": "s"}]}\n', None),
        (b'{"text": "\\"parentUuid\\": \\"sessionId\\":"}\n', None),
        (b"", None),
    ],
)
def test_a_session_is_recognized_by_its_first_lines(head: bytes, kind: str | None):
    assert session_of(head) == kind


def test_each_conversation_of_a_session_is_a_record_with_its_first_line(tmp_path: Path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(SESSION + b"\n")
    lines = SESSION.split(b"\n")
    assert [(record.origin.line, record.raw) for record in read(path)] == [(1, b"\n".join(lines[:2])), (3, b"\n".join(lines[2:]))]


def test_a_session_of_one_conversation_keeps_every_byte_of_its_file(tmp_path: Path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(b"\n".join(SESSION.split(b"\n")[:2]) + b"\n\n")
    assert [(record.origin.line, record.raw) for record in read(path)] == [(1, path.read_bytes())]


@pytest.mark.parametrize(("records", "count"), [("auto", 2), ("file", 2), ("line", 4)])
def test_the_source_may_say_what_a_record_is(tmp_path: Path, records: str, count: int):
    path = tmp_path / "s.jsonl"
    path.write_bytes(SESSION)
    assert len(read(path, records)) == count


def test_any_file_can_be_one_record(tmp_path: Path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": 2}\n')
    assert [record.raw for record in read(path, "file")] == [path.read_bytes()]
    path.write_bytes(b" \n")
    assert read(path, "file") == []


def test_a_compressed_session_is_one_too(tmp_path: Path):
    path = tmp_path / "s.jsonl.gz"
    path.write_bytes(gzip.compress(SESSION))
    assert [record.origin.line for record in read(path)] == [1, 3]


def test_a_session_over_the_limit_is_one_row_with_its_hash(tmp_path: Path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(SESSION)
    (row,) = read(path, limits=Limits(line_bytes=100))
    assert [finding.code for finding in row.findings] == ["line.too_large"]
    assert json.loads(row.raw)["bytes"] == len(SESSION)


def test_a_session_is_never_split(tmp_path: Path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(SESSION)
    assert survey_file(listed(path), split_bytes=100).splits == ((LineSplit(str(path), 0, -1), 1),)
    path.write_bytes((SESSION + b"\n") * 10_000)
    assert len(survey_file(listed(path), split_bytes=1 << 20).splits) == 1
    assert len(survey_file(listed(path, "line"), split_bytes=1 << 20).splits) > 1


IDS = st.sampled_from([None, *"abcdef"])
EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["user", "assistant", "system"]), "parentUuid": IDS, "sessionId": st.just("s")},
    optional={"uuid": IDS, "isSidechain": st.booleans(), "message": st.just({})},
)


@given(st.lists(EVENTS | st.just(None), min_size=1, max_size=20))
def test_every_line_of_a_session_is_in_exactly_one_record(events: list[Any]):
    lines = [b"{" if event is None else json.dumps(event).encode() for event in events]
    groups = conversations_in(lines, "claude_code")
    assert sorted(number for group in groups for number in group) == list(range(len(lines)))
    first = json.dumps({"parentUuid": None, "sessionId": "s"}).encode()
    records = list(records_of_file(iter([b"\n".join([first, *lines])]), 1 << 20))
    assert sorted(line for _, (raw, _) in records for line in raw.split(b"\n")) == sorted([first, *lines])
    assert len({number for number, _ in records}) == len(records)
