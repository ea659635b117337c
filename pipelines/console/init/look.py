"""A few records of each source, spread over its files, read as a run would read them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from pipelines.config import Config, ConfigError, parse_config
from pipelines.console.hints.cumulative import Repeated, repeated_in
from pipelines.console.hints.steps import other_hints
from pipelines.console.init.ids import EpisodeId, episode_id_of
from pipelines.console.init.images import Images, images_of
from pipelines.console.init.parts import Part, parts_by_folder, parts_of
from pipelines.console.shape.draft import STEP_ROWS, Fields, draft_fields
from pipelines.console.shape.keys import places_in
from pipelines.containers import read_records
from pipelines.containers.listing import InputFile
from pipelines.flow import draft_of, make_outcomes, open_flow
from pipelines.images.references import ImageChecker
from pipelines.ledger.books import ASIDE
from pipelines.local import draft_with_images, index_drafts, list_files
from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import parse_record
from pipelines.parsing.sessions import object_text
from pipelines.reasons import Reason, Reject
from pipelines.records import Conversation, Draft, Quarantined, RawRecord, Sample, raw_record
from pipelines.storage.locations import absolute
from pipelines.visible import counted

MOST_FILES, RECORDS_PER_FILE, MOST_BYTES = 20, 50, 16 << 20


@dataclass(frozen=True, slots=True)
class Looked:
    """What is known about one source."""

    name: str
    part: Part
    raws: Sequence[RawRecord]
    drafts: Sequence[Draft | Quarantined]
    fields: Fields | None
    rows: dict[str, str] | None  # the setting `rows`, where the records are episodes or steps of a GUI agent
    images: Images
    episode_id: EpisodeId
    repeated: Repeated | None = None  # where the records are those of a cumulative log
    whys: Sequence[str] = ()  # what is the matter with records of data sets that cannot be read as they are

    def formats_words(self) -> str:
        """`recognised as openai: 40 records, as sharegpt: 10 records`, or that nothing was."""
        found = Counter(draft.format for draft in self.drafts if isinstance(draft, Draft))
        named = ", ".join(f"as {name}: {counted(count, 'record')}" for name, count in found.most_common())
        return f"recognised {named}" if named else "no format could read any of them"

    @property
    def has_calls(self) -> bool:
        kept = (draft for draft in self.drafts if isinstance(draft, Draft))
        return any(draft.tools or any(message.metadata or message.role == "observation" for message in draft.messages) for draft in kept)


@dataclass(slots=True)
class Results:
    """What becomes of these records with the configuration that was written."""

    looked_at: int = 0
    distinct: set[str] = field(default_factory=set)  # record_ids, which duplicates share
    kept: set[str] = field(default_factory=set)  # record_ids
    superseded: set[str] = field(default_factory=set)  # record_ids
    lengths: list[int] = field(default_factory=list)  # tokens, also of those that are too long
    reasons: Counter[str] = field(default_factory=Counter)

    def lines(self) -> list[str]:
        refused = [f"  {count:,} {code}" for code, count in self.reasons.most_common()]
        records, duplicates = len(self.distinct), self.looked_at - len(self.distinct)
        few = len(self.kept) + len(self.superseded) < 0.95 * records
        gate = ["more than 5 % would be refused: then a run publishes nothing, until the logs are fixed or gates.max_quarantined is raised"] if few else []
        head = f"with this configuration, {len(self.kept):,} of {counted(records, 'record')} become rows"
        head += f", beside {counted(duplicates, 'duplicate')}" if duplicates else ""
        head += (
            f"; {len(self.superseded):,} {'is' if len(self.superseded) == 1 else 'are'} superseded: their answers are in these rows" if self.superseded else ""
        )
        return [f"{head}; of the others:" if refused else head, *refused, *(["`episodes reasons CODE` explains a reason"] if refused else []), *gate]


def find_parts(path: str) -> list[Part]:
    """What becomes a source each, of this file or folder. Raises FileNotFoundError, and ConfigError where a folder has a table that cannot be read."""
    config = _configuration(path, "logs")
    return parts_of(absolute(path), list_files(config, [path], None), lambda files: _shape(files, config))


def _shape(files: Sequence[InputFile], config: Config) -> tuple[frozenset[str], frozenset[str]]:
    """The formats of some records; or if no format reads any, their keys."""
    raws = list(_sample(files, config))
    formats = frozenset(draft.format for draft in (draft_of(raw, config) for raw in raws) if isinstance(draft, Draft))
    return formats, frozenset() if formats else frozenset(key for raw in raws for key in _value(raw, config) or ())


def look_at(part: Part, name: str) -> Looked:
    config, path, files = _configuration(part.top, name), part.top, [replace(file, source=name) for file in part.files]
    raws = list(_sample(files, config))
    drafts = [draft_of(raw, config) for raw in raws]
    values = [value for raw in raws if (value := _value(raw, config)) is not None]
    rows, as_steps = _rows(path, name, raws, drafts)
    drafts = as_steps if rows else drafts
    fields = None if rows else _fields(path, name, raws, drafts, values)
    if fields is not None:
        config = _configuration(path, name, format="fields", fields=fields)
        drafts = [draft_of(raw, config) for raw in raws]
    images = images_of([draft for draft in drafts if isinstance(draft, Draft)], [file.path for file in files])
    repeated = None if rows else repeated_in(draft for draft in drafts if isinstance(draft, Draft))
    refused = [raw for raw, draft in zip(raws, drafts, strict=True) if isinstance(draft, Quarantined)]
    whys = () if rows or fields else other_hints(refused, len(refused), len(raws), config)
    return Looked(name, part, raws, drafts, fields, rows, images, episode_id_of(values, drafts), repeated, whys)


def look_at_folders(one: Looked) -> list[Looked]:
    """The source; or one for each folder of its logs, where the names of pictures repeat in these and each folder has its own pictures."""
    if not one.images.repeats:
        return [one]
    parts = parts_by_folder(one.part)
    looked = [look_at(part, one.name) for part in parts]
    others = {part.own: {f"{other.own}/" for other in parts if not f"{part.own}/".startswith(f"{other.own}/")} for part in parts}
    has_own = all(
        not inner.images.repeats and not any(f"{root}/".startswith(tuple(others[inner.part.own])) for root in inner.images.roots) and inner.raws
        for inner in looked
    )
    return looked if looked and has_own else [one]


def outcomes_of(config: Config, looked: Sequence[Looked]) -> Results:
    """Runs the sampled records with this configuration."""
    flow, checker, results = open_flow(config), ImageChecker(config), Results()
    for one in looked:
        raws = [raw_record(one.name, raw.origin.path, raw.origin.line, raw.raw, raw.findings) for raw in one.raws]
        pairs = [(raw, draft_of(raw, config)) for raw in raws]
        index = index_drafts(config, pairs, checker)
        results.looked_at += len(raws)
        results.distinct.update(raw.record_id for raw in raws)
        for outcome in make_outcomes([draft_with_images(raw, draft, index, checker) for raw, draft in pairs], flow):
            if isinstance(outcome, Sample):
                results.lengths.append(len(outcome.tokens.input_ids))
                results.kept.add(outcome.conversation.record_id)
            elif isinstance(outcome, Quarantined) and (state := ASIDE.get(outcome.findings[0].code)):
                results.superseded.update([outcome.raw.record_id] if state == "superseded" else [])
            elif isinstance(outcome, Quarantined):
                results.reasons[outcome.findings[0].code] += 1
                if found := re.match(r"([\d,]+) tokens", outcome.findings[0].detail):
                    results.lengths.append(int(found[1].replace(",", "")))
            if isinstance(outcome, Conversation) and not flow.dialects:
                results.kept.add(outcome.record_id)
    return results


def _configuration(path: str, name: str, **source: Any) -> Config:
    return parse_config({"sources": [{"name": name, "path": absolute(path)} | source], "output": {"root": "out"}})


def _sample(files: Sequence[InputFile], config: Config) -> Iterator[RawRecord]:
    step = max(len(files) / MOST_FILES, 1)
    size = 0
    for file in (files[int(i * step)] for i in range(min(len(files), MOST_FILES))):
        for raw in islice(read_records(file, config.limits, config.stores), RECORDS_PER_FILE):
            yield raw
            size += len(raw.raw)
            if size > MOST_BYTES:
                return


def _value(raw: RawRecord, config: Config) -> dict[str, Any] | None:
    try:
        return parse_record(RawRecord(raw.origin, raw.record_id, object_text(raw.raw)), Budget(config.limits, len(raw.raw))).value
    except Reject:
        return None


def _fields(path: str, name: str, raws: Sequence[RawRecord], drafts: Sequence[Draft | Quarantined], values: Sequence[dict[str, Any]]) -> Fields | None:
    """A mapping, where no format recognises the records and the mapping reads more of them."""
    unknown = sum(isinstance(draft, Quarantined) and draft.findings[0].code == Reason.SCHEMA_UNKNOWN_FORMAT.code for draft in drafts)
    fields = draft_fields(places_in(values), values) if unknown else None
    if fields is None:
        return None
    try:
        config = _configuration(path, name, format="fields", fields=fields)
    except ConfigError:  # a key that is no path
        return None
    read, before = (sum(isinstance(one, Draft) for one in made) for made in ([draft_of(raw, config) for raw in raws], drafts))
    return fields if read > before else None


def _rows(path: str, name: str, raws: Sequence[RawRecord], drafts: Sequence[Draft | Quarantined]) -> tuple[dict[str, str] | None, list[Draft | Quarantined]]:
    """(the setting, the drafts that it makes), where rows of steps read more of the records."""
    config = _configuration(path, name, rows=STEP_ROWS)
    made = [draft_of(raw, config) for raw in raws]
    read, before = (sum(isinstance(one, Draft) for one in some) for some in (made, drafts))
    return (STEP_ROWS if read > before else None), made
