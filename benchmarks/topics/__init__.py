"""A module for each topic: `rows(place)` gives the rows of its table, `TITLE` its name."""
