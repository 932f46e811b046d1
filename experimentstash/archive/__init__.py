"""Archives: one file with a stash at a tag and all that it takes to reproduce it."""
