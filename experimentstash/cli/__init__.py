"""The click program and its commands."""
