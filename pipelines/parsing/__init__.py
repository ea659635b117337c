"""Bytes -> JSON, strictly: the careful parser, and the fast one where it surely gives the same."""
