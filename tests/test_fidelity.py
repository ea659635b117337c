"""The tables in docs/fidelity.md are the counts of the golden cases."""

from collections import Counter
from pathlib import Path

from pipelines.dialects import DIALECTS as MODELS
from pipelines.records import IGNORE_INDEX, Quarantined, Sample
from tests.golden import DIALECTS, Case, cases_of, codes_of, run_case

PAGE = Path(__file__).parents[1] / "docs" / "fidelity.md"


def result(case: Case) -> tuple[str, tuple[str, ...]]:
    """How the row with recipe `sound` compares with that of recipe `upstream`: (equal | by rule | quarantined, why)."""
    sound, upstream = run_case(case, "sound"), run_case(case, "upstream")
    if isinstance(sound, Quarantined):
        return "quarantined", (codes_of(sound)[0],)
    if isinstance(upstream, Quarantined):
        return "by rule", ("kept by `sound` alone",)
    rules = _rules(case["dialect"], upstream, sound)
    return ("by rule", rules) if rules else ("equal", ())


def _rules(dialect: str, upstream: Sample, sound: Sample) -> tuple[str, ...]:
    """R1 removes a label that is not the id at its place, R2 adds tokens, R3 moves the labels of GLM-4V."""
    rules = []
    if any(label not in (i, IGNORE_INDEX) for i, label in zip(upstream.tokens.input_ids, upstream.tokens.labels, strict=True)):
        rules.append("R1")
    if list(upstream.tokens.input_ids) != list(sound.tokens.input_ids):
        rules.append("R2")
    if dialect == "glm_4v" and list(upstream.tokens.labels) != list(sound.tokens.labels):
        rules.append("R3")
    if not rules:
        assert list(upstream.tokens.labels) == list(sound.tokens.labels)
    return tuple(rules)


def table() -> list[str]:
    lines = ["| dialect | upstream | cases | equal | different by rule | quarantined |", "|---|---|---|---|---|---|"]
    for name in DIALECTS:
        results = Counter(result(case)[0] for case in cases_of(name))
        lines.append(f"| `{name}` | {MODELS[name].upstream} | {len(cases_of(name))} | {results['equal']} | {results['by rule']} | {results['quarantined']} |")
    return lines


def reasons() -> list[str]:
    lines = ["| dialect | why different | why quarantined |", "|---|---|---|"]
    for name in DIALECTS:
        why = {"equal": Counter(), "by rule": Counter(), "quarantined": Counter()}
        for case in cases_of(name):
            kind, causes = result(case)
            why[kind].update([" + ".join(causes)])
        cells = [
            ", ".join(f"{count} {'`' + cause + '`' if kind == 'quarantined' else cause}" for cause, count in why[kind].most_common()) or "none"
            for kind in ("by rule", "quarantined")
        ]
        lines.append(f"| `{name}` | {cells[0]} | {cells[1]} |")
    return lines


def test_the_tables_on_the_page_are_the_counts_of_the_golden_cases():
    text = PAGE.read_text(encoding="utf-8")
    assert "\n".join(table()) in text
    assert "\n".join(reasons()) in text
