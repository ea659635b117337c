"""Registers the published tables in a catalog (`output.catalog`), so that SQL finds them by name. Their data stays where it is.

    hive     the Hive metastore of the session
    glue     AWS Glue, through the Hive client that EMR brings
    unity    the catalog that the session has, as on Databricks, or the one that `spark:` sets up

The tables go into the session's current database, which `spark:` can choose.
"""

from __future__ import annotations

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from pipelines.config import Config
from pipelines.tables.publication.root import SNAPSHOT_TABLES, OutputRoot

HIVE = {"spark.sql.catalogImplementation": "hive"}
GLUE = HIVE | {"spark.hadoop.hive.metastore.client.factory.class": "com.amazonaws.glue.catalog.metastore.AWSGlueDataCatalogHiveClientFactory"}
SETTINGS = {"hive": HIVE, "glue": GLUE, "unity": {}, None: {}}


def session_settings(config: Config) -> dict[str, str]:
    """The Spark settings of a configuration: those that its catalog needs, and `spark`, which wins."""
    return SETTINGS[config.output.catalog] | config.spark


def register_tables(spark: SparkSession, config: Config, root: OutputRoot) -> list[str]:
    """Registers the tables that the catalog does not have; a sentence for each one that could not be registered."""
    if config.output.catalog is None:
        return []
    faults = []
    for table in (*SNAPSHOT_TABLES, "runs"):
        try:
            spark.sql(f"CREATE TABLE IF NOT EXISTS `{table}` USING delta LOCATION '{root.path(table)}'").collect()
        except PySparkException as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            faults.append(f"catalog {config.output.catalog}: table {table} could not be registered: {reason}")
    return faults
