"""Python literals -> JSON values. Their size is checked before they are parsed, and nothing is run: the grammar is our own."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from pipelines.parsing.budget import LITERALS, Budget
from pipelines.parsing.careful import clip
from pipelines.reasons import Reason, Reject
from pipelines.visible import counted

# Python's own tokens: what it refuses (01, 1__0, ur'', a newline in a short string) is refused here too.
_TOKEN = re.compile(
    r"""[ \t\n\r\f]*(?:
      (?P<string>(?P<prefix>[uU]|[rR]?[bBfF]|[bBfF]?[rR]|)(?P<quote>'''|\"\"\"|'(?!'')|"(?!""))(?P<body>(?:[^\\'"]++|\\.|(?!(?P=quote))['"])*+)(?P=quote))
    | (?P<number>(?:0[xX][0-9a-fA-F]+|(?:[0-9](?:_?[0-9])*(?:\.(?:[0-9](?:_?[0-9])*)?)?|\.[0-9](?:_?[0-9])*)(?:[eE][+-]?[0-9]+)?)(?P<imaginary>[jJ])?)
    | (?P<name>[A-Za-z_]\w*)
    | (?P<ellipsis>\.\.\.)
    | (?P<sign>[][{}(),:+-])
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|N\{([^{}]*)\}|(.))", re.DOTALL)
_ONE_LINE = re.compile(r"(?:[^\\\n]++|\\.)*+", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
_PLAIN = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "a": "\a", "\\": "\\", "'": "'", '"': '"', "\n": ""}
MOST_DIGITS = 300  # characters of a number
_NAMES = {"True": True, "False": False, "None": None}
# A call, an attribute, arithmetic or a keyword: this is code, not data.
_CODE = re.compile(r"\w\s*\(|\)\s*\.|\.__|\blambda\b|\bimport\b|\*|%|!!python|\bdef\b|^cos\n|^[bfrBFR]{1,2}['\"]", re.DOTALL)
_PAIRS = (re.compile(r"\bfor\b"), re.compile(r"\bin\b")), (re.compile(r"\bif\b"), re.compile(r"\belse\b"))


class NotLiteral(Exception):
    """The text is not a Python literal whose value JSON can hold; `reason` says why."""

    def __init__(self, reason: Reason, detail: str):
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


def read_literal(text: str, where: str, budget: Budget) -> Any:
    """The value of this Python literal, in JSON's types (a tuple is a list). Raises Reject if it has none."""
    most = budget.limits.literal_bytes
    if len(text) > most:
        raise Reject(Reason.TOOL_ARGS_TOO_LARGE.at(where, f"{counted(len(text), 'character')} that are not JSON; limits.literal_bytes is {most:,}"))
    budget.literals -= len(text)
    if budget.literals < 0:
        detail = f"all literals of the record together are longer than {LITERALS} times limits.literal_bytes, which is {most:,}"
        raise Reject(Reason.TOOL_ARGS_TOO_LARGE.at(where, detail))
    try:
        # Python reads every line end as \n, in strings too.
        reader = _Reader(text.replace("\r\n", "\n").replace("\r", "\n").strip(" \t\n\f"), budget.limits.json_depth)
        value = reader.value(1)
        reader.end()
    except NotLiteral as error:
        reason = error.reason
        if reason is Reason.TOOL_ARGS_UNPARSEABLE and _is_code(text):
            reason = Reason.TOOL_CODE_EXPRESSION
        raise Reject(reason.at(where, f"{error.detail}: {clip(text)}")) from None
    return value


def _is_code(text: str) -> bool:
    """Each keyword is searched for once: the single expression `for.+in` would start again at every `for`."""
    firsts = ((first.search(text), second) for first, second in _PAIRS)
    return _CODE.search(text) is not None or any(found and second.search(text, found.end() + 1) for found, second in firsts)


class _Reader:
    """Reads one literal from left to right; the depth is bounded, so that no text can exhaust the stack."""

    def __init__(self, text: str, depth: int):
        self._text, self._at, self._depth = text, 0, depth

    def value(self, depth: int) -> Any:
        if depth > self._depth:
            raise NotLiteral(Reason.TOOL_LITERAL_TOO_DEEP, f"more than {self._depth} levels; see limits.json_depth")
        token = self._next()
        kind, found = token.lastgroup, token.group().strip()
        if token["string"] is not None:
            return self._string(token)
        if token["number"] is not None:
            return _number(token)
        if kind == "name" and found in _NAMES:
            return _NAMES[found]
        if kind == "ellipsis":
            raise NotLiteral(Reason.TOOL_ARGS_NOT_JSON_TYPE, "an ellipsis does not exist in JSON")
        if found in ("-", "+"):
            return self._signed(found)
        if found == "{":
            return self._dict(depth)
        if found in ("[", "("):
            return self._list("]" if found == "[" else ")", depth)
        raise NotLiteral(Reason.TOOL_ARGS_UNPARSEABLE, f"{clip(found)} is not a literal")

    def end(self) -> None:
        if self._peek() in ("+", "-"):
            raise NotLiteral(Reason.TOOL_ARGS_UNPARSEABLE, "the value is an expression, not a literal")
        if self._at < len(self._text):
            raise NotLiteral(Reason.TOOL_ARGS_UNPARSEABLE, f"there is more text after the value, from character {self._at}")

    def _next(self) -> re.Match[str]:
        token = _TOKEN.match(self._text, self._at)
        if token is None:
            raise NotLiteral(Reason.TOOL_ARGS_UNPARSEABLE, f"no literal begins at character {self._at}")
        self._at = token.end()
        return token

    def _peek(self) -> str:
        token = _TOKEN.match(self._text, self._at)
        return token.group().strip() if token else ""

    def _string(self, token: re.Match[str]) -> str:
        pieces = [_unescape(token)]
        while (more := _TOKEN.match(self._text, self._at)) and more["string"] is not None:  # 'a' 'b' is one text
            self._at = more.end()
            pieces.append(_unescape(more))
        return "".join(pieces)

    def _signed(self, sign: str) -> int | float:
        token = self._next()
        if token["number"] is None:
            raise NotLiteral(Reason.TOOL_ARGS_UNPARSEABLE, f"the {sign} is not followed by a number")
        return -_number(token) if sign == "-" else _number(token)

    def _dict(self, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        while self._peek() != "}":
            key = self.value(depth + 1)
            if self._peek() in (",", "}"):
                raise NotLiteral(Reason.TOOL_ARGS_NOT_JSON_TYPE, "sets do not exist in JSON")
            self._take(":")
            if not isinstance(key, str):
                raise NotLiteral(Reason.TOOL_ARGS_NOT_JSON_TYPE, f"the key {clip(str(key))} is not a string")
            if key in made:
                raise NotLiteral(Reason.JSON_DUPLICATE_KEY, f"the key {clip(key)} appears twice")
            made[key] = self._item(depth)
            self._comma("}")
        self._take("}")
        return made

    def _list(self, close: str, depth: int) -> Any:
        made, commas = [], 0
        while self._peek() != close:
            made.append(self._item(depth))
            commas += self._comma(close)
        self._take(close)
        return made[0] if close == ")" and len(made) == 1 and not commas else made

    def _item(self, depth: int) -> Any:
        value = self.value(depth + 1)
        if self._peek() in ("+", "-"):
            raise NotLiteral(
                Reason.TOOL_ARGS_NOT_JSON_TYPE if "j" in self._text.lower() else Reason.TOOL_ARGS_UNPARSEABLE, "the value is an expression, not a literal"
            )
        return value

    def _comma(self, close: str) -> bool:
        if self._peek() == close:
            return False
        self._take(",")
        return True

    def _take(self, sign: str) -> None:
        if self._peek() != sign:
            raise NotLiteral(Reason.TOOL_ARGS_UNPARSEABLE, f"expected {sign!r} at character {self._at}")
        self._next()


def _number(token: re.Match[str]) -> int | float:
    text = token["number"].replace("_", "")
    if text.isdigit() and text[0] == "0" and text.strip("0"):
        raise NotLiteral(Reason.TOOL_ARGS_UNPARSEABLE, f"{clip(text)} begins with a zero")
    if token["imaginary"]:
        raise NotLiteral(Reason.TOOL_ARGS_NOT_JSON_TYPE, "complex numbers do not exist in JSON")
    if len(text) > MOST_DIGITS:
        raise NotLiteral(Reason.JSON_HUGE_NUMBER, f"a number of {len(text)} characters; at most {MOST_DIGITS} are allowed")
    try:
        value = int(text, 16) if text[:2].lower() == "0x" else int(text) if text.isdigit() else float(text)
    except ValueError:
        raise NotLiteral(Reason.TOOL_ARGS_UNPARSEABLE, f"{clip(text)} is not a number") from None
    if value in (float("inf"), float("-inf")):
        raise NotLiteral(Reason.JSON_HUGE_NUMBER, f"{clip(text)} is too large for a float")
    return value


def _unescape(token: re.Match[str]) -> str:
    prefix = token["prefix"].lower()
    if "b" in prefix:
        raise NotLiteral(Reason.TOOL_ARGS_NOT_JSON_TYPE, "bytes do not exist in JSON")
    if "f" in prefix:
        raise NotLiteral(Reason.TOOL_CODE_EXPRESSION, "an f-string is code")
    if len(token["quote"]) == 1 and not _ONE_LINE.fullmatch(token["body"]):
        raise NotLiteral(Reason.TOOL_ARGS_UNPARSEABLE, "a line ends inside a string")
    if "\0" in token["body"]:
        raise NotLiteral(Reason.TOOL_ARGS_UNPARSEABLE, "the text contains a NUL byte")
    text = token["body"] if "r" in prefix else _ESCAPE.sub(_character, token["body"])
    if _SURROGATE.search(text):
        raise NotLiteral(Reason.JSON_LONE_SURROGATE, "a string contains half of a surrogate pair")
    return text


def _character(escape: re.Match[str]) -> str:
    octal, short, four, eight, name, other = escape.groups()
    if other in ("x", "u", "U", "N"):
        raise NotLiteral(Reason.TOOL_ARGS_UNPARSEABLE, f"\\{other} does not name a character")
    if other is not None:
        return _PLAIN.get(other, "\\" + other)
    if name is not None:
        return _named(name)
    code = int(octal, 8) if octal else int(short or four or eight, 16)
    if code > 0x10FFFF:
        raise NotLiteral(Reason.TOOL_ARGS_UNPARSEABLE, f"\\U{eight} is not a character")
    return chr(code)


def _named(name: str) -> str:
    try:
        return unicodedata.lookup(name)
    except KeyError:
        raise NotLiteral(Reason.TOOL_ARGS_UNPARSEABLE, f"\\N{{{clip(name)}}} does not name a character") from None
