"""Files of which one record is more than a line: sessions of coding agents, one event a line, and lists of turns.

A record of such a file is read as one object: `{"lines": [...]}` for a session, `{"messages": [...]}` for turns. Which lines belong to one conversation is
found here too, because the splitting of a file and the reading of a record must agree.

Sources: the session files of Claude Code 2.1, of Codex (openai/codex codex-rs/protocol) and of Gemini CLI (google-gemini/gemini-cli chatRecordingTypes.ts @ 04741d1);
traj.jsonl of xlang-ai/OSWorld; results of bytedance/UI-TARS and MinorJerry/WebVoyager, which are lists of turns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import orjson

Session = Literal["claude_code", "codex", "gemini_cli", "osworld", "turns"]
BLANK = b" \t\r\n\v\f"
BOM = b"\xef\xbb\xbf"
_OF_RECORDS = frozenset((b"messages", b"conversations"))
FIRST_LINES = 16  # that are looked at: notes of the agent may come before the first event

_TOKENS = re.compile(rb'"((?:[^"\\]++|\\.)*+)"|[\[\]{}:,]', re.DOTALL)
_BEGINNINGS, _BEGINNING_TYPES = (b"session_meta", b"compacted"), ("session_meta", "compacted")  # of a conversation of Codex
_CODEX = (b"session_meta", b"response_item", b"event_msg", b"turn_context", b"compacted")
# A list of messages of PydanticAI, whose parts, which may have pictures, come before their kind; or one of LangChain.
_OF_LIBRARY = re.compile(rb'\[\s*\{\s*(?:"parts"\s*:\s*\[\s*\{\s*"content"\s*:|"type"\s*:\s*"(?:human|ai|system)"\s*,\s*"data"\s*:\s*\{)')

# The types of AutoGen's messages to a model, and where they are looked for.
_CONTEXT_TYPE = re.compile(rb'"type"\s*:\s*"(?:System|User|Assistant|FunctionExecutionResult)Message"')
_CONTEXT_HEAD = 1 << 16


def top_keys(text: bytes, most: int = 64) -> list[bytes]:
    """The keys of the object that begins here, as far as it goes, or to one that only records have; [] where no object begins.

    >>> top_keys(b'{"a": {"b": 1}, "c": "d", "e'), top_keys(b"[1]")
    ([b'a', b'c'], [])
    """
    if text[:1] != b"{":
        return []
    keys: list[bytes] = []
    depth, last = 0, b""
    for token in _TOKENS.finditer(text):
        sign = token.group()
        if sign in (b"{", b"["):
            depth += 1
        elif sign in (b"}", b"]"):
            depth -= 1
            if depth == 0:
                break
        elif depth == 1 and sign == b":":
            keys.append(last)
            if len(keys) == most or last in _OF_RECORDS:
                break
        elif depth == 1:
            last = token[1] or b""
    return keys


def session_of(head: bytes) -> Session | None:
    """The kind of session that a text of one object a line, or a list, begins like; None where each line or element is a record of its own.

    >>> session_of(b'{"role": "user", "content": "Q"}\\n{"role": "assistant", "content": "A"}'), session_of(b'{"messages": []}\\n')
    ('turns', None)
    """
    text = head.removeprefix(BOM).lstrip(BLANK)
    if text.startswith(b"["):
        first = set(top_keys(text[1:].lstrip(BLANK)))
        return "turns" if _is_turn(first) or _is_message(first) or _is_of_context(first, text) or _OF_LIBRARY.match(text) else None
    lines = [line for line in text.split(b"\n", FIRST_LINES)[:FIRST_LINES] if line.strip(BLANK)]
    first = set(top_keys(lines[0])) if lines else set()
    if not first.isdisjoint(_OF_RECORDS):
        return None
    if _is_turn(first):
        return "turns" if len(lines) > 1 and _is_turn(set(top_keys(lines[1]))) else None
    if {b"step_num", b"action"} <= first and (b"screenshot_file" in first or b"action_timestamp" in first):
        return "osworld"
    if {b"type", b"payload"} <= first:
        return "codex" if any(b'"' + name + b'"' in lines[0] for name in _CODEX) else None
    if {b"id", b"timestamp", b"instructions"} <= first and any(b"record_type" in keys or b"type" in keys for keys in map(top_keys, lines[1:3])):
        return "codex"  # of 2025: the items themselves
    if {b"sessionId", b"projectHash"} <= first:
        return "gemini_cli"
    return "claude_code" if any(_of_claude(set(top_keys(line))) for line in lines) else None


def _is_turn(keys: set[bytes]) -> bool:
    return (b"role" in keys and not keys.isdisjoint((b"content", b"tool_calls", b"parts"))) or {b"from", b"value"} <= keys


def _is_message(keys: set[bytes]) -> bool:
    """Whether this is a message of AutoGen, of PydanticAI, or of LangChain."""
    of_library = ({b"source", b"models_usage"}, {b"parts", b"kind"}, {b"content", b"additional_kwargs", b"type"}, {b"lc", b"kwargs"})
    return any(wanted <= keys for wanted in of_library)


def _is_of_context(keys: set[bytes], text: bytes) -> bool:
    """Whether this is a message of the context of an agent of AutoGen, whose kind only its type says."""
    return {b"content", b"type"} <= keys <= {b"content", b"type", b"source", b"thought"} and _CONTEXT_TYPE.search(text, 0, _CONTEXT_HEAD) is not None


def _of_claude(keys: set[bytes]) -> bool:
    """Whether an event is of a session file, or of the output of `--output-format stream-json`."""
    return {b"parentUuid", b"sessionId"} <= keys or {b"type", b"message", b"session_id", b"parent_tool_use_id"} <= keys


def object_text(raw: bytes) -> bytes:
    """The text of the one object that a record is read as: its own, but for sessions and lists of turns."""
    if raw[:1] == b"{" and b"\n" not in raw:  # as nearly all records
        return raw
    text = raw.removeprefix(BOM).strip(BLANK)
    if text.startswith(b"["):
        return b'{"messages":' + text + b"}" if session_of(text) == "turns" else raw
    if b"\n" not in text:
        return raw
    kind = session_of(text)
    if kind is None and not _is_object(text.partition(b"\n")[0]):
        return raw  # an object over many lines
    lines = b",".join([line for line in text.split(b"\n") if line.strip(BLANK)])
    return (b'{"messages":[' if kind in ("turns", None) else b'{"lines":[') + lines + b"]}"


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def conversations_in(lines: Sequence[bytes], kind: Session) -> list[list[int]]:
    """The lines of each conversation of a session file, by number from 0; each line is in exactly one."""
    if kind == "codex":
        begins = [any(name in line[:512] for name in _BEGINNINGS) and _loaded(line).get("type") in _BEGINNING_TYPES for line in lines]
        return _cut_before(begins)
    if kind == "claude_code":
        return chains_of([_loaded(line) for line in lines])
    return [list(range(len(lines)))]


def _cut_before(begins: Sequence[bool]) -> list[list[int]]:
    groups: list[list[int]] = []
    for i, begin in enumerate(begins):
        if begin or not groups:
            groups.append([])
        groups[-1].append(i)
    return groups


def _loaded(line: bytes) -> Mapping[str, Any]:
    """The object of a line; an empty one where there is none, which the parser will report."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def chains_of(events: Sequence[Mapping[str, Any]]) -> list[list[int]]:
    """The events of each conversation of Claude Code: those that have one first event. A side chain and what follows a compaction begin anew.

    An event without a parent in the file follows the last one of its kind. Conversations without an answer, and notes of the agent, belong to the conversation
    before them, or to the first.
    """
    roots = roots_of(events)
    answered = {roots[i] for i, event in enumerate(events) if event.get("type") == "assistant"}
    groups: dict[int, list[int]] = {}
    last = min(answered, default=0)
    for i, root in enumerate(roots):
        last = root if root in answered else last
        groups.setdefault(root if root in answered else last, []).append(i)
    return sorted(groups.values())


