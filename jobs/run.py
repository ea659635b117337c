"""Runs the pipeline on one batch, or on one batch per day.

spark-submit jobs/run.py --config conf/nightly.yaml --batch 2026-11-22 [--set output.root=/data/out] ...
spark-submit jobs/run.py --config conf/nightly.yaml --backfill 2026-11-01..2026-11-22

Prints one JSON line per batch on stdout. Exit codes: 0 published, or nothing to do; 1 internal error; 2 usage, configuration, a refused
replacement, or another run of the same batch; 3 a gate failed. Of several batches the worst code counts: 1 before 2 before 3.
"""

from __future__ import annotations

import argparse
import sys

from pipelines.console.arguments.runs import add_run_arguments
from pipelines.spark.run.jobs import run
from pipelines.spark.session.streams import separate_stderr


def main() -> int:
    separate_stderr()
    return run(parser().parse_args())


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_arguments(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
