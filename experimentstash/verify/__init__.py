"""Whether snapshots hold: facts of a repository, the rules, and what is reported."""
