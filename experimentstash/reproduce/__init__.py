"""Reproduction: a tag brought to disk elsewhere, judged, and only then run."""
