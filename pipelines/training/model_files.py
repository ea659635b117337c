"""The JSON files of a model folder, and which files cannot be read, told before they are compared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OPTION_FILES = ("config.json", "preprocessor_config.json")
TEMPLATE_FILES = ("chat_template.jinja", "chat_template.json", "tokenizer_config.json")
_SECTIONS = ("slice_config", "vision_config")  # objects of config.json that model_options.py reads


def read_object(file: Path) -> dict[str, Any]:
    """The JSON object in this file; {} where there is no such file. Raises OSError, and ValueError that names the file."""
    if not file.is_file():
        return {}
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file.name} cannot be read: {error}") from None
    if not isinstance(held, dict):
        raise ValueError(f"{file.name} cannot be read: it is not a JSON object")
    return held


def broken_files(folder: Path) -> dict[str, str]:
    """By file name what is wrong with it, of the files with options or a chat template. A file that is not there is not broken."""
    found = {}
    for name in (*OPTION_FILES, *TEMPLATE_FILES):
        if (folder / name).is_file():
            try:
                _read(folder / name)
            except (OSError, ValueError, RecursionError) as error:
                found[name] = f"{name} cannot be read: {error}"
    return found


def _read(file: Path) -> None:
    """Raises OSError, ValueError or RecursionError."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".jinja":
        return
    held = json.loads(text)
    if not isinstance(held, dict):
        raise ValueError(f"expected an object, found {type(held).__name__}")
    if file.name in OPTION_FILES:
        for name in _SECTIONS:
            if not isinstance(held.get(name) or {}, dict):
                raise ValueError(f"{name}: expected an object, found {type(held[name]).__name__}")
    elif not all(isinstance(one, str) for one in _templates(held.get("chat_template"))):
        raise ValueError("chat_template: expected a text, or named texts")
    else:
        "".join(_templates(held.get("chat_template"))).encode()  # half a surrogate pair cannot be


def _templates(value: Any) -> Iterator[Any]:
    """The texts of a template, with their names: a template is one text, or a list or an object of named ones."""
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        for one in value:
            yield from (one.get("name"), one.get("template")) if isinstance(one, dict) else (None,)
    elif value is not None:
        yield value
