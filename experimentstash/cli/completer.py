"""Completes the words of a command line: commands, options, tools, experiments, tags and keys of overrides.

A shell asks while the user waits, so this module imports neither click nor the commands. Tests compare its tables with
the commands. Only valid names are offered: a shell expands what it is given, and a cloned stash may contain any name.
"""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.core.names import TAG_PREFIX, experiment_complaint, tag_complaint, tool_complaint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

VARIABLE = "_EXPERIMENTSTASH_COMPLETE"
"""The environment variable by which a shell asks; its value is the name of the shell."""
_KEY = re.compile(r"[A-Za-z_][\w.@/-]*")
_LARGEST = 1_000_000  # bytes of a config whose keys are offered
_MOST_KEYS = 10_000

# The kind of each argument; the last one repeats.
ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "init": ("", ""),
    "add-tool": ("", "", ""),
    "update-tool": ("tool", ""),
    "rename-tool": ("tool", ""),
    "remove-tool": ("tool", ""),
    "run": ("tool", "experiment", "key"),
    "snapshot": ("tool", "experiment or key"),
    "sync": ("",),
    "status": ("",),
    "log": ("anything", ""),
    "show": ("tag or experiment", ""),
    "diff": ("tag or experiment", "tag or experiment", ""),
    "why": ("tag or experiment", "tag or experiment", ""),
    "bisect": ("tag or experiment", ""),
    "find": ("",),
    "report": ("",),
    "verify": ("",),
    "drop": ("tag", ""),
    "tag": ("",),
    "reproduce": ("tag", "experiment of tag"),
    "cache": ("action", ""),
    "bundle": ("tag", ""),
    "schema": ("schema", ""),
    "completion": ("shell", ""),
    "install": ("",),
    "uninstall": ("",),
    "doctor": ("",),
    "demo": ("",),
}
# The kind of the value of each option; None for a flag.
OPTIONS: Mapping[str, Mapping[str, str | None]] = {
    "init": {"--hooks": "hooks"},
    "add-tool": {"--entrypoint": "", "--branch": "", "--search-packages": "", "--group": "", "--no-copy": None},
    "run": {"--snapshot": "tag", "--any-commit": None, "--validate-only": None},
    "snapshot": {
        "--tag": "tag",
        "--late": "key",
        "--keep": "key",
        "--plain": "key",
        "--multirun": None,
        "--run": None,
        "--replace": None,
        "--allow-back": None,
        "--commit": None,
        "-m": "",
        "--message": "",
    },
    "sync": {"--env": None},
    "status": {"--all": None, "--online": None, "--json": None},
    "log": {"-n": "", "--json": None, "--csv": None, "--md": None},
    "show": {"--json": None},
    "diff": {"--only-changed": None, "--json": None, "--csv": None, "--md": None},
    "why": {"--json": None},
    "bisect": {
        "--bad": "tag",
        "--metric": "",
        "--rtol": "",
        "--atol": "",
        "--into": "",
        "--no-build": None,
        "--timeout": "",
        "--yes": None,
        "--allow-local": None,
        "--json": None,
    },
    "find": {"--json": None},
    "report": {"-o": "", "--output": "", "--reproduction": ""},
    "verify": {"--all": None, "--staged": None, "--strict": None, "--online": None, "--json": None},
    "drop": {"--offline": None},
    "tag": {"--json": None},
    "reproduce": {
        "--from": "",
        "--into": "",
        "--check": None,
        "--rtol": "",
        "--atol": "",
        "--ignore": "",
        "--report": "",
        "--badge": "",
        "--ignore-keys": "",
        "--launcher": "",
        "--launcher-set": "",
        "--no-build": None,
        "--timeout": "",
        "--max-download": "",
        "--yes": None,
        "--allow-local": None,
    },
    "cache": {"--older-than": "", "--json": None},
    "bundle": {"--with-packages": None, "--allow-secrets": None, "--allow-local": None},
    "doctor": {"--json": None},
    "demo": {"--keep": None},
}
_WORDS = {
    "action": ("show", "clear"),
    "shell": ("bash", "zsh", "fish"),
    "hooks": ("native", "pre-commit", "prek", "none"),
    "schema": (
        *("bisect", "cache", "diff", "doctor", "find", "log", "registry", "reproduction", "run-record", "show"),
        *("status", "tag", "verify", "why"),
    ),
}
"""The words of the kinds that have fixed ones."""


