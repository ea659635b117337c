"""Calls written in the text of an answer: extracted if they are certainly calls, else noted with the name of their syntax.

A call is extracted where its tags mean nothing else, where a tool of its name is declared, or where a result follows. Each call ends its answer, but for calls
whose result the text gives too. A call in quotes or in a block of code is an example, and stays text with any other that is not certain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from pipelines.normalize.findings import Findings
from pipelines.normalize.in_text.arguments import arguments_of
from pipelines.normalize.in_text.grammars import GRAMMARS
from pipelines.normalize.in_text.grammars.call_text import CallText, Grammar
from pipelines.normalize.in_text.results import begins_with_result, lift_results
from pipelines.normalize.in_text.spellings import may_contain_call, spelling_of
from pipelines.normalize.reasoning import leading_thought
from pipelines.normalize.tool_calls import Call, Value, names_in, note_literal, read_calls, value_in_text
from pipelines.normalize.tools import Tool
from pipelines.normalize.turns import Line
from pipelines.parsing.careful import clip
from pipelines.reasons import Reason, Reject

# A chat template's tokens that end a turn; in some logs they are left at the end of a text.
_END = re.compile(r"(?:\s|<\|(?:endoftext|im_end|eot_id|eom_id|end|call|observation|user)\|>|</s>|<｜end▁of▁sentence｜>)*+\Z")
_EMPTY_THOUGHT = re.compile(r"<think>\s*+</think>")
_LISTED = re.compile(r"[ \t]*+(?:[-*+•]|\d{1,3}[.)])[ \t]|[ ]{4}|\t")  # how a line of a list, or of code, begins
_OF_THOUGHTS = ("react", "cline")  # grammars whose calls follow a thought; an observation follows them
_QUOTES = ("`", "'", '"', "“", "‘", "«")


def lift_calls(lines: list[Line], declared: Mapping[str, Tool], wanted: str | Sequence[str], findings: Findings) -> list[Line]:
    """The lines, with calls extracted from the texts of answers and their results from the texts of questions. If a text that stays text looks like
    a call, its syntax is noted.

    `wanted` is `auto`, `none` or the names of grammars.
    """
    grammars = GRAMMARS if wanted == "auto" else [grammar for grammar in GRAMMARS if grammar.name in wanted]
    found: list[Line] = []
    is_known = any(line.role == "system" and may_contain_call(line.text) for line in lines)
    is_open = False  # the last answer had a call in its text
    known: set[str] = set()  # the names of the calls that were extracted, and the grammars of those without tags
    for i, line in enumerate(lines):
        if line.role == "assistant":
            lifted: list[Line] = []
            if line.call is None and may_contain_call(line.text):
                follows = _result_after(lines, i)
                lifted = _lifted(line, follows, is_known, known, declared, grammars, findings)
                is_known = is_known or bool(lifted)
                found += lifted or [_noted(line, findings)]
            else:
                found.append(line)
            is_open = bool(lifted) or (is_open and line.call is not None)
        elif is_open and line.role != "system":
            found += (results := lift_results(line, findings))
            is_open = results[-1].role == "observation"
        else:
            found.append(line)
    return found


def _result_after(lines: Sequence[Line], i: int) -> Literal["", "word", "result"]:
    """Whether a result follows this line; `word` if only the word Observation says so, with which a question may begin too."""
    following = lines[i + 1] if i + 1 < len(lines) else None
    if following is None or (following.role != "observation" and not (following.role == "user" and begins_with_result(following.text))):
        return ""
    return "word" if following.role == "user" and following.text.lstrip()[:12].lower() == "observation:" else "result"


def _lifted(
    line: Line, follows: str, is_known: bool, known: set[str], declared: Mapping[str, Tool], grammars: Sequence[Grammar], findings: Findings
) -> list[Line]:
    """The lines of an answer with its calls; [] if the text stays text. `is_known`: the conversation shows such calls already. `known` are the names
    of earlier calls and their grammars without tags; those of this answer are added."""
    if not line.is_alone or line.images or line.pool:
        return []
    thought, rest = leading_thought(line.text)
    try:
        for grammar in grammars:
            texts = grammar.find(rest) if any(hint in rest for hint in grammar.hints) else []
            if texts and _ends_answer(rest, texts) and not (grammar.is_explicit and _is_quoted(rest, texts[0].start)):
                written = _read(texts, grammar, f"{line.where}.content", findings)
                names = {name for one in written for name in one.names}
                are_declared = names <= declared.keys() or names <= known
                has_result = follows == "result" or (follows == "word" and (are_declared or is_known or grammar.name in _OF_THOUGHTS))
                if grammar.is_explicit and not (follows or are_declared or is_known or declared) and _is_example(rest, texts[0].start):
                    continue
                are_declared = are_declared or (grammar.name in _OF_THOUGHTS and f"({grammar.name})" in known)
                if written and (grammar.is_explicit or _is_certain(grammar, rest, texts, has_result, are_declared)):
                    known |= names | {f"({grammar.name})"}
                    return _lines(line, thought, rest, [_calls(one, declared, findings) for one in written], texts, grammar, findings)
    except Reject as reject:
        findings.refuse_all(reject)
        return [line]
    return []


def _ends_answer(text: str, calls: Sequence[CallText]) -> bool:
    """Whether there is other text only before the first call and after results."""
    if any(first.result is None and text[first.end : second.start].strip() for first, second in pairwise(calls)):
        return False
    return calls[-1].result is not None or _END.match(text, calls[-1].end) is not None


def _is_quoted(text: str, start: int) -> bool:
    """Whether a call that begins here is an example: in quotes or in a block of code."""
    return text[:start].endswith(_QUOTES) or text.count("```", 0, start) % 2 == 1 or text[text.rfind("\n", 0, start) + 1 : start].lstrip().startswith(">")


def _is_example(text: str, start: int) -> bool:
    """Whether a call that begins here, and that nothing else says is one, may be an example: in a list, indented as code is, or after a colon."""
    return _LISTED.match(text, text.rfind("\n", 0, start) + 1, start) is not None or text[:start].rstrip().endswith((":", "："))


def _is_certain(grammar: Grammar, text: str, texts: Sequence[CallText], has_result: bool, are_declared: bool) -> bool:
    """Whether calls without tags of their own are calls: by a result, or by their names."""
    start = text[: texts[0].start].strip()
    has_own_result = any(one.result is not None for one in texts) and (not start or start.startswith("Thought:"))
    is_thought = grammar.name in _OF_THOUGHTS and not start.partition("Thought:")[0].rstrip().endswith((":", "："))
    return has_result or has_own_result or (are_declared and (not start or is_thought))


class _Written(NamedTuple):
    """A call's text as it was read. `value` holds whole calls, or the arguments of one; None where the arguments are written one by one."""

    text: CallText
    names: list[str]
    value: Value | None
    reads_json: bool
    where: str


