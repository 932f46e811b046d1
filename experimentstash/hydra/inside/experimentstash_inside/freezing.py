"""From the config that the task would be given to facts for a snapshot file."""

from __future__ import annotations

import base64
import enum
import math
import os
import pathlib
import re
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from omegaconf import DictConfig, ListConfig, Node, OmegaConf
from omegaconf.errors import InterpolationToMissingValueError, OmegaConfBaseException

from experimentstash_inside import kinds, machine
from experimentstash_inside.answers import depends_on_the_run
from experimentstash_inside.kinds import Kind
from experimentstash_inside.overridetext import override
from experimentstash_inside.tracing import Trace, tracing
from experimentstash_inside.typenames import UnknownTypeError

Path = Tuple[Any, ...]
_PURE = ("oc.select", "oc.decode", "oc.create", "oc.dict.keys", "oc.dict.values")
"""Resolvers whose outcome is their arguments' alone, on every machine."""
_DEEPEST = 300  # levels; a config that refers to itself has no end


class _LateError(Exception):
    """A value that has no frozen value.

    Args:
        why: the reason, for the user; empty where it is plain to see.
        text: what to write in the override, where the node itself holds no interpolation.
    """

    def __init__(self, why: str, text: str = "") -> None:
        super().__init__(why)
        self.text = text


def dotted(path: Path) -> str:
    """Return a path as Hydra writes keys: `a.b.0`; an enum key by its name."""
    return ".".join(key.name if isinstance(key, enum.Enum) else str(key) for key in path)


