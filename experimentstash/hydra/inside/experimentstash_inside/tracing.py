"""Where a value came from: the resolvers that ran and the nodes that were read while it was resolved."""

from __future__ import annotations

import contextlib
import functools
from typing import Any, Callable, Iterator, List, NamedTuple, Tuple

from omegaconf import Container
from omegaconf.basecontainer import BaseContainer


class Call(NamedTuple):
    """One call of a resolver while a value was resolved."""

    resolver: str
    args: Tuple[Any, ...]
    result: Any


class Trace:
    """What was seen while one value was resolved.

    Attributes:
        calls: the resolvers that ran, nested ones included.
        nodes: the full keys of the config nodes that were read.
    """

    def __init__(self) -> None:
        self.calls: List[Call] = []
        self.nodes: List[str] = []


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
        yield
    finally:
        BaseContainer._resolvers = table
        Container._resolve_node_interpolation = look_up  # type: ignore[method-assign]


def _watched(name: str, resolver: Callable[..., Any]) -> Callable[..., Any]:
    # OmegaConf calls it as (config, parent, node, args, args_str), in this order since 2.1.
    @functools.wraps(resolver)
    def call(*given: Any, **named: Any) -> Any:
        args = named.get("args", given[3] if len(given) > 3 else ())
        call_made = Call(name, tuple(args), None)
        for trace in _active:
            trace.calls.append(call_made)
        result = resolver(*given, **named)
        for trace in _active:
            trace.calls[trace.calls.index(call_made)] = Call(name, tuple(args), result)
        return result

    return call


def _watched_look_up(look_up: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(look_up)
    def call(self: Any, *given: Any, **named: Any) -> Any:
        node = look_up(self, *given, **named)
        if node is not None:
            for trace in _active:
                trace.nodes.append(node._get_full_key(None))
        return node

    return call
