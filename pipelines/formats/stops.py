"""Why an answer ended, where a log says so: at its end, before it (`cut`), or because it was blocked or its request failed (`blocked`).

Sources: the API references of OpenAI (finish_reason; status, incomplete_details), Anthropic (stop_reason), Google (finishReason, promptFeedback), AWS
(stopReason of Bedrock Converse), Zhipu (sensitive, network_error), DeepSeek (insufficient_system_resource), Cohere, Ollama (done_reason), Vercel (finishReason) and vLLM; open-telemetry/semantic-conventions (finish_reasons).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

Json = Any
Ending = Literal["cut", "blocked"]
REASONS = (
    "finish_reason",
    "finishReason",
    "stop_reason",
    "stopReason",
    "done_reason",
    "doneReason",
    "native_finish_reason",
    "finish_reasons",
    "finish_type",
    "stop_type",
)
FLAGS = ("truncated", "is_truncated")  # of a turn
STOP_REASONS = frozenset((*REASONS, "gen_ai.response.finish_reasons"))
STOP_KEYS = frozenset((*REASONS, *FLAGS, "gen_ai.response.finish_reasons", "status", "incomplete_details", "promptFeedback", "prompt_feedback"))
# Objects beside an answer that say why it ended.
HOLDERS = frozenset(("details", "meta_info", "response_metadata", "generation_info", "generationInfo", "gen_ai", "response", "llm", "raw_response"))
CUT = frozenset(
    (
        *(
            "length",
            "limit",
            "max_tokens",
            "max_output_tokens",
            "max_completion_tokens",
            "max_new_tokens",
            "max_length",
            "token_limit",
            "model_length",
            "truncated",
        ),
        *(
            "model_context_window_exceeded",
            "context_length_exceeded",
            "context_window_exceeded",
            "incomplete",
            "in_progress",
            "abort",
            "aborted",
            "interrupted",
        ),
        *("cancel", "cancelled", "canceled", "timeout", "timed_out", "disconnect", "disconnected", "client_disconnected", "preempted", "repetition"),
        *("network_error", "insufficient_system_resource"),
    )
)
BLOCKED = frozenset(
    (
        *(
            "content_filter",
            "content_filtered",
            "contentfilter",
            "sensitive",
            "safety",
            "recitation",
            "blocklist",
            "prohibited_content",
            "spii",
            "language",
            "image_safety",
        ),
        *("malformed_function_call", "unexpected_tool_call", "guardrail_intervened", "guardrails", "refusal", "error", "error_toxic", "error_limit", "failed"),
    )
)
MOST_LEVELS = 3
# Google's numbers for why an answer ended; from 6 on, they differ between its APIs, and all say that it was blocked or is of no use.
_NUMBERED = ("finish_reason", "finishReason", "finish_reasons")
_NUMBERS = {2: "max_tokens", 3: "safety", 4: "recitation"} | dict.fromkeys(range(6, 20), "failed")


class Stop(NamedTuple):
    """`where` is the place of the object that says it under `key`; `said` is its word, or `why` says it in ours. `is_of_turn`: it is about the turn
    at this place, and no other."""

    where: str
    key: str
    ending: Ending
    said: str = ""
    is_of_turn: bool = False
    why: str = ""


def stops_in(key: str, value: Json, where: str, levels: int = MOST_LEVELS) -> Iterator[Stop]:
    """What a key beside an answer says about its end; nothing where it ended well.

    >>> [stop.ending for stop in stops_in("finish_reason", "length", "messages[1]")], list(stops_in("stop_reason", "end_turn", ""))
    (['cut'], [])
    """
    if key in HOLDERS and isinstance(value, dict) and levels > 0:
        for name, inner in value.items():
            if name in HOLDERS or (name in STOP_KEYS and name != "status"):
                yield from stops_in(name, inner, where, levels - 1)
        return
    if key not in STOP_KEYS:
        return
    if key in FLAGS:
        if value is True:
            yield Stop(where, key, "cut", "true")
        return
    if isinstance(value, dict):
        value = next((value[name] for name in ("reason", "blockReason", "block_reason", "type") if isinstance(value.get(name), str)), None)
    given = value if isinstance(value, list) else [value]
    for said in given:
        word = _NUMBERS.get(said) if type(said) is int and key in _NUMBERED else said
        if isinstance(word, str) and len(word) < 64 and (ending := _ending(key, word)) is not None:
            yield Stop(where, key, ending, word)


def _ending(key: str, word: str) -> Ending | None:
    plain = word.strip().lower().replace("-", "_").removeprefix("finishreason.").removeprefix("finish_reason_")
    if key in ("promptFeedback", "prompt_feedback"):
        return "blocked" if not plain.endswith("unspecified") else None
    if key == "status":
        return "cut" if plain == "incomplete" else None
    return "cut" if plain in CUT else "blocked" if plain in BLOCKED else None


_CHUNK = re.compile(r'"(?:delta|done|candidates)"\s*:')  # OpenAI, Ollama, Gemini

# Where a log of requests says that one failed, and the values that say so.
_BAD = frozenset(("error", "failed", "failure", "fail", "timeout", "timed_out", "cancelled", "canceled", "aborted"))
_CODES = ("status_code", "statusCode", "http_status", "httpStatus", "status", "response_status", "response_code", "responseStatus")
_NO_ERROR = frozenset(("", "none", "null", "false", "no", "ok", "success"))


def failure_in(holder: Mapping[str, Json], is_request: bool) -> tuple[str, Json] | None:
    """The key and the value with which a request says that it failed; None where it does not. `is_request`: words count, and not only HTTP's codes.

    >>> failure_in({"status_code": 502}, False), failure_in({"error": "timeout"}, True), failure_in({"error": None, "status": "success"}, True)
    (('status_code', 502), ('error', 'timeout'), None)
    """
    for key in _CODES:
        value = holder.get(key)
        code = int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) == 3 else value
        if isinstance(code, int) and not isinstance(code, bool) and 400 <= code < 600:
            return key, value
    if is_request:
        error, status = holder.get("error"), holder.get("status")
        if is_error(error):
            return "error", error
        if isinstance(status, str) and status.strip().lower() in _BAD:
            return "status", status
    return None


def is_error(value: Json) -> bool:
    """Whether the value of a key `error` says that there was one."""
    return isinstance(value, (str, dict)) and bool(value) and not (isinstance(value, str) and value.strip().lower() in _NO_ERROR)


def is_raw_stream(text: str) -> bool:
    r"""Whether a text is the lines of a stream, and nothing else: server-sent events, or an object a line. It is what was sent, and not what was said.

    >>> is_raw_stream('data: {"choices": []}\n\ndata: [DONE]\n'), is_raw_stream("data: 3 rows")
    (True, False)
    """
    start = text[:64].lstrip()
    if not start.startswith(("data:", "event:", "id:", ":", "{")):
        return False
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if start.startswith("{"):
        return len(lines) > 1 and all(line.startswith("{") and line.endswith("}") and _CHUNK.search(line) for line in lines)
    return all(line.startswith(("data:", "event:", "id:", "retry:", ":")) for line in lines) and any(
        line.startswith("data:") and line[5:].lstrip()[:1] in ("{", "[") for line in lines
    )
