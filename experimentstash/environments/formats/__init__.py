"""The lock formats, one module each."""
