"""Checks what a command wrote as JSON against its schema."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from experimentstash.cli import json_schemas


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json_schemas.text(name))
    return found


def strict(node: Any) -> Any:
    """Return a schema that allows no key beside those it names: the outputs have none that is not documented."""
    if isinstance(node, list):
        return [strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {key: strict(value) for key, value in node.items()}
    if isinstance(node.get("properties"), dict) and "required" in node:
        closed.setdefault("additionalProperties", False)
    return closed


def check(name: str, data: object) -> None:
    Draft202012Validator(strict(schema(name))).validate(data)
