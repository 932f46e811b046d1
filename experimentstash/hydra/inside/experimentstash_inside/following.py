"""Values that are built from others of the config, and follow them; checks them at a replay.

A value follows if its interpolation reads only other values, perhaps through resolvers. A resolver of the tool is
asked again at each run, so it counts where it gave the same when it was asked twice; what it gives at a replay is
compared with the frozen value. What Hydra tells of the experiment (`${hydra:job.override_dirname}`) counts as another
value: a replay answers as the run did, and follows overrides. A value does not follow if its interpolation reads the
environment or the moment: then it has its frozen value, and is told.
"""

from __future__ import annotations

import enum
import pathlib
import re
from typing import Any, List, NamedTuple, Sequence

from omegaconf import AnyNode, DictConfig, Node, OmegaConf
from omegaconf.errors import UnsupportedInterpolationType

from experimentstash_inside.addresses import Path
from experimentstash_inside.kinds import CONTAINERS
from experimentstash_inside.tracing import ResolverCall, Trace

OUTSIDE = ("oc.env", "env", "now")
"""Resolvers that read outside of a replay's config."""
HYDRA = "hydra"
"""The resolver that asks Hydra; what depends on the run is late, and never built."""
_PLAIN = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\}")
_NO_CONFIG_YET = "HydraConfig was not set"
_RESOLVER = re.compile(r"\$\{\s*([A-Za-z_][\w.]*)\s*:")


class BuiltValue(NamedTuple):
    """A value that is built from others.

    Attributes:
        path: its path.
        text: its interpolation.
        node: its node, in the config that was rebuilt.
        frozen: the value of the body.
    """

    path: Path
    text: str
    node: Node
    frozen: Any

    @property
    def is_custom(self) -> bool:
        """Whether a resolver of the tool's own makes it."""
        return any(not name.startswith("oc.") and name != HYDRA for name in _RESOLVER.findall(self.text))


def is_custom(call: ResolverCall) -> bool:
    """Return whether a resolver is one of the tool, and not of OmegaConf or Hydra."""
    return not call.resolver.startswith("oc.") and call.resolver not in (*OUTSIDE, HYDRA)


def reads_config(trace: Trace) -> bool:
    """Return whether a value is made of other values of the config, or of what Hydra tells of the experiment."""
    return bool(trace.own_nodes) or any(call.sees_config or call.resolver == HYDRA for call in trace.own_calls)


def can_follow(trace: Trace, varies: bool) -> bool:
    """Return whether a value that reads others gives the same again when it is resolved at a replay.

    Args:
        trace: how it was resolved.
        varies: whether it differed when resolved again.
    """
    names = [call.resolver for call in trace.own_calls]
    return not any(name in OUTSIDE for name in names) and not (varies and any(map(is_custom, trace.own_calls)))


def unfollowed(built: Sequence[BuiltValue], body: DictConfig) -> List[BuiltValue]:
    """Return those values that are not built here as they were frozen; `body` has what they are built from.

    A resolver that is not registered yet, or Hydra before it has a config, cannot be asked; that is left to the task.
    """
    return [one for one in built if not _reads_same(one, body) and not _is_as_frozen(one)]


def _reads_same(one: BuiltValue, body: DictConfig) -> bool:
    """Return whether a value is plainly another one, which has the same frozen value: no interpolation is resolved."""
    match = _PLAIN.fullmatch(one.text)
    node: Any = body
    for key in match[1].split(".") if match else ():
        content = node.__dict__.get("_content")
        node = content.get(key) if isinstance(content, dict) else None
        if node is None:
            return False
    if not match or not isinstance(node, AnyNode) or isinstance(one.frozen, CONTAINERS):
        return False
    value = node._value()
    return type(value) is type(one.frozen) and bool(value == one.frozen) and value != "???"


def _is_as_frozen(one: BuiltValue) -> bool:
    try:
        parent: Any = one.node._get_parent()
        return _same(parent[one.node._key()], one.frozen)
    except UnsupportedInterpolationType:
        return True
    except Exception as error:  # noqa: BLE001  (OmegaConf's errors, and those of a tool's own resolvers)
        return _NO_CONFIG_YET in str(error)


def _same(value: Any, frozen: Any) -> bool:
    """Return whether a value is what a body says of it; what is late in the body is not compared."""
    if isinstance(frozen, CONTAINERS):
        keys: Any = _keys(frozen)
        here: Any = _keys(value)
        if here is None or [plain(key) for key in here] != list(keys):
            return False
        pairs = zip(here, keys)  # noqa: B905  (Python 3.8)
        return all(OmegaConf.is_missing(frozen, at) or _same(value[key], frozen[at]) for key, at in pairs)
    value = plain(value)
    return type(value) is type(frozen) and bool(value == frozen or (value != value and frozen != frozen))


def _keys(value: Any) -> Any:
    if isinstance(value, dict):
        return list(value)
    if OmegaConf.is_dict(value):
        return list(value.__dict__["_content"])
    is_list = isinstance(value, (list, tuple)) or OmegaConf.is_list(value) or isinstance(value, CONTAINERS)
    return range(len(value)) if is_list else None


def plain(value: Any) -> Any:
    """Return a scalar as YAML carries it: an enum by its name, a path as its text."""
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, pathlib.PurePath):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    return float(value) if isinstance(value, float) else value
