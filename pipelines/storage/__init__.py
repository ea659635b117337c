"""Paths and URIs: where files are, what stands below a folder, how their bytes are read; and locks for all writers under one output root."""
