"""Files in another encoding than UTF-8: UTF-16, UTF-32, and the East Asian encodings. A single damaged line is not found here, but when it is parsed."""

from __future__ import annotations

import codecs
import re

from pipelines.containers.pieces import BLANK
from pipelines.visible import counted

MARKS = {  # the longer ones first: UTF-32's begins like UTF-16's
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
WIDE = {"utf-32-le": "UTF-32", "utf-32-be": "UTF-32", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}
EAST_ASIAN = {"gb18030": "GBK or GB18030", "shift_jis": "Shift JIS", "big5": "Big5", "euc_kr": "EUC-KR", "euc_jp": "EUC-JP"}
_WORDS = re.compile(r"[^\x00-\x7f]+")
_HIGH = re.compile(rb"[\x80-\xff]+")


def other_encoding(head: bytes, is_all: bool) -> str | None:
    """The encoding of a JSON file that begins with these bytes, as the detail of a finding; None if it is UTF-8, even damaged."""
    for mark, name in MARKS.items():
        if head.startswith(mark):
            return f"the byte order mark is that of {name}; only UTF-8 can be read"
    if b"\0" in head[:8]:
        return next((f"the NUL bytes show that the file is {name}; only UTF-8 can be read" for codec, name in WIDE.items() if _is_wide_json(head, codec)), None)
    if _decoded(head, "utf-8") is not None:
        return None
    text = head if is_all or b"\n" not in head else head[: head.rindex(b"\n")]
    return _east_asian(text)


def _is_wide_json(head: bytes, codec: str) -> bool:
    """Whether this is JSON in an encoding of two or four bytes: it decodes, begins like JSON, and contains no NUL character. A line of UTF-8 with a NUL byte
    before its brace does not: what follows the brace is no ASCII then."""
    text = _decoded(head, codec)
    if text is None or "\0" in text:
        return False
    start = text.lstrip()[:2]
    return len(start) == 2 and start[0] in "{[" and start.isascii()


def _east_asian(head: bytes) -> str | None:
    """An encoding in which all of the text decodes to plausible words, if most lines that are not ASCII are not UTF-8; None otherwise.

    Two cases look similar but are not: Latin-1, whose accented letters stand alone among ASCII letters, and UTF-8 with damage in each line,
    where most characters are complete. (A few lines of GBK are valid UTF-8 by chance, such as 谢谢.)
    """
    text = head.lstrip(BLANK)
    lines = [line for line in text.split(b"\n") if line.strip(BLANK)]
    beyond = [line for line in lines if not line.isascii()]
    bad = [line for line in beyond if _decoded(line, "utf-8", whole=True) is None]
    runs = _HIGH.findall(text)
    foreign = [run for run in runs if _decoded(run, "utf-8", whole=True) is None]
    if not text.startswith((b"{", b"[")) or 4 * len(bad) < 3 * len(beyond) or 2 * len(foreign) <= len(runs):
        return None
    if len(foreign) < 2:  # perhaps only one damaged character
        return None
    if text.startswith(b'{"') and 2 * len(bad) < len(lines):  # a file of lines, of which some are in another encoding
        return None
    codec = next((codec for codec in EAST_ASIAN if _is_of_words(_decoded(text, codec))), None)
    return (
        codec
        and f"{len(bad):,} of the first {counted(len(lines), 'line')} {'is' if len(bad) == 1 else 'are'} not UTF-8, but could be {EAST_ASIAN[codec]}; only UTF-8 can be read"
    )


def _is_of_words(text: str | None) -> bool:
    words = _WORDS.findall(text or "")
    return len("".join(words)) >= 2 * len(words) > 0


def _decoded(data: bytes, codec: str, whole: bool = False) -> str | None:
    """The text, if all bytes are in this encoding; the last character may be incomplete, unless `whole`."""
    try:
        return codecs.getincrementaldecoder(codec)().decode(data, final=whole)
    except UnicodeDecodeError:
        return None
