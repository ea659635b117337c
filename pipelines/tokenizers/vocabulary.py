"""A tokenizer as dialects use it: texts become ids without control tokens, and control tokens are written only by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.cache import BoundedCache
from pipelines.records import Ids
from pipelines.tokenizers.bounds import least_tokens
from pipelines.tokenizers.facts import Facts, facts_of, open_tokenizer
from pipelines.tokenizers.fast import FastTokenizer, RawIds, Spellings, is_plain, open_fast, spellings
from pipelines.training.tokenizer_parts import tokenizer_parts

MOST_BYTES = 4  # of a character in UTF-8
MAX_UNUSED = 4  # vocabularies that stay open although no dialect uses them


@dataclass(frozen=True)
class Vocabulary:
    """An opened tokenizer. Its facts are read at once; its libraries are loaded when the first text needs them.

    `data` is its tokenizer.json, read once, and `fingerprint` is the sha256 of these bytes: a file that changes later changes nothing
    here. A stand-in's ids are not the model's own. `file` is what it was made from: the tokenizer.json itself, or a file of ranks; None for a
    bundled tokenizer.
    """

    path: Path
    data: bytes = field(repr=False)
    facts: Facts
    standin: bool
    file: Path | None = None

    @property
    def fingerprint(self) -> str:
        return self.facts.fingerprint

    @property
    def specials(self) -> Mapping[str, int]:
        return self.facts.specials

    @cached_property
    def parts(self) -> Mapping[str, str]:
        """The sha256 of each part of its tokenizer.json that decides ids. Raises ValueError where it has another form."""
        return tokenizer_parts(self.data)

    @cached_property
    def control_ids(self) -> Mapping[str, bytes]:
        """The id of each control token, as bytes of an array."""
        return {name: np.int32(token).tobytes() for name, token in self.specials.items()}

    @cached_property
    def cached_ids(self) -> Mapping[str, bytes]:
        """The ids of a text that many conversations have in common, as bytes of an array."""
        return BoundedCache(lambda text: self.encode([text])[0].tobytes())

    @cached_property
    def tokenizer(self) -> Any:
        """Hugging Face's tokenizer, which training uses: the reference."""
        return open_tokenizer(self.data)

    def open(self) -> None:
        """Loads the tokenizer library, which takes half a second, before the first text needs it."""
        if self._fast is None:
            _ = self.tokenizer

    def encode(self, texts: Sequence[str]) -> list[RawIds]:
        """The ids of each text by itself. The name of a control token in a text stays text, so no text can forge a turn."""
        if self._fast is None:
            return [self._encode_exactly(text) for text in texts]
        if is_plain(texts, self._spelled):
            return self._fast.encode(texts)
        return [self._fast.encode([text])[0] if is_plain([text], self._spelled) else self._encode_exactly(text) for text in texts]

    def least_tokens(self, texts: Sequence[str]) -> int:
        """A lower bound for the tokens of these texts, found without encoding them."""
        return least_tokens(texts, self.facts.longest, self.facts.normalizes)

    def decode(self, ids: Sequence[int] | Ids) -> str:
        text: str = self.tokenizer.decode(np.asarray(ids).tolist(), skip_special_tokens=False)
        return text

    def pieces(self, ids: Sequence[int] | Ids) -> list[str]:
        """The text of each token. A character of several tokens is shown at the last of them, and the others are empty."""
        shown: list[str] = []
        pending: list[int] = []
        for i in np.asarray(ids).tolist():
            pending.append(i)
            text = self.tokenizer.decode(pending, skip_special_tokens=False)
            unfinished = text.endswith("\ufffd") and len(pending) < MOST_BYTES
            shown.append("" if unfinished else text)
            pending = pending if unfinished else []
        return shown

    @cached_property
    def _fast(self) -> FastTokenizer | None:
        answers = self.facts.answers
        return None if answers is None else open_fast(self.data, answers, list(self.specials))

    @cached_property
    def _spelled(self) -> Spellings:
        return spellings(self.facts.added)

    def _encode_exactly(self, text: str) -> RawIds:
        (encoding,) = self.tokenizer.encode_batch_fast([text], add_special_tokens=False)  # without the places of the tokens: half the time
        return np.array(encoding.ids, dtype=np.uint32)


def read_vocabulary(path: Path, standin: bool = False, file: Path | None = None) -> Vocabulary:
    """The vocabulary of a tokenizer.json, shared by all dialects and runs of this process as long as the file is the same. Raises ValueError
    where the file is not a tokenizer.json."""
    data = path.read_bytes()
    facts = facts_of(data, str(path))
    vocabulary = _OPEN.setdefault((path, facts.fingerprint, standin, file), Vocabulary(path, data, facts, standin, file))
    for oldest in list(_OPEN)[:-MAX_UNUSED]:
        _OPEN.pop(oldest, None)
    return vocabulary


_OPEN: dict[tuple[Path, str, bool, Path | None], Vocabulary] = {}
