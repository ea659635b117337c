"""Encodes with gigatoken, many times as fast as Hugging Face's tokenizers, where it is known to give the same ids.

Training uses Hugging Face. The two libraries differ in their Unicode tables, in the order of combining marks, and where a text contains
the name of a control token. Such texts are not `is_plain`. A vocabulary is encoded fast only where it is of the kind that was measured
and gigatoken gives Hugging Face's ids for all `PROBES`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

# After so many tokens of ordinary text the words that gigatoken keeps take 60 MB, and opening it anew costs a twenty-fifth of
# the run. Random letters, each word a new one, take 270 MB.
MAX_TOKENS = 16 << 20

# Scripts that both libraries have known for long, without combining marks.
PLAIN = (
    "\\x00-\u02ff\u0384-\u0386\u0388-\u0482\u048a-\u052f\u2002-\u2064\u2070-\u20bf\u2100-\u2125\u2127-\u2129\u212c-\u2328\u232b-\u2ad0"
    "\u3000-\u3029\u3030-\u303f\u3041-\u3096\u309b-\u30ff\u3105-\u312c\u3131-\u318e\u3190-\u33ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
    "\ufe0f\uff01-\uffef\ufffd\U0001f1e6-\U0001f1ff\U0001f300-\U0001f64f\U0001f680-\U0001f6c5\U0001f900-\U0001f9ff"
)
_RARE = re.compile(f"[^{PLAIN}]")
# Words, numbers, spaces and signs in every combination that a tokenizer's pattern distinguishes.
PROBES = (
    "Hello, world! It's 12345 o'clock; I'd've said SO.\r\n\r\n\tdef f(x):\n        return x**2  # done \n",
    "你是一个乐于助人的助手。北京明天的天气怎么样？ 25℃，东风3级…\n\n\n答：晴。",
    '{"name": "get_weather", "arguments": {"city": "Zürich", "days": [1, 22, 333, 4444], "at": "2026-11-24T06:07:08.9+01:00"}}',
    "Привет, мир! Καλημέρα κόσμε. こんにちは世界 カタカナー 안녕하세요 세계",
    "🚄 👩\u200d👩\ufe0f 🇵🇹 ½ ² ™ € → ≤ ∑ ─── ﹣ｆｕｌｌ１２",
    " leading   spaces\u00a0and\u3000others \u2028 end   ",
    "CamelCaseWords snake_case_words kebab-case-words https://example.org/a?b=c&d=%20#e <|im_ [MA </ ... --- ===",
    "\x00\x01\x1f\x7f\x85 \u200b\u200e\u2060 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "x",
    "\n",
    "",
)
_SPLITS = ("Split", "ByteLevel")

RawIds = npt.NDArray[np.uint32]  # token ids as the libraries return them; all of them fit into int32

Spellings = tuple[tuple[str, re.Pattern[str]], ...]


def is_plain(texts: Sequence[str], spelled: Spellings) -> bool:
    """Whether both libraries give the same ids for each of these texts: no rare code point, and no name of a control token."""
    text = "".join(texts)
    for first, pattern in spelled:
        if first in text and pattern.search(text):
            return False
    return text.isascii() or _is_known("".join([one for one in texts if not one.isascii()]))


def _is_known(text: str) -> bool:
    """Whether every code point is one of PLAIN. Those of 16 bits are looked up in a table; the pattern checks texts with others."""
    units = np.frombuffer(text.encode("utf-16-le", "surrogatepass"), dtype=np.uint16)
    return np.count_nonzero(_known_units().take(units)) == len(units) or _RARE.search(text) is None


@cache
def _known_units() -> npt.NDArray[np.bool_]:
    """For each 16-bit unit whether it is one of PLAIN; half a surrogate pair is not."""
    return np.array([_RARE.match(chr(unit)) is None for unit in range(1 << 16)])


def spellings(names: Sequence[str]) -> Spellings:
    """Finds any of these tokens in a text: one pattern per first character, so that most patterns need not run."""
    firsts = sorted({name[0] for name in names})
    return tuple((first, re.compile("|".join(re.escape(name) for name in sorted(names) if name[0] == first))) for first in firsts)


def is_measured_kind(parts: Mapping[str, Any]) -> bool:
    """Whether a tokenizer.json is byte-level BPE without a normalizer other than NFC, the kind for which gigatoken was compared."""
    cutter = parts.get("pre_tokenizer") or {}
    cuts = [one.get("type") for one in cutter.get("pretokenizers", [cutter])]
    normalizer = (parts.get("normalizer") or {}).get("type")
    model = parts.get("model") or {}
    odd = ("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback")
    return model.get("type") == "BPE" and not any(map(model.get, odd)) and normalizer in (None, "NFC") and cuts == list(_SPLITS)


class FastTokenizer:
    """gigatoken's tokenizer of a tokenizer.json.

    It keeps every word that it has seen, which would take hundreds of MB in a long run. So it is opened anew, in half a second, after
    `max_tokens` tokens.
    """

    def __init__(self, data: bytes, separator: str = "", max_tokens: int = MAX_TOKENS):
        """`separator` is a control token or "". Raises ValueError, RuntimeError or NotImplementedError where gigatoken cannot read the data."""
        self._data, self._separator, self._max_tokens = data, separator, max_tokens
        self._open()
        ids = self._tokenizer.encode(separator)
        self._separator_id: RawIds | None = ids[0].reshape(()) if len(ids) == 1 else None  # without a dimension, which numpy compares fastest

    def encode(self, texts: Sequence[str]) -> list[RawIds]:
        """The ids of each text by itself. No text may contain the name of a control token."""
        found = self._encode_together(texts)
        encode = self._tokenizer.encode
        if found is None:
            found = [encode(text) for text in texts]
        del encode  # it holds a reference to the tokenizer, which _open may release
        self._tokens += sum(map(len, found))
        if self._tokens > self._max_tokens:
            self._open()
        return found

    def _encode_together(self, texts: Sequence[str]) -> list[RawIds] | None:
        """The same in one call, with the separator between the texts: a third faster. None without a separator, or where it is not found once per gap."""
        if self._separator_id is None:
            return None
        ids = self._tokenizer.encode(self._separator.join(texts))
        ends = (ids == self._separator_id).nonzero()[0].tolist()
        if len(ends) != len(texts) - 1:
            return None
        found, start = [], 0
        for end in ends:
            found.append(ids[start:end])
            start = end + 1
        found.append(ids[start:])
        return found

    def _open(self) -> None:
        from gigatoken import gigatoken_rs  # not loaded by a process that tokenizes nothing

        self._tokenizer: Any = None  # the old one is released before the new one is loaded
        release_freed_memory()
        self._tokenizer = gigatoken_rs.load_hf_json(self._data)
        release_freed_memory()  # loading needs more than it keeps
        self._tokens = 0


def release_freed_memory() -> None:
    """Returns to the system what Arrow holds though it was freed."""
    pa.default_memory_pool().release_unused()


def open_fast(data: bytes, answers: Sequence[Sequence[int]], specials: Sequence[str]) -> FastTokenizer | None:
    """gigatoken's tokenizer of this tokenizer.json; None where one of `PROBES` gets other ids than `answers`, which are Hugging Face's."""
    wanted = [list(ids) for ids in answers]
    for separator in (next(filter(_is_separator, specials), ""), ""):
        try:
            tokenizer = FastTokenizer(data, separator)
        except (ValueError, RuntimeError, NotImplementedError):
            return None
        if [ids.tolist() for ids in tokenizer.encode(PROBES)] == wanted:
            return tokenizer
    return None


def _is_separator(name: str) -> bool:
    """Whether no proper suffix of this name is a prefix of it. Only then is it found in the right place after any text."""
    return not any(name.startswith(name[-size:]) for size in range(1, len(name)))
