"""What a run counts and what is remembered of it: books, gates, tally, manifest, rows of `runs`, history."""
