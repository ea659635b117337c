"""The process from which local Spark forks its Python workers. It imports our code and its libraries once, instead of once per worker.

`spark.python.daemon.module` in conf/local.conf names it. Without it a night of 20,000 conversations takes a fifth more CPU time. A cluster
uses Spark's own daemon: there our code can come as a zip that a worker finds and this process would not.
"""

from __future__ import annotations

import gc

import pyspark.daemon

from pipelines.spark.plans import drafts, outcomes  # noqa: F401

OBJECTS = 20_000  # allocated between two collections of the youngest: records make many objects but few cycles

if __name__ == "__main__":
    gc.freeze()  # workers share what was imported, and never collect it
    gc.set_threshold(OBJECTS, 20, 20)
    pyspark.daemon.manager()
