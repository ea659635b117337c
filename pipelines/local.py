"""The pipeline on local files in one process, for `episodes try` and `show`: the same flow as the Spark job, record by record."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import translate
from pathlib import PurePosixPath

from pipelines.config import Config, Source
from pipelines.containers import read_records
from pipelines.containers.listing import InputFile, Listing, list_inputs
from pipelines.episodes.answers import answers_of, with_images
from pipelines.episodes.fold import Cumulative, Folded, fold, folded_context
from pipelines.episodes.steps import units_of, with_unit
from pipelines.episodes.steps.groups import StepIndex, with_histories
from pipelines.flow import DraftWithImages, Flow, draft_of, make_outcomes, with_context, with_history
from pipelines.images.references import ImageChecker
from pipelines.records import Draft, Held, Outcome, Quarantined, RawRecord, RecordContext
from pipelines.scrub import scrub_records
from pipelines.storage.folders import Folders
from pipelines.storage.locations import absolute

Drafted = Draft | Quarantined
OnRecord = Callable[[DraftWithImages | Quarantined], object]
KEPT_BYTES = 128 << 20  # of records kept between the two passes; their drafts take about as much again


def run_files(flow: Flow, files: Sequence[str], batch: str | None = None) -> Iterator[Outcome]:
    """Every outcome of these files and of the files in these folders, in input order. A file that is named twice is read once.

    Raises FileNotFoundError, and ConfigError if a folder contains a table that cannot be read.
    """
    flow = Flow(with_folders(flow.config, files, batch), flow.dialects)
    yield from run_listed(flow, list_files(flow.config, files, batch).files)


def run_listed(
    flow: Flow, files: Sequence[InputFile], on_record: OnRecord = lambda record: None, on_read: Callable[[RawRecord], object] = lambda raw: None
) -> Iterator[Outcome]:
    """Every outcome of these files, in order. `on_record` is called once per record, before its outcomes; `on_read` once per record before all outcomes.

    A first pass finds duplicates and id conflicts. It keeps the records that it reads as far as memory allows.
    """
    inputs = list({file.path: file for file in files}.values())
    checker = ImageChecker(flow.config)
    index, kept = index_records(flow.config, inputs, checker, on_read)
    drafts = (pair for file, pairs in zip(inputs, kept, strict=True) for pair in (read_drafts(flow.config, file) if pairs is None else pairs))
    yield from make_outcomes(_call_for_each((draft_with_images(raw, draft, index, checker) for raw, draft in drafts), on_record), flow)


def _call_for_each(records: Iterable[DraftWithImages | Quarantined], on_record: OnRecord) -> Iterator[DraftWithImages | Quarantined]:
    for record in records:
        on_record(record)
        yield record


def read_drafts(config: Config, file: InputFile) -> Iterator[tuple[RawRecord, Drafted]]:
    return ((raw, draft_of(raw, config)) for raw in _records(config, file))


def _records(config: Config, file: InputFile) -> Iterator[RawRecord]:
    return scrub_records(read_records(file, config.limits, config.stores), config)


def draft_with_images(raw: RawRecord, draft: Drafted, index: RecordIndex, checker: ImageChecker) -> DraftWithImages | Quarantined:
    """The draft with its images, or the row that quarantines it."""
    earlier = index.steps.histories.get((raw.origin.path, raw.origin.line))
    if earlier is not None and isinstance(draft, Draft):
        draft = with_history(raw, draft, earlier, index.steps.rows[raw.origin.source])
    if isinstance(draft, Draft) and draft.episode is not None:
        draft = with_unit(draft, units_of(index.steps.votes).get(raw.origin.source))
    return with_context(raw, draft, index.context_of(raw, draft), checker.images_of)


@dataclass(slots=True)
class RecordIndex:
    """The first place of each record, the records with each id of a source, and those of cumulative logs and of single steps; `close` then
    compares them."""

    steps: StepIndex
    first: dict[str, tuple[str, int]] = field(default_factory=dict)
    cumulative: list[Cumulative] = field(default_factory=list)
    named: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    folded: dict[Held, Folded] = field(default_factory=dict)
    clashing: set[tuple[str, str]] = field(default_factory=set)

    def add(self, raw: RawRecord, draft: Drafted, config: Config, checker: ImageChecker) -> None:
        self.count(raw, draft)
        if isinstance(draft, Draft) and raw.origin.source in config.cumulative:
            self.count_cumulative(draft, checker)

    def count(self, raw: RawRecord, draft: Drafted) -> None:
        place = (raw.origin.path, raw.origin.line)
        self.first[raw.record_id] = min(place, self.first.get(raw.record_id, place))
        if isinstance(draft, Draft) and draft.logged_id is not None:
            self.named.setdefault((raw.origin.source, draft.logged_id), set()).add(raw.record_id)
        if isinstance(draft, Draft) and draft.episode is not None:
            self.steps.add(draft)
        elif isinstance(draft, Quarantined) and draft.step is not None:
            self.steps.add_refused(raw, draft.step)

    def count_cumulative(self, draft: Draft, checker: ImageChecker) -> None:
        """A record whose images are refused will be quarantined, so it holds nothing for others."""
        images = [checker.check(ref, draft.origin.source).image for ref in draft.refs]
        if None not in images:
            answers = with_images(answers_of(draft), [image.sha256 for image in images if image])
            place = Held(draft.origin.path, draft.origin.line, draft.record_id)
            self.cumulative.append(Cumulative(place, len(draft.messages), answers))

    def close(self) -> None:
        self.steps.close()
        self.folded = fold(one for one in self.cumulative if self.first[one.place.record_id] == one.place[:2])
        superseded = {place.record_id for place, folded in self.folded.items() if folded.is_superseded}
        self.clashing = {key for key, records in self.named.items() if len(records - superseded) > 1}

    def context_of(self, raw: RawRecord, draft: Drafted) -> RecordContext:
        """What the other records decide about this one. It may be missing from the index, if its file has changed since."""
        place = Held(raw.origin.path, raw.origin.line, raw.record_id)
        first = self.first.get(raw.record_id, place[:2])
        if first != place[:2]:
            return RecordContext(duplicate_of=Held(*first, raw.record_id))
        clashes = isinstance(draft, Draft) and (raw.origin.source, draft.logged_id) in self.clashing
        folded = self.folded.get(place)
        return RecordContext(id_conflict=clashes) if folded is None else folded_context(folded, clashes)


def index_drafts(config: Config, pairs: Iterable[tuple[RawRecord, Drafted]], checker: ImageChecker) -> RecordIndex:
    """The index of these records."""
    index = RecordIndex(StepIndex(with_histories(config)))
    for raw, draft in pairs:
        index.add(raw, draft, config, checker)
    index.close()
    return index


def index_records(
    config: Config, inputs: Sequence[InputFile], checker: ImageChecker, on_read: Callable[[RawRecord], object] = lambda raw: None
) -> tuple[RecordIndex, list[list[tuple[RawRecord, Drafted]] | None]]:
    """The index, and the records of each file with their drafts; None for files that would take too much memory."""
    index, left = RecordIndex(StepIndex(with_histories(config))), KEPT_BYTES
    kept: list[list[tuple[RawRecord, Drafted]] | None] = []
    for file in inputs:
        pairs: list[tuple[RawRecord, Drafted]] = []
        for raw, draft in read_drafts(config, file):
            on_read(raw)
            index.add(raw, draft, config, checker)
            left -= len(raw.raw)
            if left >= 0:
                pairs.append((raw, draft))
            else:
                pairs.clear()
        kept.append(pairs if left >= 0 else None)
    index.close()
    return index, kept


def with_folders(config: Config, paths: Sequence[str], batch: str | None) -> Config:
    """The configuration, with those of these folders that belong to no source added to its first source."""
    folders = Folders(config.stores)
    more = tuple(path for path in map(absolute, paths) if folders.is_folder(path) and _owner_of(config, path, batch) is None)
    first, *others = config.sources
    return config.model_copy(update={"sources": (first.model_copy(update={"path": (*first.path, *more)}), *others)}) if more else config


def list_files(config: Config, paths: Sequence[str], batch: str | None) -> Listing:
    """These files and those in these folders, as the source whose path matches would list them, or else the first source.

    Each file of a folder above several sources is listed by its own.
    """
    found, folders = Listing(), Folders(config.stores)
    for path in map(absolute, paths):
        if folders.is_folder(path):
            found += _list_folder(config, path, batch, folders)
        else:
            found += Listing((input_file(config, path, batch),))
    return found


def _list_folder(config: Config, path: str, batch: str | None, folders: Folders) -> Listing:
    listing = list_inputs(_source_of(config, path, batch), batch, [path], folders)
    files: list[InputFile] = []
    for file in listing.files:
        owner = _owner_of(config, file.path, batch, besides=[path])
        files += [file] if owner is None or owner.name == file.source else list_inputs(owner, batch, [file.path], folders).files
    return replace(listing, files=tuple(files))


def files_of_no_source(config: Config, files: Sequence[InputFile], batch: str | None) -> int:
    """How many of these files no source has, so that they are read as the first one. `config` is without the folders of `with_folders`."""
    return sum(_owner_of(config, file.path, batch) is None for file in files)


def input_file(config: Config, path: str, batch: str | None) -> InputFile:
    """A file under the source whose path matches, or else the first source. Raises FileNotFoundError and IsADirectoryError."""
    path, folders = absolute(path), Folders(config.stores)
    if folders.is_folder(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    folders.stat(path)  # raises FileNotFoundError for a broken link
    (file,) = list_inputs(_source_of(config, path, batch), batch, [path], folders).files
    return file


def _source_of(config: Config, path: str, batch: str | None) -> Source:
    return _owner_of(config, path, batch) or config.sources[0]


def _owner_of(config: Config, path: str, batch: str | None, besides: Collection[str] = ()) -> Source | None:
    """The source that has this file or folder in the batch, or else in any batch. `besides` are paths of it that do not count: folders that
    `with_folders` has added."""
    ways = (name for name in dict.fromkeys((batch or "*", "*")))
    return next((source for name in ways for source in config.sources if _matches(source, path, name, besides)), None)


def _matches(source: Source, path: str, batch: str, besides: Collection[str]) -> bool:
    """A `*` in a path of the source is part of one name, and everything in a folder is the source's."""
    patterns = [pattern.replace("{batch}", batch) for pattern in source.path if pattern not in besides]
    whole = PurePosixPath(path)
    above = (whole, *whole.parents)
    return any(_is_below(path, pattern) if "**" in pattern else any(one.match(pattern) or str(one) == pattern for one in above) for pattern in patterns)


def _is_below(path: str, pattern: str) -> bool:
    """Whether a pattern with `**` has this path: `logs/**/*.jsonl` has logs/a.jsonl too."""
    return re.match(translate(pattern.replace("**/", "\0")).replace("\0", "(?:.*/)?"), path) is not None


def record_outcomes(flow: Flow, path: str, line: int, batch: str | None) -> tuple[RawRecord | None, list[Outcome]]:
    """One record of a file by its line, and its outcomes without regard to other records, but for the earlier steps of its episode in this file;
    (None, []) if there is no such line."""
    file, checker = input_file(flow.config, path, batch), ImageChecker(flow.config)
    has_steps = any(source.rows.of == "step" for source in flow.config.sources if source.name == file.source)
    steps = index_records(flow.config, [file], checker)[0].steps if has_steps else StepIndex({})
    for raw in _records(flow.config, file):
        if raw.origin.line == line:
            index = RecordIndex(steps, {raw.record_id: (raw.origin.path, raw.origin.line)})
            return raw, list(make_outcomes([draft_with_images(raw, draft_of(raw, flow.config), index, checker)], flow))
    return None, []
