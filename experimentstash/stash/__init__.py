"""The stash: the registry, its tools, the snapshot file, and what runs wrote."""
