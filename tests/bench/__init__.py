"""How near the pipeline is to its limit, and how far ahead of the peers: `make bench`."""
