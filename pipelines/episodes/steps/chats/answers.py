"""What an answer of a chat says: the thought, the instruction of the step, and the action as it is written.

Thought: It is there.        <think>It is there.</think>         Action: Tap the clock.
Action: click(...)           <action>click(...)</action>         pyautogui.click(...)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from pipelines.episodes.steps.data_sets.keys import NAME
from pipelines.normalize.literals import read_literal
from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import parse_json
from pipelines.reasons import Reject

Json = Any
_ACTION = re.compile(r"(?:^|\n|</(?:think|thinking|thought)>)[ \t]*Actions?[ \t]*[:：]", re.IGNORECASE)
_TAG = re.compile(r"<(action|answer|tool_call)>(.*?)(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_OPERATION = re.compile(r"<operation>(.*?)(?:</operation>|\Z)", re.DOTALL)
_OTHER_TAGS = re.compile(r"</?(?:think|thinking|thought)>")
_THOUGHT = re.compile(r"^\s*(?:(?:Low-level[ \t]+)?Thoughts?|Reason|Reasoning)[ \t]*[:：]", re.IGNORECASE)
_FENCE = re.compile(r"(?m)^[ \t]*+```[ \t]*+[\w+-]*+[ \t]*+(?:\n|\Z)")
_THOUGHTS = ("thought", "thoughts", "thinking", "reasoning", "reason")
_CALL = re.compile(r"(?m)^[ \t]*(?:[A-Za-z_]\w*\.)?[A-Za-z_]\w*\(")
_MODULE = re.compile(r"(?m)^[ \t]*(?:pyautogui|mobile|browser|computer)\.[A-Za-z_]\w*\(")
_OF_PYAUTOGUI = re.compile(r"(?m)^[ \t]*+(?:import|from)[ \t]++pyautogui\b")  # the calls after it may lack the module
_DO = re.compile(r"(?m)^[ \t]*+(?:do\([ \t]*+action[ \t]*+=|finish\([ \t]*+message[ \t]*+=)")  # zai-org/Open-AutoGLM phone_agent/actions/handler.py
_SPECIAL = re.compile(r"```\s*+(?:python\s++)?(WAIT|DONE|FAIL)\s*+```\s*+\Z")  # of OSWorld's mm_agents/prompts.py
_NAMES = r"[A-Za-z_][\w.]*+(?:[ \t]+as[ \t]+\w++)?+(?:[ \t]*+,[ \t]*+[A-Za-z_][\w.]*+(?:[ \t]+as[ \t]+\w++)?+)*+[ \t]*+(?:[;#\n]|\Z)"
_IMPORT = re.compile(rf"(?m)^[ \t]*+(?:import[ \t]+{_NAMES}|from[ \t]++[\w.]++[ \t]++import\b)")
# A line of Python: blank, a comment, the end of a call, a block, a call, or a value with a name. An import is one too.
_LINE = re.compile(
    r"\s*+(?:\Z|#|[)\]}]|@|(?:for|while|if|elif|else|with|def|class|try|except|finally)\b.*:\s*\Z"
    r"|(?:[A-Za-z_]\w*+\.)*+[A-Za-z_]\w*+\(|[A-Za-z_][\w.]*+(?:\s*+,\s*+[A-Za-z_][\w.]*+)*+\s*+[-+*/%]?=(?!=))"
)
# OS-Atlas and GUI-Odyssey: CLICK <point>[[1, 2]]</point>, TYPE [text], CLICK: (1, 2), PRESS_HOME
COMMAND = re.compile(r"\s*+([A-Z]++(?:_[A-Z]++)*+)(?:\s*+(?:<point>(.*)</point>|\[(.*)\]|:(.*)))?\s*+", re.DOTALL)
_FORM = frozenset(("POINT", "PRESS", "TYPE", "STATUS"))  # the keys of AgentCPM-GUI's answers
_COMMANDS = frozenset(("CLICK", "LONG_PRESS", "TYPE", "SCROLL", "PRESS_HOME", "PRESS_BACK", "PRESS_RECENT", "COMPLETE", "IMPOSSIBLE"))


class ParsedAnswer(NamedTuple):
    action: Json  # text, or an object; several are a list
    thought: str = ""
    instruction: str = ""
    is_action: bool = True  # whether the answer marks an action, or is one
    rest: str = ""  # what else it says, which nothing reads


def calls_in(turn: Mapping[str, Json], budget: Budget) -> list[Json]:
    """The calls of an answer as objects with name and arguments: OpenAI's tool_calls, Anthropic's tool_use."""
    content = turn.get("content")
    calls = [*_listed(turn.get("tool_calls")), *(part for part in _listed(content) if part.get("type") == "tool_use")]
    found = [call["function"] if isinstance(call.get("function"), dict) else call for call in calls]
    return [{"name": call.get("name"), "arguments": _given(call, budget)} for call in found]


def place_of_calls(turn: Mapping[str, Json]) -> str:
    """The place in an answer of its first call; "" where it has none."""
    for key in ("tool_calls", "content"):
        value = turn.get(key)
        for i, call in enumerate(value if isinstance(value, list) else ()):
            if isinstance(call, dict) and (key == "tool_calls" or call.get("type") == "tool_use"):
                return f"{key}[{i}]{'.function' if isinstance(call.get('function'), dict) else ''}"
    return ""


def _listed(value: Json) -> list[dict[str, Json]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _given(call: Mapping[str, Json], budget: Budget) -> Json:
    given: Json = next((call[key] for key in ("arguments", "input") if call.get(key) is not None), {})
    return _opened(given, budget) if isinstance(given, str) else given


def does_something(call: Json) -> bool:
    """Whether a call is of a tool such as computer or mobile_use, whose action is among its arguments."""
    return isinstance(call.get("arguments"), dict) and isinstance(call["arguments"].get("action"), str)


def read_answer(text: str, budget: Budget) -> ParsedAnswer:
    if tags := list(_TAG.finditer(text)):
        return _tagged(text, tags, budget)
    if (found := _ACTION.search(text)) is not None:
        action, instruction = _action_in(text[found.end() :], budget)
        return _parsed(action, _bare(text[: found.start()]), instruction)
    opened = _opened(_unfenced(text), budget)
    if isinstance(opened, dict):
        is_action = any(isinstance(opened.get(key), (str, dict)) for key in NAME if key not in ("type", "name"))
        return _parsed(opened)._replace(is_action=is_action)
    if module := _MODULE.search(text) or _OF_PYAUTOGUI.search(text) or _DO.search(text):
        start = _start_of_code(text, module.start())
        return ParsedAnswer(_unfenced(text[start:]), _bare(text[:start]))
    if special := _SPECIAL.search(text):
        return ParsedAnswer(special[1], _bare(text[: special.start()]))
    command = COMMAND.fullmatch(_unfenced(text))
    return ParsedAnswer(_without_fences_of_command(text), is_action=command is not None and command[1] in _COMMANDS)


def unread_text(answer: ParsedAnswer) -> str:
    """What of this answer nothing reads; "" where all is read. Reasoning is no part of an instruction."""
    return answer.rest or (answer.instruction if _OTHER_TAGS.search(answer.instruction) else "")


def answer_with_calls(text: str, calls: list[Json]) -> ParsedAnswer:
    """An answer whose actions are calls beside its text. What its text has in tags is not read."""
    tag = _TAG.search(text)
    thought, instruction = _split(text[: tag.start()] if tag else text)
    return ParsedAnswer(calls[0] if len(calls) == 1 else calls, thought, instruction, rest=text[tag.start() :].strip() if tag else "")


def _tagged(text: str, tags: list[re.Match[str]], budget: Budget) -> ParsedAnswer:
    """The text before the first tag is the thought. `<operation>` names in words what the action does."""
    actions = [_opened(_unfenced(tag[2]), budget) for tag in tags]
    operation = _OPERATION.search(text)
    spans = sorted(found.span() for found in ((operation, *tags) if operation else tags))
    thought, instruction = _split(text[: spans[0][0]])
    pieces, end = [], spans[0][0]
    for start, stop in spans:
        pieces.append(text[end:start] if start >= end else text[start:stop])
        end = max(end, stop)
    if operation and instruction:
        pieces.append(instruction)
    rest = "\n".join(filter(None, (_FENCE.sub("", piece).strip() for piece in (*pieces, text[end:]))))
    action = actions[0] if len(actions) == 1 else actions
    return _parsed(action, thought, operation[1].strip() if operation else instruction)._replace(rest=rest)


def _parsed(action: Json, thought: str = "", instruction: str = "") -> ParsedAnswer:
    """An action that may be an object with the thought in it, and with the action below its own key."""
    if isinstance(action, dict):
        key = next((key for key in _THOUGHTS if isinstance(action.get(key), str)), None)
        thought = "\n".join(filter(None, (thought, action[key].strip() if key else "")))
        action = {name: value for name, value in action.items() if name != key}
        if action.keys() == {"action"} and isinstance(action["action"], dict):
            action = action["action"]
    return ParsedAnswer(action, thought, instruction)


def _split(before: str) -> tuple[str, str]:
    """(the thought, the instruction) before a tag: an `Action:` there names in words what the tag does."""
    found = _ACTION.search(before)
    return (_bare(before), "") if found is None else (_bare(before[: found.start()]), _without_open_fence(before[found.end() :]).strip().strip('"'))


def _action_in(text: str, budget: Budget) -> tuple[Json, str]:
    """(the action, what is said before it in words), where code comes after a sentence."""
    opened = _opened(_unfenced(text), budget)
    if isinstance(opened, str) and COMMAND.fullmatch(opened):
        return _without_fences_of_command(text.rstrip("\r\n")), ""
    if not isinstance(opened, str) or (found := _CALL.search(text)) is None:
        return opened, ""
    start = _start_of_code(text, found.start())
    return _unfenced(text[start:]), text[:start].strip()


def _start_of_code(text: str, at: int) -> int:
    """Where the code begins that has a call at `at`: with its block between fences, or with the lines of Python before the call, or with an import.

    A comment belongs to the code. The prompts for such answers ask for words of thought before the code, and for a block of code that may have
    comments (OSWorld's mm_agents/prompts.py).
    """
    fences = list(_FENCE.finditer(text, 0, at))
    start = fences[-1].start() if len(fences) % 2 else at
    lines = text[:start].split("\n")
    start -= len(lines.pop())
    while lines and (_LINE.match(lines[-1]) or _IMPORT.match(lines[-1]) or _FENCE.match(lines[-1])):
        start -= len(lines.pop()) + 1
    first = _IMPORT.search(text, 0, start)
    return max(first.start() if first else start, 0)


def _unfenced(text: str) -> str:
    """The text without the fences around it, and without blanks at its ends."""
    text = text.strip()
    if opening := _FENCE.match(text):
        text = text[opening.end() :]
    return text.rstrip().removesuffix("```").strip() if "```" in text else text.strip()


def _without_fences_of_command(text: str) -> str:
    """A command: a text that is typed goes to the end of the answer, with its blanks, as OpenGVLab/GUI-Odyssey data/format_converter.py @ fefcbe9 writes it."""
    return _unfenced(text) if "```" in text else text.lstrip()


def _without_open_fence(text: str) -> str:
    """The text without a fence on its last line that opens a block."""
    head, _, last = text.rstrip().rpartition("\n")
    return head if _FENCE.fullmatch(last) and len(_FENCE.findall(text)) % 2 else text


def _bare(text: str) -> str:
    return _THOUGHT.sub("", _OTHER_TAGS.sub("", _without_open_fence(text)).strip()).strip()


def _opened(text: str, budget: Budget) -> Json:
    """The object or list of a text in JSON, or in Python's form of it; any other text as it is."""
    if text[:1] not in ("{", "["):
        return text
    for read in (lambda: parse_json(text, budget, []), lambda: read_literal(text, "", budget)):
        try:
            return read()
        except Reject:
            pass
    return text


def is_in_form(text: str, budget: Budget) -> bool:
    """Whether an answer is in the form agentcpm_gui already."""
    opened = _opened(_unfenced(text), budget)
    return isinstance(opened, dict) and (bool(opened.keys() & _FORM) or opened.keys() == {"duration"})
