"""What must be known about a tokenizer before it encodes. Read once per machine and cached, because loading a tokenizer takes half a second."""

from __future__ import annotations

import contextlib
import hashlib
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from pipelines.storage.files import write_whole
from pipelines.tokenizers.bounds import longest_token, normalizes
from pipelines.tokenizers.control import RULE, is_control, mark_control_tokens
from pipelines.tokenizers.fast import PROBES, is_measured_kind

# Ends of lines and beginnings of headings. In tokenizers of the measured kind, only these characters decide where a word ends.
_LINES = ("x\n", "字\n", "。\n", "}\n", "1\n", " \n")
_HEADINGS = ("## x", "## 字", "## 1", "## _", "##  ", "## ")


class Facts(NamedTuple):
    """`fingerprint` is the sha256 of its tokenizer.json, `specials` are its control tokens (tokenizers/control.py), and `added` are all tokens
    besides its ranks. `answers` are Hugging Face's ids of the probes, or None where no faster library is known to agree. `cuts_headings` is
    true where a line and the heading after it (`## `) get the same ids together as each by itself. `longest` and `normalizes` bound how many
    tokens a text has at least (tokenizers/bounds.py)."""

    fingerprint: str
    specials: dict[str, int]
    added: list[str]
    answers: list[list[int]] | None
    cuts_headings: bool
    longest: int | None
    normalizes: bool


def facts_of(data: bytes, name: str) -> Facts:
    """The facts about a tokenizer.json; `name` is for errors. Raises ValueError where the data is not a tokenizer.json."""
    fingerprint = hashlib.sha256(data).hexdigest()
    # Other probes, libraries or rules make the cached facts invalid.
    rules = [Facts._fields, PROBES, _LINES, _HEADINGS, RULE, version("tokenizers"), version("gigatoken")]
    state = hashlib.sha256(orjson.dumps([fingerprint, rules])).hexdigest()[:16]
    kept = cache_folder() / "facts" / f"{fingerprint[:16]}-{state}.json"
    with contextlib.suppress(OSError, ValueError, TypeError):
        return Facts(**orjson.loads(kept.read_bytes()))
    facts = _read_facts(data, fingerprint, name)
    with contextlib.suppress(OSError):  # without a cache they are read every time
        write_whole(kept, orjson.dumps(facts._asdict()))
    return facts


def open_tokenizer(data: bytes) -> Any:
    """Hugging Face's tokenizer of this tokenizer.json. It encodes the text of a control token as text."""
    from tokenizers import Tokenizer  # not loaded by a process that only needs the facts

    tokenizer = Tokenizer.from_buffer(mark_control_tokens(data))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer


def _read_facts(data: bytes, fingerprint: str, name: str) -> Facts:
    try:
        parts = orjson.loads(data)
        if missing := [name for name in ("model", "added_tokens") if not isinstance(parts, dict) or name not in parts]:
            raise ValueError(f"it has no {' and no '.join(missing)}")
        tokenizer = open_tokenizer(data)
        added = {token["content"]: token["id"] for token in parts["added_tokens"]}
        specials = {token["content"]: token["id"] for token in parts["added_tokens"] if is_control(token["content"], token["special"])}
        longest = longest_token(parts, [token for token in parts["added_tokens"] if token["content"] not in specials])
    except Exception as error:  # the library raises bare Exception
        raise ValueError(f"{name} is not a valid tokenizer.json: {error}") from None

    def ids_of(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    is_measured = is_measured_kind(parts)
    cuts_headings = is_measured and all(ids_of(line + heading) == ids_of(line) + ids_of(heading) for line in _LINES for heading in _HEADINGS)
    answers = [ids_of(text) for text in PROBES] if is_measured else None
    return Facts(fingerprint, specials, [token for token in added if token], answers, cuts_headings, longest, normalizes(parts))


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agent-episodes"
