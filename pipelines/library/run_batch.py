"""Running a batch from Python."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipelines.config import Config
from pipelines.console.arguments.runs import BATCH
from pipelines.ledger.batches import Refused
from pipelines.library.settings import Path, config_of
from pipelines.spark.run.batch import RunOptions
from pipelines.spark.run.completion import Result
from pipelines.spark.run.jobs import open_spark, run_now
from pipelines.spark.session.session import SparkSession


def run_batch(
    config: Path | Config, batch: str, *, settings: Sequence[str] = (), replace: bool = False, force: bool = False, spark: SparkSession | None = None
) -> Result:
    """Runs one batch with Spark and publishes its tables, as `episodes run` does; in a notebook, the result is shown as a part of the report.

    `config` is a configuration file, and `settings` override it (`"output.root=/data/out"`), as `--set` does. Without `spark`, a session is opened on
    this machine, or the running one is taken. `replace` a batch even if other code or another configuration published it; `force` a run even if
    nothing has changed.

    The result has `status` (published, unchanged, gate_failed or internal_error), `exit_code`, `words` (why nothing was published), `manifest` and
    `report`, the path of the report. Hooks are not called. Raises ConfigError, Refused or LostRace, and ValueError where `batch` is no
    batch id; then nothing has been published.
    """
    if not isinstance(batch, str) or not re.fullmatch(BATCH, batch):
        raise ValueError(f"{batch!r} is not a batch id: use letters, digits, dots, dashes and underscores, and begin with a letter or digit")
    ready = config_of(config, settings)
    try:
        return run_now(spark or open_spark(ready), ready, batch, RunOptions(replace, force))
    except Refused as error:
        raise Refused(str(error).replace("use --replace", "use replace=True")) from None
