"""A tokenizer as the dialects use it: texts to ids with every control token spelled as text, and control tokens by name alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
from tokenizers import Tokenizer

MOST_BYTES = 4  # of a character in UTF-8


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """An opened tokenizer. `fingerprint` is the sha256 of its tokenizer.json; a stand-in's ids are not the model's own."""

    specials: Mapping[str, int]
    fingerprint: str
    standin: bool
    tokenizer: Tokenizer

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text by itself. What is spelled like a control token stays text: no text can forge a turn."""
        encode = self.tokenizer.encode
        return [encode(text, add_special_tokens=False).ids for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        text: str = self.tokenizer.decode(list(ids), skip_special_tokens=False)
        return text

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """What each token shows. A character that several tokens spell stands at the last of them, and the others show nothing."""
        shown: list[str] = []
        pending: list[int] = []
        for i in ids:
            pending.append(i)
            text = self.tokenizer.decode(pending, skip_special_tokens=False)
            unfinished = text.endswith("\ufffd") and len(pending) < MOST_BYTES
            shown.append("" if unfinished else text)
            pending = pending if unfinished else []
        return shown


def read_vocabulary(path: Path, standin: bool = False) -> Vocabulary:
    """The vocabulary of a tokenizer.json. Raises ValueError where it is none."""
    data = path.read_bytes()
    try:
        tokenizer = Tokenizer.from_buffer(data)
        added = orjson.loads(data)["added_tokens"]
    except Exception as error:  # the library raises bare Exception
        raise ValueError(f"{path} is no tokenizer.json: {error}") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True  # from here on text is text
    specials = {token["content"]: token["id"] for token in added if token["special"]}
    return Vocabulary(specials, hashlib.sha256(data).hexdigest(), standin, tokenizer)
