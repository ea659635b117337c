"""Whether the result of a call says that the call failed."""

from __future__ import annotations

import re
from typing import Any

import orjson

HEAD, TAIL = 200, 200  # characters; a result may quote pages that speak of errors, so only its ends are read
MOST_JSON = 65536  # characters of a result that is read as JSON
# After `error:` or `failed:`, what says that nothing failed: `Errors: 0`, `error: none`, `All errors: fixed.`
_NOT_NOTHING = (
    r"""(?![\s"'*`]{0,4}(?:0(?![\w.])|(?:none|null|nil|false|n/?a|ok|-|\[\]|\{\}|""|''|fixed|resolved|solved|success|passed)[\s"'*`]{0,4}(?:[.,;|)\]}\n]|$)))"""
)
# At the beginning of a result. `IOError: no such file`, `Traceback (most recent call last)`, `<tool_use_error>`, `[ERROR] ...`, `failed to ...`
_BEGINS = re.compile(
    r"""[\s#*>`"'\[(<]*(?!(?:no|0|zero|without|any)\b)(?:
        (?:\w+[ ]){0,2}(?:error|exception)s?\b[\s"'\])>]*(?:[:!]NOTHING|-[ ]|$|\n|while\b|executing\b|calling\b|occurred\b|running\b|in\b)
        | (?:tool_use_|system_|api_|http_)?(?:error|exception|failure)[>\]:]NOTHING
        | (?:\w+\.)*\w*(?:Error|Exception)\b(?:\(|:NOTHING)
        | traceback[ ]\(most[ ]recent[ ]call[ ]last\)
        | fatal:[ ] | fail(?:ed|ure)s?\b(?:[ ]to\b|:NOTHING|[ ]with\b)
        | (?:invalid|unknown|unsupported)[ ](?:tool|function|argument|action|parameter|arguments|parameters|command)\b
        | (?:bash|sh|zsh):[ ].{0,80}(?:not[ ]found|no[ ]such[ ]file|permission[ ]denied)
        | (?:command|tool|function)[ ].{0,60}(?:not[ ]found|failed|timed[ ]out|does[ ]not[ ]exist)
    )""".replace("NOTHING", _NOT_NOTHING),
    re.VERBOSE | re.IGNORECASE,
)
# `Exit code: 1`, `[exit code 127]`, `exited with code 2`, `returned non-zero exit status 1`, `<returncode>1</returncode>`
_EXIT = re.compile(
    r"\b(?:exit(?:ed|s)?(?: with)?[ _](?:code|status)|exited with|exitcode|return[ _]?code|non-zero exit status)\b[\"']?\s*[:=>]?\s*\(?(-?\d+)", re.IGNORECASE
)
# A line of a shell or a program: `ls: cannot access x: No such file or directory`, `/bin/sh: 1: foo: not found`, `zsh: command not found: foo`
_SHELL = re.compile(
    r"""(?:<\w{1,20}>)?-?(?!https?:)[\w./+\-]{1,80}:[ ](?:
        .{0,200}\b(?:no[ ]such[ ]file[ ]or[ ]directory|permission[ ]denied|command[ ]not[ ]found|(?:is|not)[ ]a[ ]directory|operation[ ]not[ ]permitted)
        | .{1,200}:[ ](?:not[ ]found|file[ ]exists|directory[ ]not[ ]empty|connection[ ]refused|no[ ]space[ ]left[ ]on[ ]device)
        | (?:no[ ]such[ ]file[ ]or[ ]directory|permission[ ]denied|command[ ]not[ ]found):[ ].{1,200}
    )[.'")]{0,2}(?:</\w{1,20}>)?\s*\Z
    """,
    re.VERBOSE | re.IGNORECASE,
)
# A line in which a tool that builds or tests sums up, with a count of failures that is not zero
_SUMMARY = re.compile(
    r"""(?:g?make|ninja)(?:\[\d+\])?:[ ](?:\*\*\*[ ](?!.*\(ignored\))|build[ ]stopped)
    | npm[ ](?:ERR!|error)[ ]
    | =*[ ]?(?:\d+[ ]\w+,[ ])*[1-9]\d*[ ](?:failed|errors?)\b.{0,120}[ ]in[ ][\d.]+[ ]?s\b  # pytest
    | FAILED[ ]\(.{0,40}\b(?:failures|errors)=[1-9]  # unittest
    | Test(?:s|[ ]Suites):[ ]{1,10}(?:\d+[ ]\w+,[ ])*[1-9]\d*[ ]failed\b  # jest
    | (?:---[ ])?FAIL(?:$|:[ ]|\t)  # go test
    | test[ ]result:[ ]FAILED\b  # cargo
    | \d+[ ](?:tests|examples),[ ](?:.{0,40},[ ])?[1-9]\d*[ ]failures?\b  # rspec, minitest
    | (?:\[ERROR\][ ])?Tests[ ]run:[ ]\d+,[ ](?:Failures:[ ][1-9]|Failures:[ ]0,[ ]Errors:[ ][1-9])  # maven
    | (?:\[\w+\][ ])?BUILD[ ]FAIL(?:ED|URE)\b
    | ['"].{1,120}['"][ ]is[ ]not[ ]recognized[ ]as[ ]an[ ]internal[ ]or[ ]external[ ]command
    """,
    re.VERBOSE,
)
_ASIDE = re.compile(r"\(.*\)\Z|\S{0,40}[$#>]\Z|</?\w{1,20}>\Z")  # a note, a prompt or a tag on a line of its own
SUMMARY_LINES = 6  # lines at the end of a result in which a summary counts
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
    "a directory",
    "not permitted",
    "refused",
    "no space",
    "recognized",
    "***",
    "stopped",
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
    return _BEGINS.match(head) is not None or _code_says(head) or _code_says(tail) or _program_says(result)


def _program_says(result: str) -> bool:
    """Whether the last lines sum up failures, or the first and the last line are errors of a shell. Between good lines, as of a search in folders
    that may not all be read, an error of a shell says little. An exit code 0 says that the program took it for none.

    >>> _program_says("cc a.c\\nmake: *** [all] Error 2"), _program_says("ls: x: Permission denied\\na.txt"), _program_says("=== 2 passed in 0.1s ===")
    (True, False, False)
    """
    stripped = result.strip()
    last = stripped[-2 * TAIL :].splitlines()
    if len(stripped) > 2 * TAIL:
        del last[0]  # it may begin in the middle
    lines = [line for line in map(str.strip, last) if line and not _ASIDE.match(line)]
    if any(_EXIT.search(line) for line in lines[-2:]):
        return False
    if any(_SUMMARY.match(line) for line in lines[-SUMMARY_LINES:]):
        return True
    return bool(lines) and _SHELL.match(lines[-1]) is not None and _SHELL.match(stripped[: 2 * HEAD].partition("\n")[0].rstrip()) is not None


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