def main() -> int:
    """Print the completions of the command line that the shell describes in the environment, one in each line."""
    if os.environ[VARIABLE] == "bash":
        words = _split(os.environ.get("COMP_LINE", ""))
    else:
        words = os.environ.get("COMP_WORDS", "").split("\n")
    found = complete(words[1:] or [""])
    if os.environ[VARIABLE] == "bash":
        # bash replaces only what follows the last break
        breaks = [words[-1].rfind(mark) for mark in ":=" if mark in os.environ.get("COMP_WORDBREAKS", ":=")]
        found = [word[max([-1, *breaks]) + 1 :] for word in found]
    print("\n".join(found))
    return 0


def _split(line: str) -> list[str]:
    """Return the words of a command line up to the cursor; the last one is the word to complete, perhaps empty."""
    try:
        words = shlex.split(line)
    except ValueError:  # a quote is open
        words = line.split()
    return words if words and not line[-1:].isspace() else [*words, ""]


def complete(words: Sequence[str]) -> list[str]:
    """Return what may stand for the last word.

    Args:
        words: the words after the name of the program; the last one is completed.
    """
    *before, incomplete = words
    if not before:
        return [name for name in ARGUMENTS if name.startswith(incomplete)]
    name, *given = before
    if name not in ARGUMENTS:
        return []
    options = OPTIONS.get(name, {})
    arguments: list[str] = []
    kind: str | None = None
    for word in given:
        if kind is not None:  # the value of the option before
            kind = None
        elif word.startswith("-"):
            kind = options.get(word)
        else:
            arguments.append(word)
    if kind is None and incomplete.startswith("-"):
        return [option for option in (*options, "--help") if option.startswith(incomplete)]
    if kind is None:
        kind = ARGUMENTS[name][min(len(arguments), len(ARGUMENTS[name]) - 1)]
    return _Completer(given, arguments, incomplete).of(kind)


