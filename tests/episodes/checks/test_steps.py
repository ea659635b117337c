"""The steps of an episode: calls with their results, runs of failures, and screens."""

from __future__ import annotations

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from pipelines.episodes.checks.steps import RUN, Episode
from pipelines.records import Image, Message
from tests.episodes.checks.planted import call, conversation


def test_results_belong_to_the_calls_in_order_if_none_is_missing():
    turns = [
        Message("user", "Q"),
        call("a"),
        call("b"),
        Message("observation", "1"),
        Message("observation", "2"),
        call("c"),
        call("d"),
        Message("observation", "3"),
    ]
    found = Episode(conversation([*turns, call("e")], [])).calls
    assert [(one.place, one.name, one.result) for one in found] == [(1, "a", "1"), (2, "b", "2"), (5, "c", None), (6, "d", None), (8, "e", None)]


def test_a_call_belongs_to_the_step_of_the_text_before_it():
    turns = [Message("user", "Q"), Message("assistant", "I look."), call("a"), call("b"), Message("observation", "1"), Message("observation", "2")]
    assert [one.answers for one in Episode(conversation(turns, [])).calls] == [[1, 2, 3], [1, 2, 3]]


def test_a_screen_is_the_last_image_before_an_answer():
    images = [Image(f"kit/{i}.png", str(i), "PNG", 9, 9) for i in range(3)]
    turns = [
        Message("user", "Q", image_at=(0, 0)),
        Message("assistant", "A"),
        Message("user", "Q"),
        Message("assistant", "B"),
        Message("observation", "", image_at=(0,)),
    ]
    found = Episode(conversation([*turns, Message("assistant", "C")], images)).answers
    assert [(one.screen and one.screen.sha256, one.is_new) for one in found] == [("1", True), ("1", False), ("2", True)]


@given(st.lists(st.booleans(), max_size=40))
def test_every_run_of_failures_is_found(failed: list[bool]):
    turns = [turn for one in failed for turn in (call("look"), Message("observation", "Error: no" if one else "fine"))]
    found = [[one.place // 2 for one in run] for run in Episode(conversation([Message("user", "Q"), *turns], [])).failing_runs]
    runs = [list(run) for is_failed, run in groupby(range(len(failed)), lambda i: failed[i]) if is_failed]
    assert found == [run for run in runs if len(run) >= RUN]
