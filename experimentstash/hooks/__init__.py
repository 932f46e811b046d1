"""The hooks, one module each: read, decide, then write or refuse. They run at every commit, so they start fast."""
