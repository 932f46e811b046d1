"""Records the origin of a value: the resolvers that ran and the nodes that were read to resolve it."""

from __future__ import annotations

import contextlib
import functools
from typing import Any, Callable, Iterator, List, NamedTuple, Optional, Tuple

import omegaconf.base
from omegaconf import Container, Node
from omegaconf._utils import split_key
from omegaconf.basecontainer import BaseContainer
from omegaconf.errors import OmegaConfBaseException

from experimentstash_inside.addresses import Path

_grammar: Any = omegaconf.base  # what it parses interpolations with, under a name of its own
_TAKES_A_KEY = ("oc.select", "oc.dict.keys", "oc.dict.values", "oc.deprecated")
_GIVEN_THE_CONFIG = ("pass_parent", "pass_root", "pass_node")  # variables of OmegaConf's wrapper of a resolver


class ResolverCall(NamedTuple):
    """One call of a resolver while a value was resolved.

    Attributes:
        resolver: its name.
        args: what it was called with.
        sees_config: whether OmegaConf hands it the config itself, of which it may read anything.
    """

    resolver: str
    args: Tuple[Any, ...]
    sees_config: bool = False


class Trace:
    """The trace of resolving one value.

    Attributes:
        calls: the resolvers that ran, those of other values that were read included.
        nodes: the paths of the values that were read, missing ones included, and of those that these read.
        own_calls: the resolvers of the value's own interpolation.
        own_nodes: the values that its own interpolation read.
    """

    def __init__(self) -> None:
        self.calls: List[ResolverCall] = []
        self.nodes: List[Path] = []
        self.own_calls: List[ResolverCall] = []
        self.own_nodes: List[Path] = []
        self._depth = 0

    @contextlib.contextmanager
    def deeper(self) -> Iterator[None]:
        """Take what happens inside the `with` as the doing of another value."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def called(self, call: ResolverCall) -> None:
        """Record a call of a resolver."""
        self.calls.append(call)
        if not self._depth:
            self.own_calls.append(call)

    def read(self, path: Path) -> None:
        """Record that a value was read."""
        self.nodes.append(path)
        if not self._depth:
            self.own_nodes.append(path)


_active: List[Trace] = []


@contextlib.contextmanager
def tracing() -> Iterator[Trace]:
    """Record what is resolved inside the `with`."""
    trace = Trace()
    _active.append(trace)
    try:
        yield trace
    finally:
        _active.remove(trace)


@contextlib.contextmanager
def watched_resolvers() -> Iterator[None]:
    """Let every resolver and every node interpolation report to the traces that are open.

    OmegaConf has no public way to see a resolver run; its table of resolvers has had this form since 2.1.
    It is put back as it was.
    """
    table, look_up = BaseContainer._resolvers, Container._resolve_node_interpolation
    BaseContainer._resolvers = {name: _watched(name, resolver) for name, resolver in table.items()}
    Container._resolve_node_interpolation = _watched_look_up(look_up)  # type: ignore[method-assign]
    try:
        with parsed_once():
            yield
    finally:
        BaseContainer._resolvers = table
        Container._resolve_node_interpolation = look_up  # type: ignore[method-assign]


@contextlib.contextmanager
def parsed_once() -> Iterator[None]:
    """Let OmegaConf parse each interpolation once: its grammar takes most of the time of a large config."""
    parse = _grammar.parse
    _grammar.parse = functools.lru_cache(maxsize=None)(parse)
    try:
        yield
    finally:
        _grammar.parse = parse


def _watched(name: str, resolver: Callable[..., Any]) -> Callable[..., Any]:
    sees_config = not name.startswith("oc.") and _sees_config(resolver)

    # OmegaConf calls it as (config, parent, node, args, args_str), in this order since 2.1.
    @functools.wraps(resolver)
    def call(*given: Any, **named: Any) -> Any:
        args = tuple(named.get("args", given[3] if len(given) > 3 else ()))
        with contextlib.ExitStack() as inside:
            for trace in _active:
                trace.called(ResolverCall(name, args, sees_config))
                if name in _TAKES_A_KEY and args:
                    _note(trace, named.get("parent", given[1] if len(given) > 1 else None), args[0])
                inside.enter_context(trace.deeper())
            return resolver(*given, **named)

    return call


def _sees_config(resolver: Callable[..., Any]) -> bool:
    """Return whether OmegaConf hands the config to a resolver (`_root_`, `_parent_`), by the wrapper it made of it."""
    names = getattr(getattr(resolver, "__code__", None), "co_freevars", ())
    cells = dict(zip(names, getattr(resolver, "__closure__", None) or ()))  # noqa: B905  (Python 3.8)
    return any(cells[name].cell_contents for name in _GIVEN_THE_CONFIG if name in cells)


def _watched_look_up(look_up: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(look_up)
    def call(self: Any, inter_key: Any, *given: Any, **named: Any) -> Any:
        with contextlib.ExitStack() as inside:
            for trace in _active:
                _note(trace, self, getattr(inter_key, "raw", inter_key))  # OmegaConf 2.4 has parsed it
                inside.enter_context(trace.deeper())
            node = look_up(self, inter_key, *given, **named)
            # The node is that of the last value, where one interpolation leads to another.
            path = path_of(node)
            for trace in _active if path is not None else ():
                trace.read(path or ())
        return node

    return call


def _note(trace: Trace, parent: Any, key: Any) -> None:
    """Record the value that a key names as read, whether it has a value or not."""
    with contextlib.suppress(OmegaConfBaseException, AttributeError, TypeError):
        node, rest = parent._resolve_key_and_root(str(key))
        path = path_of(node)
        if path is None:
            return
        for part in split_key(rest) if rest else ():
            # By the content alone: asking the config for a key resolves what stands there.
            content = None if node is None else node.__dict__.get("_content")
            key = int(part) if isinstance(content, list) and part.isdigit() else part
            path = (*path, key)
            if isinstance(content, list):
                node = content[key] if isinstance(key, int) and key < len(content) else None
            else:
                node = content.get(key) if isinstance(content, dict) else None
        trace.read(path)


def path_of(node: Optional[Node]) -> Optional[Path]:
    """Return the path of a node in its config, or None if it is no part of one."""
    keys: List[Any] = []
    while node is not None and node._get_parent() is not None:
        keys.append(node._key())
        if keys[-1] is None:
            return None
        node = node._get_parent()
    return None if node is None else tuple(reversed(keys))
