"""Reads files and folders at paths and at URIs of stores; holds locks for all writers under one output root, and writes files in one step."""
