"""`episodes repair`: brings an output root that somebody else has changed, or that version 0.1.0 wrote, to a state that readers can use."""

from __future__ import annotations

import sys
from argparse import Namespace

from pipelines.console.published import root_of
from pipelines.reports.index import write_index
from pipelines.tables.publication.complete import RootDamaged
from pipelines.tables.publication.delta import Outdated
from pipelines.tables.publication.repair import repair
from pipelines.tables.publication.root import OutputRoot
from pipelines.tables.reading import NotPublished
from pipelines.visible import visible

OK, USAGE = 0, 2


def run(options: Namespace) -> int:
    """Prints what was found and done, one line each."""
    root, stores, days = root_of(options)
    done = False
    try:
        output = OutputRoot(root, stores)
        for line in repair(output, days):
            done = True
            print(visible(line))
        if done:
            write_index(output, output.runs())
    except (NotPublished, RootDamaged, Outdated) as error:
        print(visible(f"episodes: {error}"), file=sys.stderr)
        return USAGE
    if not done:
        print("nothing to repair")
    return OK
