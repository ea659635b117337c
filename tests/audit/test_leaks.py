"""Episodes on two sides that have the same task, or begin on the same screen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipelines.audit.episodes import TEST_SET, Episode, Reader, Side
from pipelines.audit.leaks import Audit, audit
from pipelines.audit.pairs import NEARLY

NAMES = ("ann", "bob", "cleo", "dora", "emil", "finn", "gina", "hugo", "ines", "jan", "kai", "lea")
OTHERS = [("kit", "train", f"look up the birthday of {name} and add it to the calendar", None) for name in NAMES]


def reader(*rows: tuple[str, str, str, str | None]) -> Reader:
    """Episodes from (source, split, task, sha256 of the screen)."""
    made = [(Episode(Side(source, split), f"e{at}", f"s{at}", f"a:{at}", screen), text) for at, (source, split, text, screen) in enumerate(rows)]

    def read() -> Iterator[tuple[Episode, str]]:
        return iter(made)

    return read


def sha(number: int) -> str:
    return f"{number:064x}"


def found(made: Audit) -> list[tuple[str, str, float | None, float | None]]:
    return [(f"{leak.one.side.split} {leak.one.sample_id}", f"{leak.other.side.split} {leak.other.sample_id}", leak.task, leak.screen) for leak in made.leaks]


def test_the_same_task_on_two_sides_is_one_leak_with_the_number_of_episodes():
    task = "order two cups of tea"
    made = audit([reader(*[("kit", "train", task, None)] * 3, *[("kit", "val", task.upper(), None)] * 2, *OTHERS)], {})
    assert found(made) == [("val s3", "train s0", 1.0, None)]
    assert [(leak.of_one, leak.of_other) for leak in made.leaks] == [(2, 3)]
    assert [made.text_of(episode) for episode in made.leaks[0][:2]] == [task.upper(), task]
    assert made.episodes == {Side("kit", "train"): 3 + len(OTHERS), Side("kit", "val"): 2}


def test_tasks_that_differ_in_a_common_word_only_are_not_the_same():
    rows = [
        (source, "train", f"open the settings of app {number} and toggle {what}", None)
        for number in range(8)
        for source, what in (("kit", "gps"), ("web", "nfc"))
    ]
    assert [leak.task for leak in audit([reader(*rows)], {}).leaks] == [NEARLY] * 8


def test_nothing_is_reported_within_one_side():
    assert audit([reader(("kit", "train", "order tea", None), ("kit", "train", "order tea!", None), *OTHERS)], {}).leaks == []


def test_sides_of_a_split_come_before_sources_and_what_is_most_alike_comes_first():
    near = "please order two cups of tea now"
    rows = [("kit", "train", "order two cups of tea", None), ("web", "train", "order two cups of tea", None), ("kit", "val", near, None)]
    rows += [("kit", "test", "order two cups of tea", None), ("box", TEST_SET, near, None), *OTHERS]
    pairs = [(one.rpartition(" ")[0], other.rpartition(" ")[0], task == 1.0) for one, other, task, _ in found(audit([reader(*rows)], {}))]
    assert pairs[:3] == [("test set", "val", True), ("test", "train", True), ("test", "train", True)]
    assert pairs[-1] == ("train", "train", True)
    assert len(pairs) == 10  # each pair of five sides


def test_a_text_with_which_most_episodes_of_a_source_begin_is_no_task():
    rows = [("kit", split, "What is the next step?", None) for split in ("train", "test")] * 20
    made = audit([reader(*rows, *OTHERS)], {})
    assert made.leaks == []
    assert made.common == {"What is the next step?": 40}


def test_episodes_without_a_task_are_compared_by_their_screens_only():
    rows = [("kit", "train", "", "7b" * 32), ("kit", "test", "", "7b" * 32), ("kit", "val", "", None), ("kit", "val", "?!", "d4" * 32)]
    assert found(audit([reader(*rows)], {})) == [("test s1", "train s0", None, 1.0)]
    rows = [("kit", split, text, "7b" * 32) for split in ("train", "test") for text in ("Next?", *["next?"] * 20)]
    shown = audit([reader(*rows)], {})
    assert {shown.text_of(episode) for leak in shown.leaks for episode in leak[:2]} <= {"Next?", "next?"}


HASHES = {sha(1): 0x0F1E2D3C4B5A6978, sha(2): 0x0F1E2D3C4B5A6979, sha(3): -0x0F1E2D3C4B5A6978, sha(4): 0, sha(5): 1}


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (1, 1, 1.0),
        (1, 2, 63 / 64),  # one bit
        (1, 3, None),
        (4, 4, None),  # of one colour
        (4, 5, None),
        (99, 99, 1.0),  # without a hash, by their bytes
        (99, 98, None),
    ],
)
def test_screens_are_compared_by_their_hashes(one: int, other: int, alike: float | None):
    named = {one: sha(one) if one < 9 else f"{one:02}" * 32, other: sha(other) if other < 9 else f"{other:02}" * 32}
    rows = [("kit", "train", "mute the alarm", named[one]), ("kit", "test", "share the photo", named[other])]
    assert found(audit([reader(*rows, *OTHERS)], HASHES)) == ([] if alike is None else [("test s1", "train s0", None, alike)])


def test_the_same_task_on_the_same_screen_is_one_leak_and_the_worst():
    rows = [("kit", "train", "order two cups of tea", sha(1)), ("kit", "test", "order two cups of tea", sha(2))]
    rows += [("kit", "train", "mute the alarm", None), ("kit", "test", "mute the alarm", None), *OTHERS]
    assert found(audit([reader(*rows)], HASHES)) == [("test s1", "train s0", 1.0, 63 / 64), ("test s3", "train s2", 1.0, None)]


def test_a_screen_on_which_many_tasks_begin_says_nothing():
    rows = [("kit", "train", f"call {name}", sha(1)) for name in NAMES[:2]] + [("kit", "test", "write to zoe", sha(2))]
    assert len(audit([reader(*rows)], HASHES).leaks) == 2
    assert audit([reader(*rows, ("kit", "train", "mute the alarm", sha(2)))], HASHES).leaks == []  # four tasks on two screens that are nearly the same


def test_counts_of_screens_say_how_many_have_a_hash():
    made = audit([reader(("kit", "train", "a", sha(1)), ("kit", "train", "b", sha(77)), ("kit", "train", "c", None))], HASHES)
    assert (made.screens, made.hashed) == (2, 1)


def test_nothing_at_all_has_no_leaks():
    made = audit([reader()], {})
    assert (made.leaks, made.episodes.total()) == ([], 0)


def test_a_folder_of_test_sets_may_have_the_name_of_a_source():
    rows = [("kit", TEST_SET, "What is the next step?", None)] * 25
    made = audit([reader(*rows, *OTHERS * 9)], {})
    assert made.common == {"What is the next step?": 25}  # all of the folder's, and a fifth of both
