"""Helpers for every room: errors, names, files, processes, YAML, TOML."""
