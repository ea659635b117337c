"""The models that rows are tokenized for, with one file for each. `open_dialect` opens the one that a configuration names."""

from __future__ import annotations

from pipelines.config import DialectSettings
from pipelines.dialects import agentcpm_gui, glm_4, glm_4v, minicpm_v_2, minicpm_v_2_5, minicpm_v_2_6
from pipelines.dialects.dialect import Dialect, Model, open_with
from pipelines.storage.stores import ENVIRONMENT, Stores

__all__ = ["DIALECTS", "Dialect", "Model", "open_dialect"]

DIALECTS: dict[str, Model] = {module.MODEL.name: module.MODEL for module in (glm_4, glm_4v, minicpm_v_2, minicpm_v_2_5, minicpm_v_2_6, agentcpm_gui)}


def open_dialect(settings: DialectSettings, stores: Stores = ENVIRONMENT) -> Dialect:
    """The dialect with its tokenizer opened. Raises ConfigError."""
    return open_with(DIALECTS[settings.model], settings, stores)
