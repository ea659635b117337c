"""The setting `rows` of a source: one conversation per record, or one per step of an episode."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, WrapValidator, model_validator

from pipelines.config.base import Settings
from pipelines.config.fields import FieldPath

PROMPTS = ("agentcpm_gui", "plain")  # those of pipelines/episodes/steps/prompts.py


def is_template(prompt: str) -> bool:
    """Whether this is the text of a template, rather than the name of a bundled one or of a file."""
    return "{{" in prompt or "{%" in prompt


def _yes_no_auto(given: Any, _: Any) -> Any:
    """Checked by hand: pydantic would report a fault once per alternative of the type."""
    if given == "auto" or isinstance(given, bool):
        return given
    raise ValueError(f"expected auto, true or false, found {given!r}")


class History(Settings):
    """How much of the earlier steps a prompt has: the last `steps` actions, and the last `images` screens, with that of the step itself."""

    steps: int = Field(0, ge=0, le=1000)
    images: int = Field(1, ge=1, le=64)


class Coordinates(Settings):
    """What the logged points mean. `from` auto: as the data set documents it, or as its values say."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)
    from_: Literal["auto", "px", "unit", "thousand"] = Field("auto", alias="from")
    order: Literal["auto", "xy", "yx"] = "auto"
    to: Literal["thousand"] = "thousand"


class Rows(Settings):
    """`prompt` is the name of a bundled prompt, or a file with a Jinja template, which is replaced by its text when the configuration is loaded."""

    of: Literal["conversation", "step"] = "conversation"
    prompt: str = Field("plain", min_length=1)
    history: History = History()  # type: ignore[call-arg]
    instruction: Literal["high", "low"] = "high"
    coordinates: Coordinates = Coordinates()  # type: ignore[call-arg]
    group_by: FieldPath | None = None
    order_by: FieldPath | None = None
    finish_row: Annotated[Literal["auto"] | bool, WrapValidator(_yes_no_auto)] = "auto"
    loss: Literal["last", "all"] = "last"

    @model_validator(mode="after")
    def _agree(self) -> Rows:
        others = [name for name, field in Rows.model_fields.items() if name != "of" and getattr(self, name) != field.default]
        if self.of == "conversation" and others:
            raise ValueError(f"{', '.join(others)} {'is' if len(others) == 1 else 'are'} read with of: step only")
        if (self.group_by is None) != (self.order_by is None):
            raise ValueError("group_by and order_by are given together: the key of the episode, and that of the step's number")
        return self


def prompt_fault(name: str) -> str:
    near = get_close_matches(name, PROMPTS, n=1, cutoff=0.5)
    return f"{name!r} is neither a bundled prompt ({', '.join(PROMPTS)}) nor a file{f'; did you mean {near[0]}?' if near else ''}"
