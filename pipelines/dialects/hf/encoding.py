"""A rendered chat -> ids, as transformers encodes it, and the token at which each character begins.

Text between added tokens is encoded by itself, since no library merges across them. So in a byte-level vocabulary (tokenizers/fast.py) the text
is cut here, and the lengths of the tokens in bytes tell where a character is; they must add up to the text's. Any other vocabulary is encoded by
Hugging Face's tokenizers, which tell the places themselves.
Source: huggingface/transformers utils/chat_template_utils.py encode_marked_chat @ v5.23.0.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from pipelines.cache import BoundedCache
from pipelines.chat.segments import ID_BYTES
from pipelines.dialects.hf.folder import AddedToken
from pipelines.dialects.hf.names import any_of
from pipelines.dialects.hf.pictures import Replacement
from pipelines.records import Ids, Noun, Span
from pipelines.tokenizers import RawIds, Vocabulary

Places = npt.NDArray[np.int64]


class Chunk(Noun, frozen=True):
    """A part of a rendered chat. `ids` are known for a control token, a token that data writes as text, and a picture that stands between control
    tokens. `picture` stands in place of the text."""

    text: str
    ids: bytes | None = None
    picture: Replacement | None = None


class Placed(Noun, frozen=True):
    """The ids of a chat, and where each begins and ends: in characters of the render, or in bytes of UTF-8 where `in_bytes`. `views` are the tokens of
    each picture's views."""

    ids: Ids
    starts: Places
    ends: Places
    in_bytes: bool
    views: tuple[tuple[Span, ...], ...] = ()


class _Spliced(Noun, frozen=True):
    """A picture's ids, which do not depend on what is around it, and the tokens of its views among them."""

    ids: bytes
    views: tuple[Span, ...]


class WrittenAsToken(Exception):
    """A control token in data that the vocabulary cannot write as text."""


