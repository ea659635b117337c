"""How many tokens a text has at least, known without encoding it. A text that cannot fit into a row is refused before any time is spent on it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

# NFC makes at most three code points into two bytes: U+1FBE U+0308 U+0301 becomes U+0390.
_NFC = (2, 3)


def least_tokens(texts: Sequence[str], longest: int | None, normalizes: bool) -> int:
    """A lower bound for the tokens of these texts. `longest` is how many characters a token can stand for; if it is None, the bound is 0.

    >>> least_tokens(["x" * 1000, "", "y"], longest=128, normalizes=False), least_tokens(["a", "b"], longest=128, normalizes=True)
    (7, 2)
    """
    if longest is None:
        return 0
    characters = sum(map(len, texts))
    if normalizes and not all(map(str.isascii, texts)):
        characters = characters * _NFC[0] // _NFC[1]
    return max(characters // longest, len(texts) - texts.count(""))


def longest_token(parts: Mapping[str, Any], words: Collection[Mapping[str, Any]]) -> int | None:
    """The most characters of a text that one token of this tokenizer.json can stand for. None where there may be no such number: where text can
    get lost, or a token can stand for a run of any length.

    `words` are the added tokens that text can contain. In a byte-level vocabulary a letter is a byte, so the number is of bytes, which are never
    fewer than the characters.
    """
    model, vocabulary = parts["model"], parts["model"].get("vocab", {})
    steps = [*_steps(parts.get("normalizer"), "normalizers"), *_steps(parts.get("pre_tokenizer"), "pretokenizers")]
    if model.get("type") != "BPE" or not all(map(_keeps_characters, steps)) or any(word["lstrip"] or word["rstrip"] for word in words):
        return None
    if not (model.get("byte_fallback") or any(step["type"] == "ByteLevel" for step in steps)) or not _has_every_byte(vocabulary):
        return None
    return max(map(len, [*vocabulary, *(word["content"] for word in words)]))


def normalizes(parts: Mapping[str, Any]) -> bool:
    """Whether this tokenizer.json puts text into form NFC, which can make it shorter."""
    return any(step["type"] == "NFC" for step in _steps(parts.get("normalizer"), "normalizers"))


def _steps(step: Mapping[str, Any] | None, key: str) -> list[Mapping[str, Any]]:
    return [] if step is None else step[key] if step["type"] == "Sequence" else [step]


def _keeps_characters(step: Mapping[str, Any]) -> bool:
    kind = step["type"]
    if kind == "Split":
        return bool(step["behavior"] != "Removed")
    if kind == "Replace":
        return (step["pattern"], step["content"]) == ({"String": " "}, "▁")
    return kind in ("NFC", "Prepend", "ByteLevel", "Digits")


def _has_every_byte(vocabulary: Mapping[str, int]) -> bool:
    """Whether any text can be written with these tokens: as the letters of ByteLevel, or as <0x00> to <0xFF>."""
    from tokenizers import pre_tokenizers  # not loaded by a process that only needs the facts

    return vocabulary.keys() >= set(pre_tokenizers.ByteLevel.alphabet()) or vocabulary.keys() >= {f"<0x{byte:02X}>" for byte in range(256)}
