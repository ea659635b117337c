"""Staged files -> published tables, in either form, and what a killed run leaves to do."""
