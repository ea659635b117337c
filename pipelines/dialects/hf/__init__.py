"""Dialect `hf`: any model folder, written by its own chat template. `open_hf` opens one."""

from __future__ import annotations

from pipelines.config import ConfigError, DialectSettings
from pipelines.config.settings import TemplateOptions
from pipelines.dialects.hf.chat import Writer
from pipelines.dialects.hf.dialect import HfDialect
from pipelines.dialects.hf.encoding import ChatEncoder
from pipelines.dialects.hf.folder import ModelFolder, read_folder
from pipelines.dialects.hf.pictures import open_pictures
from pipelines.dialects.hf.probes import is_open, learned
from pipelines.dialects.hf.sandbox import DateNeeded
from pipelines.dialects.hf.template import ChatTemplate
from pipelines.storage.stores import ENVIRONMENT, Stores
from pipelines.tokenizers import open_vocabulary

__all__ = ["HfDialect", "open_hf"]

NAME = "hf"


def open_hf(settings: DialectSettings, stores: Stores = ENVIRONMENT) -> HfDialect:
    """The dialect of the model folder that the settings name. Raises ConfigError with all that is missing in it or in the options."""
    place = f"dialects: {settings.name}"
    vocabulary = open_vocabulary(settings.tokenizer, None, f"{place}.tokenizer", stores)
    options = settings.options
    if not isinstance(options, TemplateOptions):
        raise TypeError(f"{settings.model} has no options of a template")
    if vocabulary.file is None:
        raise ConfigError([f"{place}.tokenizer: {settings.tokenizer} has no chat template; hf needs a model folder"])
    try:
        folder = read_folder(vocabulary.file.parent, vocabulary.data)
        pictures = open_pictures(folder.path)
        placeholder = pictures.placeholder if pictures else None
        writers = {for_tools: _writer(folder, for_tools, options, placeholder) for for_tools in (False, True)}
    except DateNeeded:
        raise ConfigError([f"{place}.options.date: is required, because the chat template writes today's date"]) from None
    except ValueError as error:
        raise ConfigError([f"{place}.tokenizer: {error}"]) from None
    faults = [f"{place}.options.{fault}" for fault in _faults(folder, options, is_open(writers[False]))]
    if faults and settings.recipe == "sound":
        raise ConfigError(faults)
    return HfDialect(settings, options, vocabulary, folder, ChatEncoder(vocabulary, folder.added), writers, pictures)


def _writer(folder: ModelFolder, for_tools: bool, options: TemplateOptions, placeholder: str | None) -> Writer:
    special = frozenset(token.content for token in folder.added if token.special)
    return learned(ChatTemplate(folder, folder.template(for_tools), options), folder.ends, special, options.template_kwargs, placeholder)


def _faults(folder: ModelFolder, options: TemplateOptions, leaves_open: bool) -> list[str]:
    ends = ", ".join(folder.ends) or "none"
    if options.end_of_turn is None:
        return [f"end_of_turn: is required, because the chat template leaves the last answer open; the model's ends are {ends}"] if leaves_open else []
    if options.end_of_turn not in {token.content for token in folder.added}:
        return [f"end_of_turn: {options.end_of_turn} is not a token of the model; its ends are {ends}"]
    return []
