"""Rows that are windows of a conversation: which conversation, and which of its messages. docs/windows.md says what windows are."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Mapping, Sequence
from typing import Any

NOTE = "tokens.window"
LEFT_OUT = "; without "  # in the note of a window that shows earlier steps without their results or pictures
MOST_CONVERSATIONS = 100_000  # of one record

Row = Mapping[str, Any]


def conversation_id(row: Row, known: Container[str]) -> str:
    """The sample_id of the row's conversation, where that is one of the known ones; else the row's own.

    `row` has record_id, sample_id and window of table `samples`. A later window has the id of record_id, the number of the conversation in its
    record, and the window.
    """
    sample_id: str = row["sample_id"]
    if row.get("window") and sample_id not in known:
        for index in range(MOST_CONVERSATIONS):
            if _id(row["record_id"], index, row["window"]) == sample_id:
                return _id(row["record_id"], index)
    return sample_id


def _id(*parts: object) -> str:
    return hashlib.sha256(":".join(map(str, parts)).encode()).hexdigest()[:32]


def is_window(row: Row) -> bool:
    """Whether the row holds a part of its conversation only, by column `findings`."""
    return any(finding["code"] == NOTE for finding in row.get("findings") or ())


def shows_less(row: Row) -> bool:
    """Whether results or pictures of the row's messages are left out, as the dialect's `history` has it."""
    return any(finding["code"] == NOTE and LEFT_OUT in finding["detail"] for finding in row.get("findings") or ())


def messages_held(row: Row, messages: Sequence[Row]) -> list[int]:
    """The places of the messages that the row has tokens of, by column `turn_spans`, which names the first message of each turn: results that
    follow one another may be one turn, and so may an answer's text and its calls."""
    starts = {span["message"] for span in row["turn_spans"] or () if span["message"] >= 0}
    held: list[int] = []
    for place, message in enumerate(messages):
        follows = bool(held) and held[-1] == place - 1 and messages[place - 1]["role"] == message["role"]
        if place in starts or (follows and message["role"] in ("assistant", "observation")):
            held.append(place)
    return held


def first_trained(row: Row) -> int:
    """The place of the first message that is trained; 0 where `turn_spans` does not tell."""
    places = [span["message"] for span in row["turn_spans"] or () if span["message"] >= 0 and _is_trained(span, row["labels"])]
    return min(places, default=0)


def _is_trained(span: Row, labels: Sequence[int]) -> bool:
    return any(label != -100 for label in labels[span["start"] : max(span["end"], span["start"] + 1)])