def roots_of(events: Sequence[Mapping[str, Any]]) -> list[int]:
    """The first event of the conversation of each event, by number; an event that is no part of one is its own."""
    roots: list[int] = []
    for i, parent in enumerate(parents_of(events)):
        roots.append(i if parent is None else roots[parent])
    return roots


def parents_of(events: Sequence[Mapping[str, Any]]) -> list[int | None]:
    """The event before each event in its conversation, by number; None for the first, and for notes of the agent.

    An event whose parent is not in the file, and an answer or a result without a parent, follows the last one before it: tools that shorten logs leave events out.
    """
    numbers: dict[str, int] = {}
    sides = [side_of(event) for event in events]
    latest: dict[Any, int] = {}
    parents: list[int | None] = []
    for i, event in enumerate(events):
        parent, own = event.get("parentUuid"), event.get("uuid")
        above = numbers.get(parent) if isinstance(parent, str) else None
        if above is None and (isinstance(parent, str) or _answers(event) or _is_streamed(event)):
            above = latest.get(sides[i])
        parents.append(above if above is not None and sides[above] == sides[i] else None)
        if isinstance(own, str):
            numbers.setdefault(own, i)
        if isinstance(own, str) or _is_streamed(event):
            latest[sides[i]] = i
    return parents


def side_of(event: Mapping[str, Any]) -> Any:
    """The side chain that an event belongs to; False for the main one. In a stream, it is named by the call that began it."""
    call = event.get("parent_tool_use_id")
    return call if isinstance(call, str) else event.get("isSidechain") is True


def _is_streamed(event: Mapping[str, Any]) -> bool:
    """Whether the events stand in order and name no parents."""
    return "session_id" in event and "parentUuid" not in event


def _answers(event: Mapping[str, Any]) -> bool:
    """Whether this event is an answer, or the result of a call, which nothing can begin with."""
    message = event.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    return event.get("type") == "assistant" or (
        isinstance(content, list) and any(isinstance(part, dict) and part.get("type") == "tool_result" for part in content)
    )
