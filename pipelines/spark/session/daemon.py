"""The process that local Spark forks its Python workers from, with everything that they need imported: a second of work, once.

On a cluster Spark's own is used: there our code can come as a zip, which a worker finds and this process would not.
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
    # After each task it looks through all that a worker keeps, a tenth of a second once there are tokenizers: the youngest are enough.
    pyspark.daemon.gc = SimpleNamespace(collect=partial(gc.collect, 0))  # type: ignore[assignment]
    pyspark.daemon.manager()
