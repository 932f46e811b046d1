"""The history of a stash: its tags and their state, comparisons of experiments, and the origin of files."""
