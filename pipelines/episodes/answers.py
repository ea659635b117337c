"""A draft -> its answers as hashes, by which `fold` finds the same answer in other records."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import orjson

from pipelines.normalize.reasoning import blocks_of, has_thoughts, without
from pipelines.records import Draft, Message

DIGEST_BYTES = 16


class Answer(NamedTuple):
    """An answer of a record: the messages `first` to `last`, which are reasoning alone and then one text or call.

    Reasoning and the white space around a text count nowhere but in `reasoning` and `size`.
    """

    first: int
    last: int
    chain: bytes  # of everything up to here: source, tools, and every message; with `with_images` also the images
    before: bytes  # the same up to the turn of the answer, and of the episode
    own: bytes  # of this answer's text, its source and its episode; without an episode, of the first user's text
    is_newest: bool  # whether it belongs to the record's newest turn: the others are history
    has_episode: bool
    reasoning: int  # its characters of reasoning, without white space
    images: int  # up to here
    size: int  # characters up to here, with all reasoning, without system messages
    is_withheld: bool = False  # whether the record of its own call says that it is not trained: it was cut, say


def answers_of(draft: Draft) -> list[Answer]:
    """The answers that are trained or withheld, in order; without their images, which are not verified yet. A draft that is refused trains none."""
    found = answers_in(draft.origin.source, draft.episode_id if draft.episode_id != draft.record_id else None, draft.tools, draft.messages)
    return [answer for answer in found if answer.is_withheld] if draft.refusals else found


def answers_in(source: str, episode: str | None, tools: str | None, messages: Sequence[Message]) -> list[Answer]:
    """The same for the parts of a record; `episode` is None where the log gives none. Linear in the length of the texts."""
    answers: list[Answer] = []
    for answer in _units(source, episode, tools, messages):
        parts = messages[answer.first : answer.last + 1]
        if any(message.is_withheld for message in parts):
            answers.append(answer._replace(is_withheld=True))
        elif any(message.loss_weight != 0 for message in parts):
            answers.append(answer)
    return answers


def with_images(answers: Sequence[Answer], sha256s: Sequence[str]) -> list[Answer]:
    """The answers, their chains with the contents of the images before them; `sha256s` are those of the record's images, in order."""
    made, seen, at = [], hashlib.sha256(), 0
    for answer in answers:
        for sha256 in sha256s[at : answer.images]:
            seen.update(sha256.encode())
        at = answer.images
        images = seen.hexdigest()
        made.append(answer._replace(chain=_digest(answer.chain, images), before=_digest(answer.before, images)) if at else answer)
    return made


def _units(source: str, episode: str | None, tools: str | None, messages: Sequence[Message]) -> Iterator[Answer]:
    scope = _digest(source, "episode", episode) if episode is not None else _digest(source, "task", _first_question(messages))
    chain = before = _digest(source, tools or "")
    newest = _start_of_newest_turn(messages)
    start: int | None = None  # of reasoning that no text has followed yet
    reasoning = images = size = 0
    for i, message in enumerate(messages):
        images += len(message.image_at)
        if message.role != "assistant":
            chain = _digest(chain, message.role, message.metadata, message.content.strip(), len(message.image_at))
            size += 0 if message.role == "system" else len(message.content.strip())
            continue
        text, thought = (_arguments(message.content), 0) if message.metadata else _without_reasoning(message.content)
        start = i if start is None else start
        reasoning += thought
        size += thought + len(text)
        if i == 0 or messages[i - 1].role != "assistant":
            before = _digest(scope, chain)
        if text or message.metadata or message.image_at:
            here = chain = _digest(chain, message.role, message.metadata, text, len(message.image_at))
        elif i + 1 < len(messages) and messages[i + 1].role == "assistant":
            continue
        else:  # reasoning alone, which a later record may not repeat
            here, text = _digest(chain, "reasoning"), message.content
        yield Answer(start, i, here, before, _digest(scope, message.metadata, text), i >= newest, episode is not None, reasoning, images, size)
        start, reasoning = None, 0


def _start_of_newest_turn(messages: Sequence[Message]) -> int:
    """Where the last run of assistant messages begins."""
    at = len(messages)
    while at and messages[at - 1].role != "assistant":
        at -= 1
    while at and messages[at - 1].role == "assistant":
        at -= 1
    return at


def _first_question(messages: Sequence[Message]) -> str:
    return next((message.content.strip() for message in messages if message.role == "user"), "")


def _without_reasoning(content: str) -> tuple[str, int]:
    """(the text without its reasoning and surrounding white space, the characters of reasoning without white space)."""
    blocks = blocks_of(content) if has_thoughts(content) else []
    if not blocks:
        return content.strip(), 0
    return without(content, blocks).strip(), sum(len("".join(content[start:end].split())) for start, end in blocks)


def _arguments(content: str) -> str:
    """The arguments of a call, whatever blanks and order of keys they were logged with."""
    try:
        return orjson.dumps(orjson.loads(content), option=orjson.OPT_SORT_KEYS).decode()
    except ValueError:
        return content.strip()


def _digest(*parts: bytes | str | int | None) -> bytes:
    """Of these parts, each with its length, so that no two lists of parts look alike."""
    made = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass")
        made.update(len(data).to_bytes(8, "big") + data)
    return made.digest()
