"""Installs, removes and diagnoses the native git hooks, next to existing hooks and frameworks."""
