"""The Spark session, its workers, and how the package gets to them."""
