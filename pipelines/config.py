"""The configuration of a run: YAML -> frozen, typed settings; every fault at once, with its place and the nearest name."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt, ValidationError, field_validator, model_validator


class ConfigError(Exception):
    """The configuration is wrong; `faults` are sentences, each with its place."""

    def __init__(self, faults: Sequence[str]):
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Strings = Annotated[tuple[str, ...], BeforeValidator(_as_tuple), Field(min_length=1)]


class Source(Settings):
    name: str = Field(min_length=1, pattern=r"^[^/\x00-\x1f]+$")
    path: Strings
    format: Literal["auto", "agentcpm", "sharegpt", "openai", "glm"] = "auto"
    image_root: Strings | None = None


class Images(Settings):
    verify: Literal["header", "structure", "decode"] = "decode"
    max_pixels: PositiveInt = 64_000_000
    allow_schemes: tuple[str, ...] = ()


class Normalize(Settings):
    repair: Literal["safe", "none"] = "safe"
    reasoning: Literal["keep", "drop"] = "keep"
    schema_invalid: Literal["warn", "quarantine"] = "warn"
    id_conflict: Literal["keep", "quarantine"] = "keep"


class Limits(Settings):
    line_bytes: PositiveInt = 33_554_432
    json_depth: PositiveInt = 64
    images_per_record: PositiveInt = 64
    image_bytes: PositiveInt = 33_554_432
    literal_bytes: PositiveInt = 65_536


class SlicingOptions(Settings):
    max_slices: PositiveInt = 9
    scale_resolution: PositiveInt = 448
    patch_size: PositiveInt = 14
    query_tokens: PositiveInt = 64


class AgentSlicingOptions(SlicingOptions):
    max_side: PositiveInt = 1120


class NoOptions(Settings):
    pass


# A dialect's options default to its upstream's own.
_OPTIONS: dict[str, type[Settings]] = {
    "glm_4": NoOptions,
    "glm_4v": NoOptions,
    "minicpm_v_2": SlicingOptions,
    "minicpm_v_2_5": SlicingOptions,
    "minicpm_v_2_6": SlicingOptions,
    "agentcpm_gui": AgentSlicingOptions,
}


class DialectSettings(Settings):
    name: Literal["glm_4", "glm_4v", "minicpm_v_2", "minicpm_v_2_5", "minicpm_v_2_6", "agentcpm_gui"]
    tokenizer: str = Field(min_length=1)
    max_tokens: PositiveInt
    recipe: Literal["sound", "upstream"] = "sound"
    sources: Strings | None = None
    on_overflow: Literal["quarantine", "drop_turns", "fewer_slices"] = "quarantine"
    loss: Literal["all", "last_turn"] = "all"
    tool_syntax: Literal["hermes", "json"] | None = None
    options: SlicingOptions | AgentSlicingOptions | NoOptions = NoOptions()

    @model_validator(mode="before")
    @classmethod
    def _type_options(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and data.get("name") in _OPTIONS and not isinstance(data.get("options"), BaseModel):
            given = data.get("options")
            return {**data, "options": _OPTIONS[data["name"]].model_validate({} if given is None else given)}
        return data

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
    root: str = Field(min_length=1)
    format: Literal["delta", "parquet"] = "delta"


class Gates(Settings):
    max_quarantined: float = Field(0.05, ge=0, le=1)
    max_internal_errors: int = Field(0, ge=0)
    max_ratio_to_median: float | None = Field(None, gt=0)


class Hook(Settings):
    command: tuple[str, ...] | None = None
    url: str | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Hook:
        if (self.command is None) == (self.url is None):
            raise ValueError("give either command or url")
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
    hooks: Hooks = Hooks()
    retention: Retention = Retention()
    spark: dict[str, str] = {}

    @field_validator("spark", mode="before")
    @classmethod
    def _spark_text(cls, value: Any) -> Any:
        """Spark takes text; YAML gives true and 4."""
        if not isinstance(value, Mapping):
            return value
        return {key: str(item).lower() if isinstance(item, bool) else str(item) if isinstance(item, (int, float)) else item for key, item in value.items()}

    @model_validator(mode="after")
    def _names_agree(self) -> Config:
        faults = [
            f"{what} {name!r} stands twice"
            for what, names in (("source", [s.name for s in self.sources]), ("dialect", [d.name for d in self.dialects]))
            for name in _twice(names)
        ]
        known = [source.name for source in self.sources]
        for i, dialect in enumerate(self.dialects):
            for name in dialect.sources or ():
                if name not in known:
                    faults.append(f"dialects[{i}].sources: {name!r} is no source{_nearest(name, known)}")
        if faults:
            raise ConfigError(faults)
        return self


def load_config(path: Path | str, overrides: Iterable[str] = ()) -> Config:
    """The configuration of this file with `key.path=value` overrides on top, its relative paths made absolute.

    Raises ConfigError with every fault. Precedence: defaults < file < overrides.
    """
    path = Path(path)
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror or error}"]) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: not YAML: {' '.join(str(error).split())}"]) from None
    if not isinstance(data, dict):
        raise ConfigError([f"{path}: a mapping of settings is wanted, not {type(data).__name__}"])
    for override in overrides:
        _override(data, override)
    return resolve_paths(parse_config(data), path.absolute().parent)


def parse_config(data: Mapping[str, Any]) -> Config:
    """Settings from plain data; raises ConfigError with every fault, and the nearest key where one is unknown."""
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        raise ConfigError([_sentence(fault, data) for fault in error.errors()]) from None


def resolve_paths(config: Config, folder: Path) -> Config:
    """Relative paths resolve against the configuration file's folder. Globs and {batch} stay as they are."""

    def absolute(text: str) -> str:
        return text if "://" in text else str(_normal(folder / text))

    sources = tuple(
        source.model_copy(
            update={"path": tuple(map(absolute, source.path)), "image_root": None if source.image_root is None else tuple(map(absolute, source.image_root))}
        )
        for source in config.sources
    )
    # A tokenizer is a folder or file where one stands there; else it is a bundled name or a hub id.
    dialects = tuple(
        dialect.model_copy(update={"tokenizer": absolute(dialect.tokenizer) if (folder / dialect.tokenizer).exists() else dialect.tokenizer})
        for dialect in config.dialects
    )
    return config.model_copy(
        update={"sources": sources, "dialects": dialects, "output": config.output.model_copy(update={"root": absolute(config.output.root)})}
    )


