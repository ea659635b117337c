"""The process that local Spark forks its Python workers from, with everything that they need imported: a second of work, once.

On a cluster Spark's own is used: there our code can come as a zip, which a worker finds and this process would not.
"""

from __future__ import annotations

import pyspark.daemon

import pipelines.spark.audit
import pipelines.spark.finish
import pipelines.spark.ingest
import pipelines.spark.look  # noqa: F401
from pipelines.spark.lean import settle_garbage, spare_pandas

if __name__ == "__main__":
    spare_pandas()
    settle_garbage()
    pyspark.daemon.manager()
