"""A fix pasted in the state in which it is printed: afterwards the finding is gone, and nothing else is broken."""

from __future__ import annotations

from pathlib import Path

from conftest import Ran, estash, run


def fixes(said: str) -> list[str]:
    """Return the commands that a program named, each once, in order."""
    lines = [line.strip() for line in said.splitlines()]
    named = [line.partition(": ")[2] for line in lines if line.startswith(("fix: ", "next: "))]
    return list(dict.fromkeys(named))


def paste(command: str, cwd: Path) -> Ran:
    """Run a command as a user does who pastes it; it must succeed."""
    ran = run("sh", "-c", command, cwd=cwd)
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
