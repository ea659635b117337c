"""Which record of a batch trains which answer (`fold: prefix`), from the hashes of `answers`.

A cumulative log repeats the history in every record, so the same answer is in many of them. Each answer is trained in one record: where its
reasoning is whole, and then in the longest. A record in which no answer is left to train is superseded. An answer that is withheld, because the
record of its own call says that it was cut or is not to be trained, is trained in none: the histories that have it do not say so.

Two answers are the same
    if everything up to them is the same, reasoning aside (equal `chain`); or
    if the history was rewritten: one is history, in a context that no record has answered, and another record of the same episode has the
    same text as its newest answer, or as history. A text is trained as often as the episode has it.

The result depends on no order: equal candidates are ordered by path and line. `pipelines/spark/plans/fold.py` does the same in Spark.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pipelines.episodes.answers import Answer
from pipelines.reasons import Reason
from pipelines.records import Finding, Held, RecordContext
from pipelines.visible import counted

Rank = tuple[bool, int, int, int, int, Held]


class Cumulative(NamedTuple):
    """A record of a source with `fold`. `is_published`: its rows stay as they are, so it goes on training what it trains."""

    place: Held
    messages: int
    answers: Sequence[Answer]
    is_published: bool = False


class Folded(NamedTuple):
    """What is decided about a record: it trains `trains` of its answers, and the messages `masked` not. `held` trains the last of those.

    `held` is None if the record itself trains the text of each of them, as its newest answer. The messages `withheld` are trained nowhere;
    `withheld_by` is the record whose newest answer the last of those is.
    """

    trains: int
    masked: tuple[int, ...]
    held: Held | None
    withheld: tuple[int, ...] = ()
    withheld_by: Held | None = None

    @property
    def is_superseded(self) -> bool:
        return not self.trains and self.held is not None


def folded_context(folded: Folded, id_conflict: bool = False) -> RecordContext:
    if folded.is_superseded:
        return RecordContext(superseded_by=folded.held)
    return RecordContext(masked=folded.masked, trained_in=folded.held, withheld=folded.withheld, withheld_by=folded.withheld_by, id_conflict=id_conflict)


def fold_findings(context: RecordContext) -> Iterator[Finding]:
    """One finding for all answers of a kind: a record may have hundreds. Those that are left have a loss_weight other than 0."""
    if context.masked:
        held = f", for example {context.trained_in.named}" if context.trained_in else ""
        yield Reason.REPAIR_ANSWER_TRAINED_ELSEWHERE.at("", f"loss_weight is 0 in {counted(len(context.masked), 'message')} that other records train{held}")
    if context.withheld:
        by = f", for example {context.withheld_by}" if context.withheld_by else ""
        messages = f"{counted(len(context.withheld), 'message')}, because the records of their own calls do not train them{by}"
        yield Reason.REPAIR_ANSWER_WITHHELD.at("", f"loss_weight is 0 in {messages}")


class _Best(NamedTuple):
    """The best of the answers with one chain, and whether it is `given`: as the newest answer of any record, or in a published one. `withheld_by` is the
    first record that withholds it."""

    rank: Rank
    place: Held
    is_given: bool
    withheld_by: Held | None


class _Moved(NamedTuple):
    """The record that trains the text of a rewritten history; or the one that withholds it, if none trains it."""

    is_withheld: bool
    place: Held


def fold(records: Iterable[Cumulative]) -> dict[Held, Folded]:
    """What is decided about each record, by its place; nothing about records without answers to train and published ones."""
    known = list(records)
    best = _best_of_chains(known)
    moved = _moved(known, best)
    undecided = (record for record in known if not record.is_published and not all(answer.is_withheld for answer in record.answers))
    return {record.place: _folded(record, best, moved) for record in undecided}


def _folded(record: Cumulative, best: Mapping[bytes, _Best], moved: Mapping[bytes, _Moved]) -> Folded:
    trains, held, withheld_by = 0, None, None
    masked: list[int] = []
    withheld: list[int] = []
    for answer in record.answers:
        found, elsewhere = best[answer.chain], moved.get(answer.chain)
        if answer.is_withheld:
            continue
        if found.withheld_by is not None or (elsewhere is not None and elsewhere.is_withheld):
            withheld += range(answer.first, answer.last + 1)
            withheld_by = found.withheld_by or (elsewhere and elsewhere.place)
        elif elsewhere is None and found.place == record.place:
            trains += 1
        else:
            place = found.place if elsewhere is None else elsewhere.place
            masked += range(answer.first, answer.last + 1)
            held = held if place == record.place else place
    return Folded(trains, tuple(masked), held, tuple(withheld), withheld_by)


def _best_of_chains(records: Iterable[Cumulative]) -> dict[bytes, _Best]:
    best: dict[bytes, _Best] = {}
    for record in records:
        for answer in record.answers:
            one = _Best(_rank(record, answer), record.place, answer.is_newest or record.is_published, record.place if answer.is_withheld else None)
            other = best.get(answer.chain, one)
            withheld_by = _first(one.withheld_by, other.withheld_by)
            best[answer.chain] = min(one, other, key=lambda one: one.rank)._replace(is_given=one.is_given or other.is_given, withheld_by=withheld_by)
    return best


def _rank(record: Cumulative, answer: Answer) -> Rank:
    """The least is the best: a published record, then whole reasoning, then all images, then the fullest history, then the longest record."""
    return (not record.is_published, -answer.reasoning, -answer.images, -answer.size, -record.messages, record.place)


def _moved(records: Sequence[Cumulative], best: Mapping[bytes, _Best]) -> dict[bytes, _Moved]:
    """The answers of rewritten histories, by their chains, each with a record that trains its text.

    Several episodes may begin alike and share an answer. It stays where it is if any of them would lack it, and then counts for all of them.
    """
    texts = _Texts()
    for chain, own in {(answer.chain, answer.own) for record in records for answer in record.answers}:
        if best[chain].is_given:
            texts.add(own, best[chain])
    history: dict[tuple[bytes, bytes], _History] = {}
    for record in records:
        for one in _history(record, best, texts):
            other = history.get((one.chain, one.own), one)
            history[one.chain, one.own] = one._replace(excess=max(one.excess, other.excess))
    least = _least(history.values())
    stays: set[bytes] = set()
    moved: dict[bytes, _Moved] = {}
    for one in history.values():
        if one.excess > 0 and (not one.has_episode or least[one.own, one.excess].chain == one.chain):
            stays.add(one.chain)
        else:
            found = _Moved(False, least[one.own, one.excess].rank[-1]) if one.excess > 0 else texts.another_place(one.own, one.rank[-1])
            moved[one.chain] = min(found, moved.get(one.chain, found))
    return {chain: found for chain, found in moved.items() if chain not in stays}


@dataclass(slots=True)
class _Texts:
    """How many chains of an episode end in each of its texts and are given; of those that are trained, the first and the last place of the best; and
    the first record that withholds any."""

    counts: Counter[bytes] = field(default_factory=Counter)
    places: dict[bytes, tuple[Held, Held]] = field(default_factory=dict)
    withheld_by: dict[bytes, Held] = field(default_factory=dict)

    def add(self, own: bytes, best: _Best) -> None:
        self.counts[own] += 1
        if best.withheld_by is not None:
            self.withheld_by[own] = min(best.withheld_by, self.withheld_by.get(own, best.withheld_by))
        else:
            first, last = self.places.get(own, (best.place, best.place))
            self.places[own] = (min(first, best.place), max(last, best.place))

    def another_place(self, own: bytes, place: Held) -> _Moved:
        if own not in self.places:
            return _Moved(True, self.withheld_by[own])
        first, last = self.places[own]
        return _Moved(False, last if first == place else first)


class _History(NamedTuple):
    """An answer of an episode that is not given: history in every record that has its chain.

    `excess`: how many answers up to here have this text, more than the episode's other records have given; the most of all its records that have
    the chain. `rank` is that of the best record that has it, of any episode.
    """

    chain: bytes
    own: bytes
    rank: Rank
    has_episode: bool
    excess: int


def _first(one: Held | None, other: Held | None) -> Held | None:
    return min(one, other) if one is not None and other is not None else one or other


def _history(record: Cumulative, best: Mapping[bytes, _Best], texts: _Texts) -> Iterator[_History]:
    if record.is_published:
        return
    given_here = Counter(answer.own for answer in record.answers if best[answer.chain].is_given)
    before: Counter[bytes] = Counter()
    for answer in record.answers:
        found = best[answer.chain]
        if not found.is_given:
            before[answer.own] += 1
            excess = before[answer.own] - (texts.counts[answer.own] - given_here[answer.own])
            yield _History(answer.chain, answer.own, found.rank, answer.has_episode, excess)


def _least(history: Iterable[_History]) -> dict[tuple[bytes, int], _History]:
    """The answer that is trained of those of an episode with the same text and excess: one that most episodes need, then the one with the best rank."""
    needed = [one for one in history if one.excess > 0 and one.has_episode]
    episodes = Counter(one.chain for one in needed)
    least: dict[tuple[bytes, int], _History] = {}
    for one in needed:
        least[one.own, one.excess] = min(one, least.get((one.own, one.excess), one), key=lambda one: (-episodes[one.chain], one.rank, one.chain))
    return least
