"""Bytes -> JSON, strictly: the careful parser, and a fast one for text where both certainly agree."""
