"""Episodes, or single steps, that are logged as chats: a question with the task, then screens, and answers that say what is done.

user       ... ## User Instruction
           Open the clock.           -> the goal
user       <image>                   -> the screen
assistant  Thought: ...
           Action: click(...)        -> the step
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pipelines.config import Normalize
from pipelines.episodes.steps.chats.answers import answer_with_calls, calls_in, does_something, place_of_calls, read_answer, unread_text
from pipelines.episodes.steps.chats.content import Content, content_key, read_content
from pipelines.episodes.steps.chats.pictures import Pictures, own_pictures, pictures_of, without_marks
from pipelines.episodes.steps.chats.screens import Holder, holders_of, said_of_all
from pipelines.episodes.steps.chats.turns import LISTS, keys_of_turns, role_of, strays, turns_of
from pipelines.episodes.steps.data_sets.chats import FILLERS, NO_HISTORY, TASKS
from pipelines.formats.keys import IMAGES, TURN_FIELDS, Unread
from pipelines.formats.paths import Trail
from pipelines.normalize.findings import Findings
from pipelines.normalize.loss import weight_of
from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import clip, kind_of
from pipelines.reasons import Reason
from pipelines.records import Finding
from pipelines.visible import counted

Json = Any
_READ = ("role", "from", "recipient", "end_turn", "tool_call_id", *TURN_FIELDS["loss"])
_QUESTIONS, _ANSWERS = ("user", "human"), ("assistant", "gpt")
_RESULTS = ("tool", "observation", "function")  # they may have the next screen
_WORD_SIGNS = re.compile(r"[^\w]+")


class ChatStep(NamedTuple):
    """An answer: where it is, and the step that it says. The screen is the one before it. `places` are those of its fields, and `holders` what may
    have the size of the screen."""

    where: str
    fields: dict[str, Json]
    is_trained: bool
    places: dict[str, str]
    holders: list[Holder]


@dataclass(slots=True)
class Chat:
    """What a chat says: the task, what its question says besides of earlier steps, the steps, and why others cannot be read."""

    budget: Budget
    goal: str = ""
    history: str = ""
    steps: list[ChatStep] = field(default_factory=list)
    faults: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    screens: list[tuple[str, Json]] = field(default_factory=list)  # since the last answer, each with its place
    holders: list[Holder] = field(default_factory=list)  # of sizes, since the last answer
    asked: list[str] = field(default_factory=list)  # before the first answer

    def ask(self, text: str, where: str) -> None:
        """Takes the text of a question. Those before the first answer are the task; a later one may only say the task again."""
        text = text.strip()
        if not self.steps:
            self.asked.append(text)
            return
        if _WORD_SIGNS.sub("", text.lower()) in FILLERS:
            return
        task, history = task_of(text)
        self.history = self.history or history
        if task not in ("", self.goal):
            detail = f"a question after the first answer has a text that is not read: {clip(text)}; a chat has one task, and then only screens"
            self.faults.append(Reason.SCHEMA_FIELD_UNREAD.at(where, detail))

    def answer(self, where: str, said_at: str, text: str, thought: str, calls: list[Json], is_trained: bool) -> None:
        """Takes an answer; `said_at` is the place of its action."""
        if not self.steps:
            self.goal, self.history = task_of("\n".join(self.asked).strip())
        parsed = answer_with_calls(text, calls) if calls else read_answer(text, self.budget)
        if rest := unread_text(parsed):
            detail = f"what the answer says beside its action is not read: {clip(rest)}"
            self.faults.append(Reason.SCHEMA_FIELD_UNREAD.at(where, detail))
        if len(self.screens) > 1:
            self.faults.append(Reason.IMAGE_COUNT_MISMATCH.at(where, f"found {len(self.screens)} pictures before this answer; expected one, its screen"))
        at, screen = self.screens[-1] if self.screens else (where, None)
        fields = {
            "screenshot": screen,
            "action": parsed.action,
            "thought": "\n".join(filter(None, (thought, parsed.thought))),
            "step_instruction": parsed.instruction,
        }
        self.steps.append(ChatStep(where, fields, is_trained, {"screenshot": at, "action": said_at}, self.holders))
        self.screens, self.holders = [], []


def answers_of(record: Mapping[str, Json], budget: Budget) -> list[str]:
    """The texts of the answers of a chat; [] where the record is none."""
    findings = _findings(budget, Unread())
    return [read_content(turn, where, True, findings).text for where, turn in turns_of(record) if role_of(turn) in _ANSWERS]


def says_actions(record: Mapping[str, Json], budget: Budget) -> bool:
    """Whether an answer of this record says an action, or calls a tool that does one."""
    turns = [turn for _, turn in turns_of(record) if role_of(turn) in _ANSWERS]
    return any(read_answer(text, budget).is_action for text in answers_of(record, budget)) or any(
        does_something(call) for turn in turns for call in calls_in(turn, budget)
    )


def read_chat(record: Mapping[str, Json], trail: Trail, unread: Unread) -> Chat:
    chat, listed, findings = Chat(trail.budget), Pictures(record), _findings(trail.budget, unread)
    trail.add("", record, (listed.where, *keys_of_turns(record)))
    chat.faults += strays(record)
    systems: dict[str, str] = {}
    waiting: list[_Waiting] = []  # answers without a question between them are one
    for where, turn in turns_of(record):
        trail.add(where, turn, (*_READ, *IMAGES, content_key(turn)))
        role = role_of(turn)
        content = read_content(turn, where, role in _ANSWERS, findings if role != "system" else _findings(trail.budget, Unread()))
        if role in _ANSWERS:
            waiting.append(_answer(where, turn, content, trail, findings))
            continue
        _close(chat, waiting)
        if role in (*_QUESTIONS, *_RESULTS):
            if found := pictures_of(turn, content.text, listed, where, chat.faults):
                chat.screens += [(where, picture) for picture in found]
                chat.holders += holders_of(turn, where, content_key(turn))
            said = without_marks(content.text)
            if role in _QUESTIONS:
                chat.ask(said, where)
            results = "\n".join(content.results if role in _QUESTIONS else (said, *content.results))
            if results.strip():
                chat.faults.append(
                    Reason.SCHEMA_FIELD_UNREAD.at(where, f"the text of the result of a tool is not read: {clip(results.strip())}; expected only a screen")
                )
        elif role != "system":
            chat.faults.append(Reason.SCHEMA_ROLE_UNKNOWN.at(where, f"found the role {clip(str(role))}; a chat of steps has system, user and assistant"))
            continue
        else:
            systems[where] = content.text
        if role == "system" and pictures_of(turn, "", Pictures({}), where, chat.faults):
            chat.faults.append(Reason.IMAGE_COUNT_MISMATCH.at(where, "a picture of a system message is not read; expected it in a question"))
    _close(chat, waiting)
    if chat.history:
        chat.notes.append(Reason.STEP_QUESTION_REPLACED.at(chat.steps[0].where if chat.steps else "", clip(chat.history)))
    for where, text in systems.items():
        if text.strip():
            chat.notes.append(Reason.STEP_QUESTION_REPLACED.at(where, f"the system message {clip(text.strip())}"))
    if listed.left:
        _take_unmarked(chat, listed)
    for_all = [*said_of_all(record, systems)]
    chat.steps = [step._replace(holders=[*step.holders, *for_all]) for step in chat.steps] if for_all else chat.steps
    chat.faults += [*findings.refusals, *findings.notes]
    return chat


class _Waiting(NamedTuple):
    where: str
    text: str
    said_at: str
    thoughts: list[str]
    calls: list[Json]
    is_trained: bool


def _answer(where: str, turn: Mapping[str, Json], content: Content, trail: Trail, findings: Findings) -> _Waiting:
    calls = calls_in(turn, trail.budget)
    logged = turn.get("tool_calls")
    if isinstance(logged, list):
        trail.add(where, turn, ("tool_calls",))
        for i in (i for i, call in enumerate(logged) if not isinstance(call, dict)):
            findings.refuse(Reason.SCHEMA_FIELD_UNREAD, f"{where}.tool_calls[{i}]", f"found {kind_of(logged[i])}; expected a call as an object")
    if own_pictures(turn):
        findings.refuse(Reason.SCHEMA_FIELD_UNREAD, where, "a picture of an answer is not read; expected it in a question, before the answer")
    thought = next(((key, value) for key in TURN_FIELDS["reasoning"] if isinstance(value := turn.get(key), str)), None)
    trail.add(where, turn, thought[:1] if thought else ())
    loss = [(key, turn[key]) for key in TURN_FIELDS["loss"] if turn.get(key) is not None]
    weight = weight_of((*loss, *content.loss), where, findings)
    if weight not in (None, 0, 1):
        findings.refuse(Reason.SCHEMA_FIELD_TYPE, where, f"found the weight {weight:g}; a step is trained with the weight 1, or not with 0")
    said_at = place_of_calls(turn) or (content_key(turn) if where.startswith(LISTS) else "")
    return _Waiting(
        where,
        content.text,
        f"{where}.{said_at}".rstrip("."),
        [*([thought[1].strip()] if thought else ()), *content.thoughts],
        calls,
        weight != 0,
    )


def _findings(budget: Budget, unread: Unread) -> Findings:
    return Findings(Normalize(), budget, [], unread)


def _close(chat: Chat, waiting: list[_Waiting]) -> None:
    if waiting:
        thoughts = dict.fromkeys(thought for one in waiting for thought in one.thoughts if thought)
        calls = [call for one in waiting for call in one.calls]
        said_at = next((one.said_at for one in reversed(waiting) if one.calls), waiting[-1].said_at)
        chat.answer(waiting[0].where, said_at, "\n".join(one.text for one in waiting), "\n".join(thoughts), calls, all(one.is_trained for one in waiting))
        waiting.clear()


def _take_unmarked(chat: Chat, listed: Pictures) -> None:
    """The only picture of a chat without marks is the screen of its only answer; other pictures without a place are refused."""
    left = listed.left
    if len(left) == 1 and len(chat.steps) == 1 and chat.steps[0].fields["screenshot"] is None:
        chat.steps[0].fields["screenshot"] = left[0]
        chat.steps = [chat.steps[0]._replace(places=chat.steps[0].places | {"screenshot": listed.where})]
    else:
        detail = f"{counted(len(left), 'picture')} of the record {'has' if len(left) == 1 else 'have'} no mark in a question"
        chat.faults.append(Reason.IMAGE_COUNT_MISMATCH.at(listed.where, detail))


def task_of(text: str) -> tuple[str, str]:
    """(the task, what the question says of earlier steps) in the text of a question."""
    for prompt, start, ends in TASKS:
        before, mark, after = text.rpartition(start) if start else ("", prompt, text)
        if mark and prompt in text and (prompt or not before.strip()):
            at = min((found for end in ends if (found := after.find(end)) >= 0), default=len(after))
            rest = after[at:].strip()
            return after[:at].strip(), rest if any(map(_says_something, rest.splitlines())) else ""
    return text.strip(), ""


def _says_something(line: str) -> bool:
    """Whether a line such as `Previous actions: None` says anything."""
    return _WORD_SIGNS.sub("", line.removeprefix("</Question>").rpartition(": ")[2].removesuffix(":").lower()) not in NO_HISTORY
