"""A folder of test sets: log files, read as `episodes try` reads them, or files of tasks alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.audit.episodes import TEST_SET, Episode, Side, step_number
from pipelines.audit.phrases import MOST_CHARACTERS
from pipelines.config import Config, Normalize, Output, Source
from pipelines.images.references import locate
from pipelines.images.screens import first_screen
from pipelines.images.verify import Verdict, verify
from pipelines.local import list_files, read_drafts
from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import parse_record
from pipelines.reasons import Reject
from pipelines.records import Draft, Quarantined, RawRecord

# Keys of a record that has no conversation, and only says what is to be done.
TASK_KEYS = (
    *("instruction", "task", "goal", "intent", "confirmed_task", "high_level_instruction", "question", "problem_statement", "prompt", "query"),
    *("messages", "conversations", "task_description", "description", "input"),
)
_USERS = ("user", "human")


@dataclass(slots=True)
class HeldOut:
    """The episodes of the folder with their tasks, the difference hashes of their screens, and why records have no task: reason -> records."""

    episodes: list[tuple[Episode, str]] = field(default_factory=list)
    hashes: dict[str, int] = field(default_factory=dict)
    without_task: Counter[str] = field(default_factory=Counter)

    def read(self) -> Iterator[tuple[Episode, str]]:
        return iter(self.episodes)


def read_held_out(folder: str) -> HeldOut:
    """Reads all log files in the folder; image paths are looked up below it. Raises FileNotFoundError."""
    path = str(Path(folder).absolute())
    source = Source(name=Path(path).name or "root", path=(path,), image_root=path if Path(path).is_dir() else None)
    config = Config(sources=(source,), output=Output(root="out"), normalize=Normalize(field_unread="warn", media="warn"))
    made = HeldOut()
    first: dict[str, tuple[int, Episode, str]] = {}
    for file in list_files(config, [path], None).files:
        for raw, draft in read_drafts(config, file):
            step, episode, text = _episode(raw, draft, source, made, config)
            if text or episode.screen:
                if episode.episode_id not in first or step < first[episode.episode_id][0]:
                    first[episode.episode_id] = step, episode, text
            else:
                made.without_task[draft.findings[0].code if isinstance(draft, Quarantined) else "no text"] += 1
    made.episodes = [(episode, text) for _, episode, text in first.values()]
    return made


def _episode(raw: RawRecord, draft: Draft | Quarantined, source: Source, made: HeldOut, config: Config) -> tuple[int, Episode, str]:
    """(its step, the episode, its task)."""
    origin = f"{raw.origin.path}:{raw.origin.line}"
    if isinstance(draft, Quarantined):
        return 0, Episode(Side(source.name, TEST_SET), raw.record_id, raw.record_id, origin, None), _task_alone(raw, config)[:MOST_CHARACTERS]
    question = next((message.content for message in draft.messages if message.role == "user"), "")
    verdict = _screen(draft, source, config)
    if verdict is not None and verdict.sha256 is not None and verdict.difference_hash is not None:
        made.hashes[verdict.sha256] = verdict.difference_hash
    episode = Episode(Side(source.name, TEST_SET), draft.episode_id, draft.sample_id, origin, verdict.sha256 if verdict else None)
    return step_number(draft.step_id), episode, question[:MOST_CHARACTERS]


def _screen(draft: Draft, source: Source, config: Config) -> Verdict | None:
    """The first picture; None where there is none, or where it cannot be read."""
    if first_screen(draft) is None:
        return None
    try:
        located = locate(draft.refs[0].ref, source, config)
    except Reject:
        return None
    found = verify(located.uri, located.size, located.modified, located.path, draft.refs[0].ref, config, with_hash=True)
    return found if found.verdict == "good" else None


def _task_alone(raw: RawRecord, config: Config) -> str:
    """The task of a record that is no conversation, under one of the usual keys; "" where there is none."""
    try:
        record = parse_record(raw, Budget(config.limits, len(raw.raw))).value
    except Reject:
        return ""
    return next((text for key in TASK_KEYS if (text := _text_of(record.get(key)))), "")


def _text_of(value: Any) -> str:
    """A text, or the first question of a list of turns."""
    if not isinstance(value, list):
        return value if isinstance(value, str) else ""
    turns = (turn for turn in value if isinstance(turn, dict) and (turn.get("role") or turn.get("from")) in _USERS)
    return next((text for turn in turns if isinstance(text := turn.get("content", turn.get("value")), str)), "")
