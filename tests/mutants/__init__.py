"""`make mutants`: small changes of the code, one at a time, that the quick tests should notice."""
