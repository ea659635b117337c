"""What is shared by all who write under one output root: locks."""
