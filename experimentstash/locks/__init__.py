"""What a tool runs in: the lock that says it, the environment built from one, and the record of what was there."""
