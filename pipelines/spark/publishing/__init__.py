"""Staged files -> published tables, Delta or Parquet, and recovery from runs that were killed."""
