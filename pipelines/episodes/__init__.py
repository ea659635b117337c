"""Episodes: records that belong together, and what of them is trained."""
