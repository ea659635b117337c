"""A configuration file and its overrides -> settings, or all faults at once."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml
from pydantic import ValidationError

from pipelines.config.faults import answers_left_out, kind_of, names_disagree, sentences
from pipelines.config.options import OPTIONS
from pipelines.config.paths import brace_faults, fixed_part
from pipelines.config.rows import PROMPTS, is_template
from pipelines.config.settings import Config, DialectSettings, Hook, Hooks, Images, Output, Scrub, Settings, Source
from pipelines.config.stores import Storage
from pipelines.config.yaml_text import read_yaml
from pipelines.storage.locations import is_below, is_uri

S = TypeVar("S", bound=Settings)


class ConfigError(Exception):
    """The configuration is not valid; `faults` are sentences, each with its place."""

    def __init__(self, faults: Sequence[str]):
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class Parts(NamedTuple):
    """The parts of a configuration that are valid on their own; sources and dialects by their position in the lists."""

    sources: dict[int, Source]
    dialects: dict[int, DialectSettings]
    images: Images
    output: Output | None
    hooks: Hooks
    storage: Storage
    scrub: Scrub


def load_config(path: Path | str, overrides: Iterable[str] = ()) -> Config:
    """The configuration from this file, with `key.path=value` overrides applied and relative paths made absolute.

    Raises ConfigError with all faults. Precedence: defaults < file < overrides.
    """
    data, folder = _read(path, overrides), _folder(path)
    config = resolve_paths(parse_config(data, folder), folder)
    if faults := list(_overlap_faults(config)):
        raise ConfigError(faults)
    return config


def load_parts(path: Path | str, overrides: Iterable[str] = ()) -> tuple[Parts, list[str]]:
    """The valid parts of this file, and the faults of the others. Raises ConfigError if the file cannot be read."""
    data, folder = _read(path, overrides), _folder(path)
    try:
        faults = list(_overlap_faults(resolve_paths(parse_config(data, folder), folder)))
    except ConfigError as error:
        faults = list(error.faults)
    return _valid_parts(data, folder), faults


def parse_config(data: Mapping[str, Any], folder: Path = Path()) -> Config:
    """Settings from plain data; raises ConfigError with all faults.

    Paths stay as they are; relative ones are looked up in `folder`.
    """
    faults = [*brace_faults(data, folder), *names_disagree(data), *answers_left_out(data)]
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        faults = [*sentences(error, data, Config, OPTIONS), *faults]
    if faults:
        raise ConfigError(faults)
    return config


def _overlap_faults(config: Config) -> Iterator[str]:
    """Sources whose files would include the tables that a run writes: the next batch would be trained on them."""
    root = config.output.root
    for i, source in enumerate(config.sources):
        for path in source.path:
            fixed = fixed_part(path)
            if is_uri(path) == is_uri(root) and (fixed == path or "**" in path) and is_below(root, fixed):
                yield f"output.root: {root} is inside sources[{i}].path ({path}); its tables would be read as logs"


def resolve_paths(config: Config, folder: Path) -> Config:
    """Relative paths resolve against the configuration file's folder. Globs and {batch} stay as they are."""
    return config.model_copy(
        update={
            "sources": tuple(_source_in(folder, source) for source in config.sources),
            "dialects": tuple(_dialect_in(folder, dialect) for dialect in config.dialects),
            "output": _output_in(folder, config.output),
            "hooks": _hooks_in(folder, config.hooks),
        }
    )


def _read(path: Path | str, overrides: Iterable[str]) -> dict[str, Any]:
    """The file's settings as plain data, with the overrides applied."""
    try:
        data = read_yaml(Path(path).read_bytes())
    except FileNotFoundError:
        raise ConfigError([f"no such file: {path}"]) from None
    except IsADirectoryError:
        raise ConfigError([f"{path} is a folder, not a file"]) from None
    except OSError as error:
        raise ConfigError([f"{path} cannot be read: {str(error.strerror).lower()}"]) from None
    except ValueError as error:
        raise ConfigError([f"{path}: {error}"]) from None
    if data is None:
        raise ConfigError([f"{path}: the file is empty"])
    if not isinstance(data, dict):
        raise ConfigError([f"{path}: expected a mapping of settings, found {kind_of(data)}"])
    for override in overrides:
        _override(data, override)
    return data


