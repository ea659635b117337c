"""A rendered chat -> ids, as transformers encodes it, and the token at which each character begins.

Text between added tokens is encoded by itself, since no library merges across them. So in a byte-level vocabulary (tokenizers/fast.py) the text
is cut here, and the lengths of the tokens in bytes tell where a character is; they must add up to the text's. Any other vocabulary is encoded by
Hugging Face's tokenizers, which tell the places themselves.
Source: huggingface/transformers utils/chat_template_utils.py encode_marked_chat @ v5.23.0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from pipelines.dialects.hf.control import without_marks
from pipelines.dialects.hf.folder import AddedToken
from pipelines.records import Ids, Noun
from pipelines.tokenizers import RawIds, Vocabulary

Places = npt.NDArray[np.int64]


class Chunk(Noun, frozen=True):
    """A part of a rendered chat. `ids` are known for a control token, a picture, and a token that data writes as text; any other text is None."""

    text: str
    ids: bytes | None = None


class Placed(Noun, frozen=True):
    """The ids of a chat, and where each begins: in characters, or in bytes of UTF-8 where `in_bytes`."""

    ids: Ids
    starts: Places
    in_bytes: bool


class WrittenAsToken(Exception):
    """A control token in data that the vocabulary cannot write as text."""


class ChatEncoder:
    """Encodes the chats of one model."""

    def __init__(self, vocabulary: Vocabulary, added: Sequence[AddedToken]):
        self._vocabulary = vocabulary
        self.ids_of = {token.content: token.id for token in added}
        self._as_bytes = {token.content: np.int32(token.id).tobytes() for token in added}
        self._pattern = re.compile("(" + ("|".join(re.escape(name) for name in sorted(self.ids_of, key=len, reverse=True)) or "(?!)") + ")")
        self._as_text: dict[str, bytes] = {}
        # What tokenizers/fast.py measures: byte-level, so that tokens have lengths; and no added token that takes blanks around it.
        self.cuts_text = vocabulary.facts.answers is not None and all(token.is_plain for token in added)

    def chunks(self, pieces: Iterable[tuple[str, bool]]) -> list[Chunk]:
        """The chunks of these pieces of a render, each with whether it is a control token that data writes as text."""
        found: list[Chunk] = []
        for piece, as_text in pieces:
            if as_text:
                found.append(Chunk(piece, self.as_text(piece)))
            elif self.cuts_text:
                found += self._cut(piece)
            else:
                found.append(Chunk(piece))
        return found

    def texts_of(self, chunks: Sequence[Chunk]) -> list[str]:
        """The texts of these chunks that `Vocabulary.encode` must encode."""
        return [chunk.text for chunk in chunks if chunk.ids is None] if self.cuts_text else []

    def place(self, chunks: Sequence[Chunk], texts: Sequence[RawIds]) -> Placed:
        """The ids of the chunks; `texts` are those of `texts_of`."""
        if self.cuts_text:
            encoded = iter(texts)
            pieces: list[Any] = [next(encoded) if chunk.ids is None else chunk.ids for chunk in chunks]
            ids = np.frombuffer(b"".join(pieces), dtype=np.int32)
            ends = self._lengths[ids].cumsum()
            # A text that the normalizer changes has other lengths.
            if len(ids) and ends[-1] == sum([len(chunk.text) if chunk.text.isascii() else len(chunk.text.encode()) for chunk in chunks]):
                return Placed(ids, np.concatenate(([0], ends[:-1])), True)
        return self._placed_exactly(chunks)

    def as_text(self, name: str) -> bytes:
        """The ids of a control token's name as text. Raises WrittenAsToken where the vocabulary makes the token of it."""
        found = self._as_text.get(name)
        if found is None:
            ids = self._after_newline(name, self._without_added)
            if self.ids_of[name] in ids:
                raise WrittenAsToken(name)
            found = self._as_text[name] = np.array(ids, dtype=np.int32).tobytes()
        return found

    def encode(self, text: str) -> Ids:
        """The ids of a text in which the names of added tokens are these tokens."""
        chunks = self.chunks([(text, False)])
        return self.place(chunks, self._vocabulary.encode(self.texts_of(chunks))).ids

    def _cut(self, text: str) -> list[Chunk]:
        parts = self._pattern.split(text)
        names = self._as_bytes
        return [Chunk(part, names[part] if i % 2 else None) for i, part in enumerate(parts) if part]

    def _placed_exactly(self, chunks: Sequence[Chunk]) -> Placed:
        ids: list[int] = []
        starts: list[int] = []
        end = 0
        for chunk in chunks:
            if chunk.ids is not None:
                known = np.frombuffer(chunk.ids, dtype=np.int32).tolist()
                ids += known
                starts += [end] * len(known)
            else:
                found, places = self._encoded(chunk.text, is_first=not end)
                ids += found
                starts += [end + place for place in places]
            end += len(chunk.text)
        return Placed(np.array(ids, dtype=np.int32), np.array(starts, dtype=np.int64), False)

    def _encoded(self, text: str, is_first: bool) -> tuple[list[int], list[int]]:
        """The ids of a text and the character at which each begins. A text in the middle of a chat is encoded after a newline, so that nothing is
        added to its beginning."""
        if not is_first:
            encoding = self._tokenizer.encode("\n" + text, add_special_tokens=False)
            count = len(self._newline)
            if encoding.ids[:count] == self._newline:
                return encoding.ids[count:], [max(start - 1, 0) for start, _ in encoding.offsets[count:]]
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        return encoding.ids, [start for start, _ in encoding.offsets]

    def _after_newline(self, text: str, encode: Callable[[str], list[int]]) -> list[int]:
        ids = encode("\n" + text)
        return ids[len(self._newline) :] if ids[: len(self._newline)] == self._newline else encode(text)

    def _without_added(self, text: str) -> list[int]:
        tokenizer = self._tokenizer
        if tokenizer.normalizer is not None:
            text = tokenizer.normalizer.normalize_str(text)
        words = [text] if tokenizer.pre_tokenizer is None else [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text)]
        return [token.id for word in words for token in tokenizer.model.tokenize(word)]

    @cached_property
    def _newline(self) -> list[int]:
        ids: list[int] = self._tokenizer.encode("\n", add_special_tokens=False).ids
        return ids

    @cached_property
    def _tokenizer(self) -> Any:
        """Hugging Face's tokenizer as the file has it: it finds added tokens in a text."""
        from tokenizers import Tokenizer  # not loaded by a process that only needs the facts

        tokenizer = Tokenizer.from_buffer(self._vocabulary.data)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _lengths(self) -> Places:
        """The bytes that each token of a byte-level vocabulary stands for: it has a letter for a byte."""
        parts = orjson.loads(self._vocabulary.data)
        lengths = {id_: len(name) for name, id_ in parts["model"]["vocab"].items()}
        lengths |= {token["id"]: len(token["content"].encode()) for token in parts["added_tokens"]}
        table = np.zeros(max(lengths) + 1, dtype=np.int64)
        table[list(lengths)] = list(lengths.values())
        return table


def find_places(placed: Placed, text: str, characters: Sequence[int], is_marked: bool = False) -> list[int]:
    """For each of these ascending characters of a render, the first token that begins there or later. Marks are not part of the tokens' text."""
    wanted: Sequence[int] = characters
    if is_marked or (placed.in_bytes and not text.isascii()):
        at, before, wanted = 0, 0, []
        for character in characters:
            part = text[before:character]
            part = without_marks(part) if is_marked else part
            at += len(part.encode()) if placed.in_bytes else len(part)
            before = character
            wanted.append(at)
    found: list[int] = placed.starts.searchsorted(wanted).tolist()
    return found
