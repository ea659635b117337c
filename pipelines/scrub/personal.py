"""Personal data that can be told by form and check digits: mail addresses, telephone numbers with +, cards, IBANs, US social security numbers.

Names, postal addresses and the like cannot be told from other text by form, and stay.
"""

from __future__ import annotations

from pipelines.scrub.kinds import BEGIN, kind_of

# Addresses that stand for anybody's, and those of commands such as git@github.com.
_NOBODY = (b"example.com", b"example.org", b"example.net", b"test.com", b"localhost", b"noreply.github.com", b".invalid", b".example")


def _is_somebody(value: bytes) -> bool:
    address = value.lower()
    return not address.endswith(_NOBODY) and not address.startswith((b"git@", b"noreply@", b"no-reply@"))


def _digits(value: bytes) -> list[int]:
    return [byte - 48 for byte in value if 48 <= byte <= 57]


def is_card(value: bytes) -> bool:
    """Whether the number begins as cards do and its check digit, by Luhn, is right.

    >>> is_card(b"4111 1111 1111 1111"), is_card(b"4111 1111 1111 1112")
    (True, False)
    """
    digits = _digits(value)
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return len(set(digits)) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_iban(value: bytes) -> bool:
    """
    >>> is_iban(b"DE89 3704 0044 0532 0130 00"), is_iban(b"DE88 3704 0044 0532 0130 00")
    (True, False)
    """
    text = value.replace(b" ", b"").decode()
    return 15 <= len(text) <= 34 and int("".join(str(int(sign, 36)) for sign in text[4:] + text[:4])) % 97 == 1


END = rb"(?![A-Za-z0-9_])"
BEGINS = rb"(?:(?<![0-9A-Za-z_.\-].)|(?<=\\[nrtbf].))"  # after the first sign: no letter or digit stands before it, but for that of an escape
# Each pattern but that of addresses begins with a plain set of signs, and looks back only then: this is what `re` finds fast.
PERSONAL = (
    kind_of("email", "@", rb"[A-Za-z0-9._%+\-]{1,64}@(?:[A-Za-z0-9\-]{1,63}\.){1,5}[A-Za-z]{2,24}" + END, _is_somebody, BEGIN),
    kind_of("iban", "", rb"[A-Z]" + BEGINS + rb"[A-Z][0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?" + END, is_iban, b""),
    kind_of("phone", "+", rb"\+(?<![0-9.+]\+)[1-9][0-9]{0,2}[ .\-]?(?:\([0-9]{1,4}\)[ .\-]?)?[0-9]{2,4}(?:[ .\-]?[0-9]{2,4}){2,4}(?![0-9])", start=b""),
    kind_of(
        "card",
        "",
        rb"(?:[4-6]" + BEGINS + rb"[0-9]{3}(?:[ \-]?[0-9]{4}){3}|3" + BEGINS + rb"[47][0-9]{2}[ \-]?[0-9]{6}[ \-]?[0-9]{5})(?![0-9A-Za-z_.\-])",
        is_card,
        b"",
    ),
    kind_of("us_ssn", "-", rb"[0-8]" + BEGINS + rb"[0-9]{2}-(?<!000-)(?<!666-)(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![0-9\-])", start=b""),
)
