"""The hooks at a commit, compared with those of DVC and pre-commit, and their growth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from environments import peer
from histories import staged
from hooked import NOTHING, PIN, SNAPSHOT, stashes
from measure import Row, Timed

if TYPE_CHECKING:
    from hooked import Hooked
    from places import Place

TITLE = "Committing"
FLOOR, FIFTH, QUARTER = 1.5, 0.2, 0.25
"""The aims of `check-snapshots`: compared with an interpreter that has loaded yaml and dulwich, and DVC's hook; the
aim of our git hook, which also freezes, compared with DVC's."""
_STAGE = ("stage", "add", "--quiet", "--name", "copy", "--deps", "a", "--outs", "b", "cp a b")
_HOOK = "  - {{id: {0}, name: {0}, entry: {1}, language: system, {2}}}\n"


def rows(place: Place) -> list[Row]:
    """Measure each hook in each stash, compared with its peers and with itself in the small stash."""
    small, *others = stashes(place)
    floor, dvc = _floor(place), _dvc(place)
    found = []
    for what in (NOTHING, PIN, SNAPSHOT):
        checks = [_check(stash, what) for stash in (small, *others)]
        for check in checks:
            found += [Row(check, floor, most_ratio=FLOOR), Row(check, dvc, most_ratio=FIFTH)]
            found += [Row(check, checks[0])] if check is not checks[0] else []
    for what in (NOTHING, SNAPSHOT):
        natives = [_native(stash, what) for stash in (small, *others)]
        found += [Row(native, dvc, most_ratio=QUARTER) for native in natives]
        found += [Row(native, natives[0]) for native in natives[1:]]
    for what in (NOTHING, SNAPSHOT):
        tag = _tag(small, what)
        found += [Row(tag, floor), *(Row(_tag(stash, what), tag) for stash in others)]
    return found + _framework(place, small)


def _check(stash: Hooked, what: str) -> Timed:
    return stash.timed((stash.place.own.program("check-snapshots"),), f"`check-snapshots`: {what} staged", index=what)


def _native(stash: Hooked, what: str) -> Timed:
    return stash.timed(("git", "hook", "run", "pre-commit"), f"git's own pre-commit: {what} staged", index=what)


def _tag(stash: Hooked, what: str) -> Timed:
    return stash.timed((stash.place.own.program("tag-snapshots"),), f"`tag-snapshots`: {what} committed", head=what)


def _floor(place: Place) -> Timed:
    loaded = "import yaml, dulwich.repo"
    return Timed(f"`python -c '{loaded}'`", (place.own.python, "-c", loaded), place.root, place.env)


def _dvc(place: Place) -> Timed | str:
    """Return DVC's hook in a repository with one stage, already run."""
    found = peer("dvc", "dvc")
    if isinstance(found, str):
        return found
    program, root, env = found.program("dvc"), place.root / "dvc", {**place.env, "DVC_NO_ANALYTICS": "1"}
    place.commit(root, {"a": "some data\n"})
    for arguments in (("init", "--quiet"), _STAGE, ("repro", "--quiet")):
        Timed(f"dvc {arguments[0]}", (program, *arguments), root, env).seconds()
    place.commit(root, {"notes.txt": "a note\n"})
    return Timed(f"`dvc git-hook pre-commit`, {found.version('dvc')}", (program, "git-hook", "pre-commit"), root, env)


def _framework(place: Place, small: Hooked) -> list[Row]:
    """Compare `check-snapshots` under pre-commit with pre-commit's own `check-yaml` of one staged file."""
    found = peer("pre-commit", "pre-commit", "pre-commit-hooks")
    if isinstance(found, str):
        return [Row(_check(small, NOTHING), found)]
    ours, theirs = place.own.program("check-snapshots"), found.program("check-yaml")
    config = place.root / "pre-commit-config.yaml"
    config.write_text(
        "repos:\n- repo: local\n  hooks:\n"
        + _HOOK.format("check-yaml", theirs, "types: [yaml]")
        + _HOOK.format("check-snapshots", ours, "always_run: true, pass_filenames: false"),
        encoding="utf-8",
    )
    env = {**place.env, **staged(place, small.root, "yaml", {"some.yaml": "a: 1\n"})}
    run = (found.program("pre-commit"), "run", "--config", str(config))
    mine, habit = (
        Timed(f"`{hook}` under {found.version('pre-commit')}: a YAML file staged", (*run, hook), small.root, env)
        for hook in ("check-snapshots", "check-yaml")
    )
    return [Row(mine, habit)]
