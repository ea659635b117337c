"""The published tables: their columns, writing Parquet files, Delta commits."""