class Freezing:
    """Walks a config once, resolves every value, and decides which are late.

    Args:
        config: the config as the task would be given it.
        late, keep: keys whose lateness the user decided.
        roots: interpolation by folder of this machine, longest folder first.
        typed: texts that stand in the config files or overrides: somebody wrote them, no machine did.
        swept: keys that a sweep gives its jobs nobody knows yet which values.

    Attributes:
        lines: the `TYPE` and `LATE` header lines, as (key, text).
        notices: what was decided and is to be told, as (key, why).
        missing: keys of values that nobody gave.
        refused: keys that cannot be frozen, and why.
    """

    def __init__(
        self,
        config: DictConfig,
        late: List[str],
        keep: List[str],
        roots: Dict[str, str],
        typed: Callable[[str], bool],
        swept: Sequence[str] = (),
    ) -> None:
        self._swept = list(swept)
        self._built: List[Tuple[Path, Node]] = []
        self._late, self._keep, self._roots, self._typed = late, keep, roots, typed
        self._secrets = machine.secret_values()
        self._seen: List[int] = []
        self.lines: List[Tuple[str, str]] = []
        self.notices: List[Tuple[str, str]] = []
        self.missing: List[str] = []
        self.refused: List[Tuple[str, str]] = []
        self.body = self._container((), config, config, Kind("dict", held=dict))

    def _container(self, path: Path, node: Node, value: Any, implied: Kind) -> Dict[str, Any]:
        if len(path) > _DEEPEST or id(value) in self._seen:
            raise _LateError("it refers to itself")
        kind = self._kind(path, node, value, implied)
        self._seen.append(id(value))
        try:
            if isinstance(value, (ListConfig, list, tuple)):
                items = [self._child((*path, i), value, i, kind) for i in range(len(value))]
                return {"list": items}
            keys = list(value.__dict__["_content"]) if isinstance(value, DictConfig) else list(value)
            return {"map": [[_scalar(key), self._child((*path, key), value, key, kind)] for key in keys]}
        finally:
            self._seen.remove(id(value))

    def _kind(self, path: Path, node: Node, value: Any, implied: Kind) -> Kind:
        try:
            kind = kinds.of(node, value)
            if kind != implied:
                self.lines.append(("TYPE", "%s %s" % (kinds.address(path), kinds.to_line(kind))))
        except UnknownTypeError as error:
            self.notices.append((dotted(path), "its class %s has no name: a replay gives a plain value" % error))
            return kinds.PLAIN["list" if isinstance(value, (ListConfig, list, tuple)) else "dict"]
        return kind

    def _child(self, path: Path, parent: Any, key: Any, parent_kind: Kind) -> Any:
        if isinstance(parent, (dict, list, tuple)):
            return self._value(path, None, parent[key], parent_kind)
        node = parent._get_node(key)
        trace = Trace()
        told = len(self.lines), len(self.notices)
        try:
            with tracing() as trace:
                value = parent[key]
            if not isinstance(value, (DictConfig, ListConfig)) or trace.calls or not value:
                self._check_frozen(path, value, trace)
            if trace.nodes and all(call.resolver in _PURE for call in trace.calls):
                self._built.append((path, node))
            return self._value(path, node, value, parent_kind)
        except _LateError as late:
            del self.lines[told[0] :], self.notices[told[1] :]
            return self._make_late(path, node, str(late), parent_kind, late.text)
        except InterpolationToMissingValueError:
            self.missing.append(dotted(path))
        except OmegaConfBaseException as error:
            if OmegaConf.is_missing(parent, key):
                if self._is_forced(path, self._late):
                    return self._make_late(path, node, "", parent_kind)
                self.missing.append(dotted(path))
            else:
                why = "" if self._late_calls(trace) else "it cannot be resolved: %s" % str(error).split("\n")[0]
                return self._make_late(path, node, why, parent_kind)
        return {"leaf": "???"}

    def _value(self, path: Path, node: Optional[Node], value: Any, parent: Kind) -> Any:
        raw = isinstance(value, (dict, list, tuple)) and not isinstance(value, (DictConfig, ListConfig))
        if raw:
            return self._container(
                path, kinds.ANY if node is None else node, value, kinds.implied(parent, path[-1], "raw")
            )
        if isinstance(value, (DictConfig, ListConfig)):
            shape = "dict" if isinstance(value, DictConfig) else "list"
            return self._container(path, value if node is None else node, value, kinds.implied(parent, path[-1], shape))
        leaf = {"leaf": _scalar(value)}
        self._leaf_kind(path, kinds.ANY if node is None else node, value, parent)
        return leaf

    def _leaf_kind(self, path: Path, node: Node, value: Any, parent: Kind) -> None:
        implied = kinds.implied(parent, path[-1], "leaf")
        if isinstance(node, (DictConfig, ListConfig)):  # a container that is None or late
            return
        self._kind(path, node, value, implied)

    def _make_late(self, path: Path, node: Node, why: str, parent: Kind, text: str = "") -> Any:
        line = override(dotted(path), text or _raw_text(node, path))
        if line is None or any("." in str(key) for key in path):  # Hydra would take it for two keys
            self.refused.append((dotted(path), "it is late, and Hydra has no override for %s" % dotted(path)))
            return {"leaf": "???"}
        self.lines.append(("LATE", line))
        self.notices.append((dotted(path), "late" + (": " + why if why else "")))
        self._leaf_kind(path, node, None, parent)
        return {"leaf": "???"}

    def built(self) -> Dict[str, str]:
        """Return, by key, the overrides that build values anew from others of the config, as they were built here."""
        found = {}
        for path, node in self._built:
            raw = _raw_text(node, path)
            line = override(dotted(path), raw) if raw != "???" else None
            if line is not None and not any("." in str(key) for key in path):
                found[dotted(path)] = line
        return found

    def _is_forced(self, path: Path, keys: List[str]) -> bool:
        name = dotted(path)
        return any(name == key or name.startswith(key + ".") for key in keys)

    def _late_calls(self, trace: Trace) -> bool:
        asked = [str(call.args[0]) if call.args else "" for call in trace.calls if call.resolver == "hydra"]
        asked += [name[len("hydra.") :] for name in trace.nodes if name.startswith("hydra.")]
        return any(call.resolver == "now" for call in trace.calls) or any(map(depends_on_the_run, asked))

    def _check_frozen(self, path: Path, value: Any, trace: Trace) -> None:
        """Raise `_LateError` unless the value is to be frozen (spec.md, section *Freezing*)."""
        if self._is_forced(path, self._keep):
            self.notices.append((dotted(path), "kept, as you said"))
            return
        if self._is_forced(path, self._late):
            raise _LateError("you said so")
        read = [name for name in trace.nodes if name and self._is_forced((name,), self._late)]
        if read:
            raise _LateError("built from %s" % read[0])
        read = [name for name in trace.nodes if name and self._is_forced((name,), self._swept)]
        if read:
            raise _LateError("built from %s, which the sweep chooses as it runs" % read[0])
        if self._late_calls(trace):
            raise _LateError("")
        self._check_environment(path, trace)
        text = str(value) if isinstance(value, (str, pathlib.PurePath)) else ""
        if not text:
            return
        if trace.calls and machine.is_machine_text(text):
            raise _LateError("a value of this machine")
        if not trace.calls:
            self._check_literal(text)

    def _check_environment(self, path: Path, trace: Trace) -> None:
        for call in trace.calls:
            name = str(call.args[0]) if call.args else ""
            if call.resolver not in ("oc.env", "env") or name not in os.environ:
                continue
            if machine.is_machine_value(name, os.environ[name]):
                secret = machine.is_secret_name(name)
                raise _LateError("%s is %s" % (name, "named like a secret" if secret else "this machine's"))
            self.notices.append((dotted(path), "frozen as %s has it here" % name))

    def _check_literal(self, text: str) -> None:
        """A default that was worked out while the tool was imported may hold a path or a secret of the machine."""
        for name, secret in self._secrets:
            if secret in text:
                raise _LateError("it holds the secret %s" % name, text.replace(secret, "${oc.env:%s}" % name))
        changed = machine.portable(text, self._roots)
        if changed is not None and not self._typed(text):
            raise _LateError("a path of this machine", changed)


def _raw_text(node: Node, path: Path) -> str:
    """Return the interpolation of a late value; `???`, to be given at the run, where there is none."""
    raw = node._value() if node is not None else None
    if not isinstance(raw, str) or "${" not in raw:
        return "???"
    origin = node._get_full_key(None)
    # A copy of a node from elsewhere: its relative interpolations are right only there.
    return (
        raw
        if origin in (dotted(path), "") or re.sub(r"\[(\d+)\]", r".\1", origin) == dotted(path)
        else "${%s}" % origin
    )


def _scalar(value: Any) -> Any:
    """Return a leaf for JSON: plain, or a mapping of one entry that names what JSON has not."""
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, pathlib.PurePath):
        return str(value)
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": repr(float(value))}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode("ascii")}
    raise _LateError("a %s cannot be written in YAML" % type(value).__name__)
