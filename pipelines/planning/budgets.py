"""What a dialect makes of conversations under several values of max_tokens.

Each conversation is tokenized whole, once. Where its row is no longer than a budget, that row is the one that a run would write. Where it is
longer, `on_overflow: quarantine` refuses it; any other setting is tried with this budget, by the code of a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from pipelines.config import DialectSettings
from pipelines.config.options import History
from pipelines.dialects import Dialect
from pipelines.flow import Verified, samples_or_rows
from pipelines.reasons import Reason
from pipelines.records import Quarantined, Sample

BUDGETS = (2048, 4096, 8192, 16384, 32768)
WITHOUT_LIMIT = 1 << 40  # tokens: more than any record has
MORE_STATES = {"drop_turns": ("shortened",), "fewer_slices": ("shortened",), "windows": ("windowed",)}  # by on_overflow
_SHORTENED = {Reason.REPAIR_TURNS_DROPPED.code, Reason.REPAIR_FEWER_SLICES.code}

Rows = Sequence[Sample | Quarantined]


@dataclass(frozen=True, slots=True)
class Fit:
    """What becomes of one conversation under one budget: its state, the reason if it is quarantined, and what its rows have together. `slices` counts
    the views of pictures: the source view of each, and its slices."""

    state: str
    reason: str | None = None
    rows: int = 0
    tokens: int = 0
    target_tokens: int = 0
    images: int = 0
    slices: int = 0


TOO_LONG = Fit("quarantined", Reason.TOKENS_TOO_LONG.code)


@dataclass(frozen=True)
class DialectPlan:
    """A dialect under its own max_tokens and under others."""

    dialect: Dialect
    others: tuple[int, ...] = BUDGETS

    @cached_property
    def budgets(self) -> tuple[int, ...]:
        return tuple(sorted({*self.others, self.settings.max_tokens}))

    @property
    def states(self) -> tuple[str, ...]:
        """What can become of a conversation."""
        return ("whole", *MORE_STATES.get(self.settings.on_overflow, ()), "quarantined")

    @property
    def settings(self) -> DialectSettings:
        return self.dialect.settings

    @cached_property
    def _whole(self) -> Dialect:
        return _with(self.dialect, max_tokens=WITHOUT_LIMIT, on_overflow="quarantine", history=History())

    @cached_property
    def _under(self) -> dict[int, Dialect]:
        return {budget: _with(self.dialect, max_tokens=budget) for budget in self.budgets}

    def fits(self, block: Sequence[Verified]) -> Iterator[tuple[int | None, dict[int, Fit], Rows]]:
        """For each conversation of the block: the tokens of its whole row, None if it has none; what becomes of it under each budget; and its rows under
        the dialect's own. All empty for what the dialect does not take."""
        wholes = samples_or_rows(block, self._whole)
        lengths = [_length(rows) for rows in wholes]
        made: dict[int, list[Rows | None]] = {budget: self._made(block, wholes, lengths, budget) for budget in self.budgets}
        for i, (whole, length) in enumerate(zip(wholes, lengths, strict=True)):
            rows = {budget: some[i] for budget, some in made.items()} if whole else {}
            yield length, {budget: TOO_LONG if some is None else fit_of(some) for budget, some in rows.items()}, rows.get(self.settings.max_tokens) or ()

    def _made(self, block: Sequence[Verified], wholes: Sequence[Rows], lengths: Sequence[int | None], budget: int) -> list[Rows | None]:
        """The rows of each conversation under this budget; None where it is certain to be refused because its row is too long."""
        is_own = budget == self.settings.max_tokens
        made: list[Rows | None] = list(wholes)
        again = []
        for i, length in enumerate(lengths):
            if length is None:
                again += [i] if wholes[i] else []  # where two things are wrong, the budget decides which is found first
            elif length > budget and self.settings.on_overflow == "quarantine" and not is_own:
                made[i] = None
            elif length > budget or self.settings.history != History():
                again.append(i)
        for i, rows in zip(again, samples_or_rows([block[i] for i in again], self._under[budget]), strict=True):
            made[i] = rows
        return made


def fit_of(rows: Rows) -> Fit:
    """What these rows of one conversation have together."""
    first = rows[0]
    if isinstance(first, Quarantined):
        return Fit("quarantined", first.findings[0].code)
    samples = [row for row in rows if isinstance(row, Sample)]
    codes = {finding.code for row in samples for finding in row.tokens.findings}
    state = "windowed" if Reason.TOKENS_WINDOW.code in codes else "shortened" if codes & _SHORTENED else "whole"
    images = [image for row in samples for image in row.tokens.images]
    return Fit(
        state,
        None,
        len(samples),
        sum(len(row.tokens.input_ids) for row in samples),
        sum(row.tokens.num_target_tokens for row in samples),
        len(images),
        sum(len(image.token_spans) for image in images),
    )


def _with(dialect: Dialect, **changed: object) -> Dialect:
    """The dialect with other settings and the same tokenizer."""
    return replace(dialect, settings=dialect.settings.model_copy(update=changed))  # type: ignore[type-var]  # all dialects are dataclasses


def _length(rows: Rows) -> int | None:
    return len(rows[0].tokens.input_ids) if rows and isinstance(rows[0], Sample) else None
