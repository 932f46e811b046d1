"""Why a lock that a tool ships cannot run the tool: told before anything is frozen with it."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from experimentstash.core import toml_text
from experimentstash.core.process import listen
from experimentstash.environments.formats.requirements_file import read_bytes
from experimentstash.environments.installers import ask, find_uv, installing_environment
from experimentstash.environments.lock_file import document_of, index_of, versions
from experimentstash.environments.packages import normal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experimentstash.environments.lock_file import Lock
    from experimentstash.environments.packages import Described, Python

_HYDRA = "hydra-core"
_MADE_WITH = re.compile(rb"(?m)^#.*(?:pip-compile with Python |--python-version[ =]|--python[ =])(\d+\.\d+)")
_CARET = re.compile(r"\^\s*(\d+)(\.\d+)*")
_TILDE = re.compile(r"~\s*(?!=)(\d+\.\d+)(\.\d+)*")


def unusable(lock: Lock, described: Described) -> str:
    """Return why a lock cannot run its tool, in a sentence; an empty text: nothing says that it cannot.

    Args:
        lock: the lock.
        described: the environment that the tool runs in.
    """
    return (
        _without_hydra(lock, described) or _of_another_python(lock, described.python) or _stale(lock, described.python)
    )


def made_for(lock: Lock, python: Python) -> tuple[str, ...]:
    """Return what to tell of requirements that were resolved for another Python than the one that runs."""
    if lock.kind != "requirements":
        return ()
    match = _MADE_WITH.search(read_bytes(lock.stash, lock.path)[:10_000])
    if match is None or (version := match[1].decode()) == python.minor:
        return ()
    return (f"{lock.name} was made for Python {version}, and {python.version} runs here: packages may not fit",)


def _without_hydra(lock: Lock, described: Described) -> str:
    """Tell of a lock without Hydra, unless Hydra is code of the stash, or conda's, which names no dependencies."""
    hydra = described.packages.get(_HYDRA)
    known = {} if lock.kind.startswith("conda") else versions(lock)
    if not known or hydra is None or hydra.folder is not None:
        return ""
    if _HYDRA not in known:
        return f"{_HYDRA} is not in it"
    if lock.kind == "uv" and _HYDRA not in _installed_by_uv(lock):
        return f"{_HYDRA} is in it only for an extra or a group that is not chosen (`extras:` and `groups:`)"
    return ""


def _installed_by_uv(lock: Lock) -> set[str]:
    """Return the packages that `uv sync` takes from a lock for its project, on whatever platform; all where unclear."""
    packages: dict[str, list[Mapping[str, Any]]] = {}
    for one in document_of(lock).get("package", []):
        packages.setdefault(normal(toml_text.text(one, "name")), []).append(one)
    project = toml_text.parse(read_bytes(lock.stash, lock.folder / "pyproject.toml"), f"{lock.name}: pyproject.toml")
    root = normal(toml_text.text(project, "project", "name"))
    if root not in packages:
        return set(packages)
    default = toml_text.table(project, "tool", "uv").get("default-groups", ["dev"])
    found: set[str] = set()
    waiting = [(root, tuple(lock.extras))]
    for one in packages[root]:
        groups = toml_text.table(one, "dev-dependencies")
        chosen = list(groups) if default == "all" else [*default, *lock.groups]
        waiting += [pair for group in chosen for pair in _needed(groups.get(group))]
    seen: set[tuple[str, tuple[str, ...]]] = set()
    while waiting:
        if (pair := waiting.pop()) not in seen:
            seen.add(pair)
            found.add(pair[0])
            for one in packages.get(pair[0], []):
                optional = toml_text.table(one, "optional-dependencies")
                for needs in (one.get("dependencies"), *(optional.get(extra) for extra in pair[1])):
                    waiting += _needed(needs)
    return found


def _needed(needs: Any) -> list[tuple[str, tuple[str, ...]]]:
    """Return the names and the extras of a list of dependencies of a `uv.lock`."""
    tables = [one for one in needs if isinstance(one, dict)] if isinstance(needs, list) else []
    return [(normal(toml_text.text(one, "name")), tuple(map(str, one.get("extra", ())))) for one in tables]


