"""Commands on an output root: what was kept aside, one published row, two batches compared, a staged run published."""
