"""The commands, one module each: read, decide, then write once, at the end."""
