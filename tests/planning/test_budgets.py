"""What a plan derives from one row without a limit equals what a run makes under each limit."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from pipelines.config.options import History
from pipelines.dialects import Dialect
from pipelines.flow import Verified, samples_or_rows
from pipelines.planning.budgets import DialectPlan, _with, fit_of
from pipelines.records import Conversation, raw_record
from tests.golden import DIALECTS, cases_of, config_for, open_case, outcomes

BUDGETS = (60, 150, 400, 1500)


def golden_blocks(name: str) -> Iterator[tuple[Dialect, list[Verified]]]:
    """The conversations of every golden case, with the dialect that it is for."""
    for case in cases_of(name):
        flow = open_case(config_for(case, "sound"))
        sizes = {image: (spec["width"], spec["height"]) for image, spec in case["images"].items()}
        raw = raw_record("kit", "logs.jsonl", 1, json.dumps(case["record"]).encode())
        made = [(raw, one) for one in outcomes(case["record"], sizes, open_case(flow.config.model_copy(update={"dialects": ()})))]
        yield flow.dialects[0], [(raw, one) for raw, one in made if isinstance(one, Conversation)]


@pytest.mark.parametrize("on_overflow", ["quarantine", "drop_turns", "fewer_slices", "windows", "history"])
@pytest.mark.parametrize("name", DIALECTS)
def test_each_budget_gives_what_a_run_gives(name: str, on_overflow: str):
    changed = {"on_overflow": "windows", "history": History(images=1)} if on_overflow == "history" else {"on_overflow": on_overflow}
    states = set()
    for opened, block in golden_blocks(name):
        dialect = _with(opened, **changed)
        for length, fits, _ in DialectPlan(dialect, BUDGETS).fits(block):
            assert set(fits) == {*BUDGETS, dialect.settings.max_tokens}
            for budget, fit in fits.items():
                (rows,) = samples_or_rows(block, _with(dialect, max_tokens=budget))
                assert fit == fit_of(rows), (budget, length)
                states.add(fit.state)
    is_never = {"shortened"} if on_overflow == "fewer_slices" and name.startswith("glm") else set()  # they do not slice
    assert states == set(DialectPlan(dialect).states) - is_never