def _folder(path: Path | str) -> Path:
    return Path(path).absolute().parent


def _valid_parts(data: Mapping[str, Any], folder: Path) -> Parts:
    def listed(key: str) -> list[Any]:
        return data[key] if isinstance(data.get(key), list) else []

    sources = {i: _source_in(folder, source) for i, item in enumerate(listed("sources")) if (source := _valid(Source, item))}
    dialects = {i: _dialect_in(folder, dialect) for i, item in enumerate(listed("dialects")) if (dialect := _valid(DialectSettings, item))}
    output = _valid(Output, data.get("output"))
    images, hooks = _valid(Images, data.get("images")) or Images(), _valid(Hooks, data.get("hooks")) or Hooks()
    storage = _valid(Storage, data.get("storage")) or Storage()
    scrub = _valid(Scrub, data.get("scrub")) or Scrub()
    return Parts(sources, dialects, images, output and _output_in(folder, output), _hooks_in(folder, hooks), storage, scrub)


def _valid(kind: type[S], given: object) -> S | None:
    """The settings without their faulty keys; None if a faulty key is a required one."""
    for _ in range(2):
        try:
            return kind.model_validate(given)
        except ValidationError as error:
            faulty = {fault["loc"][0] for fault in error.errors() if fault["loc"]}
            given = {key: value for key, value in given.items() if key not in faulty} if isinstance(given, dict) else None
    return None


def _absolute(folder: Path, path: str) -> str:
    return path if is_uri(path) else os.path.normpath(folder / path)


def _source_in(folder: Path, source: Source) -> Source:
    root = source.image_root
    if (template := _template_at(folder, source.rows.prompt)) is not None:
        source = source.model_copy(update={"rows": source.rows.model_copy(update={"prompt": template})})
    roots = _absolute(folder, root) if isinstance(root, str) else root and tuple(_absolute(folder, one) for one in root)
    return source.model_copy(update={"path": tuple(_absolute(folder, path) for path in source.path), "image_root": roots})


def _template_at(folder: Path, prompt: str) -> str | None:
    """The template in the file of this name; None where there is none. So workers need no file, and its text is part of the batch's key."""
    if is_template(prompt) or prompt in PROMPTS:
        return None
    try:
        text = (folder / prompt).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    return text if is_template(text) else f"{{% raw %}}{text}{{% endraw %}}"


def _dialect_in(folder: Path, dialect: DialectSettings) -> DialectSettings:
    """A tokenizer is a path if it begins with ./ or ../ or exists as one; otherwise it is a URI, a bundled name or a hub id."""
    is_path = dialect.tokenizer.startswith(("./", "../")) or (folder / dialect.tokenizer).exists()
    return dialect.model_copy(update={"tokenizer": _absolute(folder, dialect.tokenizer) if is_path else dialect.tokenizer})


def _output_in(folder: Path, output: Output) -> Output:
    return output.model_copy(update={"root": _absolute(folder, output.root)})


def _hooks_in(folder: Path, hooks: Hooks) -> Hooks:
    """A command with a slash is a path; any other is looked up in the PATH."""

    def resolved(hook: Hook | None) -> Hook | None:
        if hook is None or hook.command is None or "/" not in hook.command[0]:
            return hook
        return hook.model_copy(update={"command": (_absolute(folder, hook.command[0]), *hook.command[1:])})

    return Hooks(**{name: resolved(getattr(hooks, name)) for name in Hooks.model_fields})


def _override(data: dict[str, Any], text: str) -> None:
    """Set `output.root=/data` or `dialects[0].max_tokens=512` (or `dialects.0.max_tokens`); the value is YAML."""
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise ConfigError([f"--set {text}: expected key=value"])
    *parents, last = key.replace("[", ".").replace("]", "").split(".")
    try:
        place: Any = data
        for name in parents:
            place = place[int(name)] if isinstance(place, list) else place.setdefault(name, {})
        place[int(last) if isinstance(place, list) else last] = yaml.safe_load(value)
    except yaml.YAMLError:
        raise ConfigError([f"--set {text}: the value is not valid YAML"]) from None
    except (ValueError, IndexError, AttributeError, TypeError):
        raise ConfigError([f"--set {text}: no such setting"]) from None
