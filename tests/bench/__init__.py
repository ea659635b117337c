"""`make bench`: the pipeline compared with a lower bound and with other programs."""
