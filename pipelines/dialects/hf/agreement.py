"""Where the settings of a tokenizer disagree with its tokenizer.json, so that transformers makes another tokenizer of the folder than the file has.

Source: huggingface/transformers tokenization_utils_base.py _from_pretrained and tokenization_utils_tokenizers.py TokenizersBackend @ v5.23.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]
NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_FLAGS = ("lstrip", "rstrip", "single_word", "normalized")
_MOST = 5  # tokens that a message names
# These classes of transformers make their tokenizer from the vocabulary, with the blank before a text as the settings have it, and with the added tokens
# that the settings list. Others read the file as it is, or are not known to differ.
_REBUILT = frozenset(name + fast for name in ("Qwen2Tokenizer", "GPT2Tokenizer") for fast in ("", "Fast"))


def settings_in_force(settings: Json, named: Json, added: Json) -> Json:
    """The tokenizer's settings as transformers reads them: without `added_tokens_decoder`, special_tokens_map.json (`named`) goes before them, and
    added_tokens.json (`added`) has more tokens."""
    if "added_tokens_decoder" in settings:
        return settings
    return {**settings, **named, "added_tokens": added}


def disagreements(settings: Json, tokenizer: Json) -> Iterator[str]:
    """What these settings, in force, say otherwise than this tokenizer.json. Ids would differ from those of transformers."""
    known = {token["content"]: token for token in tokenizer["added_tokens"]}
    listed: Json = settings.get("added_tokens_decoder") or {}
    missing = [token["content"] for token in listed.values() if token["content"] not in known]
    missing += [text for text, id_ in (settings.get("added_tokens") or {}).items() if text not in known or known[text]["id"] != id_]
    missing += [text for text in _special(settings) if text not in known]
    if missing:
        yield f"adds tokens that tokenizer.json does not have: {_some(missing)}"
    numbered = [(known[token["content"]], id_, token) for id_, token in listed.items() if token["content"] in known]
    other = [token["content"] for held, id_, token in numbered if str(held["id"]) != id_ or any(token.get(flag, held[flag]) != held[flag] for flag in _FLAGS)]
    if other:
        yield f"has other ids or flags ({', '.join(_FLAGS)}) than tokenizer.json for these tokens: {_some(other)}"
    if settings.get("tokenizer_class") in _REBUILT:
        left_out = sorted(known.keys() - {token["content"] for token in listed.values()}) if listed else []
        if left_out:
            yield f"leaves out added tokens of tokenizer.json, so transformers does not have them: {_some(left_out)}"
        wanted = bool(settings.get("add_prefix_space"))
        if any(step["type"] == "ByteLevel" and step.get("add_prefix_space") != wanted for step in _steps(tokenizer.get("pre_tokenizer"))):
            yield f"has add_prefix_space: {str(wanted).lower()}, and tokenizer.json has not"


def _special(settings: Json) -> Iterator[str]:
    """The texts of the tokens that the settings name as special."""
    extra = [settings.get(name) or () for name in ("extra_special_tokens", "additional_special_tokens")]
    values = [value for group in extra for value in (group.values() if isinstance(group, Mapping) else group)]
    for value in [*map(settings.get, NAMED), *values]:
        text = value.get("content") if isinstance(value, Mapping) else value
        if isinstance(text, str):
            yield text


def _steps(step: Json | None) -> Sequence[Json]:
    return [] if step is None else step["pretokenizers"] if step["type"] == "Sequence" else [step]


def _some(texts: Sequence[str]) -> str:
    texts = list(dict.fromkeys(texts))
    return ", ".join(texts[:_MOST]) + (f", and {len(texts) - _MOST} more" if len(texts) > _MOST else "")
