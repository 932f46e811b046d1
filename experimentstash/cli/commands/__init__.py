"""The commands, a verb each: read, decide, then write, one write, last."""
