"""Which keys of a log are read, which are known to be harmless, and what happens to the others.

Every key of a record, a turn, a part, a call or a tool is read (`TURN_FIELDS`, `RECORD_FIELDS`), harmless (`HARMLESS`) or unread. An unread
key is counted. If it may change what the record teaches (meaning.py), the record is refused (`Unread.findings`).
To add an alias, add a word to a table here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping
from itertools import islice
from typing import Any

from pipelines.formats.envelopes import UnreadPrompt, may_have_prompt, unread_prompts_in
from pipelines.formats.meaning import carries_meaning
from pipelines.formats.stops import HOLDERS, STOP_KEYS, STOP_REASONS, Stop, stops_in
from pipelines.parsing.careful import clip
from pipelines.reasons import Reason
from pipelines.records import Finding
from pipelines.visible import one_line

IMAGES = (
    *("image", "images", "image_path", "image_paths", "image_url", "image_urls"),
    *("img", "imgs", "img_path", "img_paths", "picture", "pictures", "screenshot", "screenshots"),
    *("image_base64", "images_base64", "image_b64", "base64_image", "base64_images", "screenshot_base64", "image_data", "image_file", "image_files"),
    *("frames", "visual", "visuals", "observation_image"),
)
ATTACHMENTS = ("attachments", "experimental_attachments", "files")  # of a turn: read where they are pictures
MEDIA = ("video", "videos", "audio", "audios", "media")

TOOL_NAMES = ("toolName", "tool_name")  # of the function whose result a turn is; an answer with such a key is a call that nothing reads
# Keys that hold calls where their values are objects or JSON text; any other value is unread.
CALLS_IF_OBJECTS = ("tool_call", "toolCall", "tool_uses", "tool_use", "function_calls", "functionCall", "functionCalls", "calls")
# Field -> the keys that logs use for it. If a turn has several keys of a field with one value, the first counts.
TURN_FIELDS: Mapping[str, tuple[str, ...]] = {
    "role": ("role", "from", "sender", "author"),
    "content": ("content", "value", "text", "parts", "contents", "message", "system_prompt", "refusal"),
    "calls": ("tool_calls", "function_call", "toolCalls", *CALLS_IF_OBJECTS),
    "call_id": ("tool_call_id", "call_id", "tool_use_id", "toolCallId", "source_call_id"),
    "own_id": ("id",),
    "name": ("name", *TOOL_NAMES),
    "metadata": ("metadata",),
    "tools": ("tools",),
    "images": IMAGES,
    "media": MEDIA,
    "reasoning": (
        *("reasoning_content", "reasoning", "reasoning_details", "thinking", "thought", "thoughts"),
        *("reasoning_text", "reasoningContent", "thinking_blocks", "thinking_content", "chain_of_thought", "cot"),
    ),
    "loss": ("loss_weight", "weight", "loss_scale", "loss_mask", "mask", "loss", "train", "trainable", "training"),
}
EXTRAS = ("additional_kwargs", "provider_specific_fields")  # objects of LangChain and LiteLLM for what only one provider has
INVOCATIONS = "toolInvocations"  # of messages of Vercel's AI SDK 4
RESPONSES = "tool_responses"  # of AutoGen 0.2: the results of several calls, whose content is all of them joined
COPIED = "is_copied_context"  # ATIF: a turn that another trajectory has already, and which is not trained again
PREFIX = "prefix"  # Mistral, DeepSeek: the turn is the beginning of the answer that follows
RESULTS = ("observation",)  # the key of results beside the calls of a turn, {"results": [...]}
# Field -> the keys that calls use for it.
CALL_FIELDS: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "call_id", "tool_call_id", "toolCallId", "toolUseId"),
    "name": ("name", "toolName", "function_name", "tool_name"),
    "arguments": ("arguments", "args", "parameters", "input", "kwargs"),
}
RECORD_FIELDS: Mapping[str, tuple[str, ...]] = {
    "system": ("system", "system_prompt", "system_message", "instructions", "systemInstruction", "system_instruction", "gen_ai.system_instructions"),
    "tools": ("tools", "functions", "available_tools", "tool_definitions", "gen_ai.tool.definitions", "gen_ai.request.tools", "mlflow.chat.tools"),
    "images": IMAGES,
    "media": MEDIA,
    "label": ("label", "kto_tag"),
    "objects": ("objects",),
    "id": ("id",),
    "step_id": ("step_id",),
}
# The usual names of fields that say how an episode went; they are kept in column `extra`. Seen in SWE-Gym, SWE-smith, SWE-rebench, nebius'
# trajectories (resolved), AgentNet (task_completed, alignment_score, efficiency_score), tau-bench and AgentGym (reward), AndroidWorld
# (is_successful), Hermes' trajectories (completed), and sets of answers that were checked (is_correct, passed, score).
OUTCOMES = frozenset(
    (
        *("resolved", "is_resolved", "solved", "success", "is_success", "successful", "is_successful", "succeeded", "task_success", "won"),
        *("task_completed", "completed", "is_completed", "passed", "is_passed", "pass", "correct", "is_correct", "outcome", "verdict"),
        *("reward", "rewards", "final_reward", "total_reward", "score", "scores", "final_score", "alignment_score", "efficiency_score"),
    )
)
TURN_FIELD = {key: field for field, keys in TURN_FIELDS.items() for key in keys}
RECORD_FIELD = {key: field for field, keys in RECORD_FIELDS.items() for key in keys}
TURN_RANK = {key: rank for rank, key in enumerate(TURN_FIELD)}
RECORD_RANK = {key: rank for rank, key in enumerate(RECORD_FIELD)}
# These fields of a turn hold a (key, value) for each key in the log; every other field holds one value.
LISTED = frozenset(("calls", "images", "media", "reasoning", "loss"))

# A turn that is logged inside another object: its key -> the other keys of that object that are read. LangChain writes `kwargs` and `data`.
WRAPPERS: Mapping[str, tuple[str, ...]] = {"kwargs": ("lc", "type", "id"), "data": ("type",), "message": ("index", "type")}
# A question with its answer in one object: the keys of both.
PAIRS = (("human", "user", "input", "question", "prompt", "query", "instruction"), ("assistant", "bot", "gpt", "output", "answer", "response", "completion"))
# The roles of turns that an answer follows.
QUESTION_ROLES = frozenset(("user", "human", "system", "tool", "observation", "function", "function_response", "tool_response", "ipython", "environment"))
# Roles that may be the key of a turn.
SPEAKERS = frozenset(("system", "user", "assistant", "human", "gpt", "bot", "ai"))
# Types of a turn that has no role which say who speaks.
ROLE_TYPES = frozenset(
    (
        *("human", "ai", "system", "user", "assistant", "tool", "function", "developer", "agent", "environment", "gemini"),
        *("HumanMessage", "AIMessage", "AIMessageChunk", "SystemMessage", "ToolMessage", "FunctionMessage"),
        *("HumanMessageChunk", "SystemMessageChunk", "ToolMessageChunk", "message_action"),
    )
)

_BOOKKEEPING = ("timestamp", "created", "created_at", "updated_at", "time", "date", "index", "idx", "uuid", "source", "dataset", "version", "model", "usage")
HARMLESS: Mapping[str, frozenset[str]] = {
    "record": frozenset(
        (*_BOOKKEEPING, "object", "reasoning_effort", "reasoning_tokens", "tool_choice", "temperature", "max_tokens", "top_p", "width", "height")
    ),
    "turn": frozenset((*_BOOKKEEPING, "type", "class_", "status", "finish_reason", "stop_reason", "logprobs", "annotations", "num_tokens")),
    "part": frozenset(
        (
            "id",
            "index",
            "detail",
            "format",
            "annotations",
            "logprobs",
            "cache_control",
            "signature",
            "width",
            "height",
            "resized_width",
            "resized_height",
            "min_pixels",
            "max_pixels",
            "status",
            "encrypted_content",
            "thoughtSignature",
            "thought_signature",
            "providerOptions",
            "providerMetadata",
            "providerExecuted",
            "is_error",
            "isError",
        )
    ),
    "call": frozenset(
        ("type", "class_", "index", "status", "description", "cache_control", "providerOptions", "providerMetadata", "thought_signature", "thoughtSignature")
    ),
    "tool": frozenset(("type", "strict", "cache_control")),
    # an event of a session file
    "line": frozenset(
        (
            *(*_BOOKKEEPING, "type", "subtype", "parentUuid", "logicalParentUuid", "isSidechain", "isMeta", "userType", "cwd", "sessionId", "gitBranch"),
            *("requestId", "toolUseResult", "leafUuid", "summary", "slug", "isCompactSummary", "isVisibleInTranscriptOnly", "agentId", "step_num"),
            *("action_timestamp", "reward", "done", "info", "projectHash", "startTime", "lastUpdated", "isApiErrorMessage", "session_id", "parent_tool_use_id"),
        )
    ),
}

_INDEX = re.compile(r"\[\d+\]")
MOST_KEYS = 256  # distinct ones that are counted of one record
KEY_LENGTH = 64
_TELLING = ("record", "turn", "part")
_STOPS = STOP_KEYS | HOLDERS
MOST_FINDINGS = 100  # unread keys that carry meaning, of one record


def pair_keys(turn: Mapping[str, Any]) -> tuple[str, str] | None:
    """The keys of the question and of the answer, where a turn has both as texts.

    >>> pair_keys({"human": "Q", "assistant": "A"}), pair_keys({"role": "user", "content": "Q"})
    (('human', 'assistant'), None)
    """
    found = [key for keys in PAIRS for key in keys if isinstance(turn.get(key), str)]
    return (found[0], found[1]) if len(found) == 2 and found[0] in PAIRS[0] and found[1] in PAIRS[1] else None


def clip_key(key: str) -> str:
    """A key of a log as it is displayed: at most its first characters, on one line."""
    return one_line(key, KEY_LENGTH)


def _place(kind: str, where: str) -> str:
    """Where keys are counted: by the kind of their object, or in an object of the record that is no turn, by its place.

    >>> _place("turn", "messages[3]"), _place("record", ""), _place("record", "response.choices[0]")
    ('turn', 'record', 'record.response.choices[]')
    """
    return f"{kind}.{_INDEX.sub('[]', where)}" if kind == "record" and where else kind


class Unread:
    """The keys of one record that nothing reads: `counts` by place, `findings` for those that carry meaning."""

    def __init__(self, ignored: Iterable[str] = ()):
        self.ignored = frozenset(ignored)  # not read, whatever they mean
        self.kept: Mapping[str, tuple[Mapping[str, Any], Container[str]]] = {}  # place of an object -> the object, its keys that were read aside
        self.counts: Counter[str] = Counter()
        self.findings: list[Finding] = []
        self.notes: list[Finding] = []  # of what is read
        self.prompts: list[UnreadPrompt] = []  # tools and system texts in the values that are not read
        self.stops: list[Stop] = []  # why answers ended before their end
        self.is_failed = False  # whether a finding says that the request failed

    def add(self, kind: str, where: str, key: str, value: Any, meaning: str = "", repeats: Callable[[str, Any], bool] | None = None) -> None:
        """`kind` is record, turn, part, call or tool, `where` the place of the object that has the key. If `meaning` says why it
        matters, the key is refused whatever its name. `repeats` says whether a key and its value only say again what is read."""
        if kind == "record" and self.kept and self._is_kept(where, key):
            return
        if key in _STOPS:
            self.add_stop(kind, where, key, value)
            if key in STOP_REASONS and not isinstance(value, dict):
                return  # it was read, whatever it says
        name = f"{_place(kind, where)}.{clip_key(key)}"
        self.counts[name if name in self.counts or len(self.counts) < MOST_KEYS else f"{kind}.(other keys)"] += 1
        matters = (meaning or carries_meaning(key, value, kind)) and key not in self.ignored and len(self.findings) <= MOST_FINDINGS
        if matters and (meaning or repeats is None or not repeats(key, value)):
            place, detail = (
                f"{where}.{clip_key(key)}".lstrip("."),
                meaning or f"the key {clip(key)} of a {kind} is not read; if nothing is lost without it, name it in ignore",
            )
            if len(self.findings) == MOST_FINDINGS:
                place, detail = "", f"and more; only the first {MOST_FINDINGS} are listed"
            self.findings.append(Reason.SCHEMA_FIELD_UNREAD.at(place, detail))
        elif (
            kind in _TELLING
            and (isinstance(value, (dict, list)) or (isinstance(value, str) and may_have_prompt(value)))
            and key not in self.ignored
            and len(self.prompts) < MOST_FINDINGS
        ):
            self.prompts += islice(unread_prompts_in(clip_key(key), value, f"{where}.{clip_key(key)}".lstrip(".")), MOST_FINDINGS)

    def _is_kept(self, where: str, key: str) -> bool:
        """Whether this key of the record was read aside. Where only a part of its value was, the other keys of the value are added."""
        if where not in self.kept or key not in self.kept[where][1]:
            return False
        place = f"{where}.{clip_key(key)}".lstrip(".")
        if place in self.kept:
            self.add_others("record", place, *self.kept[place])
        return True

    def leave_out(self, where: str, name: str, why: str) -> None:
        """Counts what stands where a turn is expected and is none, and refuses the record for it unless `ignore` has its name."""
        self.counts[f"turn.{clip_key(name)}"] += 1
        if name not in self.ignored and len(self.findings) < MOST_FINDINGS:
            self.findings.append(Reason.SCHEMA_FIELD_UNREAD.at(where, f"{why}, or name {clip(name)} in ignore"))

    def add_others(self, kind: str, where: str, logged: Mapping[str, Any], read: Container[str], repeats: Callable[[str, Any], bool] | None = None) -> None:
        """Adds every key of this object that is neither read nor harmless. A key with the value null does not count."""
        harmless = HARMLESS[kind]
        for key, value in logged.items():
            if key in read or value is None:
                continue
            if key not in harmless:
                self.add(kind, where, key, value, repeats=repeats)
            elif key in STOP_KEYS:
                self.add_stop(kind, where, key, value)

    def add_stop(self, kind: str, where: str, key: str, value: Any) -> None:
        """Notes why an answer ended, where this key says that it ended too early."""
        if value is True and kind != "turn":
            return  # an episode that was truncated, say
        if kind not in ("line", "tool") and key not in self.ignored and len(self.stops) < MOST_FINDINGS:
            found = islice(stops_in(key, value, where), MOST_FINDINGS)
            self.stops += [stop._replace(is_of_turn=kind == "turn") for stop in found if stop.key not in self.ignored]

    def move_stops(self, place: str, other: str) -> None:
        """Gives what was said about the end of a turn to another one, of which it is a part."""
        self.stops = [stop._replace(where=other) if stop.where == place else stop for stop in self.stops]

    def counted(self) -> tuple[tuple[str, int], ...]:
        return tuple(item for item in self.counts.items() if item[1])
