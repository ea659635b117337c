"""Text that somebody else wrote, made safe to look at: what would act on a terminal or turn a line round is shown as a sign instead."""

from __future__ import annotations

import unicodedata

# Cc acts on terminals, Cf turns and hides text, Cs is half a character, Zl and Zp break lines. The two joiners make one emoji
# or one syllable out of several signs and do nothing else.
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_KEPT = {"\u200c", "\u200d"}


def visible(text: str, keep: str = "\n\t") -> str:
    r"""The text with every control, format and surrogate code point written out; those in `keep` stay as they are.

    >>> visible("red \x1b[31m, turned \u202e")
    'red ␛[31m, turned ⟨U+202E⟩'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_sign(char) if char not in keep and char not in _KEPT and unicodedata.category(char) in _HIDDEN else char for char in text)


def one_line(text: str, most: int) -> str:
    """The beginning of a text on one line, with an ellipsis where it was cut."""
    return visible(text[:most], keep="") + ("…" if len(text) > most else "")


def _sign(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"
