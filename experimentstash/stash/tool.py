"""A tool of the registry: its keys, and the checks of their values."""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

import yaml

from experimentstash.core.errors import printable
from experimentstash.core.names import tool_complaint, tool_path
from experimentstash.core.yaml_nodes import is_null, pairs, wrong
from experimentstash.stash.results.comparison_rules import Rules

SELECTS = ("group", "append", "primary", "compose")
LOCKS = ("shipped", "installed")
_EXACT = Rules()
_MODULE = re.compile(r"-m[ \t]+[^\W\d]\w*(\.[^\W\d]\w*)*")
_CHOICE = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
_GROUP = re.compile(r"\.|[A-Za-z_][\w-]*(/[A-Za-z_][\w-]*)*", re.ASCII)
_PACKAGE = re.compile(r"\w[\w-]*(\.\w[\w-]*)*")


class Tool(NamedTuple):
    """A registered tool (spec.md, *The stash*). Its other keys stay in the file and mean nothing here.

    Attributes:
        name: its name, also that of its directory and its submodule.
        entrypoint: `-m mytool.main` is a module; anything else is a script, by its path from the working
            directory, with or without an extension (`src/train.py`); a bare word without such a file is a
            console script, found in the directory of the interpreter.
        search_packages: packages that go on Hydra's search path as `pkg://…`, of any tool.
        workdir: its working directory, from the tool's root.
        python: the interpreter that runs it; a leading `~` is a home directory, a relative path begins at
            the stash's root; nothing else is expanded.
        select: how an experiment is chosen: `group` (`experiment=x`), `append` (`+experiment=x`), `primary`
            (`--config-name=experiment/x`), `compose` (the program uses Hydra's compose API and ignores its
            arguments), or None: to be found out.
        late: keys that are late values whatever they hold.
        keep: keys that are frozen whatever they hold.
        plain: keys below which plain values are frozen for objects that a replay cannot give back.
        extras: extras of its package that are built from its lock too.
        groups: dependency groups that are built from its lock, in addition to the default ones of the lock's program.
        lock: the source of its environment: `shipped`, the lock in its repository, if it has one, or
            `installed`: the packages at the freeze, for a tool whose own lock is outdated or cannot be built.
        unversioned: patterns of modules that may run though its commit lacks them: paths from its top, or names.
        group: the config group of its experiments, `.` for configs beside its primary config. The stash keeps them
            in `configs/<tool>/experiment`, whatever the tool calls the group.
        results: its ignored files, and its tolerances.
    """

    name: str
    entrypoint: str
    search_packages: tuple[str, ...] = ()
    workdir: str = "."
    python: str | None = None
    select: str | None = None
    late: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    lock: str = "shipped"
    unversioned: tuple[str, ...] = ()
    group: str = "experiment"
    results: Rules = _EXACT

    @property
    def path(self) -> str:
        """Where its submodule lies, from the stash's root."""
        return tool_path(self.name)

    @property
    def module(self) -> str | None:
        """The module of a `-m` entrypoint, or None."""
        return self.entrypoint[2:].strip() if _MODULE.fullmatch(self.entrypoint) else None


def read_tool(name: str, key: yaml.Node, value: yaml.Node, where: str) -> Tool:
    """Read one tool of a registry.

    Args:
        name: the key's text.
        key: the key, for messages.
        value: its value in the registry.
        where: the file's name in messages.

    Raises:
        StashError: it is invalid; the message gives the line and the column.
    """
    if complaint := tool_complaint(name):
        raise wrong(where, key.start_mark, f"{name!r} is not a valid tool name: {complaint}")
    if not isinstance(value, yaml.MappingNode):
        raise wrong(where, value.start_mark, f"the tool {name!r} is a mapping with an `entrypoint`")
    known: dict[str, object] = {}
    for word, _, node in pairs(value, where):
        if word == "path":
            _check_path(name, node, where)
        elif word in _READERS and not is_null(node):
            known[word] = _READERS[word](node, where)
    if "entrypoint" not in known:
        raise wrong(where, key.start_mark, f"the tool {name!r} has no `entrypoint`")
    return Tool(name, **known)  # type: ignore[arg-type]  # each reader gives its field's type


def _check_path(name: str, node: yaml.Node, where: str) -> None:
    if not is_null(node) and _text(node, where).rstrip("/") != tool_path(name):
        raise wrong(where, node.start_mark, f"the path of {name!r} is {tool_path(name)}, always")


