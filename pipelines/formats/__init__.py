"""The formats of logs: table.py has one row for each format, keys.py lists every key that is read."""
