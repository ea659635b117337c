"""The formats of raw logs, in one table: how each is recognized, and which key has its turns. All the rest is the same for all formats.

A format moves fields and judges nothing. keys.py lists the keys that are read, for all formats together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from pipelines.config import EPISODE_KEYS, EpisodeKey, Source
from pipelines.formats.envelopes import ENVELOPES, fields_in_envelopes
from pipelines.formats.exports import unfold_export
from pipelines.formats.failed import refuse_failed
from pipelines.formats.fields import read_fields
from pipelines.formats.keys import HARMLESS, RECORD_FIELD, Unread
from pipelines.formats.layouts import LAYOUTS
from pipelines.formats.libraries import LIBRARIES, Library, library_of
from pipelines.formats.libraries.not_read import why_not
from pipelines.formats.logged import Json, Keyed, Logged, LoggedTurn, fields_of
from pipelines.formats.pieces import Layout
from pipelines.formats.plugin import call_plugin
from pipelines.formats.prefixes import with_prefixes
from pipelines.formats.reading import last_answer, read_layout
from pipelines.formats.record_fields import has_system, logged_of
from pipelines.formats.sessions import SESSIONS, SessionFormat, read_session, session_of
from pipelines.formats.span_kinds import SPAN_KINDS, check_request, check_span
from pipelines.formats.spans import unfold
from pipelines.formats.turn_texts import TurnTexts
from pipelines.formats.turns import Reading, parsed, read_turns
from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import clip
from pipelines.parsing.written import Rewritten, Written
from pipelines.reasons import Reason, Reject
from pipelines.records import Finding

Record = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Format:
    """`turns` are the keys that may have the turns, the usual one first. `matches` says whether a record has this format; `source` describes it."""

    name: str
    title: str
    shape: str
    source: str
    turns: tuple[str, ...]
    matches: Callable[[Record], bool]


def _is_agentcpm(record: Record) -> bool:
    """Whether it has `conversations`, and nothing that only sharegpt has."""
    if "conversations" not in record:
        return False
    turns = record["conversations"]
    has_from = isinstance(turns, list) and any(isinstance(turn, dict) and "from" in turn for turn in turns)
    return "image" in record or not (has_from or "images" in record or "tools" in record or "system" in record)


def _is_glm(record: Record) -> bool:
    """Whether a message has a key or a role that only GLM logs have."""
    turns = record.get("messages")
    return isinstance(turns, list) and any(isinstance(turn, dict) and _is_glm_turn(turn) for turn in turns)


_GLM_KEYS = frozenset(("metadata", "tools", "image"))


def _is_glm_turn(turn: Record) -> bool:
    return turn.get("role") == "observation" or (not _GLM_KEYS.isdisjoint(turn) and any(turn.get(key) is not None for key in _GLM_KEYS))


_CONVERSATIONS, _MESSAGES = ("conversations", "messages"), ("messages", "conversations")
# The more specific format first.
CHAT: dict[str, Format] = {
    made.name: made
    for made in (
        Format(
            name="agentcpm",
            title="AgentCPM-GUI and MiniCPM-V: image (a path, or an object of <image_00> names), conversations of role/content",
            shape='{"id", "image": path or {"<image_00>": path}, "conversations": [{"role", "content"}], "episode_id", "step_id"}',
            source="OpenBMB/AgentCPM-GUI sft/readme.md @ acbaf50, OpenBMB/MiniCPM-V finetune/readme.md @ 0dbb566",
            turns=_CONVERSATIONS,
            matches=_is_agentcpm,
        ),
        Format(
            name="sharegpt",
            title="ShareGPT as LLaMA-Factory reads it: conversations of from/value (or role/content), tools as JSON text or list, images, system",
            shape='{"conversations": [{"from": human|gpt|system|function_call|observation, "value"}], "tools", "images": [path], "system"}',
            source="hiyouga/LLaMA-Factory data/README.md @ v0.9.5; the same fields under `messages` are its mllm_demo form",
            turns=_CONVERSATIONS,
            matches=lambda record: "conversations" in record or ("messages" in record and "images" in record),
        ),
        Format(
            name="glm",
            title="GLM-4: messages with metadata (the tool's name on a call), observation, tools on the system message, image on a message",
            shape='{"messages": [{"role": system|user|assistant|observation, "metadata", "content", "tools", "image"}]}',
            source="THUDM/GLM-4 finetune/README.md @ f27a106",
            turns=_MESSAGES,
            matches=_is_glm,
        ),
        Format(
            name="openai",
            title="OpenAI chat: messages; content as text, parts or null; tool_calls; tool results by id",
            shape='{"messages": [{"role": system|user|assistant|tool, "content": text, parts or null, "tool_calls", "tool_call_id"}], "tools"}',
            source="the chat completions message format; hiyouga/LLaMA-Factory v1 data converters @ v0.9.5 for parts with `value`",
            turns=_MESSAGES,
            matches=lambda record: "messages" in record,
        ),
    )
}


# The one list of formats, in the order in which `auto` tries them.
FORMATS: Mapping[str, SessionFormat | Library | Format | Layout] = {**SESSIONS, **LIBRARIES, **CHAT, **LAYOUTS}


def read_record(logged: Record, raw: bytes, source: Source, budget: Budget, unread: Unread) -> Logged:
    """The record in its format's fields; `auto` decides per record. Keys that nothing reads go into `unread`.

    Raises Reject if no format matches.
    """
    logged, text = plain_record(logged, raw, source, budget)
    reading = Reading(budget, unread)
    made = _read(logged, Written(text), source, "auto" if ":" in source.format else source.format, reading)
    return replace(made, turns=with_prefixes(made.turns, unread)) if reading.has_prefix and isinstance(made.turns, list) else made


def plain_record(logged: Record, raw: bytes, source: Source, budget: Budget) -> tuple[Record, bytes | str]:
    """The record and its JSON text, as the source's plug-in makes them where it has one. Raises Reject."""
    return call_plugin(source.format, logged, budget) if ":" in source.format else (logged, raw)


