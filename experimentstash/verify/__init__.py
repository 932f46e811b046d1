"""Verification of snapshots: the facts read from a repository, the rules, and the findings."""
