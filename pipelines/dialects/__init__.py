"""The models that rows are tokenized for, with one file for each, and `hf` for any other. `open_dialect` opens the one that a configuration names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from pipelines.config import DialectSettings
from pipelines.dialects import agentcpm_gui, glm_4, glm_4v, minicpm_v_2, minicpm_v_2_5, minicpm_v_2_6
from pipelines.dialects.dialect import Model, open_with
from pipelines.records import Conversation, Tokens
from pipelines.storage.stores import ENVIRONMENT, Stores
from pipelines.tokenizers import Vocabulary

if TYPE_CHECKING:
    from pipelines.dialects.hf import Card

__all__ = ["DIALECTS", "Dialect", "Model", "open_dialect"]

DIALECTS: dict[str, Model] = {module.MODEL.name: module.MODEL for module in (glm_4, glm_4v, minicpm_v_2, minicpm_v_2_5, minicpm_v_2_6, agentcpm_gui)}


class Dialect(Protocol):
    """An opened dialect. The steps `lay_out`, `encode` and `rows` turn a conversation into its rows, and `complete` into its
    only row; what they hand on is their own."""

    @property
    def name(self) -> str: ...

    @property
    def settings(self) -> DialectSettings: ...

    @property
    def vocabulary(self) -> Vocabulary: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def standin(self) -> bool: ...

    @property
    def takes_images(self) -> bool: ...

    @property
    def card(self) -> Card | None: ...

    @property
    def written_tokens(self) -> Mapping[str, int]: ...

    def lay_out(self, conversation: Conversation) -> Any: ...

    def encode(self, layout: Any) -> Any: ...

    def complete(self, encoded: Any) -> Tokens: ...

    def rows(self, encoded: Any) -> tuple[Tokens, ...]: ...


def open_dialect(settings: DialectSettings, stores: Stores = ENVIRONMENT, compare: bool = True) -> Dialect:
    """The dialect with its tokenizer opened. Raises ConfigError."""
    model = DIALECTS.get(settings.model)
    if model is not None:
        return open_with(model, settings, stores)
    from pipelines.dialects.hf import open_hf  # imports Jinja2, which the other dialects do not need

    return open_hf(settings, stores, compare)
