"""Runs the pipeline on one batch, or on one batch per day.

spark-submit jobs/run.py --config conf/nightly.yaml --batch 2026-11-22 [--set output.root=/data/out] ...
spark-submit jobs/run.py --config conf/nightly.yaml --backfill 2026-11-01..2026-11-22

Prints one JSON line per batch on stdout. Exit codes: 0 published, or nothing to do; 1 internal error; 2 usage, configuration, a refused
replacement, or another run of the same batch; 3 a gate failed. Of several batches the worst code counts: 1 before 2 before 3.
"""

from __future__ import annotations

import argparse
import re
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pipelines.config import load_config
from pipelines.config.places import require_places
from pipelines.spark.run.batch import RunOptions, run_batch
from pipelines.spark.run.catalog import session_settings
from pipelines.spark.run.entry import JobStatus, run_id_of
from pipelines.spark.session.session import open_session
from pipelines.spark.session.streams import separate_stderr

BATCH = r"[A-Za-z0-9][A-Za-z0-9._-]*"


def main() -> int:
    separate_stderr()
    arguments = parser().parse_args()
    job = JobStatus()
    batches = arguments.backfill or [arguments.batch]
    spark = None
    with job.run(batches[0]):
        job.config = config = load_config(arguments.config, arguments.set)
        require_places(config)
        spark = open_session(session_settings(config))
    for batch in batches if spark else []:
        with job.run(batch) as finished:
            started = datetime.now(UTC)
            finished(run_batch(spark, config, batch, run_id_of(batch, started), started, RunOptions(arguments.replace, arguments.force)))
    return job.exit_code


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, type=Path, metavar="CONF", help="the configuration file")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--batch", type=batch_name, metavar="ID", help="the batch to run, for example 2026-11-22; replaces {batch} in the paths of sources")
    which.add_argument("--backfill", type=dates, metavar="A..B", help="run one batch per day, from day A to day B")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override one setting, for example output.root=/data/out; may be repeated"
    )
    parser.add_argument("--replace", action="store_true", help="replace a batch even if other code or another configuration published it")
    parser.add_argument(
        "--force", action="store_true", help="run even if inputs, code and configuration are the same, for example after images were overwritten"
    )
    return parser


def batch_name(text: str) -> str:
    if not re.fullmatch(BATCH, text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a batch id: use letters, digits, dots, dashes and underscores, and begin with a letter or digit")
    return text


def dates(text: str) -> list[str]:
    """`2026-11-01..2026-11-03` -> the three dates."""
    try:
        first, last = (date.fromisoformat(part) for part in text.split(".."))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected two dates such as 2026-11-01..2026-11-22, found {text!r}") from None
    if last < first:
        raise argparse.ArgumentTypeError(f"{last} is before {first}")
    return [str(first + timedelta(days=day)) for day in range((last - first).days + 1)]


if __name__ == "__main__":
    sys.exit(main())
