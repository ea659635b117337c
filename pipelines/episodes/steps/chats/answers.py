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
_ACTION = re.compile(r"(?:^|\n)[ \t]*Actions?[ \t]*[:：]", re.IGNORECASE)
_TAG = re.compile(r"<(action|answer|tool_call)>(.*?)(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_OPERATION = re.compile(r"<operation>(.*?)(?:</operation>|\Z)", re.DOTALL)
_OTHER_TAGS = re.compile(r"</?(?:think|thinking|thought)>")
_THOUGHT = re.compile(r"^\s*(?:(?:Low-level[ \t]+)?Thoughts?|Reason|Reasoning)[ \t]*[:：]", re.IGNORECASE)
_FENCE = re.compile(r"(?m)^[ \t]*```(?:python|json)?[ \t]*(?:\n|\Z)")
_THOUGHTS = ("thought", "thoughts", "thinking", "reasoning", "reason")
_CALL = re.compile(r"(?m)^[ \t]*(?:[A-Za-z_]\w*\.)?[A-Za-z_]\w*\(")
_MODULE = re.compile(r"(?m)^[ \t]*(?:pyautogui|mobile|browser|computer)\.[A-Za-z_]\w*\(")
# OS-Atlas and GUI-Odyssey: CLICK <point>[[1, 2]]</point>, TYPE [text], CLICK: (1, 2), PRESS_HOME
COMMAND = re.compile(r"\s*([A-Z]+(?:_[A-Z]+)*)\s*(?:<point>(.*)</point>|\[(.*)\]|:(.*))?\s*", re.DOTALL)
_FORM = frozenset(("POINT", "PRESS", "TYPE", "STATUS"))  # the keys of AgentCPM-GUI's answers
_COMMANDS = frozenset(("CLICK", "LONG_PRESS", "TYPE", "SCROLL", "PRESS_HOME", "PRESS_BACK", "PRESS_RECENT", "COMPLETE", "IMPOSSIBLE"))


class Said(NamedTuple):
    action: Json  # text, or an object; several are a list
    thought: str = ""
    instruction: str = ""
    is_action: bool = True  # whether the answer marks an action, or is one


def calls_in(turn: Mapping[str, Json], budget: Budget) -> list[Json]:
    """The calls of an answer as objects with name and arguments: OpenAI's tool_calls, Anthropic's tool_use."""
    content = turn.get("content")
    calls = [*_listed(turn.get("tool_calls")), *(part for part in _listed(content) if part.get("type") == "tool_use")]
    found = [call["function"] if isinstance(call.get("function"), dict) else call for call in calls]
    return [{"name": call.get("name"), "arguments": _given(call, budget)} for call in found]


def _listed(value: Json) -> list[dict[str, Json]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _given(call: Mapping[str, Json], budget: Budget) -> Json:
    given: Json = next((call[key] for key in ("arguments", "input") if call.get(key) is not None), {})
    return _opened(given, budget) if isinstance(given, str) else given


def does_something(call: Json) -> bool:
    """Whether a call is of a tool such as computer or mobile_use, whose action is among its arguments."""
    return isinstance(call.get("arguments"), dict) and isinstance(call["arguments"].get("action"), str)


def read_answer(text: str, budget: Budget) -> Said:
    text = _FENCE.sub("", text)
    if tags := _TAG.findall(text):
        actions = [_opened(inner.strip(), budget) for _, inner in tags]
        operation = _OPERATION.search(text)
        before = text[: operation.start() if operation else text.index("<" + tags[0][0])]
        thought, instruction = _split(before)
        return _said(actions[0] if len(actions) == 1 else actions, thought, operation[1].strip() if operation else instruction)
    if (found := _ACTION.search(text)) is not None:
        action, instruction = _code_in(text[found.end() :].strip())
        return _said(_opened(action, budget), _bare(text[: found.start()]), instruction)
    opened = _opened(text.strip(), budget)
    if isinstance(opened, dict):
        is_action = any(isinstance(opened.get(key), (str, dict)) for key in NAME if key not in ("type", "name"))
        return _said(opened)._replace(is_action=is_action)
    if module := _MODULE.search(text):
        return Said(text[module.start() :].strip(), _bare(text[: module.start()]))
    command = COMMAND.fullmatch(text)
    return Said(text.strip(), is_action=command is not None and command[1] in _COMMANDS)


def _said(action: Json, thought: str = "", instruction: str = "") -> Said:
    """An action that may be an object with the thought in it, and with the action below its own key."""
    if isinstance(action, dict):
        key = next((key for key in _THOUGHTS if isinstance(action.get(key), str)), None)
        thought = "\n".join(filter(None, (thought, action[key].strip() if key else "")))
        action = {name: value for name, value in action.items() if name != key}
        if action.keys() == {"action"} and isinstance(action["action"], dict):
            action = action["action"]
    return Said(action, thought, instruction)


def _split(before: str) -> tuple[str, str]:
    """(the thought, the instruction) before a tag: an `Action:` there names in words what the tag does."""
    found = _ACTION.search(before)
    return (_bare(before), "") if found is None else (_bare(before[: found.start()]), before[found.end() :].strip().strip('"'))


def _code_in(text: str) -> tuple[str, str]:
    """(the action, what is said before it in words), where code comes after a sentence."""
    found = _CALL.search(text)
    return (text, "") if found is None or found.start() == 0 else (text[found.start() :].strip(), text[: found.start()].strip())


def _bare(text: str) -> str:
    return _THOUGHT.sub("", _OTHER_TAGS.sub("", text).strip()).strip()


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
    opened = _opened(text.strip(), budget)
    return isinstance(opened, dict) and (bool(opened.keys() & _FORM) or opened.keys() == {"duration"})
