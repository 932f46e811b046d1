"""The modules and configs that a process loaded, compared with the commits of the tools.

A module that git ignores, a module that only exists as bytecode, and a package that is installed from another checkout
all run without a word, and no commit holds them.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experimentstash.core.errors import StashError, command, first_lines, printable
from experimentstash.core.names import REGISTRY, SHORT, tool_path
from experimentstash.environments.tool_python import interpreter
from experimentstash.git.checkouts.changes import is_filtered
from experimentstash.git.user_git import git

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from experimentstash.stash.stash import Stash
    from experimentstash.stash.tool import Tool

_INSTALLED = {"site-packages", "dist-packages"}
_COMPILED = (".so", ".pyd", ".dylib")
_GENERATED = ("generated", "track in version control")  # what setuptools-scm, hatch-vcs and versioningit write
_HEAD = 500  # bytes of a module in which that stands


@dataclass(frozen=True)
class Loaded:
    """What a process loaded.

    Attributes:
        modules: name and file of each module that is not Python's own; files are absolute, without links.
        configs: the files of the configs that Hydra loaded.
    """

    modules: tuple[tuple[str, str], ...] = ()
    configs: tuple[str, ...] = ()

    @classmethod
    def of(cls, reports: Iterable[Mapping[str, Any]]) -> Loaded:
        """Put the reports of several processes together."""
        told = list(reports)
        modules = {(str(name), str(file)) for one in told for name, file in one["modules"]}
        return cls(tuple(sorted(modules)), tuple(sorted({str(file) for one in told for file in one["configs"]})))

    @classmethod
    def read(cls, folder: Path) -> Loaded:
        """Read the reports that the processes of a run left in a directory."""
        return cls.of(json.loads(file.read_text("ascii")) for file in sorted(folder.glob("*.json")))


@dataclass(frozen=True)
class Foreign:
    """A file that ran and is not that of the tool's commit.

    Attributes:
        tool: the tool whose commit lacks it.
        file: where it is.
        what: what is wrong with it, in one sentence.
        ran: the same, of a run that is over.
        fix: the command that mends it.
    """

    tool: str
    file: str
    what: str
    ran: str
    fix: str


class _CommittedTool:
    """A tool's checkout, and what its commit holds."""

    def __init__(self, stash: Stash, tool: Tool) -> None:
        self.stash = stash
        self.tool = tool
        self.path = tool_path(tool.name)
        self.place = stash.root / self.path
        self.root = os.path.realpath(self.place) + os.sep
        self.workdir = "" if tool.workdir == "." else f"{tool.workdir}/"

    @cached_property
    def commit(self) -> str:
        return git("rev-parse", "HEAD", cwd=self.place)

    @cached_property
    def blobs(self) -> dict[str, str]:
        """The id of each file of the commit, by its path."""
        lines = git("ls-tree", "-r", "-z", "HEAD", cwd=self.place).split("\0")
        return {path: head.split(" ")[2] for head, _, path in (line.partition("\t") for line in lines if line)}

    @cached_property
    def held(self) -> set[str]:
        """The files of the commit, and of the submodules that the tool has itself."""
        listed = git("ls-files", "-z", "--recurse-submodules", cwd=self.place)
        return {*self.blobs, *listed.split("\0")}

    @cached_property
    def prefixes(self) -> tuple[str, ...]:
        """Where its packages may begin, from its top."""
        return tuple(dict.fromkeys((self.workdir, f"{self.workdir}src/", "", "src/")))

    @cached_property
    def packages(self) -> set[str]:
        """The top-level names that are this tool's own: its program's, and those of its packages and modules."""
        named = {self.tool.module.partition(".")[0]} if self.tool.module else set()
        for prefix in self.prefixes:
            below = [path[len(prefix) :] for path in self.held if path.startswith(prefix) and path.endswith(".py")]
            # in the `src` layout, a directory needs no `__init__.py` to be the project's
            ends = ".py" if prefix.endswith("src/") else "/__init__.py"
            named |= {path.partition("/")[0] for path in below if path.count("/") == 1 and path.endswith(ends)}
            named |= {path.removesuffix(".py") for path in below if "/" not in path}
        return named

    def inner(self, file: str) -> str | None:
        """Return the path of a file from the top of the checkout; None if it is elsewhere, or installed there."""
        if not file.startswith(self.root):
            return None
        path = file[len(self.root) :].replace(os.sep, "/")
        return None if _INSTALLED & set(path.split("/")) else path

    def counterpart(self, name: str, file: str) -> str | None:
        """Return the path of the commit's own file for a module that was loaded from elsewhere."""
        is_package = Path(file).stem == "__init__"
        path = name.replace(".", "/") + ("/__init__.py" if is_package else ".py")
        return next((prefix + path for prefix in self.prefixes if prefix + path in self.blobs), None)

    def has_bytes(self, path: str, file: str) -> bool:
        """Return whether a file holds what the commit has at a path; the kind of line ends does not count."""
        if (expected := self.blobs.get(path)) is None:
            return False
        data = Path(file).read_bytes()
        return expected in (_blob_id(data, expected), _blob_id(data.replace(b"\r\n", b"\n"), expected))


def _blob_id(data: bytes, like: str) -> str:
    """Return git's id of a blob, with the hash function of another id."""
    new = hashlib.sha256 if len(like) == 64 else hashlib.sha1
    return new(b"blob %d\0" % len(data) + data).hexdigest()  # git's own format


