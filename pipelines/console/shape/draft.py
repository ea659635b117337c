"""A draft of `fields:` for records that no format takes: the turns and their keys, or a question and an answer, guessed from names and values.

A guess is only a proposal. `episodes shape` reads the records with it, and says how many it reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pipelines.console.shape.keys import Place
from pipelines.formats.keys import IMAGES
from pipelines.normalize.roles import canonical_role

Fields = dict[str, Any]
STEP_ROWS = {"of": "step", "prompt": "agentcpm_gui"}

# Words in the name of a key, or in the name of a speaker, the surest first.
_ROLE_KEYS = ("role", "from", "speaker", "author", "sender", "actor", "who", "side", "party", "user_type", "type", "source", "name")
_USER = ("user", "human", "customer", "client", "student", "question", "prompter", "asker", "person", "visitor", "patient", "query")
_ASSISTANT = ("assistant", "bot", "agent", "model", "ai", "gpt", "teacher", "operator", "answer", "system_bot", "chatbot", "expert", "llm", "reply")
_LETTERS = {"q": "user", "u": "user", "a": "assistant"}
_TOOL = ("tool", "function", "observation", "environment", "api", "machine", "result")
_SYSTEM = ("system", "developer")
_CONTENT = ("content", "text", "value", "message", "body", "utterance", "msg", "say", "said", "sentence", "markdown")
_PROMPT = (
    *("prompt", "question", "query", "instruction", "input", "request", "ask", "problem", "user", "human", "task", "source", "q", "context"),
    *("customer", "client", "caller", "visitor", "guest", "student", "patient", "inquiry", "message", "msg"),
)
_ANSWER = (
    *("answer", "output", "response", "completion", "reply", "target", "solution", "assistant", "gold", "label", "result", "bot", "a"),
    *("agent", "operator", "advisor", "rep", "expert", "teacher", "doctor", "model", "ai"),
)
_BAD = ("rejected", "bad", "worse", "worst", "negative", "wrong")
_EPISODE = re.compile(r"(episode|session|conversation|dialog(ue)?|thread|trajectory|chat|conv)_?(id|uuid|key)|(episode|session|thread)", re.IGNORECASE)
_PICTURE = re.compile(r"(?i).+\.(png|jpe?g|webp|gif|bmp)$|data:image/")


def draft_fields(places: Mapping[str, Place], records: Sequence[Mapping[str, Any]]) -> Fields | None:
    """The mapping that these records look like; None where nothing looks like turns or like a question and an answer."""
    found = _turns(places) or _question_and_answer(places)
    if found is None:
        return None
    used = set(_paths_in(found))
    for name, words in (("system", ("system_prompt", "system", "sys_prompt", "persona")), ("tools", ("tools", "functions", "apis", "available_tools"))):
        if path := _named(words, [path for path, place in places.items() if _is_flat(path) and path not in used and (place.is_text or name == "tools")]):
            found[name] = path
            used.add(path)
    if path := _pictures(places, records, used):
        found["images"] = path
    if path := next((path for path in places if _is_flat(path) and _EPISODE.fullmatch(path.rpartition(".")[2])), None):
        found["episode_id"] = path
    if path := next((path for path in places if path in ("id", "uid", "uuid", "_id", "sample_id")), None):
        found["id"] = path
    return found


def _paths_in(fields: Fields) -> Iterator[str]:
    for value in fields.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from value


def _is_flat(path: str) -> bool:
    return "[]" not in path


def _turns(places: Mapping[str, Place]) -> Fields | None:
    """The first list of objects with something like a role and a text."""
    for path, place in places.items():
        is_list = any("list" in kind for kind in place.kinds)
        if not is_list or "[]" in path or not any("object" in kind for kind in places.get(f"{path}[]", Place()).kinds):
            continue
        inner = {
            name.removeprefix(f"{path}[]."): found for name, found in places.items() if name.startswith(f"{path}[].") and "[]" not in name[len(path) + 3 :]
        }
        role = _role_key(inner)
        content = _named(_CONTENT, [name for name, found in inner.items() if found.is_text and name != role]) or _longest(inner, {role or ""})
        if role is not None and content is not None:
            roles = _roles(inner[role].texts or {})
            made: Fields = {"turns": path, "turn": {"role": role, "content": content}}
            unknown = {name: found for name, found in roles.items() if canonical_role(name) != found}
            return made | ({"roles": unknown} if unknown else {})
    return None


def _role_key(inner: Mapping[str, Place]) -> str | None:
    """The key of who speaks: its values are few and short."""
    few = [name for name, place in inner.items() if place.is_text and place.texts and 1 <= len(place.texts) <= 6]
    return _named(_ROLE_KEYS, few) or next((name for name in few if {"user", "assistant"} <= set(_roles(inner[name].texts or {}).values())), None)


def _roles(texts: Iterable[str]) -> dict[str, str]:
    """Speaker -> role. Two speakers of whom one is unknown have the two roles of a conversation."""
    texts = list(texts)
    found: dict[str, str] = {}
    unknown: list[str] = []
    if {text.lower() for text in texts} in ({"q", "a"}, {"u", "a"}):
        return {text: _LETTERS[text.lower()] for text in texts}
    for text in texts:
        role = canonical_role(text) or next(
            (role for role, words in (("assistant", _ASSISTANT), ("user", _USER), ("tool", _TOOL), ("system", _SYSTEM)) if _has_word(text, words)), None
        )
        if role is None:
            unknown.append(text)
        else:
            found[text] = role
    for text in unknown:
        free = [role for role in ("user", "assistant") if role not in found.values()]
        if free:
            found[text] = free[0]
    return found


def _question_and_answer(places: Mapping[str, Place]) -> Fields | None:
    texts = [path for path, place in places.items() if _is_flat(path) and place.is_text]
    bad = next((path for path in texts if _has_word(path.rpartition(".")[2], _BAD) and _has_word(path.rpartition(".")[2], (*_ANSWER, *_BAD[:1]))), None)
    texts = [path for path in texts if path != bad and not _is_answer_too(path, texts)]
    answer = _named(_ANSWER, texts)
    prompt = _named(_PROMPT, [path for path in texts if path != answer])
    if answer is None or prompt is None:
        long = sorted(texts, key=lambda path: -places[path].mean_length)[:2]
        if len(long) < 2 or places[long[1]].texts is not None:
            return None
        prompt, answer = (
            sorted(long, key=texts.index) if answer is None and prompt is None else (prompt or _other(long, answer), answer or _other(long, prompt))
        )
    beside = next((path for path in texts if path not in (prompt, answer) and prompt == "instruction" and path == "input"), None)
    return {"prompt": [prompt, beside] if beside else prompt, "answer": answer} | ({"rejected": bad} if bad else {})


def _is_answer_too(path: str, paths: Sequence[str]) -> bool:
    """Whether this is a second answer: another key with a number."""
    base = re.sub(r"_?\d+$", "", path)
    return base != path and base in paths


def _other(paths: Sequence[str], known: str | None) -> str:
    return next(path for path in paths if path != known)


def _named(words: Sequence[str], paths: Sequence[str]) -> str | None:
    """The path whose last key is the first of these words, or else has it as a part."""
    ends = {path: path.rpartition(".")[2] for path in paths}
    exact = next((path for word in words for path, end in ends.items() if end.lower() == word), None)
    return exact or next((path for word in words for path, end in ends.items() if _has_word(end, (word,))), None)


def _has_word(text: str, words: Sequence[str]) -> bool:
    parts = [part for part in re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", text).lower()) if part]
    return any(word in parts or word == "_".join(parts) for word in words)


def _longest(inner: Mapping[str, Place], but: set[str]) -> str | None:
    texts = [name for name, place in inner.items() if place.is_text and name not in but]
    return max(texts, key=lambda name: inner[name].mean_length, default=None)


def _pictures(places: Mapping[str, Place], records: Sequence[Mapping[str, Any]], used: set[str]) -> str | None:
    """The key of the record's pictures, if no format knows its name."""
    for path in places:
        if "." in path or "[]" in path or path in used or path in IMAGES:
            continue
        values = [record[path] for record in records if record.get(path)]
        texts = [item for value in values for item in (value if isinstance(value, list) else [value])]
        if texts and all(isinstance(text, str) and _PICTURE.match(text) for text in texts):
            return path
    return None
