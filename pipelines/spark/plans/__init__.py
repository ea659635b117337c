"""What Spark is asked to do, one plan a file, and the bridge into the pure flow."""
