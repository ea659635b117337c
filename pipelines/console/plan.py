"""`episodes plan`: what a configuration would give before a batch is run, without Spark. It writes nothing."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from pipelines.config import Config, load_config
from pipelines.containers.inputs import inputs_of
from pipelines.containers.listing import Listing
from pipelines.flow import open_flow
from pipelines.local import list_files, with_folders
from pipelines.planning import AMOUNTS, DialectPlan, Plan, make_plan
from pipelines.planning.census import least_of
from pipelines.planning.estimates import Estimate
from pipelines.reasons import Reason
from pipelines.records import Outcome, RawRecord
from pipelines.visible import counted, visible

OK, INTERNAL_ERROR, GATE = 0, 1, 3
INTERNAL = (Reason.INTERNAL_ERROR.code, Reason.TOKENS_SPAN_MISMATCH.code)
RECORD_STATES = ("kept", "quarantined", "duplicate", "filtered", "superseded", "damaged")
MOST_REASONS = 10
WIDTH = 160  # characters: a table is not cut where the output is a file
SHARES = {"all": 1.0, "99%": 0.99}


def run(options: Namespace) -> int:
    config = with_folders(load_config(options.config, options.set), options.files, options.batch)
    flow = open_flow(config)
    listing = list_files(config, options.files, options.batch) if options.files else inputs_of(config, options.batch)
    reads_pixels = None if options.pictures is None else options.pictures == "verify"
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    with _progress(console) as bars:
        plan = make_plan(flow, listing.files, options.sample, options.seed, reads_pixels, bars.read, bars.count)
    if options.json:
        print(orjson.dumps(facts(plan, listing, options.seed, options.sample), option=orjson.OPT_INDENT_2).decode())
    else:
        _print(plan, listing, options.sample)
    return _verdict(plan, config, console)


def facts(plan: Plan, listing: Listing, seed: int, asked: int | None = None) -> dict[str, Any]:
    """The object that --json prints. `asked` is the size of the sample that was asked for, None for all records."""
    return {
        "files": len(listing.files),
        "records": dict(plan.census.records),
        "sampled": dict(plan.sums.sampled),
        "asked": asked,
        "seed": seed,
        "is_exact": plan.is_exact,
        "pictures": "verify" if plan.reads_pixels else "header",
        "quarantined_share": plan.quarantined_share(),
        "states": {state: asdict(plan.estimate("records", state)) for state in RECORD_STATES},
        "conversations": asdict(plan.estimate("conversations")),
        "reasons": {code: asdict(found) for code, found in reasons_of(plan, "reason")},
        "dialects": [_dialect_facts(plan, dialect) for dialect in plan.dialects],
    }


def _dialect_facts(plan: Plan, dialect: DialectPlan) -> dict[str, Any]:
    settings = dialect.settings
    return {
        "dialect": settings.name,
        "on_overflow": settings.on_overflow,
        "max_tokens": settings.max_tokens,
        "offered": asdict(plan.estimate("offered", settings.name)),
        "max_tokens_that_fits": {name: plan.least_that_fits(settings.name, share) for name, share in SHARES.items()},
        "budgets": [
            {"max_tokens": budget}
            | {name: asdict(plan.estimate(settings.name, budget, name)) for name in (*dialect.states, *AMOUNTS)}
            | {"reasons": {code: asdict(found) for code, found in reasons_of(plan, settings.name, budget, "reason")}}
            for budget in dialect.budgets
        ],
    }


def reasons_of(plan: Plan, *before: Any) -> list[tuple[str, Estimate]]:
    """The reasons that were found, the most frequent first: those under keys that begin so."""
    found = [(str(key[-1]), plan.estimate(*key)) for key in plan.sums.keys if key[:-1] == before]
    return sorted(((code, one) for code, one in found if one.total), key=lambda pair: (-pair[1].total, pair[0]))


def _print(plan: Plan, listing: Listing, asked: int | None) -> None:
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.width = max(console.width, WIDTH)
    total, sampled = plan.census.records.total(), plan.sums.sampled.total()
    looked = "all were looked at, so the numbers are exact" if plan.is_exact else f"a sample of {sampled:,}{_why(plan, asked)}; ± is the interval of 95 %"
    console.print(f"{counted(len(listing.files), 'file')}, {counted(total, 'distinct record')}: {looked}")
    if not plan.reads_pixels and any(plan.estimate(dialect.settings.name, dialect.settings.max_tokens, "images").total for dialect in plan.dialects):
        console.print("pictures were read by their headers: a picture damaged after its header counts as good")
    states = [(state, plan.estimate("records", state)) for state in RECORD_STATES]
    console.print("records: " + ", ".join(f"{state} {_words(one)}" for state, one in states if one.total or state in ("kept", "quarantined")))
    _print_reasons(console, reasons_of(plan, "reason"), "reasons: ")
    for dialect in plan.dialects:
        _print_dialect(console, plan, dialect)


def _why(plan: Plan, asked: int | None) -> str:
    """Why the sample has another size than was asked for."""
    if asked is None or asked == plan.sums.sampled.total():
        return ""
    least = least_of(asked, len(plan.census.records))
    return f" instead of {asked:,}, because each source gives its share, and at least {least} records if it has them"


def _print_dialect(console: Console, plan: Plan, dialect: DialectPlan) -> None:
    settings = dialect.settings
    name = settings.name
    console.print()
    console.print(visible(f"{name}: {_words(plan.estimate('offered', name))} conversations; on_overflow: {settings.on_overflow}"))
    fits = {share: plan.least_that_fits(name, SHARES[share]) for share in ("99%", "all")}
    if fits["all"] is not None:
        of = "" if plan.is_exact else " of the sample"
        console.print(f"max_tokens under which rows fit whole: {fits['99%']:,} for 99 %{of}, {fits['all']:,} for all{of}")
    amounts = [amount for amount in AMOUNTS if any(plan.estimate(name, budget, amount).total for budget in dialect.budgets)]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("max_tokens", *dialect.states, *(amount.replace("_", " ").replace("target", "trained") for amount in amounts)):
        table.add_column(head, justify="right", no_wrap=True)
    for budget in dialect.budgets:
        mark = "* " if budget == settings.max_tokens else ""
        table.add_row(f"{mark}{budget:,}", *(_words(plan.estimate(name, budget, column)) for column in (*dialect.states, *amounts)))
    console.print(table)
    _print_reasons(console, reasons_of(plan, name, settings.max_tokens, "reason"), f"quarantined under {settings.max_tokens:,} (*): ")


def _print_reasons(console: Console, reasons: list[tuple[str, Estimate]], before: str) -> None:
    if reasons:
        more = f", and {counted(len(reasons) - MOST_REASONS, 'more reason')}" if len(reasons) > MOST_REASONS else ""
        console.print(before + ", ".join(f"{code} {_words(one)}" for code, one in reasons[:MOST_REASONS]) + more)


def _words(one: Estimate) -> str:
    """The total with the farther end of its interval, `1,200 ± 80`; or the interval, `0 to 73`, where the total is one of its ends."""
    if one.low == one.high:
        return f"{one.total:,}"
    if one.total in (one.low, one.high):
        return f"{one.low:,} to {one.high:,}"
    return f"{one.total:,} ± {max(one.high - one.total, one.total - one.low):,}"


def _verdict(plan: Plan, config: Config, console: Console) -> int:
    """The exit code that a run would have, by internal errors and the share that was quarantined."""
    own = [(dialect.settings.name, dialect.settings.max_tokens, "reason") for dialect in plan.dialects]
    errors = sum(plan.estimate(*before, code).in_sample for before in [("reason",), *own] for code in INTERNAL)
    if errors > config.gates.max_internal_errors:
        console.print(f"max_internal_errors: {counted(errors, 'record')} failed with an internal error; the limit is {config.gates.max_internal_errors}")
        return INTERNAL_ERROR
    share, limit = plan.quarantined_share(), config.gates.max_quarantined
    if share > limit:
        by = "" if plan.is_exact else " by the sample"
        console.print(f"a gate would fail{by}: max_quarantined: {share:.2%} of the records would be quarantined; the limit is {limit:.2%}")
        return GATE
    return OK


class _Bars:
    """Records as they are counted, then as they are tried."""

    def __init__(self, bars: Progress):
        self._bars = bars
        self._tasks = {name: bars.add_task(name, total=None, amount="") for name in ("count", "try")}
        self._numbers: Counter[str] = Counter()

    def _advance(self, name: str, noun: str) -> None:
        self._numbers[name] += 1
        self._bars.update(self._tasks[name], amount=counted(self._numbers[name], noun))

    def read(self, raw: RawRecord) -> None:
        self._advance("count", "record")

    def count(self, outcome: Outcome) -> None:
        self._advance("try", "row")


@contextmanager
def _progress(console: Console) -> Iterator[_Bars]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[amount]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        yield _Bars(bars)
