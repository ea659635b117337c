"""The rare phrases of tasks, by which tasks are compared.

    task -> words -> phrases of 1 to 4 words -> those that few other tasks of any source have

A prompt's fixed words, which most tasks of a source share, are in no rare phrase; so two goals inside one long template are as different as the
goals, and one goal inside two templates is the same goal. A rare phrase says that two tasks may be the same; their words must agree too.
A task without a rare phrase is compared as a whole only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.uint32]

# Scripts that are written without blanks: a word is one character.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(f"[{_UNSPACED}]|[^\\W_{_UNSPACED}]+")
MOST_CHARACTERS = 100_000  # of a task
HEAD, TAIL = 3000, 1000  # words of a longer task that are compared
SHORT = 60  # words of a task in which every number counts
LONGEST = 4  # words of a phrase
MOST = 128  # phrases, and words, of a task: those with the least hashes, a bottom-k MinHash sketch (A. Broder, 1997)
FEW = 4  # a phrase that no more tasks have is evidence by itself; the evidence of others is in proportion
MOST_WEIGHT = 5.0  # of a word
FEWEST = 20  # tasks that a source is taken to have
_BITS = 25
_MIX = np.uint64(0x9E3779B97F4A7C15)


class Weighted(NamedTuple):
    """A set of hashes, ascending, with their weights: the same hash has the same weight in every task."""

    hashes: Hashes
    weights: npt.NDArray[np.float32]


class Sketch(NamedTuple):
    """What is compared of a task: its rare phrases, each with a weight of at most 1, and its words and pairs of words, which
    weigh more the fewer tasks have them. `numbers` are the words that are numbers, of a task of at most SHORT words. `first` is the place of the first word of a rare phrase, 0 where there is none."""

    phrases: Weighted
    words: Weighted
    numbers: frozenset[str]
    first: int


def words_of(text: str) -> list[str]:
    """The words of a task, without case, punctuation and forms of width.

    >>> words_of("Open \\uff37i-Fi, please: 打开设置!")
    ['open', 'wi', 'fi', 'please', '打', '开', '设', '置']
    """
    words = _WORD.findall(unicodedata.normalize("NFKC", text[:MOST_CHARACTERS]).casefold())
    return words if len(words) <= HEAD + TAIL else [*words[:HEAD], *words[-TAIL:]]


def excerpt(text: str, word: int, most: int) -> str:
    """At most so many characters of a task, from shortly before the word at this place of `words_of`.

    >>> excerpt("You are an agent. " * 9 + "Open Wi-Fi.", 36, 30)
    '… You are an agent. Open Wi-Fi.'
    """
    if len(text) <= most:
        return text
    starts = [found.start() for found in _WORD.finditer(text[:MOST_CHARACTERS])]
    word += len(starts) - HEAD - TAIL if word >= HEAD and len(starts) > HEAD + TAIL else 0
    start = max(0, min(starts[min(word, len(starts) - 1)] - most // 2, len(text) - most))
    return ("…" if start else "") + text[start : start + most] + ("…" if start + most < len(text) else "")


def key_of(words: Sequence[str]) -> bytes:
    """Equal for tasks with the same words."""
    return blake2b(" ".join(words).encode("utf-8", "surrogatepass"), digest_size=12).digest()


def phrases_of(words: Sequence[str]) -> list[Hashes]:
    """For each length from 1 to 4, the hash of the phrase that begins at each word."""
    one = np.fromiter((crc32(word.encode("utf-8", "surrogatepass")) for word in words), np.uint64, len(words))
    found = [_mixed(one)]
    for length in range(2, LONGEST + 1):
        before = found[-1]
        found.append(_mixed(before[: max(0, len(words) - length + 1)] * np.uint64(31) + one[length - 1 :]))
    return found


def _mixed(values: Hashes) -> Hashes:
    """Spreads the bits, as splitmix64 does."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


