"""The published tables: columns, reading and writing Parquet files, Delta commits."""
