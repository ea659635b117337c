"""python -m tests.mutants [-n 100] [--seed 7] [--room normalize | --file pipelines/split.py] [--own] [--jobs 2]

Changes the code of the pure rooms a little, one change at a time, and lists the changes that no quick test notices. The checkout itself is
never touched. Each survivor is a missing test, or an equal program: then it is named in equal.txt and left out from now on.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import Queue

import hypothesis  # noqa: F401  imported once here, and not again for each mutant
import numpy  # noqa: F401
import PIL.Image  # noqa: F401
import pyarrow.parquet  # noqa: F401
import pydantic  # noqa: F401
import tokenizers  # noqa: F401

from tests.mutants.judge import SURVIVED, open_judge
from tests.mutants.sites import Mutant, mutants_of

CHECKOUT = Path(__file__).parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    seed = options.seed if options.seed is not None else random.randrange(1 << 30)
    equal = equal_programs((Path(__file__).parent / "equal.txt").read_text())
    found = [mutant for mutant in mutants_of(CHECKOUT, options.room) if options.file in (None, mutant.path)]
    known = [mutant for mutant in found if not is_equal(mutant, equal)]
    sample = random.Random(seed).sample(known, min(options.n, len(known)))
    print(f"seed {seed}: {len(sample)} of {len(known)} mutants", file=sys.stderr)
    verdicts: list[tuple[Mutant, str]] = []
    for mutant, verdict in judged(sample, options.jobs, not options.own):
        verdicts.append((mutant, verdict))
        print(f"{len(verdicts):4} {verdict:9} {told(mutant)}", file=sys.stderr)
    print(report(verdicts))
    return 0


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("-n", type=int, default=100, help="how many mutants")
    parser.add_argument("--seed", type=int, help="the same seed over the same code gives the same mutants")
    parser.add_argument("--room", help="mutants of this room only")
    parser.add_argument("--file", help="mutants of this file only, named as git names it")
    parser.add_argument("--own", action="store_true", help="run the tests of the mutant's own room alone: a tenth of the time, and more survivors")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    return parser


def is_equal(mutant: Mutant, equal: set[tuple[str, str, str]]) -> bool:
    return any((mutant.path, before, mutant.line) in equal for before in (mutant.before, "*"))


def equal_programs(text: str) -> set[tuple[str, str, str]]:
    """Blocks of four lines: the file, the changed expression or * for any, the line in which it begins, and why the change makes no difference."""
    blocks = [block.splitlines() for block in text.split("\n\n") if not block.startswith("#")]
    return {(block[0].strip(), block[1].strip(), block[2].strip()) for block in blocks if block}


def judged(sample: Sequence[Mutant], jobs: int, runs_wider: bool) -> Iterator[tuple[Mutant, str]]:
    context = multiprocessing.get_context("fork")
    done = context.Queue()
    with tempfile.TemporaryDirectory() as folder:
        open_judge(CHECKOUT, Path(folder) / "unchanged", runs_wider).check_unchanged({mutant.room for mutant in sample})
        workers = [context.Process(target=work, args=(Path(folder) / str(i), sample[i::jobs], runs_wider, done)) for i in range(jobs)]
        for worker in workers:
            worker.start()
        for _ in workers:
            while (result := done.get()) is not None:
                yield result
        for worker in workers:
            worker.join()


def work(home: Path, sample: Sequence[Mutant], runs_wider: bool, done: Queue[tuple[Mutant, str] | None]) -> None:
    try:
        judge = open_judge(CHECKOUT, home, runs_wider)
        for mutant in sample:
            done.put((mutant, judge.verdict(mutant)))
    finally:
        done.put(None)


def told(mutant: Mutant) -> str:
    return f"{mutant.path}:{mutant.number}  {mutant.before} -> {mutant.after}"


def report(verdicts: Sequence[tuple[Mutant, str]]) -> str:
    """The share that was caught, in all and per room, and the survivors."""
    tried = Counter(mutant.room for mutant, _ in verdicts)
    alive = [mutant for mutant, verdict in verdicts if verdict == SURVIVED]
    lived = Counter(mutant.room for mutant in alive)
    rooms = [f"  {room}: {tried[room] - lived[room]} of {tried[room]}" for room in sorted(tried)]
    survivors = [f"{told(mutant)}\n    {mutant.line}" for mutant in alive]
    return "\n".join([f"caught {len(verdicts) - len(alive)} of {len(verdicts)}", *rooms, "survivors:", *survivors])


if __name__ == "__main__":
    sys.exit(main())
