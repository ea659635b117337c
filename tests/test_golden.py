"""Rows equal those of the upstream training code token for token, except for the named differences of recipe `sound`."""

from collections import Counter

import pytest

from pipelines.records import IGNORE_INDEX, Sample
from tests.golden import DIALECTS, cases_of, expectation, fault_of, run_case

CASES = {"minicpm_v_2_6": 165, "minicpm_v_2_5": 124, "minicpm_v_2": 122, "agentcpm_gui": 182, "glm_4": 93, "glm_4v": 42}


@pytest.mark.parametrize("recipe", ["upstream", "sound"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_golden_case_is_right(dialect: str, recipe: str):
    faults = {case["id"]: fault_of(run_case(case, recipe), expectation(case, recipe)) for case in cases_of(dialect)}
    assert {name: fault for name, fault in faults.items() if fault} == {}
    assert len(faults) == CASES[dialect]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_with_recipe_sound_each_label_is_the_id_at_its_place_or_ignored(dialect: str):
    rows = [row for case in cases_of(dialect) if isinstance(row := run_case(case, "sound"), Sample)]
    assert rows
    assert all(label in (i, IGNORE_INDEX) for row in rows for i, label in zip(row.tokens.input_ids, row.tokens.labels, strict=True))


def test_the_golden_cases_are_complete():
    verdicts = Counter(case["expect"]["verdict"] for dialect in DIALECTS for case in cases_of(dialect))
    assert verdicts == {"clean": 338, "either": 251, "quarantined": 139}
