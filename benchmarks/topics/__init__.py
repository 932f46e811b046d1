"""One module for each topic: `rows(place)` returns the rows of its table, `TITLE` is its name."""
