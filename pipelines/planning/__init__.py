"""What a configuration would give, before a batch is run: the stages of a run on a sample of the records, under several values of max_tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from pipelines.config import Config
from pipelines.config.checks import Checks
from pipelines.containers.listing import InputFile
from pipelines.episodes.steps.groups import StepIndex
from pipelines.flow import Flow, Verified, draft_of, verified_blocks
from pipelines.images.headers import verify_header
from pipelines.images.references import ImageChecker
from pipelines.ledger.books import ASIDE
from pipelines.local import RecordIndex, draft_with_images, index_records
from pipelines.planning.budgets import DialectPlan, Fit
from pipelines.planning.census import Census, chosen_records, distinct, take_census
from pipelines.planning.estimates import Estimate, Key, Sums, least_that_fits
from pipelines.reasons import Reason
from pipelines.records import Outcome, Quarantined, RawRecord

AMOUNTS = ("rows", "tokens", "target_tokens", "images", "slices")
PARTS = 720_720  # of a record, in which its conversations are counted: a whole number for up to 16 of them


@dataclass(slots=True)
class Plan:
    """What was counted. Keys of `sums`: ("records", state) and ("reason", code) of records; ("conversations",), and ("offered", dialect) of them; (dialect,
    budget, state or amount) and (dialect, budget, "reason", code) of what a dialect makes of them; and ("lost",) and ("wanted",), in parts of a record, as gates
    count them. `lengths` are the tokens of whole rows."""

    census: Census
    dialects: tuple[DialectPlan, ...]
    reads_pixels: bool
    sums: Sums
    lengths: dict[tuple[str, str], list[int]] = field(default_factory=dict)  # by dialect and source

    @property
    def is_exact(self) -> bool:
        """Whether every record was looked at."""
        return self.census.chosen is None

    def estimate(self, *key: Hashable) -> Estimate:
        windows = {dialect.settings.name for dialect in self.dialects if "windowed" in dialect.states}
        return self.sums.estimate(key, self.census.records, key[-1] not in AMOUNTS or (key[-1] == "rows" and key[0] not in windows))

    def quarantined_share(self) -> float:
        """The share that gate `max_quarantined` limits."""
        wanted = self.estimate("wanted").total
        return self.estimate("lost").total / wanted if wanted else 0.0

    def least_that_fits(self, dialect: str, share: float) -> int | None:
        """The smallest max_tokens under which this share of the whole rows of a dialect fits."""
        records, sampled = self.census.records, self.sums.sampled
        weighted = ((length, records[source] / sampled[source]) for (name, source), some in self.lengths.items() if name == dialect for length in some)
        return least_that_fits(weighted, share)


def make_plan(
    flow: Flow,
    files: Sequence[InputFile],
    sample: int | None,
    seed: int = 0,
    reads_pixels: bool | None = None,
    on_read: Callable[[RawRecord], object] = lambda raw: None,
    on_outcome: Callable[[Outcome], object] = lambda outcome: None,
    sums: Sums | None = None,
) -> Plan:
    """The plan of these files, from `sample` of their records, or from all where it is None.

    Pictures are verified as the configuration says if `reads_pixels`, which by default holds where all records are looked at, and otherwise by their
    headers. `on_read` is called for each record of the first pass, `on_outcome` for each row that a run would write of the chosen records. What they have is added to `sums`.
    """
    config, inputs = flow.config, distinct(files)
    census = take_census(config, inputs, sample, seed, on_read)
    plan = Plan(census, tuple(map(DialectPlan, flow.dialects)), census.chosen is None if reads_pixels is None else reads_pixels, sums or Sums())
    checker = _checker(config, plan.reads_pixels)
    index = index_records(config, inputs, checker)[0] if _others_decide(config) else RecordIndex(StepIndex({}), first=census.first)
    records = (draft_with_images(raw, draft_of(raw, config), index, checker) for raw in chosen_records(config, inputs, census))
    for outcome in _exact(plan, config):
        on_outcome(outcome)
    pairs = (pair for block in verified_blocks(records, config) for pair in _fitted(plan, block, on_outcome))
    for origin, record in groupby(pairs, key=lambda pair: pair[0][0].origin):
        plan.sums.add(origin.source, _amounts(plan, record))
    return plan


def _others_decide(config: Config) -> bool:
    """Whether other records decide more about a record than whether it is a duplicate: then all must be read as drafts."""
    return bool(config.cumulative) or config.normalize.id_conflict == "quarantine" or any(source.rows.of == "step" for source in config.sources)


def _checker(config: Config, reads_pixels: bool) -> ImageChecker:
    """By headers alone no picture has a hash, by which cumulative logs and checks of steps compare pictures: then the bytes are read."""
    if reads_pixels:
        return ImageChecker(config)
    if config.cumulative or config.checks != Checks():
        return ImageChecker(config.model_copy(update={"images": config.images.model_copy(update={"verify": "header"})}))
    return ImageChecker(config, verify_header)


def _exact(plan: Plan, config: Config) -> Iterator[Quarantined]:
    """Counts what the first pass found of all files: duplicates, and the rows of damaged files, which it returns."""
    duplicates = plan.census.duplicates
    plan.sums.exact.update({("records", "duplicate"): duplicates, ("reason", Reason.RECORD_DUPLICATE.code): duplicates})
    for raw in plan.census.damaged:
        row = draft_of(raw, config)
        if isinstance(row, Quarantined):
            plan.sums.exact.update([("records", "damaged"), ("reason", row.findings[0].code)])
            yield row


Fitted = tuple[Verified, list[tuple[int | None, dict[int, Fit]]]]


def _fitted(plan: Plan, block: Sequence[Verified], on_outcome: Callable[[Outcome], object]) -> Iterator[Fitted]:
    """Each conversation with what every dialect makes of it, in the order of the dialects."""
    for verified, *by_dialect in zip(block, *(dialect.fits(block) for dialect in plan.dialects), strict=True):
        on_outcome(verified[1])
        for _, _, rows in by_dialect:
            for row in rows:
                on_outcome(row)
        yield verified, [(length, fits) for length, fits, _ in by_dialect]


def _amounts(plan: Plan, record: Iterable[Fitted]) -> Counter[Key]:
    """What one record has under each key; the tokens of its whole rows are noted too."""
    found: Counter[Key] = Counter({("records", "quarantined"): 0})
    refused = 0
    for verified, by_dialect in record:
        made = verified[1]
        if isinstance(made, Quarantined):
            code = made.findings[0].code
            state = ASIDE.get(code, "quarantined")
            found.update([("records", state), ("reason", code)])
            if state == "quarantined":
                found["lost",] = found["wanted",] = PARTS
        else:
            found["records", "kept"] = 1
            found.update([("conversations",)])
            found["wanted",] = PARTS
            own = [fits[dialect.settings.max_tokens] for dialect, (_, fits) in zip(plan.dialects, by_dialect, strict=True) if fits]
            refused += bool(own) and all(fit.state == "quarantined" for fit in own)
        for dialect, (length, fits) in zip(plan.dialects, by_dialect, strict=True):
            name = dialect.settings.name
            if fits:
                found["offered", name] += 1
            if length is not None:
                plan.lengths.setdefault((name, verified[0].origin.source), []).append(length)
            for budget, fit in fits.items():
                for state in dialect.states:
                    found[name, budget, state] += state == fit.state
                if fit.reason:
                    found[name, budget, "reason", fit.reason] += 1
                for amount in AMOUNTS:
                    found[name, budget, amount] += getattr(fit, amount)
    if found["conversations",]:
        found["lost",] = round(PARTS * refused / found["conversations",])
    return found
