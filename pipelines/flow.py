"""The whole pipeline, without Spark. Read this first.

    raw bytes -> draft_of -> Draft -> make_outcomes -> [Conversation, Sample | Quarantined per dialect]

Stages are plain functions that return the next noun or raise `Reject`. Only this file turns a Reject into a row, and only this file
catches any other exception, once per stage and record: that is an internal error, and the record is quarantined as `internal.error`.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from msgspec.structs import replace

from pipelines.config import Config, ConfigError, Source
from pipelines.config.formats import is_plugin
from pipelines.config.rows import Rows
from pipelines.containers.partitions import with_columns
from pipelines.dialects import Dialect, open_dialect
from pipelines.episodes.checks import check_step_rows, check_steps
from pipelines.episodes.fold import fold_findings, superseded_findings
from pipelines.episodes.steps import read_episode
from pipelines.episodes.steps.groups import with_earlier
from pipelines.episodes.steps.numbers import number_of_refused
from pipelines.formats.keys import Unread
from pipelines.formats.plugin import plugin_fault
from pipelines.formats.table import nonfinite, plain_record, read_record
from pipelines.normalize import normalize
from pipelines.normalize.grounding import with_boxes
from pipelines.normalize.kept import kept_fields, with_kept
from pipelines.parsing.budget import Budget
from pipelines.parsing.careful import BOM, parse_record
from pipelines.parsing.sessions import object_text
from pipelines.reasons import Reason, Reject, reason_of, refusals
from pipelines.records import (
    Conversation,
    Draft,
    Finding,
    Image,
    Message,
    Noun,
    Outcome,
    Quarantined,
    RawRecord,
    RecordContext,
    Sample,
    SeenImages,
    Step,
    Tokens,
)

P = ParamSpec("P")
In = TypeVar("In")
Out = TypeVar("Out")
ALONE = RecordContext()
BLOCK_ROWS = 64
BLOCK_BYTES = 4 << 20  # of raw records


@dataclass(frozen=True, slots=True)
class Flow:
    """What the stages need: the configuration, and the dialects with their tokenizers."""

    config: Config
    dialects: tuple[Dialect, ...]

    def load_tokenizers(self) -> None:
        """Loads the libraries that encode text."""
        for dialect in self.dialects:
            dialect.vocabulary.open()


def open_flow(config: Config, compare: bool = True) -> Flow:
    """Opens all tokenizers and plug-ins, once per process. Raises ConfigError with all faults. `compare`: see `open_hf`; the driver compares, workers do not."""
    dialects: list[Dialect] = []
    faults: list[str] = []
    for settings in config.dialects:
        try:
            dialects.append(open_dialect(settings, config.stores, compare))
        except ConfigError as error:
            faults += error.faults
    faults += [
        f"sources[{i}].format: {fault}"
        for i, source in enumerate(config.sources)
        if is_plugin(source.format) and (fault := plugin_fault(source.format)) is not None
    ]
    faults += [f"sources[{i}].rows.prompt: {fault}" for i, source in enumerate(config.sources) if (fault := prompt_fault_of(source))]
    if faults:
        raise ConfigError(faults)
    return Flow(config, tuple(dialects))


def prompt_fault_of(source: Source) -> str | None:
    """Why the prompt of this source cannot be used; None where it can, or is not used."""
    if source.rows.of != "step":
        return None
    from pipelines.episodes.steps.prompts import PromptFault, open_prompt  # imports Jinja2, which other sources do not need

    try:
        open_prompt(source.rows.prompt)
    except PromptFault as fault:
        return str(fault)
    return None


def draft_of(raw: RawRecord, config: Config) -> Draft | Quarantined:
    """The record in GLM form, its images not yet verified; or the row that quarantines it."""
    source = next(source for source in config.sources if source.name == raw.origin.source)
    unread = Unread(source.ignore)
    draft = _tried(_draft, raw, source, config, unread)
    if not isinstance(draft, _Refused):
        return draft
    is_filtered = any(finding.code == Reason.RECORD_FILTERED.code for finding in draft.findings)  # keep_if takes it out of its episode
    step = None if is_filtered else _tried(number_of_refused, raw, source, config)
    if isinstance(step, _Refused):  # an internal error
        return Quarantined(raw, (*step.findings, *draft.findings), unread=unread.counted())
    return Quarantined(raw, draft.findings, episode_id=step.episode_id if step else None, unread=unread.counted(), step=step)


def with_history(raw: RawRecord, draft: Draft, earlier: tuple[Step, ...] | Finding, rows: Rows) -> Draft | Quarantined:
    """The draft of a record that is one step, with the earlier steps of its episode; or the row that quarantines it, where these are not known."""
    found = _tried(with_earlier, draft, earlier, rows)
    return Quarantined(raw, found.findings, episode_id=draft.episode_id, unread=draft.unread) if isinstance(found, _Refused) else found


class DraftWithImages(Noun, frozen=True):
    """A draft, and what is known about it: `seen` has an entry for the key of every image reference, `context` is what other records decide."""

    raw: RawRecord
    draft: Draft
    seen: SeenImages
    context: RecordContext = ALONE


def make_outcomes(records: Iterable[DraftWithImages | Quarantined], flow: Flow) -> Iterator[Outcome]:
    """For each draft, in order: its conversations, each followed by its samples or a quarantined row for each dialect that takes its source; or, if
    the draft itself is quarantined, one row. A record that is already quarantined stays so."""
    for block in verified_blocks(records, flow.config):
        samples = [samples_or_rows(block, dialect) for dialect in flow.dialects]
        for (_, conversation), *of_dialects in zip(block, *samples, strict=True):
            yield conversation
            for rows in of_dialects:
                yield from rows


Verified = tuple[RawRecord, Conversation | Quarantined]


def _verified_records(records: Iterable[DraftWithImages | Quarantined], config: Config) -> Iterator[Verified]:
    """The conversations of each record, or the row that quarantines it."""
    for record in records:
        made = record if isinstance(record, Quarantined) else _conversations_or_row(record, config)
        if isinstance(made, Quarantined):
            yield record.raw, made
        else:
            for conversation in made:
                yield record.raw, conversation


def verified_blocks(records: Iterable[DraftWithImages | Quarantined], config: Config) -> Iterator[list[Verified]]:
    """The conversations of each record, or the row that quarantines it, in order and in blocks. A block goes through one stage after the other:
    one by one, the stages would push each other out of the CPU caches."""
    block: list[Verified] = []
    size = 0
    for record in _verified_records(records, config):
        block.append(record)
        size += len(record[0].raw)
        if len(block) >= BLOCK_ROWS or size >= BLOCK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


def with_context(raw: RawRecord, draft: Draft | Quarantined, context: RecordContext, images_of: Callable[[Draft], SeenImages]) -> DraftWithImages | Quarantined:
    """The draft with its images and what other records decide about it; or the row of a record that is quarantined, or whose content another record has."""
    if context.duplicate_of is not None:
        return Quarantined(raw, (Reason.RECORD_DUPLICATE.at("", f"{context.duplicate_of} has the same bytes, and was kept"),))
    if isinstance(draft, Quarantined):
        return draft
    if context.superseded_by is not None:
        return Quarantined(raw, superseded_findings(draft, context.superseded_by), episode_id=draft.episode_id, unread=draft.unread)
    return DraftWithImages(raw, draft, images_of(draft), context)


def _draft(raw: RawRecord, source: Source, config: Config, unread: Unread) -> Draft:
    if refused := refusals(raw.findings):
        raise Reject(*refused)
    budget = Budget(config.limits, len(raw.raw))
    text = object_text(raw.raw)
    parsed = parse_record(raw if text is raw.raw else replace(raw, raw=text), budget)
    record = with_columns(parsed.value, raw.origin.path, source.path)
    kept = kept_fields(record, text.removeprefix(BOM), source, budget, unread)
    if source.rows.of == "step":
        notes = [*raw.findings, *parsed.findings, *kept.findings]
        return with_kept(read_episode(*plain_record(record, text.removeprefix(BOM), source, budget), raw, source, config, budget, notes, unread), kept)
    logged = read_record(record, text.removeprefix(BOM), source, budget, unread)
    notes = [*raw.findings, *parsed.findings, *kept.findings, *(nonfinite(logged) if parsed.has_nonfinite else ())]
    return with_kept(normalize(logged, raw, source, config, budget, notes, unread), kept)


def _verified(draft: Draft, seen: SeenImages, config: Config, context: RecordContext) -> tuple[Conversation, ...]:
    images: list[Image] = []
    findings = list(draft.findings)
    for ref in draft.refs:
        look = seen[ref.key]
        findings += [finding if finding.where else reason_of(finding.code).at(ref.where, finding.detail) for finding in look.findings]
        if look.image:
            images.append(look.image)
    findings += fold_findings(context)
    if context.id_conflict:
        findings.append(Reason.RECORD_ID_CONFLICT.at("id", f"another record of source {draft.origin.source} also has the id {draft.logged_id!r}"))
    refused = [*draft.refusals, *refusals(findings)]
    if context.id_conflict and config.normalize.id_conflict == "quarantine":
        refused.append(findings[-1])
    if refused:
        raise Reject(*refused, *(finding for finding in findings if finding not in refused))
    if draft.episode is not None:
        from pipelines.episodes.steps.conversations import step_conversations  # imports Jinja2

        images_of = {ref.key: image for ref in draft.refs if (image := seen[ref.key].image)}
        return check_step_rows(step_conversations(draft, draft.episode, images_of, config, tuple(dict.fromkeys(findings))), config.checks)
    messages = with_boxes(draft.messages, draft.boxes, images) if draft.boxes else draft.messages
    conversation = Conversation(
        sample_id=draft.sample_id,
        record_id=draft.record_id,
        episode_id=draft.episode_id,
        step_id=draft.step_id,
        origin=draft.origin,
        format=draft.format,
        messages=_masked(messages, {*context.masked, *context.withheld}) if context.masked or context.withheld else messages,
        tools=draft.tools,
        images=tuple(images),
        findings=tuple(dict.fromkeys(findings)),
        extra=draft.extra,
    )
    return (check_steps(conversation, config.checks),)


def _masked(messages: Sequence[Message], masked: Collection[int]) -> tuple[Message, ...]:
    return tuple(replace(message, loss_weight=0.0) if i in masked else message for i, message in enumerate(messages))


def _conversations_or_row(record: DraftWithImages, config: Config) -> tuple[Conversation, ...] | Quarantined:
    found = _tried(_verified, record.draft, record.seen, config, record.context)
    return Quarantined(record.raw, found.findings, episode_id=record.draft.episode_id) if isinstance(found, _Refused) else found


def samples_or_rows(block: Sequence[Verified], dialect: Dialect) -> list[Sequence[Sample | Quarantined]]:
    """What this dialect makes of each conversation: a row, or several windows; nothing if it does not take the conversation."""
    taken = [one if isinstance(one, Conversation) and dialect.settings.takes(one.origin.source) else None for _, one in block]
    laid_out = _run_stage(dialect.lay_out, taken)
    encoded = _run_stage(dialect.encode, laid_out)
    completed = _run_stage(dialect.rows, encoded)
    return [
        _samples_or_row(raw, conversation, dialect.name, rows) if conversation is not None and rows is not None else ()
        for (raw, _), conversation, rows in zip(block, taken, completed, strict=True)
    ]


def _run_stage(stage: Callable[[In], Out], given: Sequence[In | _Refused | None]) -> list[Out | _Refused | None]:
    """What the stage makes of each; one that is refused or not taken stays so."""
    return [one if one is None or isinstance(one, _Refused) else _tried(stage, one) for one in given]


def _samples_or_row(raw: RawRecord, conversation: Conversation, dialect: str, found: Sequence[Tokens] | _Refused) -> Sequence[Sample | Quarantined]:
    if isinstance(found, _Refused):
        return (Quarantined(raw, (*found.findings, *conversation.findings), conversation.sample_id, dialect, conversation.episode_id),)
    return [Sample(conversation, dialect, tokens, window) for window, tokens in enumerate(found)]


class _Refused(Noun, frozen=True):
    """The findings of a stage that refused its input."""

    findings: tuple[Finding, ...]


def _tried(stage: Callable[P, Out], *given: P.args, **named: P.kwargs) -> Out | _Refused:
    try:
        return stage(*given, **named)
    except Reject as reject:
        return _Refused(reject.findings)
    except Exception as error:  # the only place: an internal error costs one record, is counted, and fails the run
        return _Refused((_internal_error(error),))


def _internal_error(error: Exception) -> Finding:
    """Only the type and the place: a message could contain the user's text."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return Reason.INTERNAL_ERROR.at("", f"{type(error).__name__} in {place.name}, line {place.lineno} of {place.filename.rpartition('/')[2]}")


def is_internal(findings: Iterable[Finding]) -> bool:
    """Whether these findings are internal errors; a violated invariant is one."""
    return any(finding.code in (Reason.INTERNAL_ERROR.code, Reason.TOKENS_SPAN_MISMATCH.code) for finding in findings)
