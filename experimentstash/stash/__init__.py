"""The stash: the registry, its tools, and the snapshot file."""
