"""The rare phrases of tasks, and how alike two tasks are."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.audit.phrases import HEAD, MOST, TAIL, Commonness, excerpt, key_of, overlap, phrases_of, rare_in, words_of


def sketches(*tasks: str, sources: list[int] | None = None):
    """The sketch of each task, where these are all tasks of their sources."""
    common = Commonness()
    for task, source in zip(tasks, sources or [0] * len(tasks), strict=True):
        common.add(source, words_of(task))
    return [common.sketch(words_of(task)) for task in tasks]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Open the settings.", "open   THE\nsettings"),
        ("打开设置", "打 开 设 置！"),
        ("Wi-Fi", "wi fi"),
        ("\uff37i\uff26i 7", "WiFi 7"),
        ("Straße", "STRASSE"),
    ],
)
def test_case_blanks_marks_and_width_do_not_matter(one: str, other: str):
    assert key_of(words_of(one)) == key_of(words_of(other))


@pytest.mark.parametrize(("one", "other"), [("a b", "ab"), ("a b", "b a"), ("open 7", "open 8"), ("打开", "开打")])
def test_other_words_are_another_task(one: str, other: str):
    assert key_of(words_of(one)) != key_of(words_of(other))


def test_words_without_letters_are_none():
    assert words_of(" ?! 🙂 __ ") == []


def test_of_a_long_task_the_beginning_and_the_end_are_compared():
    words = words_of(" ".join(f"w{number}" for number in range(9_000)))
    assert (len(words), words[0], words[HEAD - 1], words[HEAD], words[-1]) == (HEAD + TAIL, "w0", f"w{HEAD - 1}", f"w{9_000 - TAIL}", "w8999")


def test_a_phrase_has_the_same_hash_wherever_it_stands():
    first, second = phrases_of(words_of("a b c d e")), phrases_of(words_of("x b c d"))
    assert [len(phrases) for phrases in first] == [5, 4, 3, 2]
    assert (first[2][1], first[1][1]) == (second[2][1], second[1][1])
    assert len(np.unique(np.concatenate(first))) == 14
    assert [len(phrases) for phrases in phrases_of(["a"])] == [1, 0, 0, 0]


def test_the_words_of_a_prompt_are_in_no_phrase():
    names = [f"name{number}" for number in range(40)]
    made = sketches(*(f"You are an agent. Your task is: call {name}" for name in names), "You are an agent. Your task is: call name7 now")
    assert overlap(made[7].phrases, made[8].phrases) == (0.0, 0.0, 0.0)
    assert overlap(made[7].words, made[8].words) == (0.0, 0.0, 0.0)
    assert overlap(made[7].phrases, made[-1].phrases) == (0.5, 1.0, 1.0)  # `now` is rare too


def test_one_goal_in_two_prompts_is_the_same_goal():
    """The prompt of either source is common there, and unknown in the other."""
    goals = [f"find the {number} ticket of {chr(97 + number)}nna" for number in range(20)]
    first = [f"You are a GUI agent. Think first. <Question>{goal}</Question>" for goal in goals]
    second = [f"Please help me with this request today: {goal}" for goal in goals]
    made = sketches(*first, *second, sources=[0] * 20 + [1] * 20)
    for number in range(20):
        assert overlap(made[number].words, made[20 + number].words).of_both > 0.7
        assert overlap(made[number].phrases, made[20 + number].phrases).shared >= 1.0
        assert overlap(made[number].words, made[20 + (number + 1) % 20].words).of_both < 0.4


def test_tasks_of_common_words_are_told_apart_by_longer_phrases():
    tasks = [f"set {what} {when} {day}" for what in ("alarm", "timer", "note") for when in ("early", "late", "soon") for day in ("mon", "tue", "wed", "thu")]
    made = sketches(*tasks)
    assert all(len(sketch.phrases.hashes) for sketch in made)
    assert overlap(made[0].phrases, made[0].phrases).of_both == 1.0
    assert overlap(made[0].words, made[1].words).of_both < overlap(made[0].words, made[0].words).of_both


def test_sketches_of_long_tasks_estimate_how_alike_they_are():
    words = [f"w{number}" for number in range(3000)]
    one, other = sketches(" ".join(words[:2000]), " ".join(words[1000:]))
    assert len(one.phrases.hashes) == MOST
    assert overlap(one.words, other.words).of_both == pytest.approx(0.27, abs=0.12)  # a third, but what is shared is less rare
    assert overlap(one.phrases, one.phrases).of_both == 1.0


def test_a_task_without_words_is_like_nothing():
    common = Commonness()
    common.add(0, ["a"])
    sketch = common.sketch([])
    assert overlap(sketch.phrases, common.sketch(["a"]).phrases) == (0.0, 0.0, 0.0)
    assert sketch.first == 0


@pytest.mark.parametrize(("tasks", "rare"), [(1, 2), (16, 4), (100, 6), (10_000, 20), (100_000, 35)])
def test_a_phrase_of_few_tasks_is_rare(tasks: int, rare: int):
    assert int(rare_in(tasks)) == rare


def test_the_evidence_that_is_shown_has_the_rare_phrase():
    prompt = "You are an agent that works on a phone. " * 50
    made = sketches(*(f"{prompt}Goal: open {name}. Answer with an action." * 1 for name in ("ann", "bob", "cleo", "dora", "emil")))
    shown = excerpt(f"{prompt}Goal: open cleo. Answer with an action.", made[2].first, 100)
    assert "open cleo" in shown
    assert len(shown) <= 102
    long = " ".join(f"w{number}" for number in range(9_000))
    assert "w8999" in excerpt(long, HEAD + TAIL - 1, 60)
    assert excerpt("short", 0, 60) == "short"
