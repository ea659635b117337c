"""Runs quarantined records again from the bytes that were kept, after a fix of code, configuration or images.

spark-submit jobs/redrive.py --config conf/nightly.yaml --reason image.missing [--since 2026-11-01] [--set ...]

Records that pass now move to the tables of their batch. Prints one JSON line per batch on stdout, or a single one if there is nothing to do; the exit codes are those of jobs/run.py.
"""

from __future__ import annotations

import argparse
import sys

from pipelines.console.arguments.runs import add_redrive_arguments
from pipelines.spark.run.jobs import redrive
from pipelines.spark.session.streams import separate_stderr


def main() -> int:
    separate_stderr()
    return redrive(parser().parse_args())


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_redrive_arguments(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
