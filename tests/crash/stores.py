"""Experiments with the output root in a store: a real server, which the campaign starts and stops. Each is that of a root on disk.

A run that was killed leaves its lease, which the next run takes over. Here it waits seconds for that, instead of 20.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from pipelines.storage import locks
from tests.crash import campaign as c
from tests.crash import races as r
from tests.crash.stage import Stage
from tests.crash.zygote import die
from tests.servers import Server
from tests.servers.fixtures import START

SERVERS = ("versitygw", "moto", "azurite", "hdfs")


@contextmanager
def open_server(name: str, folder: Path) -> Iterator[Server]:
    """A folder of this server, or of moto where it is not in out/servers. Its credentials are in the environment, also of Spark's workers."""
    place = folder / name
    place.mkdir()
    try:
        started = START[name](place)
        running = started.__enter__()
    except pytest.skip.Exception as missing:
        print(f"{missing}; moto takes its place", file=sys.stderr)
        started = START["moto"](place)
        running = started.__enter__()
    try:
        server: Server = running.folder("crash")
        os.environ.update(server.environment)
        yield server
    finally:
        started.__exit__(None, None, None)


def renew_quickly() -> None:
    """In drivers, before they start."""
    locks.RENEW_SECONDS, locks.WATCH_SECONDS, locks.POLL_SECONDS = 0.5, 5.0, 0.2


def experiments(stage: Stage, server: str) -> Iterator[tuple[str, str, Callable[[Stage], list[str]]]]:
    """Killed at one point of each kind, Spark at work where it writes; twice; and two runs at once, with the lease and without."""
    points = stage.points()
    written = points.index("plan: written")
    for number in chosen(points):
        yield "stores", f"{server}: killed at {number} ({points[number]})", partial(c.disturbed, where=number, how=die, spark=number <= written)
    yield "stores", f"{server}: killed at runs: after, the next batch first", partial(c.next_batch_first, where="runs: after")
    yield "stores", f"{server}: killed twice", partial(c.killed_twice, where="runs: after")
    yield "stores", f"{server}: one batch twice at once", partial(r.same_batch_at_once, number="manifest: written")
    for point in ("runs: before", "runs: after"):
        yield "stores", f"{server}: one batch twice at once without a lease, the first at {point}", partial(r.same_batch_at_once, number=point, lock=False)
    yield "stores", f"{server}: two batches at once", partial(r.two_batches_at_once, number="runs: before")
    yield "stores", f"{server}: two batches at once, both killed", partial(r.two_batches_at_once, number="runs: after", other="runs: before", kill=True)


def chosen(points: list[str]) -> list[int]:
    """The first point of each kind. Those of conversations, samples and quarantine are alike."""
    kinds: dict[str, int] = {}
    for number, point in enumerate(points):
        if not point.startswith(("conversations:", "quarantine:")):
            kinds.setdefault(point, number)
    return list(kinds.values())