class Commonness:
    """In how many distinct tasks of each source a phrase occurs, counted by hash in a table of fixed size: never too few, sometimes a few too many."""

    def __init__(self) -> None:
        self._table = np.zeros(1 << _BITS, np.uint32)
        self._tasks: list[int] = []  # by source

    def add(self, source: int, words: Sequence[str]) -> None:
        """Counts a task that this source, by its number, has not had before."""
        self._tasks += [0] * (source + 1 - len(self._tasks))
        self._tasks[source] += 1
        self._table[np.unique(self._places(np.concatenate(phrases_of(words)), source))] += np.uint32(1)

    def sketch(self, words: Sequence[str]) -> Sketch:
        """The rare phrases of this task, without longer ones around a phrase that is evidence by itself, and its words and pairs of words without those of a prompt."""
        of_length = phrases_of(words)
        hashes: list[Hashes] = []
        counts: list[Counts] = []
        places: list[int] = []
        was_unique = np.zeros(len(words) + 1, np.bool_)
        for phrases in of_length:
            count, is_rare = self._counted(phrases)
            shorter = was_unique[: len(phrases)] | was_unique[1 : len(phrases) + 1]
            own = is_rare & ~shorter
            hashes.append(phrases[own])
            counts.append(count[own])
            places += np.flatnonzero(own)[:1].tolist()
            was_unique = (is_rare & (count <= FEW)) | shorter
        short = np.concatenate(of_length[:2])
        weights = np.minimum(1, FEW / np.maximum(1, np.concatenate(counts)))
        numbers = frozenset(word for word in words if word.isdecimal()) if len(words) <= SHORT else frozenset[str]()
        return Sketch(_least(np.concatenate(hashes), weights), _least(short, self._word_weights(short)), numbers, min(places, default=0))

    def _counted(self, phrases: Hashes) -> tuple[Counts, npt.NDArray[np.bool_]]:
        """Of each phrase, the tasks of the source that has it most often, and whether it is rare in all sources."""
        most, is_rare = np.zeros(len(phrases), np.uint32), np.ones(len(phrases), np.bool_)
        for source, tasks in enumerate(self._tasks):
            count = self._table[self._places(phrases, source)]
            is_rare &= count <= rare_in(tasks)
            most = np.maximum(most, count)
        return most, is_rare

    def _word_weights(self, words: Hashes) -> npt.NDArray[np.float64]:
        """log(tasks / tasks with the word) in the source where this is least; 0 for a word that most tasks of a source have."""
        least = np.full(len(words), MOST_WEIGHT)
        for source, tasks in enumerate(self._tasks):
            count = self._table[self._places(words, source)]
            weight = np.where(count > max(FEW - 1, tasks / 2), 0, np.log(np.maximum(1, max(tasks, FEWEST) / np.maximum(1, count))))
            least = np.where(count > 0, np.minimum(least, weight), least)
        return least

    def _places(self, phrases: Hashes, source: int) -> Hashes:
        salted = phrases + np.uint64(source * int(_MIX) % (1 << 64))
        return (salted * _MIX) >> np.uint64(64 - _BITS)


def rare_in(tasks: int) -> float:
    """In how many of a source's distinct tasks a phrase may occur to be rare: 2 to 4 of a few, 6 of 100, 36 of 100,000."""
    return float(max(2.0, 2 * tasks**0.25))


def _least(hashes: Hashes, weights: npt.NDArray[np.float64]) -> Weighted:
    """The MOST least of the distinct hashes whose weight is not 0."""
    found, first = np.unique(hashes[weights > 0], return_index=True)
    return Weighted(found[:MOST], weights[weights > 0][first][:MOST].astype(np.float32))


class Overlap(NamedTuple):
    """What two sets have in common by weight: of both together (weighted Jaccard), of the smaller one, and as a sum."""

    of_both: float
    of_smaller: float
    shared: float


def overlap(one: Weighted, other: Weighted) -> Overlap:
    """Of sets with MOST hashes it is an estimate, from the least hashes of both."""
    union, places = np.unique(np.concatenate([one.hashes, other.hashes]), return_inverse=True)
    known = MOST if max(len(one.hashes), len(other.hashes)) == MOST else len(union)  # nothing is known of greater hashes
    own, others = np.zeros(len(union)), np.zeros(len(union))
    own[places[: len(one.hashes)]], others[places[len(one.hashes) :]] = one.weights, other.weights
    shared = float(np.minimum(own, others)[:known].sum())
    if not shared:
        return Overlap(0.0, 0.0, 0.0)
    totals = float(own[:known].sum()), float(others[:known].sum())
    return Overlap(shared / (sum(totals) - shared), shared / min(totals), shared)
