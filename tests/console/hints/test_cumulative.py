"""Hints at `fold: prefix`: where records are the beginnings of others, and nowhere else."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cli import main
from pipelines.console.hints.cumulative import MOST_ANSWERS, RepeatedAnswers, fold_hint, repeated_in, trains_history
from pipelines.flow import draft_of
from pipelines.records import Draft, raw_record
from tests.episodes.logs import call_records, episode
from tests.making import asked, configuration, write_lines

CALLS = call_records(episode(0))
WORDS = "30 of the 31 records that were read are the beginnings of others, so 30 answers would be trained 495 times"
SYSTEM = {"role": "system", "content": "Be brief."}


def drafts(records: list[Any]) -> list[Draft]:
    config = configuration()
    found = [draft_of(raw_record("kit", "logs.jsonl", number, json.dumps(record).encode()), config) for number, record in enumerate(records, 1)]
    made = [draft for draft in found if isinstance(draft, Draft)]
    assert len(made) == len(records)
    return made


def chat(*texts: str, **more: Any) -> dict[str, Any]:
    turns = [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(texts)]
    return {"messages": turns} | more


def test_31_calls_of_one_episode_repeat_30_answers_495_times():
    found = repeated_in(drafts(CALLS))
    assert found is not None
    assert (found.records, found.beginnings, found.answers, found.times) == (31, 30, 30, 495)
    (source,) = configuration().sources
    assert fold_hint(source, found) == f"source kit: {WORDS}; with fold: prefix in this source, each is trained once"


def test_a_history_without_its_reasoning_is_the_same_history():
    found = repeated_in(drafts(call_records(episode(0), keep_thinking=False)))
    assert found is not None
    assert (found.beginnings, found.times) == (30, 495)


@pytest.mark.parametrize(
    "records",
    [
        [chat(f"Question {n}?", f"Answer {n}.") for n in range(20)],
        [chat("Name a colour.", f"Colour {n}.") for n in range(20)],  # several answers to one question
        [chat("Name a colour.", "Blue.", "Another?", f"Colour {n}.") for n in range(20)],  # which come later
        [{"messages": [SYSTEM, *chat(f"Question {n}?", f"Answer {n}.")["messages"]]} for n in range(20)],
        [chat("Name a colour.", "Blue.", id=n) for n in range(20)],  # the same, under other ids
        [asked("Hi", "Hello."), chat("Hi", "Hello.", "Who are you?", "A model."), *(chat(f"Question {n}?", "Yes.") for n in range(98))],  # by chance
        [asked("Hi", "Hello."), *(chat("Hi", "Hello.", f"Question {n}?", "Yes.") for n in range(36))],  # a greeting that is alone in one record
        [*(chat("Hi", "Hello.", id=n) for n in range(10)), *(chat("Hi", "Hello.", f"Question {n}?", "Yes.") for n in range(30))],  # or in several
        [chat("2+2?", "4"), *(chat("2+2?", "4", f"{n}+1?", f"{n + 1}") for n in range(20))],  # an example before each task
        [
            {"messages": [turn | ({"loss": i == len(turns) - 1} if i % 2 else {}) for i, turn in enumerate(turns)]}
            for turns in [chat(*[f"Text {n}" for n in range(length)])["messages"] for length in (2, 4, 6, 8)]
        ],  # the log trains the last answer only
        [chat("<image>What is this?", "A cat.", images=["a.png"]), chat("<image>What is this?", "A cat.", "Sure?", "Yes.", images=["b.png"])],
        [],
    ],
)
def test_other_logs_get_no_hint(records: list[Any]):
    assert repeated_in(drafts(records)) is None


@pytest.mark.parametrize("others", [0, 60])
def test_sessions_of_two_calls_are_found_among_other_chats(others: int):
    calls = [chat(*[f"Text {number}.{i}" for i in range(length)]) for number in range(10) for length in (2, 4)]
    found = repeated_in(drafts([*calls, *(chat(f"Question {n}?", f"Answer {n}.") for n in range(others))]))
    assert found is not None
    assert (found.records, found.beginnings, found.answers, found.times) == (20 + others, 10, 10, 20)


def test_answers_that_were_cut_are_trained_in_histories_only():
    records = [chat(*[f"Text {number}.{i}" for i in range(length)], finish_reason="length") for number in range(5) for length in (2, 4, 6)]
    found = repeated_in(drafts(records))
    assert found is not None
    assert found.words() == "10 of the 15 records that were read are the beginnings of others, so 10 answers would be trained 15 times"
    assert found.folded_words() == "each is trained once, except 10 that were cut or are not to be trained"


@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_what_is_counted_is_what_fold_supersedes(lengths: list[int], random: Any):
    records = [record for number, length in enumerate(lengths) for record in call_records(episode(number, calls=length))]
    random.shuffle(records)
    found = repeated_in(drafts(records))
    beginnings = sum(lengths) - len(lengths)
    assert (found.beginnings if found else 0) == beginnings


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch):
    assert MOST_ANSWERS < 10**6
    monkeypatch.setattr("pipelines.console.hints.cumulative.MOST_ANSWERS", 40)
    answers = RepeatedAnswers()
    for draft in drafts(CALLS):
        answers.add(draft)
    found = answers.found()
    assert found is not None
    assert found.beginnings_words() == "8 of the first 9 records that were read are the beginnings of others"


@pytest.mark.parametrize(
    ("source", "options", "expected"),
    [
        ({}, {}, True),
        ({"fold": "prefix"}, {}, False),
        ({}, {"loss": "last_turn"}, False),  # each record trains its own answer only
        ({"rows": {"of": "step"}}, {}, False),
    ],
)
def test_only_settings_that_train_the_history_get_the_hint(source: dict[str, Any], options: dict[str, Any], expected: bool):
    config = configuration("glm_4", source=source, options=options)
    assert trains_history(config.sources[0], config.dialects) is expected


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    write_lines(tmp_path / "calls.jsonl", [*CALLS, CALLS[0]])
    conf = tmp_path / "run.yaml"
    conf.write_text("sources: [{name: proxy, path: calls.jsonl}]\noutput: {root: out}\n")
    return conf


def test_check_and_try_say_it(settings: Path, capsys: pytest.CaptureFixture[str]):
    line = f"source proxy: {WORDS}; with fold: prefix in this source, each is trained once"
    assert main(["check", str(settings)]) == 0
    assert line in capsys.readouterr().out.splitlines()
    assert main(["try", "--config", str(settings), str(settings.with_name("calls.jsonl"))]) == 0
    assert line in capsys.readouterr().err.splitlines()


def test_with_fold_they_do_not(settings: Path, capsys: pytest.CaptureFixture[str]):
    settings.write_text(settings.read_text().replace("calls.jsonl", "calls.jsonl, fold: prefix"))
    assert main(["check", str(settings)]) == 0
    assert main(["try", "--config", str(settings), str(settings.with_name("calls.jsonl"))]) == 0
    captured = capsys.readouterr()
    assert "beginning" not in captured.out + captured.err


def test_check_says_so_if_it_has_not_read_all_records(settings: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipelines.console.first.MOST", 10)
    assert main(["check", str(settings)]) == 0
    assert "source proxy: 9 of the first 10 records that were read are the beginnings of others" in capsys.readouterr().out


def test_init_writes_fold_for_such_a_source_and_the_folded_rows_are_the_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_lines(tmp_path / "logs" / "calls" / "a.jsonl", CALLS)
    write_lines(
        tmp_path / "logs" / "chats" / "a.jsonl", [{"conversations": [{"from": "human", "value": f"Q{n}"}, {"from": "gpt", "value": "A"}]} for n in range(3)]
    )
    conf = tmp_path / "mine.yaml"
    assert main(["init", str(tmp_path / "logs"), "--out", str(conf)]) == 0
    said = capsys.readouterr().err.splitlines()
    assert f"source calls: {WORDS}; the configuration has fold: prefix, with which each is trained once" in said
    assert "with this configuration, 4 of 34 records become rows; 30 are superseded: their answers are in these rows" in said
    written = yaml.safe_load(conf.read_text())
    assert [source.get("fold") for source in written["sources"]] == ["prefix", None]
    assert written["dialects"][0]["on_overflow"] == "windows"
    assert main(["check", str(conf)]) == 0
    assert "fold:" not in capsys.readouterr().out
