"""Tokenizers that are published as tiktoken ranks: what a family adds to the ranks, and how both become a tokenizer.json."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Ranks = dict[bytes, int]

_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{numbers}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


@dataclass(frozen=True, slots=True)
class RankFamily:
    """`specials` are the special tokens with their ids. `pattern` cuts a text into words before the ranks apply."""

    specials: Mapping[str, int]
    pattern: str
    normalizer: str | None


def _numbered(names: str, first: int) -> dict[str, int]:
    return {name: first + i for i, name in enumerate(names.split())}


# Source: openbmb/MiniCPM-V-2_6 tokenizer: Qwen2's, with `<unk>` an ordinary rank made special.
MINICPM_V_2_6 = RankFamily(
    {
        "<unk>": 128244,
        **_numbered(
            "<|endoftext|> <|im_start|> <|im_end|> <image> </image> <ref> </ref> <box> </box> <quad> </quad> <point> </point>"
            " <slice> </slice> <image_id> </image_id> <unit> </unit> <asr> </asr> <query> </query>",
            151643,
        ),
    },
    _WORDS.format(numbers=r"\p{N}"),
    "NFC",
)
# Source: THUDM/glm-4-9b-chat tokenization_chatglm.py and tokenizer_config.json.
GLM_4 = RankFamily(
    _numbered(
        "<|endoftext|> [MASK] [gMASK] [sMASK] <sop> <eop> <|system|> <|user|> <|assistant|> <|observation|>"
        " <|begin_of_image|> <|end_of_image|> <|begin_of_video|> <|end_of_video|>",
        151329,
    ),
    _WORDS.format(numbers=r"\p{N}{1,3}"),
    None,
)


def read_ranks(path: Path) -> Ranks:
    """The ranks of a tiktoken file, which has a base64 token and its rank on each line. Raises ValueError where the file is not one."""
    ranks: Ranks = {}
    for line in path.read_bytes().splitlines():
        token, _, rank = line.partition(b" ")
        try:
            ranks[base64.b64decode(token, validate=True)] = int(rank)
        except (binascii.Error, ValueError):
            raise ValueError(f"{path.name} is not a tiktoken file: line {len(ranks) + 1} is not a base64 token and a rank") from None
    return ranks


def tokenizer_json(ranks: Ranks, family: RankFamily) -> str:
    """The text of a tokenizer.json that cuts and merges exactly as tiktoken does with these ranks. Takes seconds for 150,000 ranks."""
    spell = _byte_letters()
    spelled = {token: "".join(spell[byte] for byte in token) for token in ranks}
    merges = [[spelled[part] for part in _last_merge(token, rank, ranks)] for token, rank in ranks.items() if len(token) > 1]
    added = [{"id": i, "content": name, **_ADDED_TOKEN_FLAGS, "special": True} for name, i in sorted(family.specials.items(), key=lambda item: item[1])]
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    cut = {"type": "Split", "pattern": {"Regex": family.pattern}, "behavior": "Isolated", "invert": False}
    # As in transformers, the vocabulary includes the special tokens; no merge produces them.
    vocabulary = {**{spelled[token]: rank for token, rank in ranks.items()}, **family.specials}
    parts: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": family.normalizer and {"type": family.normalizer},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [cut, level]},
        "post_processor": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", **_NO_OPTIONS, "vocab": vocabulary, "merges": merges},
    }
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


_ADDED_TOKEN_FLAGS = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
_NO_OPTIONS: dict[str, Any] = {
    "dropout": None,
    "unk_token": None,
    "continuing_subword_prefix": None,
    "end_of_word_suffix": None,
    "fuse_unk": False,
    "byte_fallback": False,
    "ignore_merges": False,
}


def _last_merge(token: bytes, rank: int, ranks: Ranks) -> list[bytes]:
    """The two tokens that tiktoken joins last to make this one: merging by rank, up to but not including its own rank."""
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 2:
        joined = [ranks.get(parts[i] + parts[i + 1], rank) for i in range(len(parts) - 1)]
        best = min(joined)
        if best >= rank:
            break
        at = joined.index(best)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts


def _byte_letters() -> list[str]:
    """The letter that the ByteLevel pre-tokenizer writes for each byte, from GPT-2's table and checked against the library."""
    from tokenizers import pre_tokenizers  # needed only to build a tokenizer.json

    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    letters = [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]
    if set(letters) != set(pre_tokenizers.ByteLevel.alphabet()):
        raise ValueError("the byte-level alphabet of the tokenizers library is not GPT-2's")
    return letters
