"""Commands on an output root: what was put aside, one published row, two batches compared, a staged run published."""
