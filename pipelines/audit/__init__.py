"""Leaks: the same or nearly the same episode on two sides of a split, in two sources, or in a folder of test sets. It reports, and drops nothing."""
