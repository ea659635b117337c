"""Rows of `samples` with their conversations, in a fixed order: what an export writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pipelines.training.tables import Published
from pipelines.training.windows import conversation_id, first_trained, is_window, messages_held, shows_less

SAMPLE = ("sample_id", "record_id", "window", "input_ids", "attention_mask", "labels", "images", "num_tokens", "repairs", "findings", "turn_spans")
CONVERSATION = ("sample_id", "messages", "tools", "images")
IGNORE_INDEX = -100

Message = dict[str, Any]


class ExportError(Exception):
    """The export cannot be made, and the message says what to do; nothing is written."""


@dataclass(frozen=True)
class Row:
    """One row: its place in the exported file, its columns of `samples`, and its conversation, None where the form needs none."""

    split: str
    index: int
    sample: Mapping[str, Any]
    conversation: Mapping[str, Any] | None

    @property
    def sample_id(self) -> str:
        return str(self.sample["sample_id"])

    @property
    def images(self) -> list[Mapping[str, Any]]:
        """The pictures of the row, in text order."""
        return list(self.sample["images"])

    @property
    def tools(self) -> str | None:
        return self._conversation["tools"]

    @property
    def messages(self) -> list[Message]:
        """The turns of the row; where `on_overflow: drop_turns` left some out and nothing says which, all turns of the conversation."""
        messages = list(self._conversation["messages"])
        return messages if self._kept is None else [messages[i] for i in self._kept]

    @property
    def is_history(self) -> list[bool]:
        """For each of `messages` whether it is before the first that is trained, so that no answer there is."""
        places = range(len(self.messages)) if self._kept is None else self._kept
        start = first_trained(self.sample)
        return [place < start for place in places]

    @property
    def pictures(self) -> list[Mapping[str, Any]]:
        """The pictures of `messages`, in text order."""
        if self.has_its_own_turns and not self.shows_less:
            return list(self.images)
        return list(self._conversation["images"]) if self._kept is None else self._pictures_of(self._kept)

    @property
    def has_its_own_turns(self) -> bool:
        """Whether `messages` are exactly the turns that the row has tokens of."""
        return self._kept is not None or "repair.turns_dropped" not in (self.sample["repairs"] or ())

    @property
    def shows_less(self) -> bool:
        """Whether the row has `messages` without some of their results and pictures."""
        return shows_less(self.sample)

    def _pictures_of(self, places: list[int]) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        start = 0
        for place, message in enumerate(self._conversation["messages"]):
            end = start + pictures_of([message])
            if place in places:
                found += self._conversation["images"][start:end]
            start = end
        return found

    @property
    def _conversation(self) -> Mapping[str, Any]:
        if self.conversation is None:
            raise ExportError(f"row {self.sample_id} of split {self.split} is not in table conversations")
        return self.conversation

    @cached_property
    def _kept(self) -> list[int] | None:
        """The places of the turns that were kept, where some were left out and `turn_spans` names the others."""
        messages = list(self._conversation["messages"])
        if is_window(self.sample):
            return messages_held(self.sample, messages)
        if "repair.turns_dropped" not in (self.sample["repairs"] or ()):
            return None
        kept = messages_held(self.sample, messages)
        is_whole = 0 < len(kept) < len(messages) and pictures_of([messages[i] for i in kept]) == len(self.images)
        return kept if is_whole else None


def pictures_of(messages: list[Message]) -> int:
    return sum(len(message["image_at"] or ()) for message in messages)


def rows_of(published: Published, dialect: str, split: str, batch: str | None, with_conversations: bool) -> Iterator[Row]:
    """The rows of one split, batch by batch; the conversations of one batch are in memory at a time."""
    index = 0
    for one in published.batches if batch is None else (batch,):
        found = {}
        if with_conversations:
            found = {row["sample_id"]: row for row in published.rows("conversations", split=split, batch=one, columns=CONVERSATION)}
        for sample in published.rows("samples", dialect=dialect, split=split, batch=one, columns=SAMPLE):
            yield Row(split, index, sample, found.get(conversation_id(sample, found)) if with_conversations else None)
            index += 1


def trained_stretches(labels: list[int]) -> int:
    """How many stretches of tokens are trained.

    >>> trained_stretches([-100, 5, 6, -100, 7])
    2
    """
    return sum(label != IGNORE_INDEX and (i == 0 or labels[i - 1] == IGNORE_INDEX) for i, label in enumerate(labels))


def trained_tokens(labels: list[int]) -> int:
    return len(labels) - labels.count(IGNORE_INDEX)


def weight_codes(weights: Iterable[float | None]) -> list[str]:
    """The code for answers with these weights, where a trainer can train an answer or mask it, and nothing between.

    >>> weight_codes([None, 0.0, 1.0]), weight_codes([0.5])
    ([], ['weight'])
    """
    return ["weight"] if any(weight not in (None, 0, 1) for weight in weights) else []


def answer_weights(row: Row) -> list[float | None]:
    """The weights of the row's answers as `turn_spans` has them; none where an older version published the row without."""
    return [turn["weight"] for turn in row.sample["turn_spans"] or () if turn["role"] == "assistant"]


def loss_codes(row: Row, messages: list[Message], stretches_wanted: int) -> list[str]:
    """Codes for answers whose weight the trainer's form cannot express. `stretches_wanted` is how many stretches are trained if no answer is masked."""
    answers = [message["loss_weight"] for message in messages if message["role"] == "assistant"]
    is_masked = 0 in answers or trained_stretches(row.sample["labels"]) < stretches_wanted
    return ["masked_turn"] * is_masked + weight_codes(answers)


def length_codes(row: Row, recipe: str | None) -> list[str]:
    """Codes for rows that were made shorter to fit. Recipe sound writes more tokens for pictures, so that it may leave out other turns than upstream."""
    repairs = row.sample["repairs"] or ()
    has_others = "repair.turns_dropped" in repairs and bool(row.images) and recipe != "upstream"
    codes = ["turns_dropped"] * (has_others or not row.has_its_own_turns) + ["fewer_slices"] * ("repair.fewer_slices" in repairs)
    return codes + ["history"] * row.shows_less
