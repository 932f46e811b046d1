"""The history of a stash: what was frozen when, whether it holds, what differs, and where a file comes from."""