def foreign(stash: Stash, used: Iterable[str], loaded: Loaded, built: Iterable[str] = ()) -> list[Foreign]:
    """Return what a process loaded that the commits of its tools do not hold, with the same bytes.

    Args:
        stash: the stash.
        used: the tools whose code it is to be, all of them checked out at their commits.
        loaded: what the process loaded.
        built: the paths, from the stash's root, that were installed as packages: whoever reproduces the snapshot
            builds their compiled modules again.

    Raises:
        StashError: git failed.
    """
    checkouts = {
        name: _CommittedTool(stash, tool)
        for name, tool in stash.tools.items()
        if (stash.checkout(tool.name) / ".git").exists()
    }
    everywhere = tuple(one.root for one in checkouts.values())
    files = [*loaded.modules, *(("", file) for file in loaded.configs)]
    found: dict[str, Foreign] = {}
    for name in used:
        checkout = checkouts[name]
        builds = any(f"{path}/".startswith(f"{checkout.path}/") for path in built)
        for module, file in files:
            path = checkout.inner(file)
            one = None
            if path is not None:
                one = _unheld(checkout, path, file, builds=builds)
            elif module.partition(".")[0] in checkout.packages and not _is_of_a_tool(file, everywhere):
                one = _elsewhere(checkout, module, file)
            if one is not None and not _is_accepted(checkout.tool, path or "", module):
                found.setdefault(file, one)
    return list(found.values())


def _is_of_a_tool(file: str, roots: tuple[str, ...]) -> bool:
    return file.startswith(roots) and not _INSTALLED & set(Path(file).parts)


def _is_accepted(tool: Tool, path: str, module: str) -> bool:
    parts = module.split(".")
    names = [path, *(".".join(parts[:end]) for end in range(1, len(parts) + 1))]
    return any(fnmatchcase(name, pattern) for pattern in tool.unversioned for name in names if name)


def _unheld(checkout: _CommittedTool, path: str, file: str, *, builds: bool) -> Foreign | None:
    """Return the finding for a file of the checkout that its commit does not hold as it is on disk."""
    if path in checkout.held:
        if checkout.has_bytes(path, file) or not is_filtered(checkout.place, path):
            return None
        what = f"{checkout.path}/{path}: a git filter makes it differ from the commit"
        fix = f"git -C {checkout.path} config --get-regexp '^filter'  # commit it without that filter"
        return Foreign(checkout.tool.name, file, what, _ran(checkout, file), fix)
    if _is_made_by_a_build(file, builds=builds):
        return None
    place = ("git", "-C", checkout.path)
    add = f"{command(*place, 'add', '--force', '--', path)} && {command(*place, 'commit', '-m', f'Add {path}')}"
    place_of_file = f"{checkout.path}/{printable(path)}"
    what = f"{place_of_file}: the program loads it, but the commit of {checkout.tool.name!r} does not contain it"
    fix = f"{add}  # or name it in `unversioned:` of the tool in {REGISTRY}"
    return Foreign(checkout.tool.name, file, what, _ran(checkout, file), fix)


def _ran(checkout: _CommittedTool, file: str) -> str:
    return f"ran code of {printable(file)}, not of {checkout.path} at {checkout.commit[:SHORT]}"


def _is_made_by_a_build(file: str, *, builds: bool) -> bool:
    """Return whether building the package makes the file anew: a module with the version, or a compiled one."""
    if file.endswith(_COMPILED):
        return builds
    try:
        with Path(file).open("rb") as opened:
            head = opened.read(_HEAD).decode("utf-8", "replace")
    except OSError:  # a module that was deleted since, or stands in an archive
        return False
    return all(words in head for words in _GENERATED)


def _elsewhere(checkout: _CommittedTool, module: str, file: str) -> Foreign | None:
    """Return the finding for a module of the tool's own packages that was loaded from outside of its checkout."""
    own = checkout.counterpart(module, file)
    if own is None and _INSTALLED & set(Path(file).parts):
        return None  # what a build put beside the installed package
    if own is not None and Path(file).is_file() and checkout.has_bytes(own, file):
        return None
    top = module.partition(".")[0]
    what = f"{top} is imported from {file}, and not from {checkout.path} at {checkout.commit[:SHORT]}"
    return Foreign(checkout.tool.name, file, what, _ran(checkout, file), _import_from(checkout, file))


def _import_from(checkout: _CommittedTool, file: str) -> str:
    """Return the command after which the package is imported from the tool's checkout."""
    on_path = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    if any(file.startswith(os.path.realpath(entry) + os.sep) for entry in on_path):
        return "unset PYTHONPATH"
    python = interpreter(checkout.stash.root, checkout.tool)
    has_pip = any(python.parent.parent.glob("lib/python*/site-packages/pip"))
    pip = (str(python), "-m", "pip", "install") if has_pip else ("uv", "pip", "install", "--python", str(python))
    return command(*pip, "--no-deps", "--force-reinstall", "--editable", checkout.path)


def check_own_code(found: Iterable[Foreign]) -> None:
    """Raise `StashError` where something ran that no commit holds; the message names up to five files."""
    several = list(found)
    if several:
        raise StashError("\n".join(first_lines([one.what for one in several], 5)), several[0].fix)
