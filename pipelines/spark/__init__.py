"""The only folder that imports pyspark: the pure flow, carried over partitions."""
