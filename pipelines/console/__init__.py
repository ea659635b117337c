"""The commands of `episodes`, and the generated pages of docs/."""
