"""The files that a lock can be, one module each."""
