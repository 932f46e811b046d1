"""The stash: the registry, its tools, the snapshot file, and the results of runs."""
