"""Which field holds the id of the episode: steps of one episode must not be split over train and test."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.records import Draft, Quarantined

NAMED = re.compile(r"(?i).*(episode|traj|session|conversation|thread|dialog|chat|task|run|instance|trace).*")
STEP = re.compile(r"(.+?)[-_/.:](?:step[-_]?)?\d+")
PATTERN = r"(.+)[-_/.:](?:step[-_]?)?\d+"


@dataclass(frozen=True, slots=True)
class EpisodeId:
    """`setting` is for `episode_id` of the source, None for the default; `words` say why."""

    setting: list[str] | dict[str, str] | None
    words: str


def episode_id_of(values: Sequence[Mapping[str, Any]], drafts: Sequence[Draft | Quarantined]) -> EpisodeId:
    """From the records, and from how they were read with the default.

    >>> episode_id_of([{"task_uid": "a", "n": 1}, {"task_uid": "a", "n": 2}, {"task_uid": "b"}], []).setting
    ['task_uid']
    >>> episode_id_of([{"id": "g-1_0"}, {"id": "g-1_1"}, {"id": "g-2_0"}], []).setting
    {'from': 'id', 'pattern': '(.+)[-_/.:](?:step[-_]?)?\\\\d+'}
    """
    kept = [draft for draft in drafts if isinstance(draft, Draft)]
    if kept and all(draft.episode_id != draft.record_id for draft in kept):
        return EpisodeId(None, "every record has an episode id under one of the usual names")
    texts = {key: [str(value[key]) for value in values if isinstance(value.get(key), (str, int))] for key in _keys(values)}
    whole = {key: found for key, found in texts.items() if len(found) == len(values)}
    repeated = [key for key, found in whole.items() if NAMED.fullmatch(key) and 1 < len(set(found)) < len(found)]
    if repeated:
        key = max(repeated, key=lambda key: ("id" in key.lower(), len(set(whole[key]))))
        return EpisodeId([key], f"records with the same {key} are taken for steps of one episode")
    for key, found in whole.items():
        parts = [match[1] for text in found if (match := STEP.fullmatch(text))]
        if key.lower().endswith("id") and len(parts) == len(found) and 1 < len(set(parts)) < len(parts):
            return EpisodeId({"from": key, "pattern": PATTERN}, f"the ids in {key} end in the number of a step")
    if any(draft.episode_id == draft.record_id for draft in kept):
        return EpisodeId(None, "records without an episode id are their own episodes; if they are steps, name the field with the id here")
    return EpisodeId(None, "")


def _keys(values: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for value in values for key in value))
