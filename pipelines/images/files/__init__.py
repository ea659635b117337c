"""Image files as bytes: `formats` has one row for each that is read, and checks a file."""
