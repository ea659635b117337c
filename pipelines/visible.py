"""Text for people: text from a log made safe to display, and counts with their nouns."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

# Characters that control a terminal or reverse a line are replaced by visible signs: Cc controls terminals, Cf reverses and hides text,
# Cs is half a character, Zl and Zp break lines. The two joiners are harmless: they only join several signs into one emoji or one syllable.
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_KEPT = {"\u200c", "\u200d"}


def visible(text: str, keep: str = "\n\t") -> str:
    r"""The text with control, format and surrogate code points replaced by signs, except those in `keep`.

    >>> visible("red \x1b[31m, reversed \u202e")
    'red ␛[31m, reversed ⟨U+202E⟩'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_sign(char) if char not in keep and char not in _KEPT and unicodedata.category(char) in _HIDDEN else char for char in text)


def one_line(text: str, most: int) -> str:
    """The first `most` characters of a text on one line, with an ellipsis if it is longer."""
    return visible(text[:most], keep="") + ("…" if len(text) > most else "")


def _sign(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"


def counted(count: float, noun: str) -> str:
    """
    >>> counted(1, "file"), counted(1204, "record")
    ('1 file', '1,204 records')
    """
    return f"{count:,} {noun_for(count, noun)}"


def amount(count: float) -> str:
    """A number of records, of which some may be lost in part.

    >>> amount(1204), amount(8.0), amount(1234.46), amount(0.0123)
    ('1,204', '8', '1,234.5', '0.01')
    """
    if count == int(count):
        return f"{int(count):,}"
    return f"{count:,.1f}" if count >= 0.1 else f"{count:.1g}"


def did_you_mean(given: str, known: Iterable[str], most: int = 2) -> str:
    """The end of a message about an unknown name; "" where no known one is like it.

    >>> did_you_mean("chatt", ["chat", "gui"]), did_you_mean("web", ["chat", "gui"])
    ('; did you mean chat?', '')
    """
    near = get_close_matches(given, list(known), n=most)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def noun_for(count: float, noun: str) -> str:
    """The noun in the singular for 1, in the plural for any other number."""
    return noun if count == 1 else f"{noun}s"
