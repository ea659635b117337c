"""Where GUI data sets have their steps, in the order in which they are tried."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.episodes.steps.data_sets.chats import CHATS
from pipelines.episodes.steps.data_sets.episodes import ANY_EPISODE, EPISODES
from pipelines.episodes.steps.data_sets.layout import StepLayout
from pipelines.episodes.steps.data_sets.single import ANY_STEP, SINGLE_STEPS

LAYOUTS: Mapping[str, StepLayout] = {**EPISODES, **CHATS, **SINGLE_STEPS, **ANY_STEP, **ANY_EPISODE}
