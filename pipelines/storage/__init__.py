"""Locks for all writers under one output root, and files that are written in one step."""
