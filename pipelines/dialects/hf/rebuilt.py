"""Whether transformers makes a tokenizer with other ids of a folder than its tokenizer.json has.

Most classes of tokenizers read the vocabulary only, and bring their own normalizer and their own rule for words: a file with other ones has other ids.
Which class is opened depends on the files of the folder and on lists in transformers, so transformers itself is asked.

Source: huggingface/transformers tokenization_utils_tokenizers.py TokenizersBackend.convert_to_native_format @ v5.23.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Tokenizer

from pipelines.dialects.hf.pictures.processor import LOCAL, first_line, has_transformers

MOST_ADDED = 64  # vocabularies have hundreds that are reserved
AS_IT_IS = frozenset({"PreTrainedTokenizerFast", "TokenizersBackend"})  # they read tokenizer.json whole
REMEDY = (
    "if the model was trained with tokenizer.json, set tokenizer_class to PreTrainedTokenizerFast in tokenizer_config.json; "
    "otherwise save the folder again with save_pretrained of its tokenizer, so that both agree"
)
# What normalizers and rules for words differ in: blanks, line ends, digits, apostrophes, case, accents, widths, scripts, signs.
TEXTS = (
    "a  b\tc   d",
    " one before",
    "one after ",
    "   ",
    "lines\nand\r\nmore\n\n  indented\n",
    "1234567 3.14 2026-11-28",
    "I'll, WE'VE, don't",
    "naïve Café e\u0301 \u212b ﬁ ① ½",
    "你好,世界。こんにちは 안녕하세요",
    "🙂👍🏽 a\u200db \u00a0 \u3000",
    "camelCase snake_case a/b\\c (d) [e] {f} <g>h</g> #!$%^&*",
    "«\u0418\u0301» हिन्दी ไทย عربى",
)


class Compared(NamedTuple):
    """How the tokenizer of transformers differs from tokenizer.json, if it does; or why the two were not compared."""

    difference: str = ""
    not_made: str = ""


def compare_ids(folder: Path, class_name: Any, data: bytes, added: Sequence[str]) -> Compared:
    """Compares the tokenizer that transformers makes of this folder with its tokenizer.json.

    `class_name` is `tokenizer_class` of the folder's settings, `data` its tokenizer.json, and `added` are the added tokens, which are tried with a
    text after them. It takes a second or more, but no time for classes that read the file as it is.
    """
    if class_name in AS_IT_IS:
        return Compared()
    if not has_transformers():
        return Compared(not_made="transformers is not installed")
    from transformers import AutoTokenizer

    try:
        made = AutoTokenizer.from_pretrained(str(folder), **LOCAL)
        theirs = made.backend_tokenizer
    except Exception as error:  # it needs a library or code that is not here, or is no tokenizer of this library
        return Compared(not_made=f"transformers cannot open it: {first_line(error)}")
    return Compared(_difference(type(made).__name__, theirs, data, added) or "")


def _difference(name: str, theirs: Any, data: bytes, added: Sequence[str]) -> str | None:
    mine = Tokenizer.from_buffer(data)
    if more := {token.content for token in theirs.get_added_tokens_decoder().values()} - {token.content for token in mine.get_added_tokens_decoder().values()}:
        return f"{name} of transformers has these tokens, and tokenizer.json has not: {', '.join(sorted(more))}"
    for text in (*TEXTS, *(token + after for token in added[:MOST_ADDED] for after in ("a", " a", "\na"))):
        wanted = _ids(mine, text)
        try:
            found = _ids(theirs, text)
        except Exception as error:  # the library raises no class of its own where a vocabulary lacks what another rule needs
            return f"{name} of transformers cannot encode {text!r}: {error}"
        if found != wanted:
            return f"{name} of transformers makes other ids of {text!r}: {found}, and tokenizer.json {wanted}"
    return None


def _ids(tokenizer: Any, text: str) -> list[int]:
    tokenizer.no_truncation()
    tokenizer.no_padding()
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids
