"""Whether a key that nothing reads may change what a record teaches: the words of its name say so, or what its value holds.

`edited_response`, `response2` and `editedResponse` have one name in words. A word of `WORDS` matters, unless a word of `QUALIFIERS` beside it says that
the key is about the thing and not the thing itself: `response_time`, `image_width`, `prompt_id`. A number or true under such a name is metadata.
A value that holds turns, a call or a picture matters under any name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

Json = Any


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What it may be -> the words that say so.
WORDS: Mapping[str, frozenset[str]] = {
    family: _words(names)
    for family, names in {
        "picture": "image images img imgs picture pictures pic pics photo photos screenshot screenshots frame frames visual visuals",
        "media": "video videos audio audios media",
        "file": "attachment attachments file files",
        "call": "call calls invocation invocations functions action actions command commands observation observations",
        "reasoning": "thought thoughts thinking reasoning rationale cot scratchpad",
        "answer": (
            "response responses output outputs completion completions answer answers chosen rejected choices alternative alternatives candidate candidates"
            " generation generations reply replies solution solutions correction corrections"
        ),
        "question": "prompt prompts question questions query queries instruction instructions input inputs context contexts",
        "source text": "document documents passage passages",
        "turns": "history conversation conversations dialog dialogue trajectory messages steps",
    }.items()
}
# The last word of a name is the thing that it names: a `response_model` is a model, a `model_response` a response.
QUALIFIERS = _words(
    "id ids uid uuid guid idx index num no count counts total len length lengths size sizes width height ratio resolution dim dims type types kind format formats"
    " status state time times timestamp timestamps date dates at ms sec second seconds duration latency token tokens lang language languages locale model models name names"
    " key keys version score scores hash sha sha256 md5 checksum cost price usage rate prob probs probability logprob logprobs metadata meta category categories class"
    " difficulty quality complexity level rating ratings rank grade reward rewards label labels tag tags topic domain subject style tone intent source origin dataset split"
    " license author generator annotator reviewer judge evaluator evaluation eval feedback critique config configs configuration setting settings params parameter"
    " parameters option kwargs schema template modality modalities mime embedding embeddings vector preview avatar icon thumbnail logo reason reasons correct"
    " correctness valid toxic safe moderation space repo repository dtype mode effort detail details summary stats metrics metric error errors warning cache fingerprint"
    " role roles owner window caption description ref refs"
)
FIRST_QUALIFIERS = _words("num n nr total is has max min avg mean original raw seed parent avatar thumbnail")
_ENDINGS = _words("path paths url urls uri file files base text texts list json str string data content contents value values")
# The names of turns that say the turn is no good, where they are true; and names in several words.
BAD_TURN = ("deleted", "is_deleted", "partial", "is_partial", "interrupted", "hidden")
PHRASES: Mapping[str, str] = {
    "code": "call",
    "prefix": "question",
    "suffix": "question",
    "system_prompt": "question",
    "system_message": "question",
    "developer": "question",
    "available_tools": "tools",
    "tool_input": "call",
    "tool_args": "call",
    "tool_arguments": "call",
    "chain_of_thought": "reasoning",
    "objects": "picture",
    "edited_content": "answer",
    "corrected_content": "answer",
    "edited_text": "answer",
    "corrected_text": "answer",
    "corrected": "answer",
}
TOOL_USE = re.compile(r"(?:tool|function)s?_?(?:invocation|result|output|response|use|call)s?", re.IGNORECASE)
TRAINING = re.compile(r"loss.*|train.*|(no|ignore|skip)_(loss|train)\w*|.*mask.*|weights?", re.IGNORECASE)
# Whole names of which any value but a default matters, a number too.
EXACT = re.compile(
    r"(image|img|screenshot|picture|video|audio)s?(_?\d+)?(_(path|url|file|base64|b64)s?)?|media|function_calls?|functions|available_tools|tool_calls"
    r"|system_prompt|system_message|instructions|response|output|completion|choices|chosen|rejected|thoughts?|thinking|reasoning|actions|objects",
    re.IGNORECASE,
)

_SWITCHED = re.compile(r"reasoning|thinking|function_?call|tool_?call", re.IGNORECASE)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_MASK = re.compile(r"mask", re.IGNORECASE)
_TRAINING_START = re.compile(r"loss|train|weights?$", re.IGNORECASE)
_PICTURE_FILE = re.compile(r"(?:file:)?[^\s:?#]{1,1000}\.(?:png|jpe?g|webp|gif|bmp)", re.IGNORECASE)
_PICTURE_BYTES = ("data:image", "iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR")
_OF_TURNS = (*BAD_TURN, "error")
_ANSWERS, _SPOKEN = ("response", "output", "completion"), ("answer", "question", "turns", "reasoning")
_EMPTY: tuple[Json, ...] = ("", [], {}, "[]", "{}", "null")
_SWITCHES = frozenset(("auto", "none", "on", "off", "yes", "no", "true", "false", "low", "medium", "high", "minimal", "enabled", "disabled", "required"))
_ROLE_KEYS, _SAID_KEYS = ("role", "from", "speaker"), ("content", "value", "parts", "text", "message", "tool_calls")
_NAME_KEYS, _ARGUMENT_KEYS = ("name", "tool", "tool_name", "function", "function_name"), ("arguments", "args", "tool_input", "kwargs", "action_input")
MOST_CACHED = 64  # characters of a key; a longer one is looked at each time
MOST_ITEMS = 100  # of a list that are looked at


def carries_meaning(key: str, value: Json, kind: str = "record") -> bool:
    """Whether this key, read by nothing, may change what the record teaches. `kind` is what has the key.

    >>> carries_meaning("edited_response", "No."), carries_meaning("response_time", "1 s"), carries_meaning("timestamp", 7), carries_meaning("train_on_input", True)
    (True, False, False, False)
    >>> carries_meaning("extra", [{"role": "user", "content": "Hi"}]), carries_meaning("extra", {"mood": "glad"})
    (True, False)
    """
    name = _named_cached(key) if len(key) <= MOST_CACHED else _named(key)
    if name.is_training:
        return isinstance(value, bool) if key == "label" else not _is_default_of_training(key, value)
    if value is None or value is False or value in _EMPTY:
        return False
    if kind == "turn" and key in _OF_TURNS:
        return value is True if key in BAD_TURN else isinstance(value, (str, dict))
    if name.is_exact:
        return not ((name.is_switched and _is_switch(value)) or (key in _ANSWERS and is_metadata(value)))
    if name.family is None or kind in ("line", "tool"):  # events of a session file have a hundred keys, and definitions of tools are data
        return False
    if not name.family or not (name.is_head or _has_texts(value)):
        return holds_picture(value) or holds_turns(value) or holds_call(value)
    if isinstance(value, (bool, int, float)) or (name.is_switched and _is_switch(value)) or (name.family in _SPOKEN and is_metadata(value)):
        return False
    if name.family == "picture" and isinstance(value, str):
        return " " not in value.strip()
    return name.family != "file" or kind == "turn" or holds_picture(value)


def _has_texts(value: Json) -> bool:
    """Whether a value is a text or has texts, not objects: of a name such as `prompt_filter_results`, whose last word is no word of ours, only these matter."""
    return isinstance(value, str) or (isinstance(value, list) and any(isinstance(item, str) for item in value[:MOST_ITEMS]))


class _Name(NamedTuple):
    """What a key's name says. `is_exact`: any value but a default matters; `is_switched`: it may be a setting of a request."""

    is_training: bool
    is_exact: bool
    is_switched: bool
    family: str | None
    is_head: bool  # the last word of the name says so


