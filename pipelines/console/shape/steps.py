"""Records as steps of GUI data sets: what rows of steps would read of them, and what is known to be in the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pipelines.config import Config
from pipelines.episodes.steps.layouts import LAYOUTS
from pipelines.episodes.steps.reading import known_other
from pipelines.flow import draft_of
from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import parse_record
from pipelines.parsing.sessions import object_text
from pipelines.reasons import Reject
from pipelines.records import Draft, RawRecord


def step_titles(raws: Sequence[RawRecord], config: Config) -> list[str]:
    """The data set of each record that is read. The sources of `config` have rows of steps."""
    made = [draft_of(raw, config) for raw in raws]
    return [LAYOUTS[one.format].title.partition(":")[0] for one in made if isinstance(one, Draft)]


def named(titles: Sequence[str]) -> str:
    """
    >>> named(["GUIAct", "AITZ, CAGUI, AITW", "GUIAct"]), named(["any other list of steps"])
    ('AITZ, CAGUI, AITW, GUIAct', 'a GUI agent')
    """
    known = {title for title in titles if not title.startswith("any other ")}
    return ", ".join([*sorted(known), *(["other GUI agents"] if len(known) < len(set(titles)) else [])]) if known else "a GUI agent"


def known_others(values: Sequence[Any], config: Config) -> Counter[str]:
    """What is the matter with records of GUI data sets that have no steps with screens and actions: how many of them have it."""
    found = [known_other(value, Budget(config.limits, 0)) for value in values if isinstance(value, dict)]
    return Counter(other.why for other in found if other is not None)


def values_of(raws: Sequence[RawRecord], config: Config) -> list[dict[str, Any]]:
    """The objects of these records; those that are no valid JSON are left out."""
    found: list[dict[str, Any]] = []
    for raw in raws:
        try:
            found.append(parsed(raw, Budget(config.limits, len(raw.raw))))
        except Reject:
            continue
    return found


def parsed(raw: RawRecord, budget: Budget) -> dict[str, Any]:
    return parse_record(RawRecord(raw.origin, raw.record_id, object_text(raw.raw)), budget).value