def _text(node: yaml.Node, where: str) -> str:
    if not isinstance(node, yaml.ScalarNode) or node.tag != "tag:yaml.org,2002:str":
        raise wrong(where, node.start_mark, "text is expected here (in quotes, if it looks like a number)")
    text: str = node.value
    if not text.strip() or printable(text) != text:
        raise wrong(where, node.start_mark, f"{text!r} is empty or contains control characters")
    return text


def _entrypoint(node: yaml.Node, where: str) -> str:
    text = _text(node, where).strip()
    if complaint := entrypoint_complaint(text):
        raise wrong(where, node.start_mark, complaint)
    return text


def entrypoint_complaint(text: str) -> str | None:
    """Return why `text` is no entrypoint (see `Tool`), or None if it is one."""
    if printable(text) != text or not text.strip():
        return f"the entrypoint {text!r} is empty or contains control characters"
    if text.startswith("-"):
        return None if _MODULE.fullmatch(text) else f"the entrypoint {text!r} is no `-m MODULE`, and no script"
    if re.search(r"\s-", text):
        return f"the entrypoint {text!r} takes no arguments; they belong in a config"
    return _below(text, "entrypoint")


def _below(text: str, what: str) -> str | None:
    if text.startswith(("/", "~", "\\")) or ".." in text.replace("\\", "/").split("/"):
        return f"the {what} {text!r} lies outside of the tool; it is a path from the tool's directory"
    return None


def _workdir(node: yaml.Node, where: str) -> str:
    text = _text(node, where)
    if complaint := _below(text, "workdir") or ("a workdir begins with no '-'" if text[0] == "-" else None):
        raise wrong(where, node.start_mark, complaint)
    return posixpath.normpath(text)


def _words(node: yaml.Node, where: str) -> tuple[str, ...]:
    if isinstance(node, yaml.SequenceNode):
        return tuple(_text(item, where).strip() for item in node.value)
    return (_text(node, where).strip(),)


def _packages(node: yaml.Node, where: str) -> tuple[str, ...]:
    packages = split_packages(":".join(_words(node, where)))
    if complaint := packages_complaint(packages):
        raise wrong(where, node.start_mark, complaint)
    return packages


def _choices(node: yaml.Node, where: str) -> tuple[str, ...]:
    words = _words(node, where)
    if bad := next((word for word in words if not _CHOICE.fullmatch(word)), None):
        raise wrong(where, node.start_mark, f"{bad!r} is not the name of an extra or a group")
    return words


def packages_complaint(packages: tuple[str, ...]) -> str | None:
    """Return why one of the search packages is none, or None if all are."""
    bad = next((package for package in packages if not _PACKAGE.fullmatch(package)), None)
    return None if bad is None else f"{bad!r} is no package, as in `mytool.configs`"


def split_packages(text: str) -> tuple[str, ...]:
    """Split a colon-separated `search_packages`."""
    return tuple(package.strip() for package in text.split(":") if package.strip())


def _select(node: yaml.Node, where: str) -> str:
    if (text := _text(node, where)) not in SELECTS:
        raise wrong(where, node.start_mark, f"select is one of {', '.join(SELECTS)}, not {text!r}")
    return text


def _group(node: yaml.Node, where: str) -> str:
    text = _text(node, where)
    if complaint := group_complaint(text):
        raise wrong(where, node.start_mark, complaint)
    return text


def group_complaint(text: str) -> str | None:
    """Return why `text` is no config group of experiments (see `Tool`), or None if it is one."""
    if _GROUP.fullmatch(text) and text.partition("/")[0] != "hydra":
        return None
    return f"{text!r} is no config group: a name as in `conf/NAME/…`, or `.` for configs beside the primary config"


def _results(node: yaml.Node, where: str) -> Rules:
    from experimentstash.stash.results.rule_parser import read_rules  # few registries hold rules

    return read_rules(node, where)


def _lock(node: yaml.Node, where: str) -> str:
    if (text := _text(node, where)) not in LOCKS:
        raise wrong(where, node.start_mark, f"lock is one of {', '.join(LOCKS)}, not {text!r}")
    return text


_READERS = {
    "entrypoint": _entrypoint,
    "search_packages": _packages,
    "workdir": _workdir,
    "python": _text,
    "select": _select,
    "group": _group,
    "late": _words,
    "keep": _words,
    "plain": _words,
    "extras": _choices,
    "groups": _choices,
    "lock": _lock,
    "unversioned": _words,
    "results": _results,
}