def _read(logged: Record, written: Written, source: Source, wanted: str, reading: Reading) -> Logged:
    unread = reading.unread
    record = {
        key: value for key, value in logged.items() if value is not None and key not in unread.ignored
    }  # a Parquet column of nulls does not count as a key
    for key in unread.ignored & logged.keys() if unread.ignored else ():
        unread.add("record", "", key, logged[key])
    if not _ERRORS.isdisjoint(record) and source.fields is None:
        refuse_failed(record)
    episode = _episode(record, source.episode_id)
    if source.fields is not None:
        return read_fields(record, written, source.fields, reading, episode)
    if (session := session_of(record, wanted)) is not None:
        return read_session(record, written, session, reading, episode)
    if not _holds_turns(record) or wanted in LAYOUTS or wanted in SESSIONS:
        if (found := _read_layout(record, written, wanted, reading, episode)) is not None:
            return found
        if wanted in LAYOUTS or wanted in SESSIONS or not _holds_turns(logged):
            found_keys = f"found the keys {clip(', '.join(map(str, record)))}; expected {_expected(wanted)}; map them with `format: fields`"
            raise Reject(Reason.SCHEMA_UNKNOWN_FORMAT.at("", why_not(record) or found_keys))
        record = dict(logged)
    made = _format_of(record, wanted)
    keys = made.turns if isinstance(made, Format) else _MESSAGES
    key = next((key for key in keys if key in record), keys[0])
    turns = read_turns(record.get(key), (key,), key, written, reading)
    for other in keys:
        if other != key and other in record and record[other] != record.get(key):
            unread.add("record", "", other, record[other], f"the turns were read from {key}, which has different ones")
    rejected: Keyed = ()
    fields = fields_of(record)
    if not record.keys() <= _KNOWN:
        answer, rejected, used = last_answer(record, turns, written, reading)
        if answer:
            check_request(record, not used.isdisjoint(_OF_RESPONSES), unread)
        turns = turns + answer if answer else turns
        if not record.keys().isdisjoint(ENVELOPES):
            record, fields = _with_fields_beside(record, fields, turns, reading.budget)
        read = _READ | used | (_TWICE if record.keys() >= _OF_OPENHANDS else frozenset())
        unread.add_others("record", "", record, read if episode is None else read | {episode[0]}, TurnTexts(turns).repeats)
    return logged_of(made.name, turns, key, written, fields, episode, rejected)


def _with_fields_beside(record: Record, fields: dict[str, Keyed], turns: Json, budget: Budget) -> tuple[dict[str, Json], dict[str, Keyed]]:
    """(the record without what was taken out of the objects beside its turns, its fields with it)."""
    given = {field for field, pairs in fields.items() if any(value not in ("", [], {}) for _, value in pairs)}
    wanted = {"tools", "system"} - given - ({"system"} if has_system(turns) else set())
    beside, left = fields_in_envelopes(record, wanted, budget)
    return {key: rest for key, value in record.items() if (rest := left.get(key, value)) or key not in left}, fields | beside


