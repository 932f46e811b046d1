"""The directories behind Hydra's sources of configs."""

from __future__ import annotations

import importlib.util

GROUP_SCHEME = "experimentstash"
"""The scheme of the source that shows the stash's experiments as options of the tool's own group."""


def folder(scheme: str, path: str) -> str:
    """Return the directory that a source of configs reads; empty if it reads none, or one of Hydra's own."""
    if scheme in ("file", GROUP_SCHEME):
        return path
    if scheme != "pkg" or path.startswith("hydra."):
        return ""
    try:
        spec = importlib.util.find_spec(path.replace("/", ".").rstrip("."))
    except (ImportError, ValueError, AttributeError):
        return ""
    places = list(spec.submodule_search_locations or []) if spec is not None else []
    return places[0] if places else ""
