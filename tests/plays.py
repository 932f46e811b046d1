"""A fix pasted in the state in which it is printed: afterwards the finding is gone, and nothing else is broken."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from conftest import Ran, estash, git, run
from preloaded import BIN, script

from experimentstash.core.errors import StashError

Edit = Callable[[], object]


def fixes(said: str) -> list[str]:
    """Return the commands that a program named, each once, in order."""
    lines = [line.strip() for line in said.splitlines()]
    named = [line.partition(": ")[2] for line in lines if line.startswith(("fix: ", "next: "))]
    return list(dict.fromkeys(named))


def paste(command: str, cwd: Path, env: Mapping[str, str] | None = None) -> Ran:
    """Run a command as a user does who pastes it; it must succeed."""
    stand_ins = script(BIN / "experimentstash").parent
    path = f"{stand_ins}{os.pathsep}{os.environ['PATH']}"
    ran = run("sh", "-c", command, cwd=cwd, env={**(env or {}), "PATH": path})
    assert ran.code == 0, f"{command}\n{ran.out}{ran.err}"
    return ran


def mended(root: Path, *words: str, rule: str = "", most: int = 1) -> list[str]:
    """Run a command of ours that finds something, paste its fixes, and see that it finds nothing any more.

    Args:
        root: the stash.
        words: the command.
        rule: what the finding says, in part.
        most: how many rounds of findings may come, each mended in its turn.

    Returns:
        The commands that were pasted.
    """
    pasted: list[str] = []
    for _ in range(most):
        ran = estash(*words, cwd=root)
        if ran.code == 0:
            break
        assert (ran.code, rule in ran.err) == (1, True), ran.err
        for fix in fixes(ran.err):
            paste(fix, root)
            pasted.append(fix)
    ran = estash(*words, cwd=root)
    assert ran.code == 0, f"{pasted}\n{ran.err}"
    return pasted


def play(
    root: Path,
    *words: str | Path,
    fill: Mapping[str, str] | None = None,
    edit: Edit | None = None,
    again: tuple[str | Path, ...] | None = None,
    env: Mapping[str, str] | None = None,
    code: int = 1,
) -> str:
    """Run a command of ours that fails, do what its one fix says, and see that it succeeds.

    Args:
        root: the directory to run in.
        words: the command.
        fill: what stands for the placeholders of the fix, which are what only the user knows.
        edit: what does as the fix says, where that is no command; by default the fix is pasted.
        again: the command that succeeds afterwards, where it is not the one that failed; empty for none.
        env: more of the environment, for the command and the fix.
        code: the exit code of the failure.

    Returns:
        The fix, as it is printed.
    """
    ran = estash(*words, cwd=root, env=dict(env or {}))
    assert ran.code == code, ran
    (fix,) = fixes(ran.err)
    if edit:
        edit()
    else:
        command = fix
        for placeholder, text in (fill or {}).items():
            assert placeholder in command, command
            command = command.replace(placeholder, text)
        paste(command, root, env)
    if again != ():
        ran = estash(*(words if again is None else again), cwd=root, env=dict(env or {}))
        assert ran.code == 0, f"{fix}\n{ran.out}{ran.err}"
    if (root / ".git").exists():
        git("fsck", "--strict", cwd=root)
    return fix


def mend(
    call: Callable[[], object], cwd: Path, *, edit: Edit | None = None, fill: Mapping[str, str] | None = None
) -> str:
    """Call what refuses with `StashError`, do what its fix says, and see that it refuses no more.

    Args:
        call: what is called in this process.
        cwd: where the fix is pasted.
        edit: what does as the fix says, where that is no command.
        fill: what stands for the placeholders of the fix, which are what only the user knows.

    Returns:
        The fix.
    """
    with pytest.raises(StashError) as refused:
        call()
    command = fix = refused.value.fix
    for placeholder, text in (fill or {}).items():
        assert placeholder in command, command
        command = command.replace(placeholder, text)
    if edit:
        edit()
    else:
        paste(command, cwd)
    call()
    return fix
