"""The only folder that imports pyspark: runs the flow over partitions."""
