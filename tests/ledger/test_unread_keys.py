"""Unread keys of a run: which are listed, and how many are only counted."""

from collections import Counter

import pytest

from pipelines.ledger import unread_keys
from pipelines.ledger.unread_keys import add, by_source, counts_of, number_of_keys, shown_key, trim, unread_facts


@pytest.fixture
def two_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread_keys, "KEPT", 2)


def counts(**numbers: int) -> Counter[tuple[str, str]]:
    """Of keys such as gui_a=3: source gui, key a."""
    return Counter({tuple(name.split("_")): number for name, number in numbers.items()})  # type: ignore[misc]


def test_keys_are_trimmed_to_the_most_frequent_once_there_are_twice_as_many(two_kept: None):
    kept, more = counts(gui_a=1, gui_b=4, gui_c=2, chat_a=3), Counter[str]()
    trim(kept, more)
    assert (len(kept), dict(more)) == (4, {})
    kept[("gui", "d")] = 9
    trim(kept, more)
    assert (dict(kept), dict(more)) == ({("gui", "b"): 4, ("gui", "d"): 9}, {"gui": 2, "chat": 1})


def test_equally_frequent_keys_are_kept_in_order_of_source_and_name(two_kept: None):
    assert unread_facts(counts(gui_b=1, gui_a=1, chat_c=1), Counter(gui=5)) == {
        "unread": [{"source": "chat", "key": "c", "count": 1}, {"source": "gui", "key": "a", "count": 1}],
        "unread_more": {"gui": 6},
    }


def test_the_facts_leave_the_counts_as_they_are(two_kept: None):
    kept, more = counts(gui_a=1, gui_b=1, gui_c=1), Counter[str]()
    unread_facts(kept, more)
    assert (len(kept), more) == (3, {})


@pytest.mark.parametrize(
    ("manifest", "number", "sources"),
    [
        ({}, None, {}),
        ({"unread": None}, None, {}),
        ({"unread": []}, 0, {}),
        ({"unread": [{"source": "gui", "key": "a", "count": 2}], "unread_more": None}, 1, {"gui": ([("a", 2)], 0)}),
        (
            {"unread": [{"source": "gui", "key": "a", "count": 2}, {"source": "gui", "key": "b", "count": 3}], "unread_more": {"chat": 5}},
            7,
            {"chat": ([], 5), "gui": ([("b", 3), ("a", 2)], 0)},
        ),
    ],
)
def test_a_manifest_may_lack_unread_keys(manifest: dict, number: int | None, sources: dict):
    assert (number_of_keys(manifest), by_source(manifest)) == (number, sources)
    assert sum(counts_of(manifest)[0].values()) == sum(count for keys, _ in sources.values() for _, count in keys)


@pytest.mark.parametrize(("key", "shown"), [("k" * 200, "k" * 200), ("k" * 201, "k" * 200 + "…"), ("a\nb", "a␊b"), ("\x1b[31m", "␛[31m")])
def test_a_key_is_stored_short_and_on_one_line(key: str, shown: str):
    kept: Counter[tuple[str, str]] = Counter()
    add(kept, "gui", [(key, 2), (key, 1)])
    assert (shown_key(key), kept) == (shown, {("gui", shown): 3})
