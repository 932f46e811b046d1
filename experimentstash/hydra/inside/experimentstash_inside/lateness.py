"""Decides which values are late (spec.md, section *Freezing*), by the user's settings and their origin.

Their text is checked in `exposure.py`.
"""

from __future__ import annotations

import os
from typing import Dict, List, Mapping, Sequence, Set

from omegaconf import Node

from experimentstash_inside import machine, secrets
from experimentstash_inside.addresses import Path, address, dotted, is_at_or_below
from experimentstash_inside.answers import depends_on_the_run
from experimentstash_inside.kinds import CONTAINERS
from experimentstash_inside.tracing import ResolverCall, Trace, path_of
from experimentstash_inside.visits import Place, Visit


class LateError(Exception):
    """A value that has no frozen value.

    Args:
        why: the reason, for the user; empty if it is plain to see.
        text: what to write in the override, where the node itself holds no interpolation.
        is_object: whether it is an object that no file can hold.
    """

    def __init__(self, why: str, text: str = "", *, is_object: bool = False) -> None:
        super().__init__(why)
        self.text, self.is_object = text, is_object


def is_named(path: Path, keys: Sequence[str]) -> bool:
    """Return whether a path is at or below one of some keys, each dotted or an address."""
    if not keys:
        return False
    return any(name == key or name.startswith(key + ".") for key in keys for name in (dotted(path), address(path)))


class Lateness:
    """Decides which values are late.

    Args:
        late, keep: keys whose lateness the user decided.
        swept: keys that a sweep gives its jobs nobody knows yet which values.
    """

    def __init__(self, late: Sequence[str], keep: Sequence[str], swept: Sequence[str]) -> None:
        self._late, self._keep, self._swept = late, keep, swept
        self._reads_late: Dict[Path, Path] = {}

    def is_kept(self, path: Path) -> bool:
        """Return whether the user has a value frozen as it is here."""
        return is_named(path, self._keep)

    def check(self, path: Path, trace: Trace) -> List[str]:
        """Return what there is to tell of a value that the user does not keep, by where it comes from.

        Raises:
            LateError: it is late.
        """
        self.check_reads(path, trace.nodes)
        if path in self._reads_late:
            raise LateError("built from %s" % dotted(self._reads_late[path]))
        read = [node for node in trace.nodes if is_named(node, self._swept)]
        if read:
            raise LateError("built from %s, which the sweep chooses as it runs" % dotted(read[0]))
        if is_late_call(trace):
            raise LateError("")
        return _check_environment(trace)

    def check_reads(self, path: Path, reads: Sequence[Path]) -> None:
        """Raise `LateError` if the user said so of a value, or of one that it is built from."""
        if is_named(path, self._late):
            raise LateError("you said so")
        for read in reads:
            if is_named(read, self._late):
                raise LateError("built from %s" % dotted(read))

    def check_copy(self, place: Place, node: Node) -> None:
        """Raise `LateError` if a value is a copy of one that the user calls late."""
        origin = path_of(node) if place.is_copy else None
        if origin and not self.is_kept(place.path):
            self.check_reads((), [origin])

    def find_readers(self, visited: Mapping[Path, Visit]) -> bool:
        """Find the frozen values that read a late one, for the next walk; return whether there are any."""
        late = {path for path, visit in visited.items() if visit.is_late}
        found: Dict[Path, Path] = {}
        for path, visit in visited.items() if late else ():
            if visit.is_late or not visit.trace.nodes or self.is_kept(path):
                continue
            whole = bool(visit.trace.own_calls) and not isinstance(visit.value, CONTAINERS)
            reads = [read for read in visit.trace.nodes if _is_of(read, late, whole=whole)]
            found.update({path: reads[0]} if reads else {})
        self._reads_late.update(found)
        return bool(found)


def is_late_call(trace: Trace) -> bool:
    """Return whether a value asks Hydra for what depends on the run, or the clock."""
    asked = [str(call.args[0]) if call.args else "" for call in trace.calls if call.resolver == "hydra"]
    asked += [dotted(path[1:]) for path in trace.nodes if path[:1] == ("hydra",)]
    return any(call.resolver == "now" for call in trace.calls) or any(map(depends_on_the_run, asked))


def _check_environment(trace: Trace) -> List[str]:
    told = []
    for call in variables_read(trace):
        name = str(call.args[0]) if call.args else ""
        if name not in os.environ:
            continue
        if machine.is_machine_value(name, os.environ[name]):
            secret = secrets.is_secret_name(name)
            raise LateError("%s is %s" % (name, "named like a secret" if secret else "this machine's"))
        told.append("frozen as %s has it here" % name)
    return told


def variables_read(trace: Trace) -> List[ResolverCall]:
    """Return the calls that read a variable of the environment."""
    return [call for call in trace.calls if call.resolver in ("oc.env", "env")]


def _is_of(read: Path, late: Set[Path], *, whole: bool) -> bool:
    """Return whether a value that was read is late, or part of a late one; or, where all of it counts, holds one."""
    if any(read[:length] in late for length in range(1, len(read) + 1)):
        return True
    return whole and any(is_at_or_below(path, read) for path in late)
