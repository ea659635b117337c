"""Rows of `samples` -> the inputs of upstream trainers."""