def _named(key: str) -> _Name:
    is_training = key == "label" or TRAINING.fullmatch(key) is not None
    return _Name(is_training, EXACT.fullmatch(key) is not None, _SWITCHED.search(key) is not None, *_family_and_head(key))


_named_cached = lru_cache(maxsize=4096)(_named)


def family_of(key: str) -> str | None:
    """What a key of this name may be: "" if its name says nothing, None if it says that it is metadata.

    >>> family_of("beforeScreenshot"), family_of("response2"), family_of("mood"), family_of("prompt_id")
    ('picture', 'answer', '', None)
    """
    return _family_and_head(key)[0]


def _family_and_head(key: str) -> tuple[str | None, bool]:
    """(what `family_of` says, whether the last word of the name says so)."""
    words = [word.lower() for word in _WORD.findall(key[:1000]) if len(word) > 1 and not word.isdecimal()]
    if (phrase := PHRASES.get("_".join(words))) is not None:
        return phrase, True
    if TOOL_USE.fullmatch(key):
        return "call", True
    if words and words[0] in FIRST_QUALIFIERS:
        return None, True
    named = list(words)
    while len(named) > 1 and named[-1] in _ENDINGS:
        named.pop()
    if named and named[-1] in QUALIFIERS:
        return None, True
    found = next(((family, word) for word in reversed(named) for family, names in WORDS.items() if word in names), ("", ""))
    return found[0], found[1] == (named or [""])[-1]


