"""`episodes audit` on a published root."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.cli import main
from pipelines.tables.publication.root import OutputRoot
from tests.audit.planted import row
from tests.making import asked, configuration, write_lines
from tests.published import publish, publish_rows

NAMES = ("ann", "bob", "cleo", "dora", "emil", "finn", "gina", "hugo", "ines", "jan", "kai", "lea")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    rows = [row(number, "kit", "train", f"Look up the birthday of {name} and add it to the calendar.") for number, name in enumerate(NAMES)]
    rows += [row(20, "kit", "test", "Please look up the birthday of cleo, and add it to the calendar!"), row(21, "web", "val", "Order two cups of tea.")]
    later = row(22, "kit", "test", "Order two cups of tea.") | {"episode_id": "e20", "step_id": "2"}  # of an episode that begins with another text
    publish_rows(OutputRoot(str(tmp_path / "out")), "run", "mon", {"conversations": [*rows, later]})
    return tmp_path / "out"


def test_the_report_shows_both_texts_side_by_side(root: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["audit", str(root)]) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert "kit test                               1 of 1 episode is like 1 of kit train (1 pair)" in lines
    at = next(i for i, line in enumerate(lines) if line.startswith("task "))
    assert [line.strip().split("  ")[0] for line in lines[at + 1 : at + 5]] == [
        "kit test",
        "Please look up the birthday of cleo, and add it to the calendar!",
        "kit train",
        "Look up the birthday of cleo and add it to the calendar.",
    ]
    assert "comparing 14 episodes" in shown.err


def test_all_evidence_is_in_the_json(root: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["audit", str(root), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    (leak,) = facts["leaks"]
    assert leak["one"] == {
        "source": "kit",
        "split": "test",
        "sample_id": f"{20:032x}",
        "episode_id": "e20",
        "origin": "kit.jsonl:21",
        "text": "Please look up the birthday of cleo, and add it to the calendar!",
        "episodes": 1,
    }
    assert leak["other"]["sample_id"] == f"{2:032x}"
    assert (0.4 <= leak["task"] <= 1, leak["screen"]) == (True, None)
    assert facts["pairs"] == [
        {
            "one": {"source": "kit", "split": "test"},
            "other": {"source": "kit", "split": "train"},
            "leaks": 1,
            "one_episodes": 1,
            "one_of": 1,
            "other_episodes": 1,
            "other_of": 12,
        }
    ]


def test_a_folder_of_test_sets_is_compared_with_every_split(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_lines(tmp_path / "held" / "a.jsonl", [{"instruction": "order two cups of TEA"}, {"id": 3}])
    assert main(["audit", str(root), "--against", f"{tmp_path}/held", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    found = [(leak["one"]["split"], leak["other"]["source"], leak["other"]["split"], leak["task"]) for leak in facts["leaks"]]
    assert found[0] == ("test set", "web", "val", 1.0)
    assert facts["test_sets_without_task"] == {"schema.unknown_format": 1}
    assert main(["audit", str(root), "--against", f"{tmp_path}/held"]) == 0
    assert "no task                                1 of the test sets: schema.unknown_format" in capsys.readouterr().out


def test_a_root_without_leaks_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    config = configuration(output={"root": str(tmp_path / "out")})
    publish(tmp_path / "out", config, write_lines(tmp_path / "logs.jsonl", [asked("One?"), asked("Two?")]), "run", 1)
    assert main(["audit", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "no task and no first screen is on two sides of a split or in two sources"


def test_what_cannot_be_read_is_a_fault_of_usage(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "empty").mkdir()
    for arguments, words in (([f"{tmp_path}/empty"], "nothing is published"), ([str(root), "--against", f"{tmp_path}/none"], "no such file or folder")):
        assert main(["audit", *arguments]) == 2
        shown = capsys.readouterr()
        assert words in shown.err
        assert shown.out == ""
