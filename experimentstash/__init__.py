"""Freeze Hydra experiments in git: flattened config + tool commit pin + git tag."""

__version__ = "0.1.0"
