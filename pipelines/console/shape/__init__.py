"""`episodes shape`: what is in log files, before there is a configuration: keys with counts, the format that `auto` takes and why, what would be unread, and a draft of
`fields:` where no format takes the records."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from pipelines.config import Config, ConfigError, parse_config
from pipelines.console.shape.draft import STEP_ROWS, Fields, draft_fields
from pipelines.console.shape.keys import lines_of, places_in
from pipelines.console.shape.steps import known_others, named, parsed, step_titles, values_of
from pipelines.containers import read_records
from pipelines.flow import draft_of
from pipelines.formats.keys import Unread
from pipelines.formats.layouts import LAYOUTS
from pipelines.formats.libraries import LIBRARIES
from pipelines.formats.sessions import SESSIONS
from pipelines.formats.table import CHAT, read_record
from pipelines.local import list_files
from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import BOM
from pipelines.parsing.sessions import object_text
from pipelines.reasons import Reject
from pipelines.records import Draft, RawRecord
from pipelines.storage.locations import absolute
from pipelines.visible import counted, visible

OK, USAGE = 0, 2
MOST_RECORDS = 1000
MOST_BYTES = 64 << 20
MOST_UNREAD = 20


class Sampled(NamedTuple):
    """The first records of a file; `is_all`: it has no more. `values` are those that are objects."""

    raws: list[RawRecord]
    values: list[dict[str, Any]]
    is_all: bool


def run(options: Namespace) -> int:
    for i, path in enumerate(options.files):
        print(visible("\n".join([*([""] if i else []), *shape_lines(path, options.records)])))
    return OK


def shape_lines(path: str, most: int = MOST_RECORDS) -> Iterator[str]:
    """What is in this file or folder, in lines for people. Raises FileNotFoundError."""
    config = _configuration(path)
    sampled = _sample(path, config, most)
    yield f"{path}: {'' if sampled.is_all else 'the first '}{counted(len(sampled.raws), 'record')}"
    if not sampled.raws:
        return
    formats, refused, unread = _readings(sampled.raws, config)
    yield from _format_lines(formats, refused, sampled)
    places = places_in(sampled.values)
    yield "keys"
    yield from lines_of(places)
    if unread:
        yield "not read"
        yield from (f"  {key}  {count:,}" for key, count in unread.most_common(MOST_UNREAD))
        yield from ([f"  and {counted(len(unread) - MOST_UNREAD, 'more key')}"] if len(unread) > MOST_UNREAD else ())
    if refused:
        read = len(sampled.raws) - sum(refused.values())
        titles = step_titles(sampled.raws, _configuration(path, rows=STEP_ROWS))
        if len(titles) > read:
            yield f"draft: it reads {len(titles):,} of {counted(len(sampled.raws), 'record')} as steps of {named(titles)}; docs/steps.md"
            yield f"    rows: {yaml_text(STEP_ROWS)}"
            return
        whys = known_others(sampled.values, config)
        if 2 * whys.total() > len(sampled.values):
            yield from (f"draft: {why}; docs/steps.md" for why in whys)
            return
        yield from _draft_lines(path, draft_fields(places, sampled.values), sampled.raws, read)


def _configuration(path: str, **source: Any) -> Config:
    return parse_config({"sources": [{"name": "logs", "path": absolute(path)} | source], "output": {"root": "out"}})


def _sample(path: str, config: Config, most: int) -> Sampled:
    raws: list[RawRecord] = []
    size = 0
    for file in list_files(config, [path], None).files:
        for raw in islice(read_records(file, config.limits, config.stores), most + 1 - len(raws)):
            raws.append(raw)
            size += len(raw.raw)
            if len(raws) > most or size > MOST_BYTES:
                return Sampled(raws[:most], values_of(raws[:most], config), False)
    return Sampled(raws, values_of(raws, config), True)


def _readings(raws: Sequence[RawRecord], config: Config) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """(records by format, by the first reason that refuses them, keys that nothing reads)."""
    formats: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    unread: Counter[str] = Counter()
    for raw in raws:
        made = draft_of(raw, config)
        unread.update(dict(made.unread))
        if isinstance(made, Draft):
            formats[made.format] += 1
            continue
        refused[made.findings[0].code] += 1
        if name := _format_of(raw, config):
            formats[name] += 1
    return formats, refused, unread


def _format_of(raw: RawRecord, config: Config) -> str | None:
    """The format of a record that is refused for another reason than its format."""
    budget, text = Budget(config.limits, len(raw.raw)), object_text(raw.raw)
    try:
        return read_record(parsed(raw, budget), text.removeprefix(BOM), config.sources[0], budget, Unread()).format
    except Reject:
        return None


def _format_lines(formats: Mapping[str, int], refused: Mapping[str, int], sampled: Sampled) -> Iterator[str]:
    for name, count in sorted(formats.items(), key=lambda pair: -pair[1]):
        yield f"format {name}: {counted(count, 'record')}, because {why(name)}"
    if not formats:
        yield "format: none; `auto` takes none of these records"
    for code, count in sorted(refused.items(), key=lambda pair: -pair[1]):
        yield f"quarantined {code}: {counted(count, 'record')}"


def why(name: str) -> str:
    """Why `auto` takes this format, in words.

    >>> why("openai"), why("alpaca")
    ('a record has `messages`', 'a record has `instruction` (text) and one of `output`, `response`, `completion`')
    """
    if name in LAYOUTS:
        return "a record has " + " and ".join(_need(paths, kind) for paths, kind in LAYOUTS[name].needs)
    if name in SESSIONS:
        return f"its events are those of {SESSIONS[name].title}"
    if name in LIBRARIES:
        return f"its `messages` are those of {LIBRARIES[name].title.partition(':')[0]}"
    special = {"agentcpm": ", and `image` or turns without `from`", "glm": ", and a turn has `metadata`, `tools`, `image` or the role observation"}
    return f"a record has `{CHAT[name].turns[0]}`{special.get(name, '')}"


def _need(paths: str, kind: str) -> str:
    options = [f"`{option.strip()}`" for option in paths.split("|")]
    return ("one of " if len(options) > 1 else "") + ", ".join(options) + ("" if kind == "any" else f" ({kind})")


def _draft_lines(path: str, fields: Fields | None, raws: Sequence[RawRecord], read: int) -> Iterator[str]:
    """The draft, if it reads more of these records than `auto`, which reads `read` of them."""
    refused: Counter[str] = Counter()
    if fields is not None:
        try:
            refused = _readings(raws, _configuration(path, format="fields", fields=fields))[1]
        except ConfigError:  # a key that is no path
            fields = None
    good = len(raws) - sum(refused.values())
    if fields is None or good <= read:
        if not read:
            yield "draft: no mapping was found that reads these records; docs/formats.md explains `format: fields`"
        return
    yield f"draft: it reads {good:,} of {counted(len(raws), 'record')}" + "".join(f"; {code} {count:,}" for code, count in refused.items())
    yield "    format: fields"
    yield "    fields:"
    yield from (f"      {key}: {yaml_text(value)}" for key, value in fields.items())


def yaml_text(value: Any) -> str:
    """A value as YAML in one line.

    >>> yaml_text({"from": "id", "pattern": "(.+)-x"}), yaml_text(["a", "no"])
    ("{from: id, pattern: '(.+)-x'}", "[a, 'no']")
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{yaml_text(key)}: {yaml_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(yaml_text, value)) + "]"
    text = str(value)
    is_plain = text.replace("_", "a").replace(".", "a").isalnum() and text.isascii() and not text[0].isdigit() and text.lower() not in _YAML_WORDS
    return text if is_plain else "'" + text.replace("'", "''") + "'"


_YAML_WORDS = ("true", "false", "yes", "no", "on", "off", "null", "y", "n")
