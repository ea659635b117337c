"""The commands of `episodes`, one file per kind."""
