"""What a configuration lacks, as far as records show it: a line for each setting that would read more of them, or train less twice.

cumulative.py   `fold: prefix`, where records are the beginnings of others
steps.py        `rows: {of: step}`, where refused records are steps of a GUI agent
prefixes.py     `image_prefix`, where pictures are under the image roots after all
"""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.config import Config
from pipelines.console.hints.cumulative import RepeatedAnswers, fold_hint, trains_history
from pipelines.console.hints.prefixes import MissingPictures
from pipelines.console.hints.steps import RefusedRecords, step_hints
from pipelines.flow import DraftWithImages
from pipelines.ledger.books import ASIDE
from pipelines.records import Draft, Quarantined, RawRecord


class Hints:
    """Looks at records as they are read, each once."""

    def __init__(self, config: Config):
        self._config = config
        self._missing = MissingPictures()
        self._answers = {source.name: RepeatedAnswers() for source in config.sources if trains_history(source, config.dialects)}
        self._refused = {source.name: RefusedRecords() for source in config.sources if source.rows.of == "conversation"}

    def note(self, record: DraftWithImages | Quarantined) -> None:
        """A record of a run, with its pictures. Those that were put aside for another reason than a fault are not looked at."""
        if isinstance(record, DraftWithImages):
            self._missing.note(record)
            self.note_draft(record.raw, record.draft)
        else:
            self.note_draft(record.raw, record)

    def note_draft(self, raw: RawRecord, draft: Draft | Quarantined) -> None:
        """The same for a record whose pictures were not looked at."""
        if isinstance(draft, Draft):
            if answers := self._answers.get(raw.origin.source):
                answers.add(draft)
            if refused := self._refused.get(raw.origin.source):
                refused.read += 1
        elif draft.findings[0].code not in ASIDE and (refused := self._refused.get(raw.origin.source)):
            refused.add(raw)

    def lines(self, is_all: bool = True) -> Iterator[str]:
        """Lines for each source. `is_all` says that all its records were noted."""
        for source in self._config.sources:
            if (answers := self._answers.get(source.name)) and (found := answers.found()):
                yield fold_hint(source, found._replace(is_all=is_all and found.is_all))
            if refused := self._refused.get(source.name):
                yield from step_hints(source, refused, self._config)
        yield from self._missing.hints(self._config)
