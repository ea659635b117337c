"""Which record of a batch trains which answer (`fold: prefix`), from the hashes of `answers`.

A cumulative log repeats the history in every record, so the same answer is in many of them. Each answer is trained in one record: where its
reasoning is whole, and then in the longest. A record in which no answer is left to train is superseded. An answer that is withheld, because the
record of its own call says that it was cut or is not to be trained, is trained in none: the histories that have it do not say so. Nor is what a
history has in its place, which no record gave: a client that closes a cut JSON, say.

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
from pipelines.records import Draft, Finding, Held, RecordContext
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


def superseded_findings(draft: Draft, by: Held) -> tuple[Finding, ...]:
    """Why the record is superseded, and which answer of it was cut, since no other row says so."""
    other = "other " if any(message.is_withheld for message in draft.messages) else ""
    cut = (finding for finding in draft.findings if finding.code == Reason.CHECK_CUT_ANSWER.code)
    return Reason.RECORD_SUPERSEDED.at("", f"its {other}answers are trained in {by.named}"), *cut


def fold_findings(context: RecordContext) -> Iterator[Finding]:
    """One finding for all answers of a kind: a record may have hundreds. Those that are left have a loss_weight other than 0."""
    if context.masked:
        held = f", for example {context.trained_in.named}" if context.trained_in else ""
        yield Reason.REPAIR_ANSWER_TRAINED_ELSEWHERE.at("", f"loss_weight is 0 in {counted(len(context.masked), 'message')} that other records train{held}")
    if context.withheld:
        by = f", for example {context.withheld_by}" if context.withheld_by else ""
        messages = f"{counted(len(context.withheld), 'message')}, because the records of these calls do not train their answers{by}"
        yield Reason.REPAIR_ANSWER_WITHHELD.at("", f"loss_weight is 0 in {messages}")


@dataclass(slots=True)
class _Withheld:
    """Which answers are withheld, and by which record: `by_text` for an episode, by chain and own text; `by_chain` for all episodes, if none gives the answer
    as a good one; `by_context` is for what no record has given there."""

    by_text: dict[tuple[bytes, bytes], Held] = field(default_factory=dict)
    by_chain: dict[bytes, Held] = field(default_factory=dict)
    by_context: dict[bytes, Held] = field(default_factory=dict)
    good: set[tuple[bytes, bytes]] = field(default_factory=set)  # (chain, context)

    def by(self, answer: Answer) -> Held | None:
        found = self.by_text.get((answer.chain, answer.own)) or self.by_chain.get(answer.chain)
        return found or (self.by_context.get(answer.before) if (answer.chain, answer.before) not in self.good else None)


class _Best(NamedTuple):
    """The best of the answers with one chain that are not withheld."""

    rank: Rank
    place: Held


class _Moved(NamedTuple):
    """The record that trains the text of a rewritten history; or the one that withholds it, if none trains it."""

    is_withheld: bool
    place: Held


class _Known(NamedTuple):
    """What all records say of each chain: who withholds it, its best answer, and whether it is given: by the record of its own call, or by a published one."""

    withheld: _Withheld
    best: Mapping[bytes, _Best]
    given: frozenset[bytes]

    def is_settled(self, answer: Answer) -> bool:
        return answer.chain in self.given or self.withheld.by(answer) is not None


def fold(records: Iterable[Cumulative]) -> dict[Held, Folded]:
    """What is decided about each record, by its place; nothing about records without answers to train and published ones."""
    listed = list(records)
    known = _known(listed)
    moved = _moved(listed, known)
    undecided = (record for record in listed if not record.is_published and not all(answer.is_withheld for answer in record.answers))
    return {record.place: _folded(record, known, moved) for record in undecided}


def _folded(record: Cumulative, known: _Known, moved: Mapping[bytes, _Moved]) -> Folded:
    trains, held, withheld_by = 0, None, None
    masked: list[int] = []
    withheld: list[int] = []
    for answer in record.answers:
        if answer.is_withheld:
            continue
        elsewhere, by = moved.get(answer.chain), known.withheld.by(answer)
        if by is not None or (elsewhere is not None and elsewhere.is_withheld):
            withheld += range(answer.first, answer.last + 1)
            withheld_by = by or (elsewhere and elsewhere.place)
            continue
        place = known.best[answer.chain].place if elsewhere is None else elsewhere.place
        if elsewhere is None and place == record.place:
            trains += 1
        else:
            masked += range(answer.first, answer.last + 1)
            held = held if place == record.place else place
    return Folded(trains, tuple(masked), held, tuple(withheld), withheld_by)


def _known(records: Sequence[Cumulative]) -> _Known:
    withheld = _withheld(records)
    best: dict[bytes, _Best] = {}
    given: set[bytes] = set()
    for record in records:
        for answer in record.answers:
            if answer.is_newest or record.is_published:
                given.add(answer.chain)
            if withheld.by(answer) is None:
                one = _Best(_rank(record, answer), record.place)
                best[answer.chain] = min(one, best.get(answer.chain, one))
    return _Known(withheld, best, frozenset(given))


def _withheld(records: Iterable[Cumulative]) -> _Withheld:
    """Of two records of one episode that contradict each other, the one counts that withholds the answer."""
    found = _Withheld()
    gives: set[tuple[bytes, bytes]] = set()
    for record in records:
        for answer in record.answers:
            key = (answer.chain, answer.own)
            if answer.is_withheld:
                found.by_text[key] = min(record.place, found.by_text.get(key, record.place))
                found.by_context[answer.before] = min(record.place, found.by_context.get(answer.before, record.place))
            elif answer.is_newest or record.is_published:
                gives.add(key)
                found.good.add((answer.chain, answer.before))
    good = {chain for chain, own in gives if (chain, own) not in found.by_text}
    for (chain, _), place in found.by_text.items():
        if chain not in good:
            found.by_chain[chain] = min(place, found.by_chain.get(chain, place))
    return found


def _rank(record: Cumulative, answer: Answer) -> Rank:
    """The least is the best: a published record, then whole reasoning, then all images, then the fullest history, then the longest record."""
    return (not record.is_published, -answer.reasoning, -answer.images, -answer.size, -record.messages, record.place)


def _moved(records: Sequence[Cumulative], known: _Known) -> dict[bytes, _Moved]:
    """The answers of rewritten histories, by their chains, each with a record that trains its text.

    Several episodes may begin alike and share an answer. It stays where it is if any of them would lack it, and then counts for all of them.
    """
    texts = _Texts()
    settled = {(answer.chain, answer.own): known.withheld.by(answer) for record in records for answer in record.answers if known.is_settled(answer)}
    for (chain, own), withheld_by in settled.items():
        texts.add(own, withheld_by, known.best.get(chain))
    history: dict[tuple[bytes, bytes], _History] = {}
    for record in records:
        for one in _history(record, known, texts):
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

    def add(self, own: bytes, withheld_by: Held | None, best: _Best | None) -> None:
        self.counts[own] += 1
        if withheld_by is not None:
            self.withheld_by[own] = min(withheld_by, self.withheld_by.get(own, withheld_by))
        elif best is not None:
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


def _history(record: Cumulative, known: _Known, texts: _Texts) -> Iterator[_History]:
    if record.is_published:
        return
    given_here = Counter(answer.own for answer in record.answers if known.is_settled(answer))
    before: Counter[bytes] = Counter()
    for answer in record.answers:
        if not known.is_settled(answer):
            before[answer.own] += 1
            excess = before[answer.own] - (texts.counts[answer.own] - given_here[answer.own])
            yield _History(answer.chain, answer.own, known.best[answer.chain].rank, answer.has_episode, excess)


def _least(history: Iterable[_History]) -> dict[tuple[bytes, int], _History]:
    """The answer that is trained of those of an episode with the same text and excess: one that most episodes need, then the one with the best rank."""
    needed = [one for one in history if one.excess > 0 and one.has_episode]
    episodes = Counter(one.chain for one in needed)
    least: dict[tuple[bytes, int], _History] = {}
    for one in needed:
        least[one.own, one.excess] = min(one, least.get((one.own, one.excess), one), key=lambda one: (-episodes[one.chain], one.rank, one.chain))
    return least
