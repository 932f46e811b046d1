"""Compose an experiment inside the tool's own process, without running its task."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experimentstash import process
from experimentstash.environment import interpreter
from experimentstash.hydra.launch import Wish, capturing, keep_clean, wish
from experimentstash.problems import StashError, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experimentstash.tool import Tool


def validate(stash: Path, tool: Tool, experiment: str, arguments: Sequence[str] = ()) -> str | None:
    """Compose an experiment, run nothing, and return the way of choosing it that worked.

    Raises:
        StashError: it does not compose; the message is Hydra's own, whole.
    """
    wanted = wish(stash, tool, experiment, arguments)
    keep_clean(wanted)
    return compose(wanted, mode="validate")[0].select


def compose(wanted: Wish, *, mode: str = "capture") -> tuple[Wish, dict[str, Any]]:
    """Compose the wish in the tool's process; where nothing says how it is chosen, try the ways in turn.

    The caller has said `keep_clean` before.

    Returns:
        The wish with the way that worked, and what the tool's process answered.

    Raises:
        StashError: it does not compose; the message is Hydra's own, whole.
    """
    first = _answer(wanted, mode)
    if isinstance(first, dict):
        return wanted, first
    if wanted.tool.select is None and wanted.snapshot is None and _is_wrong_choice(first):
        for select in ("group", "append", "primary"):
            if select != wanted.select:
                other = replace(wanted, select=select)
                answer = _answer(other, mode)
                if isinstance(answer, dict):
                    return other, answer
    raise StashError(first, _hint(wanted, first))


def _hint(wanted: Wish, said: str) -> str:
    if "ModuleNotFoundError" not in said:
        return ""
    return f"install the tool's packages for {interpreter(wanted.stash, wanted.tool)}  # or name another `python:`"


def _is_wrong_choice(said: str) -> bool:
    return any(
        hint in said for hint in ("Could not override", "Could not append", "Cannot find primary config", "In '")
    )


def _answer(wanted: Wish, mode: str) -> dict[str, Any] | str:
    """Return what the tool's process answered, or its own words where it did not come to composing."""
    name = f"{wanted.tool.name}/{wanted.experiment}"
    with tempfile.TemporaryDirectory(prefix="experimentstash-") as folder:
        report = Path(folder) / "report.json"
        launch = capturing(wanted, report, mode=mode)
        code, said = process.listen(launch.command, cwd=launch.cwd, env=launch.env)
        if report.exists():
            answer: dict[str, Any] = json.loads(report.read_text("ascii"))
            if "fault" in answer:
                raise RuntimeError(f"{name}: what runs inside the tool failed:\n{answer['fault']}")
            if "failed" in answer:
                return f"{name} does not compose: {printable(answer['failed'], keep=chr(10))}"
            return answer
    shown = printable(said, keep="\n\t").strip() or "it said nothing"
    if code == 0:
        return f"{name}: {wanted.tool.entrypoint!r} ended well and composed no config; it said:\n{shown}"
    return f"{name} does not compose (exit code {code}):\n{shown}"
