"""What is counted of staged files is what stands in them, however they are cut."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from pipelines.books import takers
from pipelines.config import Config
from pipelines.console import trial
from pipelines.parts import OUTCOMES, Files, Parts, placed
from pipelines.reasons import Reason
from pipelines.records import Outcome, Sample
from pipelines.tally import Tally, groups_of, read_pick, tally_of
from tests.conftest import demo_config
from tests.making import asked, configuration, run_lines, write_lines


def staged(folder: Path, outcomes: Sequence[Outcome], config: Config, writers: int = 1) -> list[Files]:
    """The outcomes as files; the rows of a record by one writer."""
    parts = [Parts(folder, f"run-{number}", OUTCOMES) for number in range(writers)]
    writer = -1
    for outcome in outcomes:
        one = placed(outcome, "night", "run", config.split)
        writer += not (isinstance(outcome, Sample) or getattr(outcome, "dialect", None))
        parts[writer % writers].add(*one)
    return [Files(folder, sorted(part for writer in parts for part in writer.close()))]


def tallied(files: Sequence[Files], config: Config) -> Tally:
    tally = Tally()
    for group in groups_of(*files):
        tally.add(Tally.from_bytes(tally_of(group, takers(config)).to_bytes()))
    return tally


@pytest.fixture(scope="module")
def demo_kit(demo, demo_outcomes) -> tuple[Config, Sequence[Outcome]]:
    folder, _ = demo
    return demo_config(folder, folder / "out"), demo_outcomes


@pytest.mark.parametrize("writers", [1, 5])
def test_a_tally_of_files_says_what_the_outcomes_say(demo_kit, tmp_path, writers):
    config, outcomes = demo_kit
    counted = trial.Tally(config)
    for outcome in outcomes:
        counted.count(outcome)
    tally = tallied(staged(tmp_path, outcomes, config, writers), config)
    records = {(book.source, book.path): book.records for book in counted.books().files}
    assert tally.books(config, records) == counted.books()
    assert tally.splits() == counted.splits()
    assert tally.repairs == counted.repairs
    assert sum(sum(rows.values()) for rows in tally.length_counts().values()) == counted.books().rows()["samples"]


def test_examples_and_cards_are_the_first_rows_however_the_files_are_cut(demo_kit, tmp_path):
    config, outcomes = demo_kit
    shown = []
    for writers in (1, 4):
        tally = tallied(staged(tmp_path / str(writers), outcomes, config, writers), config)
        examples = {code: [read_pick(pick, ["origin", "findings"]) for pick in picks] for code, picks in tally.examples.items()}
        cards = {dialect: [read_pick(pick, ["sample_id", "images", "num_tokens"]) for pick in picks] for dialect, picks in tally.cards.items()}
        shown.append((examples, cards))
    assert _places(shown[0][0]) == _places(shown[1][0])
    assert shown[0][1] == shown[1][1]
    for code, rows in shown[0][0].items():
        assert all(any(finding["code"] == code for finding in row["findings"]) for row in rows), code
    for rows in shown[0][1].values():
        assert len(rows) == 2
    assert any(image["grid"] for image in shown[0][1]["minicpm_v_2_6"][0]["images"])  # sliced ones come first


def _places(examples):
    return {code: [(row["origin"]["path"], row["origin"]["line"]) for row in rows] for code, rows in examples.items()}


def test_a_conversation_that_every_dialect_refuses_is_counted_once(tmp_path):
    config = configuration("minicpm_v_2_5", "minicpm_v_2_6", options={"max_tokens": 40, "on_overflow": "quarantine"})
    log = write_lines(tmp_path / "logs.jsonl", [asked("word " * 99), asked("Hi.")])
    tally = tallied(staged(tmp_path / "out", run_lines(config, log), config), config)
    assert tally.refused_by_all == 1
    assert tally.reasons == {Reason.TOKENS_TOO_LONG.code: 2}


def test_a_lost_file_is_an_error_and_never_fewer_rows(demo_kit, tmp_path):
    config, outcomes = demo_kit
    files = staged(tmp_path, outcomes, config)
    files[0].of("samples")[0][0].unlink()
    with pytest.raises(FileNotFoundError):
        tallied(files, config)
