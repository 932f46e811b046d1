"""Adding a tool as a git submodule: all or nothing."""
