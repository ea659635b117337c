"""Whether the result of a call says that the call failed."""

from __future__ import annotations

import re
from typing import Any

import orjson

HEAD, TAIL = 200, 200  # characters; a result may quote pages that speak of errors, so only its ends are read
MOST_JSON = 65536  # characters of a result that is read as JSON
# At the beginning of a result. `IOError: no such file`, `Traceback (most recent call last)`, `<tool_use_error>`, `[ERROR] ...`, `failed to ...`
_BEGINS = re.compile(
    r"""[\s#*>`"'\[(<]*(?!(?:no|0|zero|without|any)\b)(?:
        (?:\w+[ ]){0,2}(?:error|exception)s?\b[\s"'\])>]*(?:[:!]|-[ ]|$|\n|while\b|executing\b|calling\b|occurred\b|running\b|in\b)
        | (?:tool_use_|system_|api_|http_)?(?:error|exception|failure)[>\]:]
        | (?:\w+\.)*\w*(?:Error|Exception)\b[:(]
        | traceback[ ]\(most[ ]recent[ ]call[ ]last\)
        | fatal:[ ] | fail(?:ed|ure)\b(?:[ ]to\b|:|[ ]with\b)
        | (?:invalid|unknown|unsupported)[ ](?:tool|function|argument|action|parameter|arguments|parameters|command)\b
        | (?:bash|sh|zsh):[ ].{0,80}(?:not[ ]found|no[ ]such[ ]file|permission[ ]denied)
        | (?:command|tool|function)[ ].{0,60}(?:not[ ]found|failed|timed[ ]out|does[ ]not[ ]exist)
    )""",
    re.VERBOSE | re.IGNORECASE,
)
# `Exit code: 1`, `[exit code 127]`, `exited with code 2`, `returned non-zero exit status 1`, `<returncode>1</returncode>`
_EXIT = re.compile(
    r"\b(?:exit(?:ed|s)?(?: with)?[ _](?:code|status)|exited with|exitcode|return[ _]?code|non-zero exit status)\b[\"']?\s*[:=>]?\s*\(?(-?\d+)", re.IGNORECASE
)
_SAYS_FIELD = re.compile(r"""["'](?:error|errors|exception|is_?error|success|ok|status|status_?code|exit_?code|return_?code)["']""", re.IGNORECASE)
# One of these is in every text that says it. Nearly all other results are done with here.
_WORDS = (
    "err",
    "exce",
    "fail",
    "traceback",
    "fatal",
    "invalid",
    "unknown",
    "unsupported",
    "not found",
    "exist",
    "no such",
    "denied",
    "timed out",
    "exit",
    "return",
)
_JSON_WORDS = ("status", "success", '"ok"')
_TROUBLE = ("error", "errors", "exception", "errormessage", "errortext")
_BAD_STATUS = frozenset(("error", "failed", "failure", "fail", "exception", "timeout"))


def says_failure(result: str) -> bool:
    """Whether this text, or JSON, says at its beginning or its end that the call failed.

    >>> says_failure("Error: no such file"), says_failure('{"success": false}'), says_failure("3 errors were fixed"), says_failure("exit code: 0")
    (True, True, False, False)
    """
    head, tail = result[:HEAD], result[HEAD:][-TAIL:]
    ends = f"{head}\n{tail}".lower()
    if not any(word in ends for word in (*_WORDS, *(_JSON_WORDS if head.lstrip()[:1] == "{" else ()))):
        return False
    if head.lstrip()[:1] == "{" and len(result) <= MOST_JSON and _SAYS_FIELD.search(result):
        try:
            return _object_says(orjson.loads(result))
        except orjson.JSONDecodeError:
            pass
    return _BEGINS.match(head) is not None or _code_says(head) or _code_says(tail)


def _code_says(text: str) -> bool:
    return any(int(found[1][:9]) != 0 for found in _EXIT.finditer(text))


def _is_trouble(value: Any) -> bool:
    return bool(value) and not (type(value) is str and value.strip().lower() in ("none", "null", "no", "false", "0", "ok"))


def _object_says(value: Any, depth: int = 0) -> bool:
    if type(value) is not dict:
        return False
    fields = {key.lower().replace("_", "").replace("-", ""): inner for key, inner in value.items()}
    if any(_is_trouble(fields.get(name)) for name in _TROUBLE):
        return True
    if fields.get("iserror") is True or fields.get("success") is False or fields.get("ok") is False:
        return True
    if any(type(fields.get(name)) is int and fields[name] != 0 for name in ("exitcode", "returncode")):
        return True
    code, status = fields.get("statuscode"), fields.get("status")
    if any(type(number) is int and 400 <= number < 600 for number in (code, status)) or (type(status) is str and status.lower() in _BAD_STATUS):
        return True
    return depth < 2 and any(_object_says(fields.get(name), depth + 1) for name in ("metadata", "result", "response", "data"))
