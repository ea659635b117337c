"""Dialect `hf`: any model folder, written by its own chat template. `open_hf` opens one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from msgspec.structs import asdict

from pipelines.config import ConfigError, DialectSettings, TemplateOptions
from pipelines.dialects.hf.card import Card, make_card
from pipelines.dialects.hf.chat import Writer
from pipelines.dialects.hf.dialect import HfDialect
from pipelines.dialects.hf.encoding import ChatEncoder
from pipelines.dialects.hf.folder import ModelFolder, read_folder
from pipelines.dialects.hf.pictures import Pictures, PixelLimits, open_pictures
from pipelines.dialects.hf.probes import learned
from pipelines.dialects.hf.rebuilt import REMEDY, compare_ids
from pipelines.dialects.hf.sandbox import DateNeeded
from pipelines.dialects.hf.template import ChatTemplate
from pipelines.storage.stores import ENVIRONMENT, Stores
from pipelines.tokenizers import Vocabulary, open_vocabulary

__all__ = ["DIFFERENCES", "UPSTREAM", "Card", "HfDialect", "card_of", "open_hf"]

UPSTREAM = "huggingface/transformers apply_chat_template(sanitize_control_tokens=True) @ v5.23.0"
DIFFERENCES = (
    "Where the template leaves the last answer open, the token of `end_of_turn` follows it and is trained; transformers writes none.",
    "Where `{% generation %}` leaves out the token that ends an answer and the template writes it right after that, it is trained; the mask of transformers is without it.",
    "R4: such a last call is followed by the token that begins a result, where the model stops at it.",
)


def open_hf(settings: DialectSettings, stores: Stores = ENVIRONMENT, compare: bool = True) -> HfDialect:
    """The dialect of the model folder that the settings name. Raises ConfigError with all that is missing in it or in the options.

    `compare`: whether the tokenizer is compared with the one that transformers makes of the folder, which takes seconds.
    """
    place = f"dialects: {settings.name}"
    options = settings.options
    if not isinstance(options, TemplateOptions):
        raise TypeError(f"{settings.model} has no options of a template")
    try:
        opened = _open(settings.tokenizer, options, f"{place}.tokenizer", stores, compare)
    except DateNeeded:
        raise ConfigError([f"{place}.options.date: required, because the chat template writes today's date"]) from None
    faults = [f"{place}.options.{fault}" for fault in _faults(opened.folder, options, opened.card.open_end and settings.recipe == "sound")]
    if faults:
        raise ConfigError(faults)
    return HfDialect(settings, options, *opened)


def card_of(name: str, compare: bool = False) -> Card:
    """The card of this model folder. Raises ConfigError where it has no chat template. `compare`: see `open_hf`."""
    try:
        return _open(name, TemplateOptions(), name, ENVIRONMENT, compare, is_card=True).card
    except DateNeeded:
        return _open(name, TemplateOptions(date="2000-01-01"), name, ENVIRONMENT, compare, is_card=True).card


class _Opened(NamedTuple):
    vocabulary: Vocabulary
    folder: ModelFolder
    encoder: ChatEncoder
    writers: Mapping[bool, Writer]
    card: Card
    pictures: Pictures | None


def _open(name: str, options: TemplateOptions, place: str, stores: Stores, compare: bool = False, is_card: bool = False) -> _Opened:
    """`is_card`: a tokenizer that transformers makes in another way is no fault, and stands in the card."""
    vocabulary = open_vocabulary(name, None, place, stores)
    if vocabulary.file is None:
        raise ConfigError([f"{place}: {name} has no chat template; hf needs a model folder"])
    pictures = open_pictures(vocabulary.file.parent, PixelLimits(options.min_pixels, options.max_pixels))
    try:
        folder = read_folder(vocabulary.file.parent, vocabulary.data)
        compared = compare_ids(folder.path, folder.tokenizer_class, vocabulary.data, [token.content for token in folder.added]) if compare else None
        if compared and compared.difference and not is_card:
            raise ValueError(f"{folder.path}: {compared.difference}; {REMEDY}")
        placeholder = pictures.placeholder if pictures else None
        writers = {for_tools: _writer(folder, for_tools, options, placeholder) for for_tools in (False, True)}
        for writer in writers.values():
            writer.template.is_open = True
        card = make_card(writers[False], writers[True], asdict(pictures.facts) if pictures else None)
        card = replace(card, compared=compared)
    except ValueError as error:
        raise ConfigError([f"{place}: {error}"]) from None
    return _Opened(vocabulary, folder, ChatEncoder(vocabulary, folder.added), writers, card, pictures)


def _writer(folder: ModelFolder, for_tools: bool, options: TemplateOptions, placeholder: str | None) -> Writer:
    special = frozenset(token.content for token in folder.added if token.special)
    return learned(ChatTemplate(folder, folder.template(for_tools), options), folder.ends, special, options.template_kwargs, placeholder)


def _faults(folder: ModelFolder, options: TemplateOptions, leaves_open: bool) -> list[str]:
    ends = ", ".join(folder.ends) or "none"
    if options.end_of_turn is None:
        return [f"end_of_turn: required, because the chat template leaves the last answer open; the model's ends are {ends}"] if leaves_open else []
    if options.end_of_turn not in {token.content for token in folder.added}:
        return [f"end_of_turn: {options.end_of_turn} is not a token of the model; its ends are {ends}"]
    return []
