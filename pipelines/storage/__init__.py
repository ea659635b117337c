"""Locks for all writers under one output root."""
