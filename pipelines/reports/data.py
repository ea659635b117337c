"""The data of a report, frozen, and the functions that build it from the manifest and from rows of the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.containers.listing import PassedOver
from pipelines.ledger.books import STATES, FileBook
from pipelines.ledger.summary import usual
from pipelines.ledger.unread_keys import by_source
from pipelines.reports.cards import Card
from pipelines.reports.causes import Matrix, ReasonRow, WorstFile, common_folder, matrix_of, reason_row, worst_of
from pipelines.reports.episode import EpisodeView
from pipelines.reports.flow import Part, flow_parts
from pipelines.training.tables import SPLITS
from pipelines.visible import one_line

MOST_PATH = 400  # characters
MOST = 50  # unread keys per source, and files passed over

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TokenizerFact:
    """The tokenizer of one dialect; the ids of a stand-in are not those of the model."""

    dialect: str
    tokenizer: str
    fingerprint: str
    standin: bool


@dataclass(frozen=True, slots=True)
class RunFacts:
    """`status` is published, gate_failed or internal_error; `words` say why nothing was published, and then which input files have changed."""

    batch: str
    run_id: str
    status: str
    words: tuple[str, ...]
    code: str
    config: str
    tokenizers: tuple[TokenizerFact, ...]
    quarantined_share: float
    max_quarantined: float

    @property
    def standins(self) -> tuple[TokenizerFact, ...]:
        return tuple(fact for fact in self.tokenizers if fact.standin)


@dataclass(frozen=True, slots=True)
class DialectFlow:
    dialect: str
    offered: int
    clean: int
    repaired: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class Funnel:
    """Records in = kept + quarantined + duplicates + filtered + superseded, where `kept` have conversations; per dialect, offered = clean + repaired +
    quarantined."""

    records: int
    conversations: int
    quarantined: int
    duplicates: int
    filtered: int
    damaged: int
    dialects: tuple[DialectFlow, ...]
    kept: int
    superseded: int = 0


@dataclass(frozen=True, slots=True)
class SplitRow:
    dialect: str
    split: str
    rows: int
    tokens: int
    target_tokens: int


@dataclass(frozen=True, slots=True)
class Lengths:
    """Number of tokens -> rows, of one dialect."""

    counts: Mapping[int, int]
    max_tokens: int


@dataclass(frozen=True, slots=True)
class ImageSize:
    """`count` images of one size and format."""

    width: int
    height: int
    format: str
    count: int


@dataclass(frozen=True, slots=True)
class SourceRow:
    """Files and records of a source, the usual numbers, and how many records are their own episode."""

    source: str
    files: int
    records: int
    usual: str
    without_episode: int


@dataclass(frozen=True, slots=True)
class UnreadKeys:
    """The unread keys of a source, the most frequent first. `left_out` more are only in the manifest; `not_listed` more are not there either."""

    source: str
    keys: tuple[tuple[str, int], ...]
    left_out: int
    not_listed: int


@dataclass(frozen=True, slots=True)
class ReportData:
    """`passed_over` are the first files that were passed over, of `passed_over_total`; `files` those of `number_of_files` that lost most."""

    run: RunFacts
    funnel: Funnel
    splits: tuple[SplitRow, ...]
    reasons: tuple[ReasonRow, ...]
    lengths: Mapping[str, Lengths]
    image_sizes: tuple[ImageSize, ...]
    files: tuple[FileBook, ...]
    cards: tuple[Card, ...]
    sources: tuple[SourceRow, ...]
    unread: tuple[UnreadKeys, ...]
    passed_over: tuple[PassedOver, ...]
    passed_over_total: int
    flow: tuple[Part, ...]
    matrix: Matrix
    worst_files: tuple[WorstFile, ...]
    folder: str  # that all paths of `worst_files` and `files` begin with
    number_of_files: int
    episodes: tuple[EpisodeView, ...]


def report_data(
    manifest: Row,
    examples: Mapping[str, Sequence[Row]],
    lengths: Mapping[str, Mapping[int, int]],
    image_sizes: Sequence[Row],
    cards: Sequence[Card],
    episodes: Sequence[EpisodeView] = (),
) -> ReportData:
    """The report's data, from the manifest and from rows of the tables.

    `examples`: reason code -> rows of `quarantine`, or of `conversations` and `samples` for repairs and notes.
    `lengths`: dialect -> number of tokens -> rows. `image_sizes`: rows of width, height, format and count.
    """
    limits = {dialect["name"]: dialect["max_tokens"] for dialect in manifest["settings"]["dialects"]}
    counts = {**manifest["reasons"], **manifest.get("repairs", {})}
    passed_over = manifest.get("passed_over") or ()
    reasons = [reason_row(code, count, examples.get(code, ())) for code, count in counts.items()]
    return ReportData(
        run_facts(manifest),
        funnel_of(manifest),
        tuple(sorted((SplitRow(**row) for row in manifest.get("splits", ())), key=_split_order)),
        tuple(sorted(reasons, key=lambda row: (-row.count, row.code))),
        {dialect: Lengths(lengths.get(dialect, {}), most) for dialect, most in limits.items()},
        tuple(ImageSize(row["width"], row["height"], row["format"], row["count"]) for row in image_sizes),
        tuple(FileBook(**row | {"path": one_line(row["path"], MOST_PATH)}) for row in manifest["files"]),
        tuple(cards),
        tuple(source_row(row, manifest.get("without_episode") or {}) for row in manifest.get("sources") or ()),
        tuple(UnreadKeys(source, tuple(keys[:MOST]), max(len(keys) - MOST, 0), more) for source, (keys, more) in by_source(manifest).items()),
        tuple(PassedOver(row["source"], one_line(row["path"], MOST_PATH), row["why"]) for row in passed_over[:MOST]),
        len(passed_over),
        flow_parts(manifest["counts"], manifest.get("causes") or ()),
        matrix_of(manifest),
        worst_of(manifest),
        common_folder(sorted({one_line(row["path"], MOST_PATH) for name in ("files", "worst_files") for row in manifest.get(name) or ()})),
        manifest.get("number_of_inputs", len(manifest["files"])),
        tuple(episodes),
    )


def source_row(row: Row, without_episode: Mapping[str, int]) -> SourceRow:
    return SourceRow(row["source"], row["files"], row["records"], usual(row), without_episode.get(row["source"], 0))


def run_facts(manifest: Row) -> RunFacts:
    return RunFacts(
        manifest["batch"],
        manifest["run_id"],
        manifest.get("status", ""),
        tuple(sorted(manifest.get("words", ()), key=lambda word: word.startswith(f"batch {manifest['batch']}, "))),
        manifest["code"],
        manifest["config"],
        tuple(TokenizerFact(dialect, fact["tokenizer"], fact["fingerprint"], bool(fact["standin"])) for dialect, fact in manifest["tokenizers"].items()),
        manifest["quarantined_share"],
        manifest["settings"]["gates"]["max_quarantined"],
    )


def funnel_of(manifest: Row) -> Funnel:
    """The books of all input files added up, by state and dialect."""
    names = [dialect["name"] for dialect in manifest["settings"]["dialects"]]
    totals = {name: [manifest["dialect_totals"].get(name, {}).get(state, 0) for state in ("offered", "clean", "repaired", "quarantined")] for name in names}
    counts = manifest["counts"]
    states = {name: counts.get(name, 0) for name in STATES}
    return Funnel(**states, dialects=tuple(DialectFlow(dialect, *total) for dialect, total in totals.items()))


def _split_order(row: SplitRow) -> tuple[str, int]:
    return row.dialect, SPLITS.index(row.split) if row.split in SPLITS else len(SPLITS)
