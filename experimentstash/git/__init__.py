"""Git: repositories as values, the tools as submodules and their checkouts, and the user's own git."""
