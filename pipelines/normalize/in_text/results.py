"""Results that are logged in the text of a question, after a call that was written in the text of an answer: between tags, or after a word."""

from __future__ import annotations

import re
from typing import NamedTuple

from pipelines.normalize.findings import Findings
from pipelines.normalize.in_text.grammars.call_text import skip_space
from pipelines.normalize.turns import Line
from pipelines.parsing.careful import parse_json
from pipelines.parsing.written import Written
from pipelines.reasons import Reason, Reject

# What stands before and after each result.
_TAGS = (
    ("<tool_response>", "</tool_response>"),
    ("<tool_result>", "</tool_result>"),
    ("<tool_output>", "</tool_output>"),
    ("<function_response>", "</function_response>"),
    ("<function_results>", "</function_results>"),
    ("<tool_use_result>", "</tool_use_result>"),
    ("```tool_output\n", "```"),
    ("[TOOL_RESULTS]", "[/TOOL_RESULTS]"),
    ("<｜tool▁output▁begin｜>", "<｜tool▁output▁end｜>"),
)
_AROUND = ("<｜tool▁outputs▁begin｜>", "<｜tool▁outputs▁end｜>")
_WORDS = re.compile(r"[ \t]*+(?:Observation:|OBSERVATION:|FUNCTION RESPONSE:|EXECUTION RESULT of \[([^\]\n]*+)\]:)[ \t]*+\n?+")
_CLINE = re.compile(r"\[([a-z][a-z0-9_]{0,63})(?: [^\]\n]{0,1000})?\] Result:[ \t]*+\n?+")  # [read_file for 'a.py'] Result:
_AGAIN = re.compile(r"^EXECUTION RESULT of \[([^\]\n]*+)\]:[ \t]*+\n?+", re.MULTILINE)
_SENTENCES = ("Your command ran successfully and did not produce any output.",)  # SWE-agent's, for a command without output
_STARTS = (*_SENTENCES, *(opening for opening, _ in _TAGS), _AROUND[0], "Observation:", "OBSERVATION:", "FUNCTION RESPONSE:", "EXECUTION RESULT of [")


class ResultText(NamedTuple):
    """One result at [start, end) of a text; `name` is the tool's, where the text gives it."""

    start: int
    end: int
    name: str | None = None


def begins_with_result(text: str) -> bool:
    """Whether a text begins as results do.

    >>> begins_with_result("\\nObservation: 12"), begins_with_result("What is an Observation: ?")
    (True, False)
    """
    text = text.lstrip()
    return text.startswith(_STARTS) or (text.startswith("[") and _CLINE.match(text) is not None)


def results_of(text: str) -> tuple[list[ResultText], int]:
    """(the results that a text begins with, where what follows them begins); ([], 0) if it begins with none."""
    if not begins_with_result(text):
        return [], 0
    if text.strip() in _SENTENCES:
        return [ResultText(*_trimmed(text, 0, len(text)))], len(text)
    start = len(text) - len(text.lstrip())
    if text.startswith(_AROUND[0], start):
        start += len(_AROUND[0])
    tags = next(((opening, closing) for opening, closing in _TAGS if text.startswith(opening, skip_space(text, start))), None)
    return _in_tags(text, start, *tags) if tags else _after_words(text, start)


def _in_tags(text: str, at: int, opening: str, closing: str) -> tuple[list[ResultText], int]:
    found: list[ResultText] = []
    while text.startswith(opening, skip_space(text, at)):
        begin = skip_space(text, at) + len(opening)
        end = text.find(closing, begin)
        if end < 0:
            return [], 0
        found.append(ResultText(*_trimmed(text, begin, end)))
        at = end + len(closing)
    if text.startswith(_AROUND[1], skip_space(text, at)):
        at = skip_space(text, at) + len(_AROUND[1])
    return found, at


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The place without the newlines and blanks that templates put around a result."""
    inner = text[start:end]
    return start + len(inner) - len(inner.lstrip()), max(start + len(inner) - len(inner.lstrip()), start + len(inner.rstrip()))


def _after_words(text: str, at: int) -> tuple[list[ResultText], int]:
    """The results after these words. Each goes on to the next of OpenHands' headings, or to the end of the text."""
    if cline := _CLINE.match(text, at):
        return [ResultText(*_trimmed(text, cline.end(), len(text)), cline[1])], len(text)
    word = _WORDS.match(text, at)
    if word is None:
        return [], 0
    if word[1] is None:
        return [ResultText(*_trimmed(text, word.end(), len(text)))], len(text)
    heads = [word, *_AGAIN.finditer(text, word.end())]
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return [ResultText(*_trimmed(text, head.end(), end), head[1] or None) for head, end in zip(heads, ends, strict=True)], len(text)


def lift_results(line: Line, findings: Findings) -> list[Line]:
    """The results that this line begins with, and what follows them as a question; [line] if it does not begin with results.

    An image of the line belongs to its one result. If there are several results, or a question follows, no image can be given its place: the line stays.
    """
    results, end = results_of(line.text)
    rest = line.text[end:].strip()
    if not results or ((line.images or line.pool) and (len(results) > 1 or rest)):
        return [line]
    what = "a result was" if len(results) == 1 else f"{len(results)} results were"
    findings.repair(Reason.REPAIR_TOOL_RESULT_EXTRACTED, Reason.TOOL_RESULT_ORPHAN, f"{line.where}.content", f"{what} logged as text")
    lines = [_result(line, result, findings) for result in results]
    return [*lines, Line(role=line.role, text=rest, where=line.where, weight=line.weight)] if rest else lines


def _result(line: Line, result: ResultText, findings: Findings) -> Line:
    text = line.text[result.start : result.end]
    name, inner = (None, text) if line.images else _named(text, findings)
    images = [(min(max(offset, result.start), result.end) - result.start, ref, where) for offset, ref, where in line.images]
    made = Line(role="observation", text=inner, where=line.where, weight=line.weight, images=images, pool=line.pool)
    made.call_id, made.own_id, made.name = line.call_id, line.own_id, result.name or name or line.name
    return made


_NAMED = {"name", "content", "tool_call_id", "id"}


_CHERRY = re.compile(r"<name>\s*+([^\s<>]++)\s*+</name>\s*+<(result|error)>")


def _named(text: str, findings: Findings) -> tuple[str | None, str]:
    """(the tool's name, its result) where a result is wrapped as {"name": ..., "content": ...} or in Cherry Studio's tags; else (None, the text)."""
    if (cherry := _CHERRY.match(text)) and text.endswith(closing := f"</{cherry[2]}>"):
        return cherry[1], text[cherry.end() : len(text) - len(closing)].strip()
    if not (text.startswith("{") and '"content"' in text and '"name"' in text):
        return None, text
    try:
        value = parse_json(text, findings.budget, [])
    except Reject:
        return None, text
    if not isinstance(value, dict) or not value.keys() <= _NAMED or "content" not in value or not isinstance(value.get("name"), str):
        return None, text
    content = value["content"]
    return value["name"], content if isinstance(content, str) else Written(text).cut(("content",))
