"""Every fix that the source can print: the second argument of an error, the last one of a finding, and `next:`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "experimentstash"
_ERRORS = {"StashError": 1, "UsageError": 1, "EndlessError": 1, "Problem": 3}
"""The position of the fix among the arguments."""


def collected() -> set[str]:
    """Return a name for each: the file, and the expression as Python writes it."""
    return {f"{path.relative_to(PACKAGE)}: {text}" for path in sorted(PACKAGE.rglob("*.py")) for text in _texts(path)}


def _texts(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            at = _ERRORS.get(name)
            if at is not None and (fix := _argument(node, at)) is not None:
                yield ast.unparse(fix)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("next: "):
            yield ast.unparse(node)


def _argument(call: ast.Call, at: int) -> ast.expr | None:
    named = [one.value for one in call.keywords if one.arg == "fix"]
    return call.args[at] if len(call.args) > at else next(iter(named), None)
