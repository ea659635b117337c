"""`episodes audit`: the same or nearly the same episodes on two sides of a split, in two sources, or in a folder of test sets. A report; nothing is dropped."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import orjson

from pipelines.audit.episodes import Episode, Side, first_rows, screen_hashes, tasks_in
from pipelines.audit.held_out import HeldOut, read_held_out
from pipelines.audit.leaks import Audit, Leak, audit
from pipelines.audit.pairs import NEARLY
from pipelines.console.published import root_of
from pipelines.storage.stores import Stores
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.reading import NotPublished
from pipelines.visible import counted, visible

OK, USAGE = 0, 2
SHOWN = 20  # leaks


def run(options: Namespace) -> int:
    """Prints the leaks with their evidence, the worst first, or all of them as JSON."""
    root, stores, _ = root_of(options)
    try:
        made, sets = audit_root(root, stores, options.against)
    except NotPublished as error:
        print(visible(f"episodes: {error}"), file=sys.stderr)
        return USAGE
    if options.json:
        sys.stdout.buffer.write(orjson.dumps(facts(made, sets), option=orjson.OPT_INDENT_2) + b"\n")
    else:
        print("\n".join(visible(line) for line in lines(made, sets)))
    return OK


def audit_root(root: str, stores: Stores, against: str | None) -> tuple[Audit, HeldOut]:
    """Raises NotPublished, and FileNotFoundError where there is no folder of test sets."""
    sets = HeldOut()
    if against is not None:
        _say(f"reading {against}")
        sets = read_held_out(against)
    published = OutputRoot(root, stores).published()
    _say(f"reading {root}")
    rows = first_rows(published)
    screens = {episode.screen for episodes in rows.values() for episode in episodes.values()}
    hashes = screen_hashes(published, frozenset(screen for screen in screens if screen)) | sets.hashes
    _say(f"comparing {counted(sum(map(len, rows.values())) + len(sets.episodes), 'episode')}")
    return audit([tasks_in(published, rows), sets.read], hashes), sets


def _say(line: str) -> None:
    print(visible(line), file=sys.stderr, flush=True)


def lines(made: Audit, sets: HeldOut) -> Iterator[str]:
    """The report as text: what was compared, a count for each pair of sides, and the worst leaks."""
    for side, count in sorted(made.episodes.items()):
        yield f"{_side(side):30} {count:>9,} {'episode' if count == 1 else 'episodes'}"
    for reason, count in sets.without_task.most_common():
        yield f"{'no task':30} {count:>9,} of the test sets: {reason}"
    if made.screens:
        yield f"{'screens':30} {made.screens:>9,}, of which {made.hashed:,} have a difference hash; the rest are compared by their bytes"
    for text, count in sorted(made.common.items(), key=lambda item: -item[1]):
        yield f"{'not compared':30} {count:>9,} episodes begin with the same text, which is not a task: {_one_line(text)}"
    if not made.leaks:
        yield f"no task and no first screen is on two sides of a split{', in two sources, or in the test sets' if sets.episodes else ' or in two sources'}"
        return
    for pair in pairs_of(made):
        yield (
            f"{_side(Side(**pair['one'])):30} {pair['one_episodes']:>9,} of {counted(pair['one_of'], 'episode')} {'is' if pair['one_episodes'] == 1 else 'are'} like {pair['other_episodes']:,} of {_side(Side(**pair['other']))}"
            f" ({counted(pair['leaks'], 'pair')})"
        )
    for leak in made.leaks[:SHOWN]:
        yield ""
        yield from _evidence(made, leak)
    if len(made.leaks) > SHOWN:
        yield ""
        yield f"and {counted(len(made.leaks) - SHOWN, 'more pair')}; --json lists all"


def _evidence(made: Audit, leak: Leak) -> Iterator[str]:
    alike = [f"{name} {_how(value)}" for name, value in (("task", leak.task), ("first screen", leak.screen)) if value is not None]
    yield ", ".join(alike)
    for episode, count in ((leak.one, leak.of_one), (leak.other, leak.of_other)):
        more = f", and {counted(count - 1, 'more episode')} with this task" if count > 1 else ""
        yield f"  {_side(episode.side)}  {episode.sample_id}  {episode.origin}{more}"
        yield f"    {_one_line(made.text_of(episode))}"


def _how(alike: float) -> str:
    return "the same" if alike == 1 else "nearly the same" if alike >= NEARLY else f"{alike:.0%} alike"


def _one_line(text: str) -> str:
    return " ".join(text.split()) or "(no text)"


def _side(side: Side) -> str:
    return f"{side.source} {side.split}"


def pairs_of(made: Audit) -> list[dict[str, Any]]:
    """For each pair of sides, in the order of the worst leak: the number of leaks, and of episodes of each side that have a like on the other."""
    leaks: dict[tuple[Side, Side], int] = defaultdict(int)
    touched: dict[tuple[Side, Side], tuple[dict[Any, int], dict[Any, int]]] = defaultdict(lambda: ({}, {}))
    for leak in made.leaks:
        leaks[leak.sides] += 1
        for found, episode, count in zip(touched[leak.sides], (leak.one, leak.other), (leak.of_one, leak.of_other), strict=True):
            name = episode.task if episode.task >= 0 else episode.sample_id
            found[name] = max(count, found.get(name, 0))
    return [
        {
            "one": one._asdict(),
            "other": other._asdict(),
            "leaks": count,
            "one_episodes": sum(touched[one, other][0].values()),
            "one_of": made.episodes[one],
            "other_episodes": sum(touched[one, other][1].values()),
            "other_of": made.episodes[other],
        }
        for (one, other), count in leaks.items()
    ]


def facts(made: Audit, sets: HeldOut) -> dict[str, Any]:
    """The report as data."""
    return {
        "episodes": [side._asdict() | {"episodes": count} for side, count in sorted(made.episodes.items())],
        "screens": {"episodes": made.screens, "hashed": made.hashed},
        "test_sets_without_task": dict(sets.without_task),
        "not_compared": [{"text": text, "episodes": count} for text, count in made.common.items()],
        "pairs": pairs_of(made),
        "leaks": [
            {"task": leak.task, "screen": leak.screen, "one": _example(made, leak.one, leak.of_one), "other": _example(made, leak.other, leak.of_other)}
            for leak in made.leaks
        ],
    }


def _example(made: Audit, episode: Episode, count: int) -> dict[str, Any]:
    return {
        **episode.side._asdict(),
        "sample_id": episode.sample_id,
        "episode_id": episode.episode_id,
        "origin": episode.origin,
        "text": made.text_of(episode),
        "episodes": count,
    }
