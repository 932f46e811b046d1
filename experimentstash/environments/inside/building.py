"""Prints the build requirements of a source tree as JSON (PEP 517, 518). Runs in a tool's Python: stdlib only, 3.8 too.

`building.py TREE` prints those of its pyproject.toml; with the name of a hook, those of its backend, which needs
the former installed.
"""

import importlib
import json
import os
import sys
from typing import Any, Dict, List

_DEFAULT: Dict[str, Any] = {
    "requires": ["setuptools>=40.8.0", "wheel"],
    "build-backend": "setuptools.build_meta:__legacy__",
}


def declared(tree: str) -> Dict[str, Any]:
    """Return the table `build-system` of a source tree."""
    try:
        import tomllib as toml  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        from pip._vendor import tomli as toml  # type: ignore[import-not-found,no-redef,unused-ignore]
    try:
        with open(os.path.join(tree, "pyproject.toml"), "rb") as file:
            table = toml.load(file).get("build-system")
    except FileNotFoundError:
        table = None
    return {**_DEFAULT, **table} if table else dict(_DEFAULT)


def asked(tree: str, hook: str) -> List[str]:
    """Return the further requirements of the backend of a source tree."""
    table = declared(tree)
    os.chdir(tree)
    sys.path[:0] = [os.path.join(tree, place) for place in table.get("backend-path", [])]
    name, _, attributes = table["build-backend"].partition(":")
    backend = importlib.import_module(name)
    for attribute in filter(None, attributes.split(".")):
        backend = getattr(backend, attribute)
    ask = getattr(backend, "get_requires_for_" + hook, None)
    return list(ask(None)) if ask else []


if __name__ == "__main__":
    said = asked(sys.argv[1], sys.argv[2]) if len(sys.argv) > 2 else declared(sys.argv[1])["requires"]
    print("\n" + json.dumps(said))
