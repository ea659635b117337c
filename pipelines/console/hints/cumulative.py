"""Cumulative logs that are read without `fold`: records that are the beginnings of others, so that their answers are trained again in these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from pipelines.config import DialectSettings, Source
from pipelines.episodes.answers import answers_of, with_images
from pipelines.records import Draft
from pipelines.visible import counted

MOST_ANSWERS = 200_000  # of a source, which take about 30 MB
LEAST_SHARE = 0.1  # of the records: some chats are a greeting alone, or an example that others begin with; of a cumulative log at least half are beginnings


class Repeated(NamedTuple):
    """`beginnings` of `records` have no message that a longer record does not begin with. `answers` are in them and in longer ones, and would be trained
    `times` in all, though the records of their own calls withhold `withheld` of them."""

    records: int
    beginnings: int
    answers: int
    times: int
    withheld: int
    is_all: bool  # whether all records were compared

    def beginnings_words(self) -> str:
        of = f"{'' if self.is_all else 'first '}{counted(self.records, 'record')}"
        return f"{self.beginnings:,} of the {of} that were read {'is the beginning of another' if self.beginnings == 1 else 'are the beginnings of others'}"

    def words(self) -> str:
        return f"{self.beginnings_words()}, so {counted(self.answers, 'answer')} would be trained {counted(self.times, 'time')}"

    def folded_words(self) -> str:
        """What `fold: prefix` makes of these answers."""
        return "each is trained once" + (f", except {self.withheld:,} that were cut or are not to be trained" if self.withheld else "")


class RepeatedAnswers:
    """Compares the records of one source by hashes of their messages, in linear time. Reasoning counts nowhere, since a later record may lack it."""

    def __init__(self) -> None:
        self._records = self._answers = 0
        self._is_all = True
        self._times: Counter[bytes] = Counter()  # that an answer would be trained
        self._withheld: set[bytes] = set()
        self._last: Counter[bytes] = Counter()  # of records: everything up to the last answer
        self._before: set[bytes] = set()  # everything up to an answer that others follow

    def add(self, draft: Draft) -> None:
        """A record that differs in its bytes from those before it. Messages of the model that follow one another are one answer."""
        if self._answers >= MOST_ANSWERS:
            self._is_all = False
            return
        self._records += 1
        answers = with_images(answers_of(draft), [ref.key for ref in draft.refs])
        ends = [one for one, other in pairwise([*answers, None]) if one and (other is None or other.first > one.last + 1)]
        chains = [one.chain for one in ends]
        if chains:
            self._answers += len(chains)
            self._times.update(one.chain for one in ends if not one.is_withheld)
            self._withheld.update(one.chain for one in ends if one.is_withheld)
            self._last[chains[-1]] += 1
            self._before.update(chains[:-1])

    def found(self) -> Repeated | None:
        """None where few records are the beginnings of others, those with the same messages counted once."""
        beginnings = [count for chain, count in self._last.items() if chain in self._before]
        if len(beginnings) <= LEAST_SHARE * self._records:
            return None
        times = {chain: count for chain in self._before if (count := self._times[chain]) > (chain not in self._withheld)}
        return Repeated(self._records, sum(beginnings), len(times), sum(times.values()), len(times.keys() & self._withheld), self._is_all)


def repeated_in(drafts: Iterable[Draft]) -> Repeated | None:
    answers = RepeatedAnswers()
    for draft in {draft.record_id: draft for draft in drafts}.values():
        answers.add(draft)
    return answers.found()


def trains_history(source: Source, dialects: Iterable[DialectSettings]) -> bool:
    """Whether rows of this source train all answers of a record, so that `fold` is what a cumulative log needs."""
    return source.fold == "none" and source.rows.of == "conversation" and all(one.loss == "all" for one in dialects if one.takes(source.name))


def fold_hint(source: Source, found: Repeated) -> str:
    return f"source {source.name}: {found.words()}; with fold: prefix in this source, {found.folded_words()}"
