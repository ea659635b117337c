"""The settings of a run: frozen, typed, with their defaults."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    SerializeAsAny,
    ValidationInfo,
    field_validator,
    model_validator,
)

from pipelines.config.base import Settings
from pipelines.config.fields import Fields
from pipelines.config.formats import check_format
from pipelines.config.gates import Gates
from pipelines.config.options import OPTIONS, ModelName
from pipelines.config.paths import input_path
from pipelines.config.reading import CallsInText, Keep, KeepIf
from pipelines.config.stores import Storage, stores_of
from pipelines.storage.stores import Stores


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Strings = Annotated[tuple[str, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
InputPath = Annotated[str, Field(min_length=1), AfterValidator(input_path)]  # a local path, or the URI of a store


class EpisodeKey(Settings):
    """Takes the episode's id from field `from`: the first group of `pattern`, which must match the whole value."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)
    from_: str = Field(alias="from", min_length=1)
    pattern: str

    @field_validator("pattern")
    @classmethod
    def _has_a_group(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"is not a valid regular expression (at character {(error.pos or 0) + 1})") from None
        if groups < 1:
            raise ValueError("needs a group, as in (.+)_\\d+")
        return pattern


EPISODE_KEYS = ("episode_id", "trajectory_id", "traj_id", "session_id", "conversation_id", "thread_id")


class Source(Settings):
    name: str = Field(min_length=1)
    path: Annotated[tuple[InputPath, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
    format: Annotated[str, BeforeValidator(check_format)] = "auto"
    fields: Fields | None = None
    image_root: str | tuple[str, ...] | None = None
    image_prefix: dict[str, str] = {}
    allow_empty: bool = False
    episode_id: SerializeAsAny[tuple[str, ...] | EpisodeKey] = EPISODE_KEYS  # the first of these fields that a record has, or a part of a field
    ignore: tuple[str, ...] = ()
    records: Literal["auto", "line", "file"] = "auto"
    calls_in_text: CallsInText = "auto"
    keep_if: KeepIf = {}
    keep: Keep = ()

    @field_validator("name")
    @classmethod
    def _in_a_uri(cls, name: str) -> str:
        if re.search(r"[/\x00-\x1f]", name):
            raise ValueError("must not contain a slash or a control character")
        return name

    @model_validator(mode="after")
    def _fields_with_their_format(self) -> Source:
        if (self.format == "fields") != (self.fields is not None):
            raise ValueError("format: fields needs the setting fields" if self.fields is None else f"fields is read with format: fields, not {self.format}")
        return self

    @field_validator("image_root", mode="wrap")
    @classmethod
    def _folders(cls, given: Any, _: Any) -> Any:
        """Checked by hand: pydantic would report a fault once per alternative of the type."""
        if given is None:
            return None
        folders = [given] if isinstance(given, str) else given
        if not isinstance(folders, (list, tuple)) or not all(isinstance(folder, str) and folder for folder in folders):
            raise ValueError("expected a folder or a list of folders")
        paths = tuple(map(input_path, folders))
        return paths[0] if isinstance(given, str) else paths

    @field_validator("episode_id", mode="wrap")
    @classmethod
    def _keys_or_part(cls, given: Any, _: Any) -> Any:
        """Checked by hand: pydantic would report a fault once per alternative of the type."""
        if isinstance(given, Mapping):
            return EpisodeKey.model_validate(given)
        keys = (given,) if isinstance(given, str) else given
        if isinstance(keys, EpisodeKey):
            return keys
        if not isinstance(keys, (list, tuple)) or not keys or not all(isinstance(key, str) for key in keys):
            raise ValueError("expected a field, a list of fields, or {from: FIELD, pattern: REGULAR EXPRESSION}")
        return tuple(keys)

    @property
    def image_roots(self) -> tuple[str, ...]:
        return (self.image_root,) if isinstance(self.image_root, str) else self.image_root or ()

    @property
    def roots_are_listed(self) -> bool:
        """Whether the uri of an image contains the index of its root."""
        return isinstance(self.image_root, tuple)


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
    on_overflow: Literal["quarantine", "drop_turns", "fewer_slices"] = "quarantine"
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
    storage: Storage = Storage()
    hooks: Hooks = Hooks()
    retention: Retention = Retention()
    spark: dict[str, str] = {}

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
