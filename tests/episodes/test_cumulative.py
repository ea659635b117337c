"""Cumulative logs with `fold: prefix`: every answer is trained once, and the other records are named."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipelines.config import Config
from pipelines.console.trial import try_listed
from pipelines.local import list_files
from pipelines.records import Conversation, Outcome, Quarantined, Sample
from tests.episodes.logs import Turn, answers, call_record, call_records, episode, whole
from tests.golden import open_case
from tests.making import asked, configuration, run_lines, write_lines

FOLD = {"fold": "prefix"}


def folding(*dialects: str, **more: Any) -> Config:
    return configuration(*dialects, source=FOLD | more)


def states(found: list[Outcome]) -> Counter[str]:
    return Counter(one.findings[0].code if isinstance(one, Quarantined) else type(one).__name__ for one in found)


def tokens(found: list[Outcome]) -> list[tuple[list[int], list[int]]]:
    return sorted((one.tokens.input_ids.tolist(), one.tokens.labels.tolist()) for one in found if isinstance(one, Sample))


def trained(found: list[Outcome]) -> Counter[str]:
    """The texts of the messages that are trained."""
    messages = [message for one in found if isinstance(one, Conversation) for message in one.messages]
    return Counter(message.content for message in messages if message.role == "assistant" and message.loss_weight != 0)


@pytest.fixture(scope="module")
def episodes() -> list[list[Turn]]:
    return [episode(number) for number in range(20)]


def test_620_cumulative_records_of_20_episodes_are_trained_as_the_20_by_themselves(tmp_path: Path, episodes: list[list[Turn]]):
    records = [record for turns in episodes for record in call_records(turns)]
    found = run_lines(folding("glm_4"), write_lines(tmp_path / "calls.jsonl", records))
    alone = run_lines(configuration("glm_4"), write_lines(tmp_path / "whole.jsonl", [whole(turns) for turns in episodes]))
    assert len(records) == 620
    assert states(found) == {"Conversation": 20, "Sample": 20, "record.superseded": 600}
    assert tokens(found) == tokens(alone)


def test_where_the_history_has_lost_its_reasoning_every_answer_is_trained_once_with_its_reasoning(tmp_path: Path, episodes: list[list[Turn]]):
    records = [record for turns in episodes for record in call_records(turns, keep_thinking=False)]
    found = run_lines(folding(), write_lines(tmp_path / "calls.jsonl", records))
    alone = run_lines(configuration(), write_lines(tmp_path / "whole.jsonl", [whole(turns) for turns in episodes]))
    assert states(found) == {"Conversation": 620}
    assert trained(found) == trained(alone)
    assert set(trained(found).values()) == {1}
    noted = [one for one in found if isinstance(one, Conversation) and any(note.code == "repair.answer_trained_elsewhere" for note in one.findings)]
    assert len(noted) == 600  # all but the first of each episode


def test_a_superseded_record_names_the_record_that_holds_it(tmp_path: Path):
    first, second, third = call_records(episode(1, calls=3))
    log = write_lines(tmp_path / "calls.jsonl", [third, first, second])
    kept, *superseded = run_lines(folding(), log)
    assert isinstance(kept, Conversation)
    for line, row in enumerate(superseded, 2):
        assert isinstance(row, Quarantined)
        assert (row.raw.origin.line, row.findings[0].code) == (line, "record.superseded")
        assert row.findings[0].detail == f"its answers are trained in {log}:1, record {kept.record_id}"


def test_records_are_folded_across_files_and_formats(tmp_path: Path):
    turns = episode(1, calls=4)
    logs = tmp_path / "logs"
    write_lines(logs / "a.jsonl", call_records(turns)[1:3])
    write_lines(logs / "b.jsonl", [whole(turns[: answers(turns)[0] + 1]), whole(turns)])
    found = run_lines(folding(path=str(logs)), logs)
    assert states(found) == {"Conversation": 1, "record.superseded": 3}


def test_without_fold_nothing_is_compared(tmp_path: Path):
    found = run_lines(configuration(), write_lines(tmp_path / "calls.jsonl", call_records(episode(1, calls=3))))
    assert states(found) == {"Conversation": 3}


def test_a_branch_trains_its_own_answers_and_not_those_before_it(tmp_path: Path):
    turns = episode(1, calls=3)
    other = [*turns[:-1], {"role": "assistant", "content": "Number 1 is beyond repair."}]
    found = run_lines(folding(), write_lines(tmp_path / "calls.jsonl", [whole(turns), whole(other)]))
    assert states(found) == {"Conversation": 2}
    assert set(trained(found).values()) == {1}


def test_a_record_that_will_be_quarantined_for_its_images_holds_nothing(tmp_path: Path):
    turns = episode(1, calls=3)
    broken = [*turns[:-1], {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "gone.png"}}]}, turns[-1]]
    found = run_lines(folding(image_root=str(tmp_path)), write_lines(tmp_path / "calls.jsonl", [*call_records(turns)[:2], whole(broken)]))
    assert [one.origin.line for one in found if isinstance(one, Conversation)] == [2]
    assert states(found) == {"Conversation": 1, "record.superseded": 1, "image.missing": 1}


def ended(record: dict[str, Any], reason: str) -> dict[str, Any]:
    record["response"]["choices"][0]["finish_reason"] = reason
    return record


@pytest.mark.parametrize(
    ("mark", "settings", "state"),
    [
        (lambda record: ended(record, "length"), {}, "record.superseded"),
        (lambda record: ended(record, "length"), {"checks": {"cut_answer": "quarantine"}}, "check.cut_answer"),
        (lambda record: ended(record, "content_filter"), {}, "schema.field_unread"),
        (lambda record: record | {"error": {"type": "server_error"}}, {}, "schema.field_unread"),
        (lambda record: record | {"label": False}, {}, "record.labelled_bad"),
        (lambda record: record | {"label": False, "video": "a.mp4"}, {"normalize": {"media": "warn"}}, "record.labelled_bad"),
        (lambda record: record | {"label": False, "rejected_reply": "No."}, {}, "record.labelled_bad"),
        (lambda record: ended(record, "length") | {"label": False}, {"checks": {"cut_answer": "quarantine"}}, "record.labelled_bad"),
    ],
)
def test_an_answer_that_its_own_record_does_not_train_is_trained_nowhere(tmp_path: Path, mark, settings: dict[str, Any], state: str):
    """The histories of later records have it and do not say so."""
    turns = episode(1, calls=4)
    records = call_records(turns)
    log = write_lines(tmp_path / "calls.jsonl", [records[0], mark(records[1]), *records[2:]])
    found = run_lines(configuration(source=FOLD, **settings), log)
    assert states(found) == Counter(["Conversation", state, "record.superseded", "record.superseded"])
    assert sum(trained(found).values()) == 5  # a text and a call for each of two answers, and a text for the last one
    assert not any("1.1" in text for text in trained(found))
    (kept,) = (one for one in found if isinstance(one, Conversation))
    note = f"loss_weight is 0 in 2 messages, because the records of these calls do not train their answers, for example {log}:2"
    assert [(one.code, one.detail) for one in kept.findings] == [("repair.answer_withheld", note)]


@pytest.mark.parametrize(
    ("mark", "settings"),
    [
        (lambda record: ended(record, "length"), {"checks": {"cut_answer": "note"}}),
        (lambda record: ended(record, "content_filter"), {"normalize": {"field_unread": "warn"}}),
        (lambda record: record | {"messages": "?"}, {}),  # refused for another reason, so nothing is known of its answer
    ],
)
def test_an_answer_that_nothing_keeps_from_training_is_trained_once(tmp_path: Path, mark, settings: dict[str, Any]):
    turns = episode(1, calls=4)
    records = call_records(turns)
    found = run_lines(configuration(source=FOLD, **settings), write_lines(tmp_path / "calls.jsonl", [records[0], mark(records[1]), *records[2:]]))
    assert trained(found) == trained(run_lines(configuration(), write_lines(tmp_path / "whole.jsonl", [whole(turns)])))


@pytest.mark.parametrize("fault", [{"label": False}, {"error": {"type": "server_error"}}, {"finish_reason": "length"}])
def test_a_record_without_an_answer_of_its_own_withholds_nothing(tmp_path: Path, fault: dict[str, Any]):
    """Its last answer is that of an earlier call."""
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "r"}]
    unanswered = {"request": {"messages": turns}, "response": {"choices": []} | fault} if "label" not in fault else whole(turns) | fault
    log = write_lines(tmp_path / "calls.jsonl", [unanswered, whole([*turns, {"role": "assistant", "content": "b"}])])
    assert trained([one for one in run_lines(folding(), log) if isinstance(one, Conversation) and one.origin.line == 2]) == {"a": 1, "b": 1}


def test_the_answer_of_a_record_that_ends_with_results_is_its_own(tmp_path: Path):
    turns = episode(1, calls=3)
    log = write_lines(tmp_path / "calls.jsonl", [whole(turns[:4], label=False), whole(turns)])
    found = run_lines(folding(), log)
    assert states(found) == {"record.labelled_bad": 1, "Conversation": 1}
    assert not any("1.0" in text for text in trained(found))
    assert sum(trained(found).values()) == 3


@pytest.mark.parametrize("repaired", [None, '{"command": "part 1.1"}', '{"command": "pa"}'])
def test_what_a_client_makes_of_a_call_that_was_cut_is_not_trained(tmp_path: Path, repaired: str | None):
    """Its arguments are no JSON, so the record is refused for them too. The client closes them, or keeps only the text."""
    turns = episode(1, calls=4)
    answer = turns[answers(turns)[1]]
    cut = {**answer, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "run", "arguments": '{"command": "pa'}}]}
    record = ended(call_record(turns[: answers(turns)[1]], cut), "length")
    if repaired is None:
        del answer["tool_calls"]
        turns[answers(turns)[1] + 1] = {"role": "user", "content": "Go on."}
    else:
        answer["tool_calls"][0]["function"]["arguments"] = repaired
    found = run_lines(folding(), write_lines(tmp_path / "calls.jsonl", [record, *call_records(turns)[2:]]))
    assert states(found)["tool.args_unparseable"] == 1
    assert not any("1.1" in text or '"pa"' in text for text in trained(found))
    assert sum(trained(found).values()) == 5


def test_an_answer_that_a_second_call_gave_in_place_of_a_cut_one_is_trained(tmp_path: Path):
    turns = episode(1, calls=3)
    cut = ended(call_record(turns[:2], {"role": "assistant", "content": "Par"}), "length")
    found = run_lines(folding(), write_lines(tmp_path / "calls.jsonl", [cut, *call_records(turns)]))
    assert trained(found) == trained(run_lines(configuration(), write_lines(tmp_path / "whole.jsonl", [whole(turns)])))


def test_a_label_is_about_the_last_turn_alone(tmp_path: Path):
    q, a, b = ({"role": role, "content": text} for role, text in (("user", "q"), ("assistant", "a"), ("assistant", "b")))
    found = run_lines(folding(), write_lines(tmp_path / "calls.jsonl", [whole([q, a]), whole([q, a, b], label=False)]))
    assert trained(found) == {"a": 1}


def test_an_answer_that_the_history_of_a_record_does_not_train_is_trained_where_it_was_given(tmp_path: Path):
    turns = [turn | {"loss": False} if turn["role"] == "assistant" else turn for turn in episode(1, calls=3)]
    records = [whole([*turns[:i], turns[i] | {"loss": True}]) for i in answers(turns)]
    found = run_lines(folding(), write_lines(tmp_path / "calls.jsonl", records))
    assert states(found) == {"Conversation": 3}
    assert set(trained(found).values()) == {1}


def broken(turns: list[Turn]) -> dict[str, Any]:
    return whole([*turns[:-1], {"role": "narrator", "content": "Meanwhile."}, turns[-1]])


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda turns: json.dumps(whole(turns)).encode()[:-9], "line.truncated_json"),
        (broken, "schema.role_unknown"),
        (lambda turns: whole(turns, resolved=False), "record.filtered"),
        (lambda turns: whole([*turns[:-1], {"role": "assistant", "content": "Use AKIAZQ3DRSTUVWXY2345."}]), "record.secret"),
    ],
)
def test_a_record_that_is_quarantined_supersedes_nothing(tmp_path: Path, make, reason: str):
    """Of three calls, the record of the last one is refused as a record: that of the second has the answers of two."""
    turns = episode(1, calls=3)
    records = [*call_records(turns, resolved=True)[:2], make(turns)]
    config = configuration(source=FOLD | {"keep_if": {"resolved": True}} if reason == "record.filtered" else FOLD, scrub={"secrets": "quarantine"})
    found = run_lines(config, write_lines(tmp_path / "calls.jsonl", records))
    assert states(found) == {"Conversation": 1, "record.superseded": 1, reason: 1}
    assert [one.origin.line for one in found if isinstance(one, Conversation)] == [2]
    assert len(trained(found)) == 4  # two texts, two calls


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ["answers of 2 records are left to other records that dialect glm_4 quarantines (tokens.too_long), so it does not train them"]),
        ({"options": {"on_overflow": "windows"}}, []),
        (
            {"options": {"max_tokens": 8192}, "checks": {"no_end": "quarantine"}},
            ["answers of 2 records are left to other records that a check quarantines (check.no_end), so nothing trains them"],
        ),
    ],
)
def test_answers_that_are_lost_with_the_longest_record_are_counted_in_a_warning(tmp_path: Path, settings: dict[str, Any], words: list[str]):
    turns = episode(1, calls=3)[:-1]
    records = [*call_records(turns), whole(turns), *call_records(episode(2, calls=1))]
    more = {"gates": {"max_quarantined": 1.0}} | {name: value for name, value in settings.items() if name != "options"}
    options = {"max_tokens": 200} | settings.get("options", {})
    log = write_lines(tmp_path / "calls.jsonl", records)
    trial = try_listed(open_case(configuration("glm_4", source=FOLD, options=options, **more)), list_files(folding(), [str(log)], None))
    assert [line.removesuffix("; on_overflow: windows keeps them") for line in trial.words] == [f"warning: {line}" for line in words]


def test_an_answer_that_a_branch_leaves_to_a_record_that_is_too_long_is_counted(tmp_path: Path):
    """Nothing is superseded: the second record has the first answer at weight 0, because the first record trains it."""
    question, answer = {"role": "user", "content": "Which lake is old?"}, {"role": "assistant", "content": "Lake Ohrid."}
    more = [
        [{"role": "user", "content": text}, {"role": "assistant", "content": said}] for text, said in (("Why?", "Because. " * 300), ("Where?", "Far away."))
    ]
    log = write_lines(tmp_path / "calls.jsonl", [whole([question, answer, *rest]) for rest in more])
    config = configuration("glm_4", source=FOLD, options={"max_tokens": 200}, gates={"max_quarantined": 1.0})
    trial = try_listed(open_case(config), list_files(folding(), [str(log)], None))
    lost = "answers of 1 record are left to other records that dialect glm_4 quarantines (tokens.too_long), so it does not train them"
    assert trial.words == (f"warning: {lost}; on_overflow: windows keeps them",)


def test_a_duplicate_is_a_duplicate_and_holds_nothing(tmp_path: Path):
    first, second = call_records(episode(1, calls=2))
    found = run_lines(folding(), write_lines(tmp_path / "calls.jsonl", [first, second, first, second]))
    assert states(found) == {"Conversation": 1, "record.superseded": 1, "record.duplicate": 2}


def test_the_same_questions_under_another_system_prompt_are_another_conversation(tmp_path: Path):
    turns = episode(1, calls=2)
    other = [{"role": "system", "content": "Be brief."}, *turns[1:]]
    found = run_lines(folding(), write_lines(tmp_path / "calls.jsonl", [whole(turns), whole(other), whole(turns) | {"tools": []}]))
    assert states(found) == {"Conversation": 3}
    assert set(trained(found).values()) == {3}


def test_an_answer_that_the_log_does_not_train_is_trained_where_the_log_trains_it(tmp_path: Path):
    """Logs for training often mark all answers but the newest as history."""
    turns = episode(1, calls=3)
    records = [whole([*({**turn, "train": False} if turn["role"] == "assistant" else turn for turn in turns[:i]), turns[i]]) for i in answers(turns)]
    found = run_lines(folding(), write_lines(tmp_path / "calls.jsonl", records))
    assert states(found) == {"Conversation": 3}
    assert set(trained(found).values()) == {1}


def test_superseded_records_with_one_id_are_no_conflict(tmp_path: Path):
    records = call_records(episode(1, calls=3), id="session")
    (kept, *_) = (one for one in run_lines(folding(), write_lines(tmp_path / "a.jsonl", records)) if isinstance(one, Conversation))
    assert "record.id_conflict" not in [finding.code for finding in kept.findings]


def compacted(turns: list[Turn], at: int, keep: int) -> list[dict[str, Any]]:
    """The calls from `at` on, after all but the last `keep` rounds have been replaced by a summary."""
    places = answers(turns)
    start = places[at - keep]
    summary = [turns[0], turns[1], {"role": "user", "content": "So far: looked at some parts."}]
    return [call_record([*summary, *turns[start:i]], turns[i], session_id="s") for i in places[at:]]


def cleared(turns: list[Turn], **more: Any) -> list[dict[str, Any]]:
    """Records whose history has lost the results of its tools."""
    return [call_record([turn | ({"content": "[cleared]"} if turn["role"] == "tool" else {}) for turn in turns[:i]], turns[i], **more) for i in answers(turns)]


def test_after_a_compaction_the_answers_that_were_kept_are_not_trained_again(tmp_path: Path):
    turns = episode(1, calls=12)
    records = call_records(turns, session_id="s")[:6] + compacted(turns, 6, keep=3)
    found = run_lines(folding(), write_lines(tmp_path / "calls.jsonl", records))
    alone = run_lines(configuration(), write_lines(tmp_path / "whole.jsonl", [whole(turns)]))
    assert trained(found) == trained(alone)
    assert states(found)["Conversation"] == 2


@pytest.mark.parametrize("more", [{}, {"session_id": "s"}])
def test_an_answer_is_not_trained_again_in_a_history_that_has_lost_its_results(tmp_path: Path, more: dict[str, str]):
    turns = episode(1, calls=6)
    found = run_lines(folding(), write_lines(tmp_path / "calls.jsonl", cleared(turns, **more)))
    alone = run_lines(configuration(), write_lines(tmp_path / "whole.jsonl", [whole(turns)]))
    assert trained(found) == trained(alone)


def test_a_command_that_is_repeated_is_trained_as_often_as_it_was_given(tmp_path: Path):
    turns = [asked("Wait.")["messages"][0]]
    for minute in range(5):
        turns += [{"role": "assistant", "content": "Again."}, {"role": "user", "content": f"Not yet, at {minute}."}]
    newest = [call_record([turns[0], *turns[max(1, i - 4) : i]], turns[i], session_id="s") for i in answers(turns)]  # with two rounds of history
    for records in (call_records(turns), call_records(turns)[-2:], newest):
        found = run_lines(folding(), write_lines(tmp_path / "calls.jsonl", records))
        assert trained(found) == {"Again.": 5}, json.dumps(records[-1])