def nonfinite(logged: Logged) -> list[Finding]:
    """A refusal for every tool definition or id that contains NaN or Infinity.

    Arguments and results are checked when they are written. NaN in a field that is not read does no harm.
    """
    turns = logged.turns if isinstance(logged.turns, list) else []
    fields = [(f"{turn.where}.tools", turn.tools) for turn in turns if isinstance(turn, LoggedTurn)]
    fields += [*logged.rejected, ("tools", logged.tools), ("id", logged.id), ("step_id", logged.step_id), ("episode_id", logged.episode)]
    return [Reason.JSON_NONFINITE.at(where, "NaN and Infinity are not JSON numbers") for where, value in fields if _holds_nonfinite(value)]


def _holds_nonfinite(value: Json) -> bool:
    boxes = [value]
    while boxes:
        box = boxes.pop()
        if isinstance(box, float) and not math.isfinite(box):
            return True
        if isinstance(box, dict):
            boxes += box.values()
        elif isinstance(box, (list, tuple)):
            boxes += box
    return False


_READ = frozenset((*RECORD_FIELD, *_CONVERSATIONS, *EPISODE_KEYS))
_KNOWN = _READ | HARMLESS["record"]
# The completions that OpenHands logs have their turns twice where its model has no calls of its own: as the model saw them, and with calls.
_OF_OPENHANDS, _TWICE = frozenset(("args", "kwargs", "cost")), frozenset(("fncall_messages", "fncall_response"))
_ERRORS = frozenset(("response", "response_body", "responseBody", "error"))  # keys where a request that failed says so
_OF_REQUESTS = ("request", "responses", "gemini")  # layouts of an API's requests and responses
_OF_RESPONSES = ("response", "choices", "output")  # keys of an answer that an API gave


def _holds_turns(record: Record) -> bool:
    return "conversations" in record or "messages" in record


def _read_layout(record: Record, written: Written, wanted: str, reading: Reading, episode: tuple[str, Json] | None) -> Logged | None:
    """The record in the first layout that it matches, or in the one that the source names; None where it matches none. Columns of JSON text are
    opened for the search."""
    unfolded = unfold_export(record, reading.unread) if "mapping" in record else unfold(record, reading.budget, reading.unread)
    if unfolded is not None:
        record, written = unfolded, Rewritten(lambda: unfolded)
    name = _layout_of(record, wanted)
    if name is None:
        name = _layout_of(_opened(record, reading.budget), wanted)
    if name is None:
        check_span(record, SPAN_KINDS, Unread())
        return None
    check_span(record, LAYOUTS[name].kinds, reading.unread)
    if not LAYOUTS[name].kinds:
        check_request(record, name in _OF_REQUESTS, reading.unread)
    return read_layout(record, written, name, LAYOUTS[name], reading, episode)


def _opened(record: Record, budget: Budget, levels: int = 2) -> dict[str, Json]:
    """The record with the JSON texts among its values opened, and among theirs."""
    opened: dict[str, Json] = {}
    for key, value in record.items():
        inner = parsed(value, budget) if isinstance(value, str) else value
        inner = value if inner is None else inner
        opened[key] = _opened(inner, budget, levels - 1) if isinstance(inner, dict) and levels > 1 else inner
    return opened


def _expected(wanted: str) -> str:
    return "conversations or messages" if wanted not in LAYOUTS else ", ".join(path for path, _ in LAYOUTS[wanted].needs)


def _layout_of(record: Record, wanted: str) -> str | None:
    names = LAYOUTS if wanted == "auto" else [wanted] if wanted in LAYOUTS else []
    return next((name for name in names if LAYOUTS[name].matches(record)), None)


def _format_of(record: Record, wanted: str) -> Format | Library:
    if wanted in CHAT:
        return CHAT[wanted]
    library = library_of(turns) if isinstance(turns := record.get("messages"), list) else None
    if wanted in LIBRARIES and library is not LIBRARIES[wanted]:
        raise Reject(Reason.SCHEMA_UNKNOWN_FORMAT.at("messages", f"expected messages of {wanted}; `format: auto` finds the format of each record"))
    return library or next(made for made in CHAT.values() if made.matches(record))


def _episode(record: Record, wanted: tuple[str, ...] | EpisodeKey) -> tuple[str, Json] | None:
    keys = (wanted.from_,) if isinstance(wanted, EpisodeKey) else wanted
    return next(((key, record[key]) for key in keys if record.get(key) not in (None, "")), None)
