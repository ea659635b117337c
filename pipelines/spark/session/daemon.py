"""The process from which local Spark forks its Python workers. It imports what they need, which takes a second, once.

A cluster uses Spark's own daemon: there our code can come as a zip that a worker finds and this process would not.
"""

from __future__ import annotations

import gc
from functools import partial
from types import SimpleNamespace

import pyspark.daemon

from pipelines.spark.session.startup import avoid_pandas, relax_garbage_collection

if __name__ == "__main__":
    avoid_pandas()
    relax_garbage_collection()
    # After each task Spark runs a full collection, a tenth of a second once there are tokenizers. The youngest generation is enough.
    pyspark.daemon.gc = SimpleNamespace(collect=partial(gc.collect, 0))  # type: ignore[assignment]
    pyspark.daemon.manager()
