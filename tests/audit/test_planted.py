"""Planted copies are found, and little else: among few episodes in every run of the tests, among 100,000 in the long ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.console.root.audit import audit_root
from pipelines.storage.stores import ENVIRONMENT
from pipelines.tables.publication.root import OutputRoot
from tests.audit.planted import found_and_false, planted
from tests.published import publish_rows


@pytest.mark.parametrize(
    ("episodes", "copies", "most_false"),
    [(1_500, 100, 2), pytest.param(100_000, 500, 10, marks=pytest.mark.long)],
)
def test_an_audit_finds_planted_copies_and_little_else(tmp_path: Path, episodes: int, copies: int, most_false: int):
    known = planted(episodes, copies)
    publish_rows(OutputRoot(str(tmp_path)), "run", "mon", {"conversations": known.rows})
    made, _ = audit_root(str(tmp_path), ENVIRONMENT, None)
    found, missed, wrong = found_and_false(made, known)
    assert made.episodes.total() == episodes
    assert len(found) >= 0.98 * copies, missed
    assert len(wrong) <= most_false, wrong
