"""How the rows of a dialect were tokenized, as column `settings` of table `runs` notes it."""

from __future__ import annotations

from typing import Any

from pipelines.training.items import FORM_OF_MODEL
from pipelines.training.tables import NotPublished, Published

Settings = dict[str, Any]
# What must be the same in all batches that are trained together: their ids, labels or pixels would not fit each other.
_MUST_AGREE = ("model", "recipe", "options", "tool_syntax", "tokenizer.fingerprint")
_UNKNOWN_OPTIONS: dict[str, Settings] = {"agentcpm_gui": {"max_side": 1120}}  # the defaults of a run that notes no settings


class MixedSettings(ValueError):
    """The batches were tokenized in different ways."""


def settings_by_batch(published: Published, dialect: str, batch: str | None = None) -> dict[str, Settings]:
    """For each batch that has rows of this dialect how they were tokenized; {} for a batch that an older version published.

    Raises NotPublished where no batch has such rows.
    """
    batches = sorted({file.partition["batch"] for file in published.files("samples", dialect=dialect, batch=batch)})
    if not batches:
        known = sorted({file.partition["dialect"] for file in published.files("samples", batch=batch)})
        raise NotPublished(f"no rows of dialect {dialect} under {published.root}; there are {', '.join(known) or 'none at all'}")
    return {one: published.settings(one).get("dialects", {}).get(dialect, {}) for one in batches}


def one_way(published: Published, dialect: str, batch: str | None = None) -> Settings:
    """How the rows of all these batches were tokenized. Raises MixedSettings where they differ, NotPublished where there are none.

    Of rows that an older version published, {} but for the defaults of their model, which their dialect's name may tell.
    """
    ways = settings_by_batch(published, dialect, batch)
    newest = list(ways.values())[-1]
    for name in _MUST_AGREE:
        found = {one: _at(way, name) for one, way in ways.items()}
        if any(value != _at(newest, name) for value in found.values()):
            told = "; ".join(f"{one}: {value or 'not noted'}" for one, value in list(found.items())[:5])
            raise MixedSettings(f"dialect {dialect} was tokenized with different {name} ({told}); train on one batch (batch=...), or run the older ones again")
    if newest:
        return newest
    return {"model": dialect if dialect in FORM_OF_MODEL else None, "options": _UNKNOWN_OPTIONS.get(dialect, {}), "recipe": "upstream"}


def _at(way: Settings, name: str) -> Any:
    """The date that a template writes differs from batch to batch, and rows of different dates are trained together."""
    value: Any = way
    for part in name.split("."):
        value = (value or {}).get(part)
    return {key: held for key, held in value.items() if key != "date"} if name == "options" and isinstance(value, dict) else value
