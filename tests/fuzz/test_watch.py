"""What the watch reports as a finding, and which inputs it keeps."""

import json
from pathlib import Path

import pytest

from tests.corpus import unpack
from tests.fuzz import watch as own
from tests.fuzz.campaign import table
from tests.fuzz.targets import TARGETS, seeds
from tests.fuzz.watch import Figures, Watch


def test_an_exception_is_counted_each_time_and_kept_once_per_place(tmp_path: Path):
    def target(data: bytes) -> None:
        if data.startswith(b"bad"):
            raise ValueError("no")

    watch = Watch("lines", target, tmp_path)
    for data in (b"good", b"bad 1", b"bad 2"):
        watch(data)
    watch.write()
    figures = Figures(**json.loads((tmp_path / "figures.json").read_text()))
    assert (figures.inputs, figures.exceptions, len(figures.findings)) == (3, 2, 1)
    assert [path.read_bytes() for path in tmp_path.glob("exception-*")] == [b"bad 1"]
    assert "ValueError in target, test_watch.py:" in figures.findings[0]


def test_a_slow_input_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(own, "SECONDS", 0.01)
    watch = Watch("lines", lambda data: [None for _ in range(len(data) * 1_000_000)], tmp_path)
    watch(b"")
    watch(b"five.")
    assert [path.read_bytes() for path in tmp_path.glob("slow-*")] == [b"five."]


def test_a_large_input_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(own, "MEGABYTES", 100)
    sizes = iter([50.0, 60.0, 170.0])
    monkeypatch.setattr(own, "peak_megabytes", lambda: next(sizes))
    watch = Watch("lines", lambda data: None, tmp_path)
    watch(b"small")
    watch(b"large")
    assert [path.read_bytes() for path in tmp_path.glob("large-*")] == [b"large"]


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_takes_its_seeds(name: str, hostile: Path):
    target = TARGETS[name]()
    found = seeds(name, hostile)
    assert len(found) > 20 or name.startswith("format-")
    for data in found[:: max(1, len(found) // 60)]:
        target(data)


def test_the_table_has_a_row_per_target():
    assert table([Figures("lines", inputs=1200, seconds=60.0, slowest=0.25, megabytes=120.4)])[-1] == "| lines | 1,200 | 20 | 0 | 0.25 | 120 |"


def test_the_corpus_comes_with_its_links(tmp_path: Path):
    assert any(path.is_symlink() for path in unpack(tmp_path).rglob("*"))
