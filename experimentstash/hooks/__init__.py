"""The hooks, a door each: read, decide, then write or refuse. They run at every commit, so each starts fast."""
