"""Model folders as the trainers load them by name: a tiny model, and a tokenizer that knows the control tokens only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

GLM_SPECIALS = {
    "<|endoftext|>": 151329,
    "[gMASK]": 151331,
    "<sop>": 151333,
    "<|system|>": 151335,
    "<|user|>": 151336,
    "<|assistant|>": 151337,
    "<|observation|>": 151338,
}


def tokenizer(specials: Mapping[str, int], pad: str, eos: str) -> PreTrainedTokenizerFast:
    """These tokens with these ids, and nothing else: rows that are tokenized already need no more."""
    names = {number: name for name, number in specials.items()}
    # A vocabulary without holes: saving one that has holes prints each of them.
    words = Tokenizer(WordLevel({names.get(number, f"word{number}"): number for number in range(max(names) + 1)}, unk_token="word0"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.add_special_tokens(list(specials))
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token=pad, eos_token=eos)


def glm_tokenizer() -> PreTrainedTokenizerFast:
    return tokenizer(GLM_SPECIALS, pad="<|endoftext|>", eos="<|user|>")


def model_folder(folder: Path, model: Any, words: PreTrainedTokenizerFast) -> Path:
    """What `from_pretrained` loads."""
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def qwen_tokenizer(specials: Mapping[str, int]) -> PreTrainedTokenizerFast:
    """The control tokens that a dialect of Qwen2's vocabulary writes."""
    return tokenizer({**specials, "<|endoftext|>": 151643}, pad="<|endoftext|>", eos="<|im_end|>")
