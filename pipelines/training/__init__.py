"""Rows of `samples` -> what a trainer's own collator would have made."""
