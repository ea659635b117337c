"""The parts of a tokenizer.json that decide ids, each as a digest that stays the same when a library saves the file again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]
PARTS = ("model", "normalizer", "pre_tokenizer", "added_tokens")
_OF_ADDED = ("content", "id", "special", "normalized", "lstrip", "rstrip", "single_word")
# What a library writes for a key that a file leaves out. Source: huggingface/tokenizers, the deserializers of these types @ v0.23.3.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "ByteLevel": {"use_regex": True},
    "Metaspace": {"prepend_scheme": "always", "split": True},
    "Punctuation": {"behavior": "Isolated"},
    "Split": {"invert": False},
}
_WITHOUT_EFFECT = {"ByteLevel": ("trim_offsets",), "Metaspace": ("add_prefix_space", "str_rep")}
# A BPE model is the same whether it has such a key as null, "", 0 or false, or not at all.
_OPTIONS_OF_BPE = (
    "dropout",
    "unk_token",
    "continuing_subword_prefix",
    "end_of_word_suffix",
    "fuse_unk",
    "byte_fallback",
    "ignore_merges",
)


def tokenizer_parts(data: bytes) -> dict[str, str]:
    """The sha256 of each of `PARTS` of this tokenizer.json. Raises ValueError where the data is not one.

    Not among them are what adds tokens at the ends of a text, cuts or pads it, or turns ids into text.
    """
    whole = json.loads(data)
    if not isinstance(whole, dict) or not isinstance(whole.get("model"), dict):
        raise ValueError("it has no model")
    try:
        parts = {
            "model": _model(whole["model"]),
            "normalizer": _with_defaults(whole.get("normalizer")),
            "pre_tokenizer": _with_defaults(whole.get("pre_tokenizer")),
            "added_tokens": sorted([[token.get(key, False) for key in _OF_ADDED] for token in whole.get("added_tokens") or ()], key=lambda token: token[1]),
        }
    except (TypeError, AttributeError, KeyError) as error:
        raise ValueError(f"a part of it has another form: {error}") from None
    return {name: _digest(part) for name, part in parts.items()}


def _model(model: Json) -> Json:
    kind = model.get("type") or ("BPE" if "merges" in model else None)
    options = _OPTIONS_OF_BPE if kind == "BPE" else ("byte_fallback",)
    found = {key: value for key, value in model.items() if value is not None and (value or key not in options)}
    if "merges" in found:
        found["merges"] = _merges(found["merges"])
    return found | {"type": kind}


def _merges(merges: list[Any]) -> list[list[str]]:
    """In order of rank, each as its two tokens: older files have "a b" for ["a", "b"]. Of a merge that appears twice, the last one counts."""
    ranks = {tuple(merge.split(" ", 1) if isinstance(merge, str) else merge): rank for rank, merge in enumerate(merges)}
    return [list(pair) for pair in sorted(ranks, key=ranks.__getitem__)]


def _with_defaults(part: Any) -> Any:
    """A normalizer or a pre-tokenizer, and those that it consists of, with keys that were left out and without those that are null."""
    if isinstance(part, list):
        return [_with_defaults(one) for one in part]
    if not isinstance(part, dict):
        return part
    kind = str(part.get("type"))
    dropped = _WITHOUT_EFFECT.get(kind, ())
    return _DEFAULTS.get(kind, {}) | {key: _with_defaults(value) for key, value in part.items() if value is not None and key not in dropped}


def _digest(part: Any) -> str:
    return hashlib.sha256(json.dumps(part, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
