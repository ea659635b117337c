"""The settings of a source: where its logs are, and how their records are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    field_validator,
    model_validator,
)

from pipelines.config.base import Settings
from pipelines.config.fields import Fields
from pipelines.config.formats import check_format, is_plugin
from pipelines.config.paths import input_path
from pipelines.config.reading import CallsInText, Keep, KeepIf
from pipelines.config.rows import Rows


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
    fold: Literal["none", "prefix"] = "none"
    rows: Rows = Rows()  # type: ignore[call-arg]

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

    @model_validator(mode="after")
    def _steps_find_their_format(self) -> Source:
        if self.rows.of == "step" and self.format != "auto" and not is_plugin(self.format):
            raise ValueError(f"rows: {{of: step}} finds the data set by itself; format must be auto or module:function, not {self.format}")
        if self.rows.of == "step" and self.fold != "none":
            raise ValueError("fold is for cumulative conversations, and rows: {of: step} makes none of them")
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
