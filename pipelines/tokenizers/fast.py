"""Encoding by gigatoken, many times as fast as Hugging Face's tokenizers, and only where it is known to give the same ids.

What training uses is Hugging Face. The two differ where their Unicode tables do, in the order of combining marks, and where a
text spells a control token, which is text here. So such texts are not `is_plain`, and a vocabulary is encoded fast only where
its parts are of the kind that was measured and its answers to `PROBES` are Hugging Face's own.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

# After so many tokens of ordinary text the words that gigatoken keeps take 60 MB, and opening it anew costs a twenty-fifth of
# the run. Random letters, each word a new one, take 270 MB.
MAX_TOKENS = 16 << 20

# Scripts that both libraries have long known, without marks that combine with what stands before them.
PLAIN = (
    "\\x00-\u02ff\u0384-\u0386\u0388-\u0482\u048a-\u052f\u2002-\u2064\u2070-\u20bf\u2100-\u2125\u2127-\u2129\u212c-\u2328\u232b-\u2ad0"
    "\u3000-\u3029\u3030-\u303f\u3041-\u3096\u309b-\u30ff\u3105-\u312c\u3131-\u318e\u3190-\u33ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
    "\ufe0f\uff01-\uffef\ufffd\U0001f1e6-\U0001f1ff\U0001f300-\U0001f64f\U0001f680-\U0001f6c5\U0001f900-\U0001f9ff"
)
_RARE = re.compile(f"[^{PLAIN}]")
# Words, numbers, blanks and signs in every mixture that the pattern of a tokenizer tells apart.
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

RawIds = npt.NDArray[np.uint32]  # ids of a text as the libraries count them; none is so large that it would be another in int32

Spellings = tuple[tuple[str, re.Pattern[str]], ...]


def is_plain(texts: Sequence[str], spelled: Spellings) -> bool:
    """Whether both libraries give each of these texts the same ids: no rare code point, and no control token spelled."""
    text = "".join(texts)
    for first, pattern in spelled:
        if first in text and pattern.search(text):
            return False
    return text.isascii() or _is_known("".join([one for one in texts if not one.isascii()]))


def _is_known(text: str) -> bool:
    """Whether every code point is one of PLAIN. Those of 16 bits are looked up in one go; the rest makes the pattern look again."""
    units = np.frombuffer(text.encode("utf-16-le", "surrogatepass"), dtype=np.uint16)
    return np.count_nonzero(_known_units().take(units)) == len(units) or _RARE.search(text) is None


@cache
def _known_units() -> npt.NDArray[np.bool_]:
    """Half of a surrogate pair is not known here."""
    return np.array([_RARE.match(chr(unit)) is None for unit in range(1 << 16)])


def spellings(names: Sequence[str]) -> Spellings:
    """What finds any of these tokens in a text: a pattern for each first character, so that most need not run."""
    firsts = sorted({name[0] for name in names})
    return tuple((first, re.compile("|".join(re.escape(name) for name in sorted(names) if name[0] == first))) for first in firsts)


def is_measured_kind(parts: Mapping[str, Any]) -> bool:
    """Whether a tokenizer.json is byte-level BPE, with no normalizer but NFC: the kind that gigatoken was compared on."""
    cutter = parts.get("pre_tokenizer") or {}
    cuts = [one.get("type") for one in cutter.get("pretokenizers", [cutter])]
    normalizer = (parts.get("normalizer") or {}).get("type")
    model = parts.get("model") or {}
    odd = ("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback")
    return model.get("type") == "BPE" and not any(map(model.get, odd)) and normalizer in (None, "NFC") and cuts == list(_SPLITS)


class FastTokenizer:
    """gigatoken's tokenizer of a tokenizer.json.

    It keeps every word that it meets, which would take hundreds of MB in a long run. So it is opened anew, in half a second, after
    `max_tokens` tokens.
    """

    def __init__(self, data: bytes, separator: str = "", max_tokens: int = MAX_TOKENS):
        """`separator` is a control token, or "". Raises ValueError, RuntimeError or NotImplementedError where gigatoken cannot read the data."""
        self._data, self._separator, self._max_tokens = data, separator, max_tokens
        self._open()
        ids = self._tokenizer.encode(separator)
        self._separator_id: RawIds | None = ids[0].reshape(()) if len(ids) == 1 else None  # of no dimension: what numpy compares with fastest

    def encode(self, texts: Sequence[str]) -> list[RawIds]:
        """The ids of each text by itself, of texts that spell no control token."""
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
        """In one call, which takes two thirds of the time: the separator parts the texts. None where there is none, or it is not found as often as it stands."""
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
        from gigatoken import gigatoken_rs  # a process that tokenizes nothing need not load it

        self._tokenizer: Any = None  # the old one is released before the new one is loaded
        release_freed_memory()
        self._tokenizer = gigatoken_rs.load_hf_json(self._data)
        release_freed_memory()  # loading needs more than it keeps
        self._tokens = 0


def release_freed_memory() -> None:
    """Returns to the system what Arrow and glibc hold though it was freed: some milliseconds, and up to a third of a worker's memory."""
    pa.default_memory_pool().release_unused()
    with suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def open_fast(data: bytes, answers: Sequence[Sequence[int]], specials: Sequence[str]) -> FastTokenizer | None:
    """gigatoken's tokenizer of this tokenizer.json with these control tokens; None where one of `PROBES` gets other ids than Hugging Face's `answers`."""
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
    """Whether no end of this name is its beginning: after a text that ends as it begins, it is still found where it stands."""
    return not any(name.startswith(name[-size:]) for size in range(1, len(name)))