def _is_switch(value: Json) -> bool:
    """Whether this is a setting of a request, as in `reasoning: {"effort": "high"}`, `thinking: {"type": "enabled"}` or `tool_calls: auto`."""
    if isinstance(value, dict):
        return bool(value) and all(_is_switch(inner) or isinstance(inner, (bool, int, float)) or inner is None for inner in value.values())
    return isinstance(value, str) and value.strip().lower() in _SWITCHES


def is_metadata(value: Json, levels: int = 4) -> bool:
    """Whether this is an object, or a list of objects, whose every value is a number, a setting, or under the name of metadata.

    >>> is_metadata({"id": "r", "model": "m", "usage": {"input": 3}}), is_metadata({"format": {"type": "text"}}), is_metadata({"text": "Hi"})
    (True, True, False)
    """
    if isinstance(value, list):
        return bool(value) and levels > 0 and all(isinstance(item, dict) and is_metadata(item, levels - 1) for item in value[:MOST_ITEMS])
    return isinstance(value, dict) and all(_is_beside(key, inner, levels) for key, inner in value.items())


def _is_beside(key: Json, value: Json, levels: int) -> bool:
    if value is None or isinstance(value, (bool, int, float)) or value in _EMPTY or _is_switch(value):
        return True
    return (isinstance(key, str) and family_of(key) is None) or (levels > 0 and is_metadata(value, levels - 1))


def _is_default_of_training(key: str, value: Json) -> bool:
    """Whether the value says nothing: true and 1, which are the defaults. A mask may mean either, so only an empty one says nothing."""
    if value is None or value in ("", [], {}):
        return True
    if _MASK.search(key):
        return value is False and key in ("masked", "is_masked")
    return value is True or value == 1 if _TRAINING_START.match(key) else value is False


def holds_picture(value: Json) -> bool:
    """Whether a value is a picture's path or bytes, or a list of them. The address of a page is none.

    >>> holds_picture("screens/1.png"), holds_picture(["data:image/png;base64,AA=="]), holds_picture("https://a.org/1.png"), holds_picture("see 1.png")
    (True, True, False, False)
    """
    items = value[:MOST_ITEMS] if isinstance(value, list) else [value]
    return any(isinstance(item, str) and (_PICTURE_FILE.fullmatch(item) is not None or _holds_bytes(item)) for item in items)


def _holds_bytes(text: str) -> bool:
    return text.startswith("data:image/") or (text.startswith(_PICTURE_BYTES) and len(text) > MOST_CACHED)


def holds_turns(value: Json) -> bool:
    """Whether a value is a list of turns: objects that say who speaks and what."""
    return isinstance(value, list) and any(_has(item, _ROLE_KEYS, str) and _has(item, _SAID_KEYS, (str, list, dict)) for item in value[:MOST_ITEMS])


def holds_call(value: Json) -> bool:
    """Whether a value is a call with its arguments, or a list of calls."""
    items = value[:MOST_ITEMS] if isinstance(value, list) else [value]
    return any(
        _has(item, _NAME_KEYS, (str, dict)) and (_has(item, _ARGUMENT_KEYS, (dict, str)) or _has(item.get("function"), _ARGUMENT_KEYS, (dict, str)))
        for item in items
    )


def _has(item: Json, keys: tuple[str, ...], kinds: type | tuple[type, ...]) -> bool:
    return isinstance(item, dict) and any(isinstance(item.get(key), kinds) and item[key] for key in keys)