class ChatEncoder:
    """Encodes the chats of one model."""

    def __init__(self, vocabulary: Vocabulary, added: Sequence[AddedToken]):
        self._vocabulary = vocabulary
        self.ids_of = {token.content: token.id for token in added}
        self._as_bytes = {token.content: np.int32(token.id).tobytes() for token in added}
        self._pattern = re.compile(f"({any_of(self.ids_of)})")
        self._as_text: dict[str, bytes] = {}
        self._spliced: BoundedCache[Replacement, _Spliced | None] = BoundedCache(self._splice, lambda key, made: 200 + (len(made.ids) if made else 0))
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

    def picture(self, placeholder: str, picture: Replacement) -> Chunk:
        """The chunk of a picture."""
        spliced = self._spliced[picture] if self.cuts_text else None
        return Chunk(placeholder, None if spliced is None else spliced.ids, picture)

    def texts_of(self, chunks: Sequence[Chunk]) -> list[str]:
        """The texts of these chunks that `Vocabulary.encode` must encode."""
        return [chunk.text for chunk in chunks if chunk.ids is None and chunk.picture is None] if self.cuts_text else []

    def place(self, chunks: Sequence[Chunk], texts: Sequence[RawIds]) -> Placed:
        """The ids of the chunks; `texts` are those of `texts_of`."""
        if self.cuts_text and not any(chunk.picture is not None and chunk.ids is None for chunk in chunks):
            encoded = iter(texts)
            pieces: list[Any] = [next(encoded) if chunk.ids is None else chunk.ids for chunk in chunks]
            ids = np.frombuffer(b"".join(pieces), dtype=np.int32)
            lengths = self._lengths[ids]
            views = self._views(chunks, pieces, lengths) if any(chunk.picture is not None for chunk in chunks) else ()
            ends = lengths.cumsum()
            # A text that the normalizer changes has other lengths.
            if len(ids) and ends[-1] == sum([len(chunk.text) if chunk.text.isascii() else len(chunk.text.encode()) for chunk in chunks]):
                return Placed(ids, np.concatenate(([0], ends[:-1])), ends, True, views)
        return self._placed_exactly(chunks)

    def _views(self, chunks: Sequence[Chunk], pieces: Sequence[Any], lengths: Places) -> tuple[tuple[Span, ...], ...]:
        """The tokens of each picture's views. Gives all tokens of a picture the start of its placeholder."""
        found: list[tuple[Span, ...]] = []
        end = 0
        for chunk, piece in zip(chunks, pieces, strict=True):
            start, end = end, end + (len(piece) // ID_BYTES if isinstance(piece, bytes) else len(piece))
            if chunk.picture is not None and (spliced := self._spliced[chunk.picture]) is not None:
                found.append(tuple([Span(start + view.start, start + view.end) for view in spliced.views]))
                lengths[start:end] = 0
                lengths[end - 1] = len(chunk.text.encode())
        return tuple(found)

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

    def _splice(self, picture: Replacement) -> _Spliced | None:
        """The picture's ids; None where it begins or ends with a text, which may merge with the text around it."""
        parts = picture.parts
        if not (parts and parts[0].text in self.ids_of and parts[-1].text in self.ids_of):
            return None
        ids: list[int] = []
        lengths = [0] * len(parts)
        text = ""
        for k, part in enumerate(parts):
            if part.text in self.ids_of:
                ids += [self.ids_of[part.text]] * part.times
                lengths[k] = 1
            elif part.view is not None:
                return None
            else:
                text += part.text * part.times
                if parts[k + 1].text in self.ids_of:  # texts that follow one another are encoded together
                    found = self.encode(text).tolist()
                    if part.times != 1:
                        return None
                    ids += found
                    lengths[k], text = len(found), ""
        return _Spliced(np.array(ids, dtype=np.int32).tobytes(), picture.spans(lengths))

    def _placed_exactly(self, chunks: Sequence[Chunk]) -> Placed:
        """By Hugging Face's tokenizer: all chunks between tokens that data writes as text are encoded in one piece."""
        ids: list[int] = []
        starts: list[int] = []
        ends: list[int] = []
        views: list[tuple[Span, ...]] = []
        end = 0
        for is_text, run in groupby(chunks, lambda chunk: self._is_known_text(chunk)):
            part = list(run)
            if is_text:
                for chunk in part:
                    known = np.frombuffer(chunk.ids or b"", dtype=np.int32).tolist()
                    ids += known
                    starts += [end] * len(known)
                    end += len(chunk.text)
                    ends += [end] * len(known)
                continue
            text, shifts = _with_replacements(part)
            found, places = self._encoded(text, is_first=not ids)
            begins = [start for start, _ in places]
            for picture, at in ((chunk.picture, shift.at) for chunk, shift in zip([one for one in part if one.picture], shifts, strict=True)):
                views.append(_tokens_of(picture, at, begins, len(ids)) if picture else ())
            ids += found
            starts += [end + _unshifted(place, shifts) for place in begins]
            ends += [end + _unshifted(place, shifts) for _, place in places]
            end += sum([len(chunk.text) for chunk in part])
        return Placed(np.array(ids, dtype=np.int32), np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64), False, tuple(views))

    def _is_known_text(self, chunk: Chunk) -> bool:
        """Whether data writes this control token as text."""
        return chunk.ids is not None and chunk.picture is None and chunk.ids is self._as_text.get(chunk.text)

    def _encoded(self, text: str, is_first: bool) -> tuple[list[int], list[tuple[int, int]]]:
        """The ids of a text and the characters at which each begins and ends. A text in the middle of a chat is encoded after a newline, so that nothing is
        added to its beginning."""
        if not is_first:
            encoding = self._tokenizer.encode("\n" + text, add_special_tokens=False)
            count = len(self._newline)
            if encoding.ids[:count] == self._newline:
                return encoding.ids[count:], [(max(start - 1, 0), max(end - 1, 0)) for start, end in encoding.offsets[count:]]
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        return encoding.ids, encoding.offsets

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


class _Shift(NamedTuple):
    """A picture in a text: it begins at `at`, is `long` characters and stands for `short`."""

    at: int
    long: int
    short: int


def _with_replacements(chunks: Sequence[Chunk]) -> tuple[str, list[_Shift]]:
    """The text of these chunks with the replacements of their pictures."""
    texts: list[str] = []
    shifts: list[_Shift] = []
    end = 0
    for chunk in chunks:
        text = chunk.text if chunk.picture is None else chunk.picture.text
        if chunk.picture is not None:
            shifts.append(_Shift(end, len(text), len(chunk.text)))
        texts.append(text)
        end += len(text)
    return "".join(texts), shifts


def _unshifted(place: int, shifts: Sequence[_Shift]) -> int:
    """The character of the render where a character of the text with replacements is."""
    less = 0
    for at, long, short in shifts:
        if place < at:
            break
        less += place - at if place < at + long else long - short
        if place < at + long:
            break
    return place - less


def _tokens_of(picture: Replacement, at: int, places: Sequence[int], before: int) -> tuple[Span, ...]:
    """The tokens of a picture's views, where the picture begins at this character and its tokens come after `before` others."""
    return tuple([Span(before + bisect_left(places, at + view.start), before + bisect_left(places, at + view.end)) for view in picture.views])
