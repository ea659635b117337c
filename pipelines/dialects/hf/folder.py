"""What a model folder says about its chats: templates, named tokens, and the tokens that end an answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.dialects.hf.agreement import NAMED, disagreements, settings_in_force
from pipelines.training.model_files import read_object

Json = Mapping[str, Any]
DEFAULT, FOR_TOOLS = "default", "tool_use"
# What decides ids besides the tokenizer. A file that a folder does not have is not part of its fingerprint.
FILES = (
    "chat_template.jinja",
    "chat_template.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "generation_config.json",
    "config.json",
    "processor_config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
)


class AddedToken(NamedTuple):
    """An added token of a tokenizer.json."""

    content: str
    id: int
    special: bool
    is_plain: bool  # found wherever its text stands, whatever is around it


class ModelFolder(NamedTuple):
    """`templates` by name, `named` are the tokens that templates know as bos_token and so on, `ends` those that end an answer, and `added` all
    added tokens. `tokenizer_class` is what the tokenizer's settings say. `control` are the tokens that the tokenizer's settings name as control tokens of chats; None if they name none. `fingerprint` is of
    the tokenizer and of all files that decide what a chat becomes."""

    path: Path
    templates: Mapping[str, str]
    named: Mapping[str, str]
    ends: Sequence[str]
    added: Sequence[AddedToken]
    tokenizer_class: Any
    control: Sequence[str] | None
    fingerprint: str

    def template(self, for_tools: bool) -> str:
        """As transformers chooses it: the template for tools only for a conversation with tools."""
        return self.templates[FOR_TOOLS if for_tools and FOR_TOOLS in self.templates else DEFAULT]


def read_folder(path: Path, tokenizer: bytes) -> ModelFolder:
    """The model folder at this path; `tokenizer` is its tokenizer.json. Raises ValueError where it has no chat template, or a file is not JSON.

    Source: huggingface/transformers, PreTrainedTokenizerBase.from_pretrained and GenerationConfig.from_pretrained @ v5.23.0.
    """
    settings = settings_in_force(*(read_object(path / name) for name in ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")))
    templates = _templates(path, settings)
    if DEFAULT not in templates:
        raise ValueError(f"{path} has no chat template: neither chat_template.jinja nor chat_template in tokenizer_config.json")
    parts = json.loads(tokenizer)
    try:
        fault = next(disagreements(settings, parts), None)
        special = {token["content"] for token in (settings.get("added_tokens_decoder") or {}).values() if token.get("special")}
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: tokenizer_config.json is not as transformers writes it: {type(error).__name__}: {error}") from None
    if fault is not None:
        raise ValueError(f"{path}: tokenizer_config.json {fault}")
    added = [_added(token, token["content"] in special) for token in parts["added_tokens"]]
    named = _named(settings)
    _check_stops(path, parts)
    return ModelFolder(
        path,
        templates,
        named,
        _ends(path, added, named),
        added,
        settings.get("tokenizer_class"),
        settings.get("chat_control_tokens"),
        _fingerprint(path, tokenizer),
    )


def _fingerprint(path: Path, tokenizer: bytes) -> str:
    found = hashlib.sha256(tokenizer)
    for file in [*map(path.joinpath, FILES), *sorted((path / "additional_chat_templates").glob("*.jinja"))]:
        if file.is_file():
            found.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()


def _templates(path: Path, settings: Json) -> dict[str, str]:
    """Files of their own go before the tokenizer's settings."""
    found: dict[str, str] = {}
    given = settings.get("chat_template")
    for value in (given, read_object(path / "chat_template.json").get("chat_template")):
        if isinstance(value, list):
            value = {one["name"]: one["template"] for one in value}
        found |= value if isinstance(value, dict) else {DEFAULT: value} if value is not None else {}
    for file in sorted((path / "additional_chat_templates").glob("*.jinja")):
        found[file.stem] = _text(file)
    if (path / "chat_template.jinja").is_file():
        found[DEFAULT] = _text(path / "chat_template.jinja")
    return found


def _text(file: Path) -> str:
    """Raises ValueError where the file is not UTF-8."""
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8: byte {error.start}") from None


def _named(settings: Json) -> dict[str, str]:
    """The tokens that have a name, and those of the model's own kinds such as image_token."""
    names = [*NAMED, *(key for key in settings if key.endswith("_token") and key not in NAMED and not key.startswith("add_"))]
    found: dict[str, str] = {}
    for name in names:
        value = settings.get(name)
        text = value.get("content") if isinstance(value, dict) else value
        if isinstance(text, str):
            found[name] = text
    extra = settings.get("extra_special_tokens")
    return found | ({name: text for name, text in extra.items() if isinstance(text, str)} if isinstance(extra, dict) else {})


def _ends(path: Path, added: Sequence[AddedToken], named: Mapping[str, str]) -> list[str]:
    """The tokens at which the model stops, as its generation_config, its config and its tokenizer name them."""
    config = read_object(path / "config.json")
    given = [read_object(path / "generation_config.json"), config, config.get("text_config") or {}]
    ids = [one for source in given for one in _listed(source.get("eos_token_id"))]
    by_id = {token.id: token.content for token in added}
    return list(dict.fromkeys([*(by_id[one] for one in ids if one in by_id), *([named["eos_token"]] if "eos_token" in named else [])]))


def _check_stops(path: Path, tokenizer: Json) -> None:
    """Raises ValueError where generation_config.json stops at something that is no token."""
    held = tokenizer["model"].get("vocab") or ()
    known = {token["id"] for token in tokenizer["added_tokens"]}
    others = held.values() if isinstance(held, Mapping) else range(len(held))
    if unknown := [one for one in _listed(read_object(path / "generation_config.json").get("eos_token_id")) if one not in known and one not in others]:
        raise ValueError(f"{path / 'generation_config.json'}: eos_token_id {', '.join(map(repr, unknown))} is not the id of a token")


def _listed(value: Any) -> list[int]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _added(token: Json, is_special: bool) -> AddedToken:
    is_plain = not (token.get("lstrip") or token.get("rstrip") or token.get("single_word") or token.get("normalized"))
    return AddedToken(token["content"], token["id"], is_special or bool(token.get("special")), is_plain)
