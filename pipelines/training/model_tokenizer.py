"""The tokenizer and the chat template of a model, compared with those that rows were tokenized with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.training.chat_template import template_digest
from pipelines.training.tokenizer_parts import tokenizer_parts

_FILE = "tokenizer.json"

IDS_SHOWN = 8  # of a text whose ids differ
IDS_BEFORE = 2  # of these, before the first that differs


class Faults(NamedTuple):
    """What does not fit, and what was compared or could not be."""

    faults: Sequence[str] = ()
    notes: Sequence[str] = ()


def tokenizer_faults(noted: dict[str, Any], folder: Path | None, tokenizer: Any) -> Faults:
    """`noted` is what table `runs` says of the tokenizer. Equal bytes are enough. A tokenizer.json that was saved again has other bytes and the
    same parts; where no parts are noted, as in older runs and for ranks, or the folder has no such file, the ids of some texts decide."""
    name = noted.get("file")
    file = folder / name if folder is not None and name else None
    if file is not None and file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == noted["sha256"]:
        return Faults(notes=[f"{name} has the same bytes"])
    if folder is not None and (folder / _FILE).is_file() and (noted.get("parts") or tokenizer is None):
        return _file_faults(noted, folder / _FILE)
    if tokenizer is None:
        held = f"its {name} has other bytes" if file is not None and file.is_file() else "it has no tokenizer.json"
        return Faults([f"the tokenizer cannot be compared: {held}, and nothing here can read it; pass the trainer's own: tokenizer=..."])
    return _id_faults(noted, tokenizer)


def _file_faults(noted: dict[str, Any], file: Path) -> Faults:
    """The folder's tokenizer.json, by its parts and, if they are not the same, by its ids, which tell more."""
    parts: dict[str, str] = noted.get("parts") or {}
    try:
        found = tokenizer_parts(file.read_bytes())
        if parts and parts.items() <= found.items():
            return Faults(notes=[f"{_FILE} has other bytes, and the same {', '.join(parts)}"])
        tokenizer = _read_tokenizer(file)
    except (OSError, ValueError, RecursionError) as error:
        return Faults([f"{_FILE} cannot be read: {error}"])
    faults = [f"{_FILE} has another {name} than the rows were tokenized with" for name in parts if found.get(name) != parts[name]]
    if tokenizer is not None:
        ids = _id_faults(noted, tokenizer)
        return Faults([*faults, *ids.faults], ids.notes)
    return Faults(faults or [f"the tokenizer cannot be compared: its {_FILE} has other bytes, and tokenizers is not installed; pass tokenizer=..."])


def _read_tokenizer(file: Path) -> Any:
    """The tokenizer of this tokenizer.json; None where the library is not installed. Raises ValueError."""
    try:
        from tokenizers import Tokenizer
    except ImportError:
        return None
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises no narrower class
        raise ValueError(str(error)) from None


def _id_faults(noted: dict[str, Any], tokenizer: Any) -> Faults:
    to_id = getattr(tokenizer, "token_to_id", None) or tokenizer.convert_tokens_to_ids
    faults = [
        f"the control token {token} has id {to_id(token)} in the model, and {wanted} in the rows"
        for token, wanted in noted["specials"].items()
        if to_id(token) != wanted
    ]
    wrong = [(text, ids, found) for text, ids in noted["probes"] if (found := _encoded(tokenizer, text)) != ids]
    if wrong:
        text, ids, found = wrong[0]
        faults.append(f"{len(wrong)} of {len(noted['probes'])} texts have other ids in the model: {text[:40]!r} is {_difference(found, ids)}")
    return Faults(faults, [f"{len(noted['probes'])} texts and {len(noted['specials'])} control tokens have the same ids"])


def _difference(found: Sequence[int], ids: Sequence[int]) -> str:
    """The ids around the first one that differs, of the model and of the rows."""
    same = next((place for place, (one, other) in enumerate(zip(found, ids, strict=False)) if one != other), min(len(found), len(ids)))
    first = max(0, same - IDS_BEFORE)
    since = f", from token {first} on" if first else ""
    return f"{list(found[first : first + IDS_SHOWN])} there, and {list(ids[first : first + IDS_SHOWN])} in the rows{since}"


def _encoded(tokenizer: Any, text: str) -> list[int]:
    """The ids of a text without the tokens that begin or end a row; `tokenizer` is of transformers or of tokenizers."""
    encoded = tokenizer.encode(text, add_special_tokens=False)
    return list(getattr(encoded, "ids", encoded))


def template_faults(noted: dict[str, Any], folder: Path | None, tokenizer: Any) -> Faults:
    """The chat template, where both the folder that the rows were tokenized with and the model have one."""
    given = getattr(tokenizer, "chat_template", None)
    digest = template_digest(folder) if folder is not None else hashlib.sha256(given.encode()).hexdigest() if isinstance(given, str) else None
    if digest is None or noted.get("chat_template") is None:
        side = "the model has none" if digest is None else "the rows' tokenizer had none"
        return Faults(notes=[f"not compared: the chat template, since {side}"])
    if digest != noted["chat_template"]:
        return Faults(
            [f"the chat template is another one: its sha256 is {digest[:12]} in the model, and {noted['chat_template'][:12]} where the rows were made"]
        )
    return Faults(notes=["the chat template is the same"])
