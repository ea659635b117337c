"""The nightly job.

spark-submit jobs/run.py --config conf/nightly.yaml --batch 2026-11-22 [--set output.root=/data/out] ...
"""

from __future__ import annotations

import argparse
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import orjson

from pipelines.config import ConfigError, load_config
from pipelines.lock import LostRace
from pipelines.spark.job import run_batch
from pipelines.spark.session import open_session
from pipelines.spark.streams import separate_stderr

BATCH = r"[A-Za-z0-9][A-Za-z0-9._-]*"


def main() -> int:
    separate_stderr()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, type=Path)
    parser.add_argument("--batch", required=True, type=_batch, help="names the night; its rows are replaced")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="overrides one setting, e.g. output.root=/data/out")
    parser.add_argument("--replace", action="store_true", help="taken for the schedule's sake: a batch is always replaced as yet")
    arguments = parser.parse_args()
    try:
        config = load_config(arguments.config, arguments.set)
        spark = open_session(config.spark)
        started = datetime.now(UTC)
        run_id = f"{arguments.batch}.{started:%Y%m%dT%H%M%SZ}.{uuid4().hex[:8]}"
        result = run_batch(spark, config, arguments.batch, run_id, started)
    except (ConfigError, LostRace, FileNotFoundError) as error:
        print(f"run: {error}", file=sys.stderr)
        return 2
    print("\n".join(result.summary()), file=sys.stderr)
    sys.stdout.write(orjson.dumps(result.line()).decode() + "\n")
    return result.exit_code


def _batch(text: str) -> str:
    if not re.fullmatch(BATCH, text):
        raise argparse.ArgumentTypeError("letters, digits, dots, dashes and underscores, beginning with a letter or digit")
    return text


if __name__ == "__main__":
    sys.exit(main())