def _normal(path: Path) -> Path:
    import os.path

    return Path(os.path.normpath(path))


def _override(data: dict[str, Any], text: str) -> None:
    """Set `output.root=/data` or `dialects[0].max_tokens=512` (or `dialects.0.max_tokens`); the value is YAML."""
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise ConfigError([f"--set {text}: key=value is wanted"])
    *parents, last = key.replace("[", ".").replace("]", "").split(".")
    try:
        place: Any = data
        for name in parents:
            place = place[int(name)] if isinstance(place, list) else place.setdefault(name, {})
        place[int(last) if isinstance(place, list) else last] = yaml.safe_load(value)
    except (ValueError, IndexError, AttributeError, TypeError, yaml.YAMLError):
        raise ConfigError([f"--set {text}: there is no such place in the configuration"]) from None


def _sentence(fault: Any, data: Any) -> str:
    place = _place(fault["loc"])
    inner = fault.get("ctx", {}).get("error")
    if isinstance(inner, ConfigError):
        return "; ".join(inner.faults)
    match fault["type"]:
        case "extra_forbidden":
            return f"{place}: unknown key{_nearest(str(fault['loc'][-1]), _known_keys(fault['loc'][:-1], data))}"
        case "missing":
            return f"{place}: is required"
        case "literal_error":
            allowed = [word.strip(" '") for word in fault["ctx"]["expected"].replace(" or ", ", ").split(",")]
            return f"{place}: {fault['input']!r} is none of {', '.join(allowed)}{_nearest(str(fault['input']), allowed)}"
    return f"{place}: {fault['msg'].removeprefix('Value error, ')} (found {_short(fault['input'])})"


def _place(loc: Iterable[int | str]) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "configuration"


def _known_keys(loc: Iterable[int | str], data: Any) -> list[str]:
    model: type[BaseModel] = Config
    for part in loc:
        if isinstance(part, int):
            data = data[part] if isinstance(data, (list, tuple)) and part < len(data) else None
            continue
        named = data.get("name") if isinstance(data, Mapping) else None
        inner = _OPTIONS.get(str(named)) if part == "options" else _model_in(model.model_fields[part].annotation) if part in model.model_fields else None
        data = data.get(part) if isinstance(data, Mapping) else None
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if found := _model_in(argument):
            return found
    return None


def _nearest(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else f"; known: {', '.join(known)}" if known else ""


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _twice(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
