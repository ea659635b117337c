"""The nightly job.

spark-submit jobs/run.py --config conf/nightly.yaml --batch 2026-11-22 [--set output.root=/data/out] ...
spark-submit jobs/run.py --config conf/nightly.yaml --backfill 2026-11-01..2026-11-22

One JSON line per batch on stdout. Exit codes: 0 published or nothing to do, 1 our own fault, 2 usage, configuration, a refused
replay or a lost race, 3 a gate failed; of several batches the worst, 1 before 2 before 3.
"""

from __future__ import annotations

import argparse
import re
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pipelines.config import load_config
from pipelines.config.places import require_places
from pipelines.spark.run.entry import Told, get_ready, run_id_of
from pipelines.spark.session.session import open_session
from pipelines.spark.session.startup import meanwhile
from pipelines.spark.session.streams import separate_stderr

BATCH = r"[A-Za-z0-9][A-Za-z0-9._-]*"


def main() -> int:
    separate_stderr()
    arguments = parser().parse_args()
    told = Told()
    batches = arguments.backfill or [arguments.batch]
    spark = None
    with told.run(batches[0]):
        told.config = config = load_config(arguments.config, arguments.set)
        require_places(config)
        meanwhile(lambda: get_ready(config))
        spark = open_session(config.spark, alone=True)
    from pipelines.spark.run.batch import Manner, run_batch  # a third of a second, which the JVM took to start

    for batch in batches if spark else []:
        with told.run(batch) as ended:
            started = datetime.now(UTC)
            ended(run_batch(spark, config, batch, run_id_of(batch, started), started, Manner(arguments.replace, arguments.force)))
    return told.exit_code


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, type=Path)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--batch", type=batch_name, help="names the night; its rows are replaced in one step per table")
    which.add_argument("--backfill", type=dates, metavar="A..B", help="every day from A to B, one batch after the other")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="overrides one setting, e.g. output.root=/data/out")
    parser.add_argument("--replace", action="store_true", help="also over a batch that other code or another configuration made")
    parser.add_argument("--force", action="store_true", help="run even where inputs, code and configuration are the same, say after images were overwritten")
    return parser


def batch_name(text: str) -> str:
    if not re.fullmatch(BATCH, text):
        raise argparse.ArgumentTypeError("letters, digits, dots, dashes and underscores, beginning with a letter or digit")
    return text


def dates(text: str) -> list[str]:
    """`2026-11-01..2026-11-03` -> the three days."""
    try:
        first, last = (date.fromisoformat(part) for part in text.split(".."))
    except ValueError:
        raise argparse.ArgumentTypeError("two days are wanted, as 2026-11-01..2026-11-22") from None
    if last < first:
        raise argparse.ArgumentTypeError(f"{last} is before {first}")
    return [str(first + timedelta(days=day)) for day in range((last - first).days + 1)]


if __name__ == "__main__":
    sys.exit(main())