def _of_another_python(lock: Lock, python: Python) -> str:
    if lock.kind == "conda":
        pinned = next(iter(versions(lock).get("python", ())), "")
        is_same = not pinned or ".".join(pinned.split(".")[:2]) == python.minor
        return "" if is_same else f"it has Python {pinned}, and the tool runs with {python.version} here"
    keys = {"uv": ("requires-python",), "pylock": ("requires-python",), "poetry": ("metadata", "python-versions")}
    wanted = toml_text.text(document_of(lock), *keys[lock.kind]) if lock.kind in keys else ""
    if not wanted or _allows(wanted, python.version):
        return ""
    return f"it is for Python {wanted}, and the tool runs with {python.version} here"


def _allows(wanted: str, version: str) -> bool:
    """Tell whether a constraint allows a version of Python; one that is not understood forbids nothing.

    Besides PEP 440, poetry writes `^3.9` (the next major version is not allowed), `~3.9` (the next minor one is not)
    and `||`.
    """
    for part in re.split(r"\s*\|\|?\s*", wanted):
        text = _CARET.sub(lambda match: f">={match[0].lstrip('^ ')},<{int(match[1]) + 1}", part)
        text = _TILDE.sub(lambda match: f">={match[0].lstrip('~ ')},=={match[1]}.*", text)
        try:
            if text.strip() in ("", "*") or SpecifierSet(text).contains(version, prereleases=True):
                return True
        except InvalidSpecifier:
            return True
    return False


def _stale(lock: Lock, python: Python) -> str:
    is_stale = {"uv": _is_stale_for_uv, "poetry": _is_stale_for_poetry}.get(lock.kind)
    return "it does not fit the pyproject.toml beside it" if is_stale and is_stale(lock, python) else ""


def _is_stale_for_uv(lock: Lock, python: Python) -> bool:
    """Tell whether uv would refuse the lock as older than its `pyproject.toml`.

    uv says so without the network, as far as it knows the packages already; where it is not there, or cannot tell,
    nothing is known. A project whose metadata only its own build knows is not asked: the build would leave files.
    """
    uv = find_uv()
    project = toml_text.parse(read_bytes(lock.stash, lock.folder / "pyproject.toml"), f"{lock.name}: pyproject.toml")
    if uv is None or toml_text.table(project, "project").get("dynamic"):
        return False
    cache = ask([str(uv), "cache", "dir"], installing_environment())
    env = installing_environment(**index_of(lock), **({"UV_CACHE_DIR": cache} if cache else {}))
    flags = ["--check", "--offline", "--python", str(python.path), "--project", str(lock.folder)]
    code, said = listen([str(uv), "lock", *flags], cwd=lock.folder, env=env)
    # without the network, uv resolves only where the lock does not fit
    return code != 0 and ("needs to be updated" in said or "No solution found" in said)


def _is_stale_for_poetry(lock: Lock, _: Python) -> bool:
    """Tell whether poetry 2 would refuse the lock: its `content-hash` is that of what its `pyproject.toml` declares.

    The rule is that of `Locker._get_content_hash` in poetry 2.5 (poetry/packages/locker.py), which takes the hash
    without dependency groups (PEP 735), as older ones wrote it, too.
    """
    known = toml_text.text(document_of(lock), "metadata", "content-hash")
    path = lock.folder / "pyproject.toml"
    project = toml_text.parse(read_bytes(lock.stash, path), f"{lock.name}: pyproject.toml")
    groups = toml_text.table(project, "dependency-groups")
    return bool(known) and known not in {_content_hash(project, groups), _content_hash(project, {})}


def _content_hash(project: Mapping[str, Any], groups: Mapping[str, Any]) -> str:
    declared = _chosen(project.get("project"), ("requires-python", "dependencies", "optional-dependencies"))
    poetry = toml_text.table(project, "tool", "poetry")
    legacy: Sequence[str] = ("dependencies", "source", "extras", "dev-dependencies")
    own = _chosen(poetry, (*legacy, "group"))
    if not declared and not groups:
        own = {**dict.fromkeys(legacy), **own}
        return _digest(own)
    whole = {
        **({"project": declared} if declared else {}),
        **({"dependency-groups": groups} if groups else {}),
        "tool": {"poetry": own},
    }
    return _digest(whole)


def _chosen(table: Any, keys: Sequence[str]) -> dict[str, Any]:
    return {key: table[key] for key in keys if isinstance(table, dict) and table.get(key) is not None}


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
