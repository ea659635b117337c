"""What a run counts and records: books, gates, tally, manifest, comparison with earlier batches, history."""