class _Completer:
    """Completes a word of a command in the stash around the working directory.

    Args:
        words: the words after the command.
        arguments: those of them that are arguments.
        incomplete: the word to complete.
    """

    def __init__(self, words: Sequence[str], arguments: Sequence[str], incomplete: str) -> None:
        self._words = words
        self._arguments = arguments
        self._incomplete = incomplete

    def of(self, kind: str) -> list[str]:
        """Return the words of a kind that begin with the incomplete one."""
        if kind in _WORDS:
            return [word for word in _WORDS[kind] if word.startswith(self._incomplete)]
        root = _root() if kind else None
        return [] if root is None else list(dict.fromkeys(self._in_stash(kind, root)))

    def _in_stash(self, kind: str, root: Path) -> list[str]:
        tool = self._arguments[0] if self._arguments else "*"
        if kind == "tool":
            return self._tools(root)
        if kind == "tag":
            return self._matching(_tags(root), tag_complaint)
        if kind == "experiment":
            return self._experiments(root, f"{tool}/experiment")
        if kind == "experiment or key":
            keys = [key for name in self._arguments[1:] for key in self._keys(root, name)]
            return [*self._experiments(root, f"{tool}/experiment"), *keys]
        if kind == "experiment of tag":
            return self._experiments(root, f"*/snapshots/{self._arguments[0].removeprefix('snapshot/')}")
        if kind == "key":
            return self._keys(root, self._arguments[1]) if len(self._arguments) > 1 else []
        if kind == "anything":
            frozen = self._experiments(root, "*/snapshots/*")
            return [*self._tools(root), *self._matching(_tags(root), tag_complaint), *frozen]
        return self._tags_and_experiments(root)

    def _tools(self, root: Path) -> list[str]:
        from experimentstash.stash import registry  # yaml is slow to load

        try:
            return self._matching(registry.load(root), tool_complaint)
        except StashError:
            return []

    def _experiments(self, root: Path, folder: str) -> list[str]:
        names = (name for place in _folders(root, folder) for name in _names_in(place))
        return self._matching(names, experiment_complaint)

    def _tags_and_experiments(self, root: Path) -> list[str]:
        tag, colon, begun = self._incomplete.partition(":")
        if not colon or tag_complaint(tag):
            return self._matching(_tags(root), tag_complaint)
        names = (name for place in _folders(root, f"*/snapshots/{tag}") for name in _names_in(place))
        found = {name for name in names if name.startswith(begun) and experiment_complaint(name) is None}
        return [f"{tag}:{name}" for name in sorted(found)]

    def _keys(self, root: Path, experiment: str) -> list[str]:
        """Return `KEY=` for the keys of the working config and of the newest snapshot of an experiment."""
        tool = self._arguments[0]
        if tool_complaint(tool) or experiment_complaint(experiment) or "=" in self._incomplete:
            return []
        chosen = [tag for option, tag in zip(self._words, self._words[1:], strict=False) if option == "--snapshot"]
        below = chosen[-1].removeprefix("snapshot/") if chosen else "*"
        folders = _folders(root, f"{tool}/snapshots/{below}")
        frozen = [path for folder in folders if (path := folder / f"{experiment}.yaml").is_file()]
        newest = max(frozen, key=lambda path: path.stat().st_mtime, default=None)
        paths = [root / f"configs/{tool}/experiment/{experiment}.yaml", *([newest] if newest else [])]
        mark = re.match(r"[+~]*", self._incomplete)
        prefix = mark[0] if mark else ""
        begun = self._incomplete.removeprefix(prefix)
        keys = (key for path in paths for key in _keys_in(path))
        return [f"{prefix}{key}=" for key in keys if key.startswith(begun) and _KEY.fullmatch(key)]

    def _matching(self, names: Iterable[str], complaint: Callable[[str], str | None]) -> list[str]:
        return sorted({name for name in names if name.startswith(self._incomplete) and complaint(name) is None})


def _keys_in(path: Path) -> Iterator[str]:
    """Yield the dotted keys of a YAML file; none of one that cannot be read."""
    import yaml

    try:
        data = path.read_bytes() if path.stat().st_size <= _LARGEST else b""
        node = yaml.compose(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return
    waiting: list[tuple[str, yaml.Node]] = [("", node)] if node else []
    for above, mapping in waiting:
        for key, value in mapping.value if isinstance(mapping, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode) or len(waiting) > _MOST_KEYS:
                continue
            name = f"{above}{key.value}"
            if isinstance(value, yaml.MappingNode) and value.value:
                waiting.append((f"{name}.", value))
            elif name != "defaults":
                yield name


def _root() -> Path | None:
    from experimentstash.stash.stash import find_stash  # yaml is slow to load, and commands are completed without it

    try:
        return find_stash().root
    except StashError:
        return None


def _tags(root: Path) -> Iterator[str]:
    from experimentstash.git.user_git import ask_git

    listed = ask_git("for-each-ref", "--format=%(refname)", TAG_PREFIX.rstrip("/"), cwd=root)
    yield from (ref.removeprefix(TAG_PREFIX) for ref in listed.stdout.decode("utf-8", "replace").split("\n") if ref)
    yield from (folder.name for folder in _folders(root, "*/snapshots/*"))


def _folders(root: Path, pattern: str) -> Iterator[Path]:
    if ".." not in pattern:
        yield from (place for place in root.glob(f"configs/{pattern}") if place.is_dir() and not place.is_symlink())


def _names_in(folder: Path) -> Iterator[str]:
    """Yield the names of the YAML files below a directory, without their ending."""
    for place, _, files in os.walk(folder):
        above = os.path.relpath(place, folder)
        for name in files:
            if name.endswith(".yaml"):
                yield os.path.normpath(f"{above}/{name.removesuffix('.yaml')}")
