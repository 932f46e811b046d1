"""Each fix that the source can print is played by a test, or stands in the list of those that none plays yet."""

from __future__ import annotations

import ast
import json
from functools import cache
from pathlib import Path

from collected import collected

HERE = Path(__file__).parent
TESTS = HERE.parent


@cache
def _functions(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}


def test_each_fix_is_played_or_listed() -> None:
    played = json.loads((HERE / "played.json").read_text("utf-8"))
    unplayed = set((HERE / "unplayed.txt").read_text("utf-8").splitlines())
    found = collected()
    assert len(found) > 150
    assert not found - played.keys() - unplayed, "new fixes: play them in tests/fixes, and name the test in played.json"
    assert not (played.keys() | unplayed) - found, "fixes that are gone, or were changed"
    assert not played.keys() & unplayed


def test_each_play_is_a_test() -> None:
    for fix, test in json.loads((HERE / "played.json").read_text("utf-8")).items():
        path, _, name = test.partition("::")
        assert name in _functions(TESTS / path), fix
