"""The formats of logs: `table` has one row for each, `keys` every key that is read."""