def _read(texts: Sequence[CallText], grammar: Grammar, where: str, findings: Findings) -> list[_Written]:
    """What each text is; [] if one of them is no call. Raises Reject for JSON with a fault."""
    found: list[_Written] = []
    for text in texts:
        value = value_in_text(text.text, where, findings) if text.values is None else None
        if text.name is None:
            names = names_in(value.value, grammar.is_explicit) if value else []
        else:
            names = [text.name] if text.values is not None or (value and isinstance(value.value, dict)) else []
        if not names:
            return []
        found.append(_Written(text, names, value, grammar.reads_json, where))
    return found


def _calls(written: _Written, declared: Mapping[str, Tool], findings: Findings) -> list[Call]:
    """The calls of a text. Raises Reject for what cannot be read."""
    name, value = written.text.name, written.value
    if value is not None:
        note_literal(value, findings)
        if name is None:
            return read_calls(value, findings)
        arguments = written.text.text if value.written else value.own_text()
        return [Call(name=name, arguments=arguments, values=value.value, ids=(), where=written.where, is_ours=value.written is None)]
    tool = declared.get(name or "")
    read = arguments_of(written.text.values or (), tool.declared if tool else None, written.reads_json, findings.budget)
    if read is None:
        raise Reject(Reason.JSON_DUPLICATE_KEY.at(written.where, f"an argument of {clip(name or '')} appears twice"))
    return [Call(name=name or "", arguments=read[0], values=read[1], ids=(), where=written.where)]


def _lines(line: Line, thought: str, text: str, calls: Sequence[Sequence[Call]], texts: Sequence[CallText], grammar: Grammar, findings: Findings) -> list[Line]:
    """The answer's text, calls and results as lines of their own, in order."""
    made: list[Line] = []
    at = 0
    for one, group in zip(texts, calls, strict=True):
        before = text[at : one.start].strip()
        before = f"{thought}{text[: one.start].rstrip()}" if at == 0 and thought and before else before or (thought if at == 0 else "")
        if before and not _EMPTY_THOUGHT.fullmatch(before):
            made.append(Line(role="assistant", text=before, where=line.where, weight=line.weight, is_alone=False))
        for call in group:
            made.append(Line(role="assistant", text=call.arguments, where=line.where, weight=line.weight, call=call))
            findings.repair(
                Reason.REPAIR_TOOL_CALL_EXTRACTED,
                Reason.TOOL_CALL_MALFORMED,
                f"{line.where}.content",
                f"a call of {clip(call.name)} was logged as text in the syntax {grammar.name}",
            )
        if one.result is not None:
            made.append(Line(role="observation", text=one.result, where=line.where))
        at = one.end
    if (after := text[at:].strip()) and not _END.match(after):
        made.append(Line(role="assistant", text=after, where=line.where, weight=line.weight))
    return made


def _noted(line: Line, findings: Findings) -> Line:
    line.spelling = spelling_of(line.text)
    if line.spelling:
        findings.note(Reason.TOOL_CALL_IN_TEXT, f"{line.where}.content", f"the text looks like a call in the syntax {line.spelling}, and stays text")
    return line
