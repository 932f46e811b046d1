"""Freezing: composes experiments, redacts and writes the snapshots, commits and tags them."""
