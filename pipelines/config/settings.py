"""The settings of a run: frozen, typed, with their defaults."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    PositiveInt,
    SerializeAsAny,
    ValidationInfo,
    field_validator,
    model_validator,
)

from pipelines.config.base import Settings
from pipelines.config.checks import Checks
from pipelines.config.gates import Gates
from pipelines.config.options import OPTIONS, History, ModelName
from pipelines.config.sources import EPISODE_KEYS as EPISODE_KEYS
from pipelines.config.sources import EpisodeKey as EpisodeKey
from pipelines.config.sources import InputPath, Source, Strings
from pipelines.config.stores import Storage, stores_of
from pipelines.storage.stores import Stores


class Images(Settings):
    verify: Literal["header", "structure", "decode"] = "decode"
    max_pixels: PositiveInt = 64_000_000
    allow_schemes: tuple[str, ...] = ()


class Normalize(Settings):
    repair: Literal["safe", "none"] = "safe"
    reasoning: Literal["keep", "drop"] = "keep"
    schema_invalid: Literal["warn", "quarantine"] = "warn"
    id_conflict: Literal["keep", "quarantine"] = "keep"
    field_unread: Literal["quarantine", "warn"] = "quarantine"
    media: Literal["quarantine", "warn"] = "quarantine"


class Limits(Settings):
    line_bytes: PositiveInt = 33_554_432
    json_depth: Annotated[int, Field(gt=0, le=200)] = 64  # the parsers and writers need up to three of Python's 1,000 frames for each level
    json_values: PositiveInt = 500_000  # of one record: objects, lists, texts and numbers
    images_per_record: PositiveInt = 64
    image_bytes: PositiveInt = 33_554_432
    literal_bytes: PositiveInt = 65_536


class DialectSettings(Settings):
    name: str = Field(min_length=1)  # part of a path
    model: ModelName = Field(None, validate_default=True)  # defaults to `name`
    tokenizer: InputPath
    max_tokens: PositiveInt
    recipe: Literal["sound", "upstream"] = "sound"
    sources: Strings | None = None
    on_overflow: Literal["quarantine", "drop_turns", "fewer_slices", "windows"] = "quarantine"
    history: History = History()  # read with on_overflow: windows
    loss: Literal["all", "last_turn"] = "all"
    tool_syntax: Literal["hermes", "json"] | None = None
    options: SerializeAsAny[Settings] = Field(None, validate_default=True)

    @field_validator("name")
    @classmethod
    def _in_a_path(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_.+-]*", name):
            raise ValueError("may contain only letters, digits and _ . + -")
        return name

    @field_validator("model", mode="before")
    @classmethod
    def _named_by_name(cls, given: Any, info: ValidationInfo) -> Any:
        return info.data.get("name") if given is None else given

    @field_validator("options", mode="wrap")
    @classmethod
    def _of_this_model(cls, given: Any, _: Any, info: ValidationInfo) -> Any:
        """The model decides which options exist. Field `model` is validated before `options`."""
        kind = OPTIONS.get(info.data.get("model") or "")
        if kind is None or isinstance(given, kind):
            return given
        return kind.model_validate({} if given is None else given)

    @model_validator(mode="after")
    def _history_of_windows(self) -> DialectSettings:
        if self.history != History() and self.on_overflow != "windows":
            raise ValueError(f"history is read with on_overflow: windows, not {self.on_overflow}")
        return self

    def takes(self, source: str) -> bool:
        return self.sources is None or source in self.sources


class Fractions(Settings):
    train: float = Field(0.98, ge=0, le=1)
    val: float = Field(0.01, ge=0, le=1)
    test: float = Field(0.01, ge=0, le=1)

    @model_validator(mode="after")
    def _sum_to_one(self) -> Fractions:
        if not math.isclose(self.train + self.val + self.test, 1.0, abs_tol=1e-9):
            raise ValueError(f"the fractions sum to {self.train + self.val + self.test:g}, not 1")
        return self


class Split(Settings):
    by: Literal["episode_id", "record_id", "sample_id"] = "episode_id"
    salt: str = "v1"
    fractions: Fractions = Fractions()  # type: ignore[call-arg]


class Output(Settings):
    root: InputPath
    format: Literal["delta", "parquet"] = "delta"  # parquet is refused by `check` and by a run, see config/places.py
    catalog: Literal["hive", "glue", "unity"] | None = None


class Scrub(Settings):
    secrets: Literal["off", "mask", "quarantine"] = "off"
    pii: Literal["off", "mask"] = "off"

    @field_validator("secrets", "pii", mode="before")
    @classmethod
    def _yaml_off(cls, given: Any) -> Any:
        """YAML reads off as false."""
        return "off" if given is False else given


class Hook(Settings):
    command: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    url: str | None = None

    @field_validator("url")
    @classmethod
    def _web_address(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url

    @model_validator(mode="after")
    def _one_of(self) -> Hook:
        if (self.command is None) == (self.url is None):
            raise ValueError("needs either command or url")
        return self


class Hooks(Settings):
    on_success: Hook | None = None
    on_gate_failed: Hook | None = None
    on_error: Hook | None = None


class Retention(Settings):
    days: PositiveInt = 30


class Config(Settings):
    sources: tuple[Source, ...] = Field(min_length=1)
    images: Images = Images()
    normalize: Normalize = Normalize()
    limits: Limits = Limits()
    dialects: tuple[DialectSettings, ...] = ()
    split: Split = Split()
    output: Output
    gates: Gates = Gates()  # type: ignore[call-arg]
    scrub: Scrub = Scrub()
    duplicates: Literal["batch", "root"] = "batch"
    checks: Checks = Checks()
    storage: Storage = Storage()
    hooks: Hooks = Hooks()
    retention: Retention = Retention()
    spark: dict[str, str] = {}

    @cached_property
    def cumulative(self) -> frozenset[str]:
        """The sources whose records are folded."""
        return frozenset(source.name for source in self.sources if source.fold != "none")

    @cached_property
    def stores(self) -> Stores:
        """How to reach the stores in the paths. Cached, because every image needs it."""
        return stores_of(self.storage)

    @field_validator("spark", mode="before")
    @classmethod
    def _spark_text(cls, value: Any) -> Any:
        """Spark settings are text; YAML has true and 4."""
        if not isinstance(value, Mapping):
            return value
        return {key: str(item).lower() if isinstance(item, bool) else str(item) if isinstance(item, (int, float)) else item for key, item in value.items()}
