"""Episodes, or single steps, that are logged as chats: a question with the task, then screens, and answers that say what is done.

user       ... ## User Instruction
           Open the clock.           -> the goal
user       <image>                   -> the screen
assistant  Thought: ...
           Action: click(...)        -> the step
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pipelines.episodes.steps.chats.answers import answer_with_calls, calls_in, does_something, read_answer
from pipelines.episodes.steps.chats.pictures import Pictures, pictures_of, without_marks
from pipelines.episodes.steps.data_sets.chats import FILLERS, NO_HISTORY, TASKS
from pipelines.formats.keys import IMAGES, TURN_FIELDS
from pipelines.formats.paths import Trail
from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import clip
from pipelines.reasons import Reason
from pipelines.records import Finding
from pipelines.visible import counted

Json = Any
_READ = ("role", "from", "content", "value", "recipient", "end_turn", "tool_call_id", *TURN_FIELDS["loss"])
_QUESTIONS, _ANSWERS = ("user", "human"), ("assistant", "gpt")
_RESULTS = ("tool", "observation", "function")  # they may have the next screen
_WORD_SIGNS = re.compile(r"[^\w]+")


class ChatStep(NamedTuple):
    """An answer: where it is, and the step that it says. The screen is the one before it."""

    where: str
    fields: dict[str, Json]
    is_trained: bool


@dataclass(slots=True)
class Chat:
    """What a chat says: the task, what its question says besides of earlier steps, the steps, and why others cannot be read."""

    budget: Budget
    goal: str = ""
    history: str = ""
    steps: list[ChatStep] = field(default_factory=list)
    faults: list[Finding] = field(default_factory=list)
    screens: list[Json] = field(default_factory=list)  # since the last answer

    def ask(self, text: str, where: str) -> None:
        """Takes the text of a question. Those before the first answer are the task; a later one may only say the task again."""
        text = text.strip()
        if not self.steps:
            self.goal = f"{self.goal}\n{text}".strip()
            return
        if _WORD_SIGNS.sub("", text.lower()) not in FILLERS and task_of(text)[0] not in ("", task_of(self.goal)[0]):
            detail = f"a question after the first answer has a text that is not read: {clip(text)}; a chat has one task, and then only screens"
            self.faults.append(Reason.SCHEMA_FIELD_UNREAD.at(where, detail))

    def answer(self, where: str, text: str, thought: str, calls: list[Json], is_trained: bool) -> None:
        parsed = answer_with_calls(text, calls) if calls else read_answer(text, self.budget)
        if parsed.rest:
            detail = f"what the answer says beside its action is not read: {clip(parsed.rest)}"
            self.faults.append(Reason.SCHEMA_FIELD_UNREAD.at(where, detail))
        if len(self.screens) > 1:
            self.faults.append(Reason.IMAGE_COUNT_MISMATCH.at(where, f"found {len(self.screens)} pictures before this answer; expected one, its screen"))
        screen = self.screens[-1] if self.screens else None
        fields = {
            "screenshot": screen,
            "action": parsed.action,
            "thought": "\n".join(filter(None, (thought, parsed.thought))),
            "step_instruction": parsed.instruction,
        }
        self.steps.append(ChatStep(where, fields, is_trained))
        self.screens = []


def answers_of(record: Mapping[str, Json]) -> list[str]:
    """The texts of the answers of a chat; [] where the record is none."""
    return [_text(turn) for _, turn in _turns(record) if _role(turn) in _ANSWERS]


def says_actions(record: Mapping[str, Json], budget: Budget) -> bool:
    """Whether an answer of this record says an action, or calls a tool that does one."""
    turns = [turn for _, turn in _turns(record) if _role(turn) in _ANSWERS]
    return any(read_answer(_text(turn), budget).is_action or any(map(does_something, calls_in(turn, budget))) for turn in turns)


def read_chat(record: Mapping[str, Json], trail: Trail) -> Chat:
    chat, listed = Chat(trail.budget), Pictures(record)
    trail.add("", record, (listed.where,))
    waiting: list[tuple[str, str, str, list[Json], bool]] = []  # answers without a question between them are one
    for where, turn in _turns(record):
        trail.add(where, turn, (*_READ, *IMAGES))
        role, text = _role(turn), _text(turn)
        if role in _ANSWERS:
            calls = calls_in(turn, trail.budget)
            trail.add(where, turn, ("tool_calls",) if calls else ())
            thought = next(((key, value) for key in TURN_FIELDS["reasoning"] if isinstance(value := turn.get(key), str)), None)
            trail.add(where, turn, thought[:1] if thought else ())
            waiting.append((where, text, thought[1].strip() if thought else "", calls, not _is_masked(turn)))
            continue
        _close(chat, waiting)
        if role in (*_QUESTIONS, *_RESULTS):
            chat.screens += pictures_of(turn, text, listed, where, chat.faults)
            said = without_marks(text)
            if role in _QUESTIONS:
                chat.ask(said, where)
            elif said.strip():
                chat.faults.append(Reason.SCHEMA_FIELD_UNREAD.at(where, f"the text of a {role} turn is not read: {clip(said)}; expected only a screen"))
        elif role != "system":
            chat.faults.append(Reason.SCHEMA_ROLE_UNKNOWN.at(where, f"found the role {clip(str(role))}; a chat of steps has system, user and assistant"))
    _close(chat, waiting)
    if listed.left:
        _take_unmarked(chat, listed)
    chat.goal, chat.history = task_of(chat.goal)
    return chat


def _close(chat: Chat, waiting: list[tuple[str, str, str, list[Json], bool]]) -> None:
    if waiting:
        where, texts, thoughts, calls, trained = zip(*waiting, strict=True)
        chat.answer(where[0], "\n".join(texts), "\n".join(filter(None, thoughts)), [call for some in calls for call in some], all(trained))
        waiting.clear()


def _take_unmarked(chat: Chat, listed: Pictures) -> None:
    """The only picture of a chat without marks is the screen of its only answer; other pictures without a place are refused."""
    left = listed.left
    if len(left) == 1 and len(chat.steps) == 1 and chat.steps[0].fields["screenshot"] is None:
        chat.steps[0].fields["screenshot"] = left[0]
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


def _turns(record: Mapping[str, Json]) -> Iterator[tuple[str, Mapping[str, Json]]]:
    for key in ("messages", "conversations"):
        if isinstance(record.get(key), list):
            yield from ((f"{key}[{i}]", turn) for i, turn in enumerate(record[key]) if isinstance(turn, dict))
            return


def _role(turn: Mapping[str, Json]) -> Json:
    return turn.get("role") or turn.get("from")


def _is_masked(turn: Mapping[str, Json]) -> bool:
    """Whether the log says that this answer is not trained: loss_mask 0, loss false."""
    return any(turn[key] in (0, False) and turn[key] is not None for key in TURN_FIELDS["loss"] if isinstance(turn.get(key), (bool, int, float)))


def _text(turn: Mapping[str, Json]) -> str:
    content = turn.get("content", turn.get("value"))
    if isinstance(content, list):
        return "\n".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    return content if isinstance(content, str) else ""
