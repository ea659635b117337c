"""What must be known of a tokenizer before it encodes: read from it once per machine and kept, for loading one takes half a second."""

from __future__ import annotations

import contextlib
import hashlib
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from pipelines.tokenizers.control import RULE, is_control, mark_control_tokens
from pipelines.tokenizers.fast import PROBES, is_measured_kind

# What the end of a line follows, and what a heading begins with. Of the kind that is measured, no more than that tells where a word ends.
_LINES = ("x\n", "字\n", "。\n", "}\n", "1\n", " \n")
_HEADINGS = ("## x", "## 字", "## 1", "## _", "##  ", "## ")


class Facts(NamedTuple):
    """`fingerprint` is the sha256 of its tokenizer.json; `specials` are its control tokens (tokenizers/control.py), `added` all tokens beside
    its ranks; `answers` are Hugging Face's ids of the probes, or None where no faster library is known to agree with it. `cuts_headings` says
    that it encodes a line and the heading that follows it (`## `) as it encodes each by itself."""

    fingerprint: str
    specials: dict[str, int]
    added: list[str]
    answers: list[list[int]] | None
    cuts_headings: bool


def facts_of(data: bytes, name: str) -> Facts:
    """The facts of a tokenizer.json with this name. Raises ValueError where it is none."""
    fingerprint = hashlib.sha256(data).hexdigest()
    # Other probes, libraries or rules ask anew.
    state = hashlib.sha256(orjson.dumps([fingerprint, PROBES, _LINES, _HEADINGS, RULE, version("tokenizers"), version("gigatoken")])).hexdigest()[:16]
    kept = cache_folder() / "facts" / f"{fingerprint[:16]}-{state}.json"
    with contextlib.suppress(OSError, ValueError, TypeError):
        return Facts(**orjson.loads(kept.read_bytes()))
    facts = _read_facts(data, fingerprint, name)
    with contextlib.suppress(OSError):  # a machine without a cache reads them every time
        write_whole(kept, orjson.dumps(facts._asdict()))
    return facts


def open_tokenizer(data: bytes) -> Any:
    """Hugging Face's tokenizer of this tokenizer.json; what spells a control token is text in it, and is encoded as text."""
    from tokenizers import Tokenizer  # a process that only asks for facts need not load it

    tokenizer = Tokenizer.from_buffer(mark_control_tokens(data))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer


def _read_facts(data: bytes, fingerprint: str, name: str) -> Facts:
    try:
        tokenizer = open_tokenizer(data)
        parts = orjson.loads(data)
        added = {token["content"]: token["id"] for token in parts["added_tokens"]}
        specials = {token["content"]: token["id"] for token in parts["added_tokens"] if is_control(token["content"], token["special"])}
    except Exception as error:  # the library raises bare Exception
        raise ValueError(f"{name} is no tokenizer.json: {error}") from None

    def ids_of(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    is_measured = is_measured_kind(parts)
    cuts_headings = is_measured and all(ids_of(line + heading) == ids_of(line) + ids_of(heading) for line in _LINES for heading in _HEADINGS)
    return Facts(fingerprint, specials, [token for token in added if token], [ids_of(text) for text in PROBES] if is_measured else None, cuts_headings)


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agent-episodes"


def write_whole(path: Path, data: bytes) -> None:
    """In one step, so that two workers may write it at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(data)
    part.replace(path)
