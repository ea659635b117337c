"""Runs quarantined records again from the bytes that were kept, after a fix of code, configuration or images.

spark-submit jobs/redrive.py --config conf/nightly.yaml --reason image.missing [--since 2026-11-01] [--set ...]

Records that pass now move to the tables of their batch. Prints one JSON line per batch on stdout; the exit codes are those of jobs/run.py.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

from pipelines.config import load_config
from pipelines.config.places import require_places
from pipelines.reasons import Reason
from pipelines.spark.run.catalog import session_settings
from pipelines.spark.run.entry import JobStatus, run_id_of
from pipelines.spark.run.redrive import Selection, batches_to_redrive, redrive_batch
from pipelines.spark.session.session import open_session
from pipelines.spark.session.streams import separate_stderr


def main() -> int:
    separate_stderr()
    arguments = parser().parse_args()
    selection = Selection(arguments.reason, arguments.since)
    job = JobStatus()
    batches: list[str] = []
    with job.run(arguments.since or ""):
        job.config = config = load_config(arguments.config, arguments.set)
        require_places(config)
        batches = batches_to_redrive(config, selection)
        spark = open_session(session_settings(config))
    for batch in batches:
        with job.run(batch) as finished:
            started = datetime.now(UTC)
            finished(redrive_batch(spark, config, selection, batch, run_id_of(batch, started), started))
    return job.exit_code


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, type=Path, metavar="CONF", help="the configuration file")
    parser.add_argument(
        "--reason", required=True, type=reason_code, metavar="CODE", help="the reason of the records to run again; `episodes reasons` lists the codes"
    )
    parser.add_argument("--since", metavar="BATCH", help="only this batch and those whose id sorts after it; by default all batches")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override one setting, for example output.root=/data/out; may be repeated"
    )
    return parser


def reason_code(text: str) -> str:
    codes = [reason.code for reason in Reason]
    if text not in codes:
        near = get_close_matches(text, codes, n=2)
        raise argparse.ArgumentTypeError(f"unknown reason {text}" + (f"; did you mean {' or '.join(near)}?" if near else ""))
    return text


if __name__ == "__main__":
    sys.exit(main())
