"""The whole pipeline for one record, without Spark. Read this first.

    raw bytes -> draft_of -> Draft -> finish -> [Conversation, Sample | Quarantined per dialect]

Stages are plain functions which return the next noun or raise `Reject`. Here alone a Reject becomes a row, and here alone any
other exception is caught, once per stage and record: it is our own fault, and the record is kept aside as `internal.error`.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from pipelines.config import Config, ConfigError
from pipelines.dialects import Dialect, open_dialect
from pipelines.formats import read_record
from pipelines.normalize import normalize
from pipelines.parse import parse_record
from pipelines.reasons import Reason, Reject, refusals
from pipelines.records import Conversation, Draft, Finding, Image, Outcome, Quarantined, RawRecord, Sample, SeenImages

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Flow:
    """What the stages need: the settings, and the dialects with their tokenizers opened."""

    config: Config
    dialects: tuple[Dialect, ...]

    def open(self) -> None:
        """Has the libraries loaded that the tokenizers encode by."""
        for dialect in self.dialects:
            dialect.vocabulary.open()

    def open_exact(self) -> None:
        """Has Hugging Face's tokenizers loaded, by which the report shows what tokens are."""
        for dialect in self.dialects:
            _ = dialect.vocabulary.tokenizer


def open_flow(config: Config) -> Flow:
    """Opens every dialect's tokenizer: call it once per process. Raises ConfigError with the faults of all of them."""
    dialects: list[Dialect] = []
    faults: list[str] = []
    for settings in config.dialects:
        try:
            dialects.append(open_dialect(settings))
        except ConfigError as error:
            faults += error.faults
    if faults:
        raise ConfigError(faults)
    return Flow(config, tuple(dialects))


def draft_of(raw: RawRecord, config: Config) -> Draft | Quarantined:
    """The record in GLM form with its images still unseen, or the row that keeps it aside."""
    return _guard(lambda: _draft(raw, config), lambda findings: Quarantined(raw, findings))


def finish(raw: RawRecord, draft: Draft, seen: SeenImages, flow: Flow, id_conflict: bool = False) -> Iterator[Outcome]:
    """The draft's conversation and, per dialect that takes its source, a sample or a quarantined row; or its one quarantined row.

    `seen` has an entry for the key of every reference; `id_conflict` says that its source gives its id to another record too.
    """

    def kept_aside(findings: tuple[Finding, ...]) -> Quarantined:
        return Quarantined(raw, findings, episode_id=draft.episode_id)

    conversation = _guard(lambda: _verified(draft, seen, flow.config, id_conflict), kept_aside)
    yield conversation
    if isinstance(conversation, Conversation):
        for dialect in flow.dialects:
            if dialect.settings.takes(raw.origin.source):
                yield _sample_or_row(raw, conversation, dialect)


def duplicate_row(raw: RawRecord, kept_path: str, kept_line: int) -> Quarantined:
    """The row of a record whose bytes stand earlier in the batch."""
    return Quarantined(raw, (Reason.RECORD_DUPLICATE.at("", f"{kept_path}:{kept_line} has the same bytes and was kept"),))


def _draft(raw: RawRecord, config: Config) -> Draft:
    if refused := refusals(raw.findings):
        raise Reject(*refused)
    source = next(source for source in config.sources if source.name == raw.origin.source)
    record, findings = parse_record(raw, config.limits)
    logged = read_record(record, source.format)
    return normalize(logged, raw, config.normalize, config.limits, [*raw.findings, *findings])


def _verified(draft: Draft, seen: SeenImages, config: Config, id_conflict: bool) -> Conversation:
    images: list[Image] = []
    findings = list(draft.findings)
    for ref in draft.refs:
        look = seen[ref.key]
        findings += [finding if finding.where else finding._replace(where=ref.where) for finding in look.findings]
        if look.image:
            images.append(look.image)
    if id_conflict:
        findings.append(Reason.RECORD_ID_CONFLICT.at("id", f"another record of source {draft.origin.source} has the id {draft.logged_id!r} too"))
    refused = refusals(findings)
    if id_conflict and config.normalize.id_conflict == "quarantine":
        refused.append(findings[-1])
    if refused:
        raise Reject(*refused, *(finding for finding in findings if finding not in refused))
    return Conversation(
        draft.sample_id,
        draft.record_id,
        draft.episode_id,
        draft.step_id,
        draft.origin,
        draft.format,
        draft.messages,
        draft.tools,
        tuple(images),
        tuple(dict.fromkeys(findings)),
    )


def _sample_or_row(raw: RawRecord, conversation: Conversation, dialect: Dialect) -> Sample | Quarantined:
    return _guard(
        lambda: Sample(conversation, dialect.name, dialect.tokenize(conversation)),
        lambda findings: Quarantined(raw, (*findings, *conversation.findings), conversation.sample_id, dialect.name, conversation.episode_id),
    )


def _guard(stage: Callable[[], T], kept_aside: Callable[[tuple[Finding, ...]], Quarantined]) -> T | Quarantined:
    try:
        return stage()
    except Reject as reject:
        return kept_aside(reject.findings)
    except Exception as error:  # the one place: our own fault costs one record, is counted, and fails the run
        return kept_aside((_internal_error(error),))


def _internal_error(error: Exception) -> Finding:
    """Type and place alone: a message could hold the user's text."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return Reason.INTERNAL_ERROR.at("", f"{type(error).__name__} in {place.name}, line {place.lineno} of {place.filename.rpartition('/')[2]}")


def is_internal(findings: Iterable[Finding]) -> bool:
    """Whether these findings are our own fault; a violated invariant counts as one."""
    return any(finding.code in (Reason.INTERNAL_ERROR.code, Reason.TOKENS_SPAN_MISMATCH.code) for finding in findings)
