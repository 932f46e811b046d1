"""Which values are late (spec.md, section *Freezing*), by what the user says and where they come from."""

from __future__ import annotations

import os
import pathlib
from typing import Any, Callable, Dict, List, Mapping, Sequence, Set

from omegaconf import Node

from experimentstash_inside import machine, visits
from experimentstash_inside.addresses import Path, address, dotted, is_at_or_below
from experimentstash_inside.answers import depends_on_the_run
from experimentstash_inside.kinds import CONTAINERS
from experimentstash_inside.tracing import Call, Trace, path_of
from experimentstash_inside.visits import Place, Visit


class LateError(Exception):
    """A value that has no frozen value.

    Args:
        why: the reason, for the user; empty where it is plain to see.
        text: what to write in the override, where the node itself holds no interpolation.
        is_object: whether it is an object that no file can hold.
    """

    def __init__(self, why: str, text: str = "", *, is_object: bool = False) -> None:
        super().__init__(why)
        self.text, self.is_object = text, is_object


def is_named(path: Path, keys: Sequence[str]) -> bool:
    """Tell whether a path is at or below one of some keys, each dotted or an address."""
    if not keys:
        return False
    return any(name == key or name.startswith(key + ".") for key in keys for name in (dotted(path), address(path)))


class Lateness:
    """Decides which values are late.

    Args:
        late, keep: keys whose lateness the user decided.
        roots: interpolation by folder of this machine, longest folder first.
        typed: texts that stand in the config files or overrides: somebody wrote them, no machine did.
        swept: keys that a sweep gives its jobs nobody knows yet which values.
    """

    def __init__(
        self,
        late: Sequence[str],
        keep: Sequence[str],
        roots: Dict[str, str],
        typed: Callable[[str], bool],
        swept: Sequence[str],
    ) -> None:
        self._late, self._keep, self._roots, self._typed, self._swept = late, keep, roots, typed, swept
        self._secrets = machine.secret_values()
        self._reads_late: Dict[Path, Path] = {}

    def is_kept(self, path: Path) -> bool:
        """Tell whether the user has a value frozen as it is here."""
        return is_named(path, self._keep)

    def check(self, place: Place, node: Node, value: Any, trace: Trace) -> List[str]:
        """Return what there is to tell of a value that is frozen.

        Raises:
            LateError: it is late.
        """
        path = place.path
        if self.is_kept(path):
            return ["kept, as you said" + (": a secret is written" if self._holds_secret(value, trace) else "")]
        self.check_reads(path, trace.nodes)
        if path in self._reads_late:
            raise LateError("built from %s" % dotted(self._reads_late[path]))
        read = [node for node in trace.nodes if is_named(node, self._swept)]
        if read:
            raise LateError("built from %s, which the sweep chooses as it runs" % dotted(read[0]))
        if is_late_call(trace):
            raise LateError("")
        told = self._check_environment(trace)
        text = str(value) if isinstance(value, (str, pathlib.PurePath)) else ""
        if text and trace.calls and machine.is_machine_text(text):
            raise LateError("a value of this machine")
        if text and not trace.calls:
            self._check_literal(visits.text(place, node) if trace.own_nodes and not place.is_copy else text)
        return told

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

    def _holds_secret(self, value: Any, trace: Trace) -> bool:
        named = any(call.args and machine.is_secret_name(str(call.args[0])) for call in _of_environment(trace))
        return named or any(secret in str(value) for _, secret in self._secrets)

    def _check_environment(self, trace: Trace) -> List[str]:
        told = []
        for call in _of_environment(trace):
            name = str(call.args[0]) if call.args else ""
            if name not in os.environ:
                continue
            if machine.is_machine_value(name, os.environ[name]):
                secret = machine.is_secret_name(name)
                raise LateError("%s is %s" % (name, "named like a secret" if secret else "this machine's"))
            told.append("frozen as %s has it here" % name)
        return told

    def _check_literal(self, text: str) -> None:
        """A default that was worked out while the tool was imported may hold a path or a secret of the machine."""
        for name, secret in self._secrets:
            if secret in text:
                raise LateError("it holds the secret %s" % name, text.replace(secret, "${oc.env:%s}" % name))
        changed = machine.portable(text, self._roots)
        if changed is not None and not self._typed(text):
            raise LateError("a path of this machine", changed)


def is_late_call(trace: Trace) -> bool:
    """Tell whether a value asks Hydra for what depends on the run, or the clock."""
    asked = [str(call.args[0]) if call.args else "" for call in trace.calls if call.resolver == "hydra"]
    asked += [dotted(path[1:]) for path in trace.nodes if path[:1] == ("hydra",)]
    return any(call.resolver == "now" for call in trace.calls) or any(map(depends_on_the_run, asked))


def _of_environment(trace: Trace) -> List[Call]:
    return [call for call in trace.calls if call.resolver in ("oc.env", "env")]


def _is_of(read: Path, late: Set[Path], *, whole: bool) -> bool:
    """Tell whether a value that was read is late, or part of a late one; or, where all of it counts, holds one."""
    if any(read[:length] in late for length in range(1, len(read) + 1)):
        return True
    return whole and any(is_at_or_below(path, read) for path in late)
