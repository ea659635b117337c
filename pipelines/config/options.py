"""The options of each model, which default to those of its upstream; and what a window of a conversation shows of what came before."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveInt, WrapValidator, field_validator

from pipelines.config.base import Settings


def _iso_date(given: object) -> object:
    """YAML makes a date of 2026-11-22 without quotes."""
    if isinstance(given, str):
        try:
            date.fromisoformat(given)
        except ValueError:
            raise ValueError(f"expected a date such as 2026-11-22, found {given!r}") from None
    return given.isoformat() if isinstance(given, date) else given


def _steps(given: object, _: object) -> object:
    """Checked by hand: pydantic would report a fault once per alternative of the type."""
    if given == "all" or (isinstance(given, int) and not isinstance(given, bool) and given >= 0):
        return given
    raise ValueError(f"expected a number of steps or all, found {given!r}")


class History(Settings):
    """What a trained answer of a window sees of the conversation before it, besides the system turn and the task.

    `steps` is how many earlier steps, or all that fit. Of these only the last `results` tool results and the last `images` images are shown;
    null: all of them. `left_out` stands in place of an older result.
    """

    steps: Annotated[int | str, WrapValidator(_steps)] = 0
    results: PositiveInt | None = None
    images: PositiveInt | None = None
    left_out: str = ""


class SlicingOptions(Settings):
    max_slices: PositiveInt = 9
    scale_resolution: PositiveInt = 448
    patch_size: PositiveInt = 14
    query_tokens: PositiveInt = 64


class AgentSlicingOptions(SlicingOptions):
    max_side: PositiveInt = 1120


class NoOptions(Settings):
    pass


_OWN = ("messages", "tools", "documents", "add_generation_prompt")  # what the dialect itself hands to a template


class TemplateOptions(Settings):
    """The options of dialect `hf`. `date` is what a template writes as today's date. `min_pixels` and `max_pixels` replace the image processor's own
    bounds."""

    date: Annotated[str | None, BeforeValidator(_iso_date)] = None
    end_of_turn: Annotated[str, Field(min_length=1)] | None = None
    history_thinking: Literal["as_template", "refuse", "train"] = "as_template"
    template_kwargs: dict[str, Any] = {}
    min_pixels: PositiveInt | None = None
    max_pixels: PositiveInt | None = None

    @field_validator("template_kwargs")
    @classmethod
    def _not_the_dialects_own(cls, given: dict[str, Any]) -> dict[str, Any]:
        for name in _OWN:
            if name in given:
                raise ValueError(f"{name} is given by the dialect itself")
        return given


OPTIONS: dict[str, type[Settings]] = {
    "glm_4": NoOptions,
    "glm_4v": NoOptions,
    "minicpm_v_2": SlicingOptions,
    "minicpm_v_2_5": SlicingOptions,
    "minicpm_v_2_6": SlicingOptions,
    "agentcpm_gui": AgentSlicingOptions,
    "hf": TemplateOptions,
}


ModelName = Literal["glm_4", "glm_4v", "minicpm_v_2", "minicpm_v_2_5", "minicpm_v_2_6", "agentcpm_gui", "hf"]
