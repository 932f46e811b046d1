"""Reproduction: checks a tag out elsewhere, judges it, and only then runs it."""
