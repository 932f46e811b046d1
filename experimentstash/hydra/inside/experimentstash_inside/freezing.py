"""Collects the data of a snapshot file from the config of a task."""

from __future__ import annotations

import base64
import math
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from omegaconf import DictConfig, Node, OmegaConf
from omegaconf.errors import InterpolationToMissingValueError, OmegaConfBaseException

from experimentstash_inside import following, keytexts, kinds, visits
from experimentstash_inside.addresses import Path, address, dotted
from experimentstash_inside.exposure import Exposure
from experimentstash_inside.interpolations import Interpolations
from experimentstash_inside.keytexts import UnfitError
from experimentstash_inside.kinds import CONTAINERS, Kind
from experimentstash_inside.lateness import LateError, Lateness, is_late_call, is_named
from experimentstash_inside.rereading import varying
from experimentstash_inside.tracing import Trace, path_of, tracing
from experimentstash_inside.typenames import UnknownTypeError
from experimentstash_inside.visits import ROOT, Place, Visit

_DEEPEST = 300  # levels; a config that refers to itself has no end
_SURROGATES = ("\ud800", "\udfff")


class Freezing:
    """Walks a config, resolves every value, and decides which are late, and which follow others.

    Args:
        config: the config as the task would be given it.
        late, keep: keys whose lateness the user decided.
        roots: interpolation by directory of this machine, longest directory first.
        typed: tells whether a text stands in the config files, or, with `overrides`, in an override: somebody wrote
            it, no machine did.
        swept: keys that a sweep gives its jobs nobody knows yet which values.
        plain: keys below which the user takes plain values for what cannot be given back as it is.

    Attributes:
        body: the config, every value resolved.
        lines: the header lines that go with it, as (key, text).
        notices: decisions to report, as (key, why).
        missing: keys of missing values.
        refused: keys that cannot be frozen, why, and the option that freezes them anyway, or an empty text.
        varies: keys of values that differ when read again.
        unsure: for each key that a resolver of the tool makes, its `BUILT` line, and what stands instead if it varies.
        unused: the user's settings for keys that the config does not have, as (option, key).
    """

    def __init__(
        self,
        config: DictConfig,
        late: List[str],
        keep: List[str],
        roots: Dict[str, str],
        typed: Callable[..., bool],
        swept: Sequence[str] = (),
        plain: Sequence[str] = (),
    ) -> None:
        self._config, self._plain = config, plain
        self._seen: List[int] = []
        self._lateness, self._exposure = Lateness(late, keep, swept), Exposure(roots, typed)
        self._begin()
        self._walk()
        while self._lateness.find_readers(self._visited):
            self._walk()
        self.varies: List[str] = []
        self.unsure: List[Any] = []
        self.unused = [
            (option, key)
            for option, keys in (("late", late), ("keep", keep), ("plain", plain))
            for key in keys
            if not self._has(key)
        ]
        if not self.missing and not self.refused:
            self._follow()

    def _begin(self) -> None:
        self.body: Dict[str, Any] = {}
        self.lines: List[Tuple[str, str]] = []
        self.notices: List[Tuple[str, str]] = []
        self.missing: List[str] = []
        self._built_of_missing: List[str] = []
        self.refused: List[Tuple[str, str, str]] = []
        self._visited: Dict[Path, Visit] = {}
        self._exposure.found.clear()

    @property
    def exposed(self) -> List[Tuple[str, str]]:
        """The keys with a secret that cannot be removed, and its kind."""
        return self._exposure.found

    @property
    def keys(self) -> List[str]:
        """All keys of the config."""
        return list(map(dotted, self._visited))

    def _has(self, key: str) -> bool:
        late = [visit.place.path for visit in self._visited.values() if visit.is_late]
        below_late = any(key.startswith(dotted(path) + ".") for path in late)
        return below_late or any(key in (dotted(path), address(path)) for path in self._visited)

    def _follow(self) -> None:
        made = [
            one for one in self._visited.values() if not one.is_late and any(map(following.is_custom, one.trace.calls))
        ]
        varies = varying(self._config, [(one.place.path, one.place.parent, one.place.key, one.value) for one in made])
        self.varies = list(map(dotted, varies))
        self.notices += [(key, "another value each time it is read: frozen as first seen") for key in self.varies]
        try:
            found = Interpolations(
                self._config, self._visited, self.lines, self.body, set(varies), self._lateness.is_kept
            )
        except (UnfitError, UnknownTypeError) as error:
            self.refused.append(("the config", "a replay would fail: %s" % error, ""))
            return
        self.lines, self.unsure = found.lines, found.unsure
        self.notices += found.notices
        for path, why in found.refused:
            self._refuse(path, "a replay would not give it back: %s" % why)

    def _walk(self) -> None:
        self._begin()
        self.body = self._container(ROOT, self._config, self._config, ROOT.kind)
        self.missing = self.missing or self._built_of_missing

    def _container(self, place: Place, node: Node, value: Any, implied: Kind) -> Dict[str, Any]:
        if len(place.path) > _DEEPEST or id(value) in self._seen:
            raise LateError("it refers to itself")
        kind = self._kind(place.path, node, value, implied)
        self._seen.append(id(value))
        try:
            if kinds.shape_of(value) == "dict" or isinstance(value, dict):
                keys = list(value.__dict__["_content"]) if isinstance(value, DictConfig) else list(value)
                self._exposure.check_keys(place.path, keys)
                return {
                    "map": [[self._key(place.path, key), self._child(place.below(value, key, kind))] for key in keys]
                }
            return {"list": [self._child(place.below(value, at, kind)) for at in range(len(value))]}
        finally:
            self._seen.remove(id(value))

    def _key(self, path: Path, key: Any) -> Any:
        self._check_characters((*path, key), key)
        return _scalar(key)

    def _kind(self, path: Path, node: Node, value: Any, implied: Kind) -> Kind:
        try:
            kind = kinds.of(node, value)
            if kind != implied:
                self.lines.append(("TYPE", "%s %s" % (address(path), kinds.to_line(kind))))
        except UnknownTypeError as error:
            self._refuse(path, "its class %s cannot be found by name" % error)
            return kinds.PLAIN["dict" if isinstance(value, (dict, DictConfig)) else "list"]
        return kind

    def _child(self, place: Place) -> Any:
        if not isinstance(place.parent, CONTAINERS):
            return self._value(place, None, place.parent[place.key], Trace())
        node, trace = place.parent._get_node(place.key), Trace()
        told = len(self.lines), len(self.notices), len(self.refused), len(self._visited)
        exposed = len(self._exposure.found)
        try:
            with tracing() as trace:
                value = place.parent[place.key]
            return self._frozen(place, node, value, trace)
        except LateError as late:
            del self.lines[told[0] :], self.notices[told[1] :], self.refused[told[2] :]
            del self._exposure.found[exposed:]
            for path in list(self._visited)[told[3] :]:
                del self._visited[path]
            return self._make_late(place, node, trace, late)
        except InterpolationToMissingValueError:
            return self._missing(place, node, trace, self._built_of_missing)
        except OmegaConfBaseException as error:
            if OmegaConf.is_missing(place.parent, place.key):
                return self._missing(place, node, trace, self.missing)
            why = "" if is_late_call(trace) else "it cannot be resolved: %s" % str(error).split("\n")[0]
            return self._make_late(place, node, trace, LateError(why))

    def _frozen(self, place: Place, node: Node, value: Any, trace: Trace) -> Any:
        told = len(self.lines)
        if not isinstance(value, CONTAINERS) or trace.calls or trace.own_nodes or not value:
            self.notices += [(dotted(place.path), what) for what in self._check(place, node, value, trace)]
        self._lateness.check_copy(place, node)
        frozen = self._value(place, node, value, trace)
        if trace.own_calls and any(key in ("LATE", "LATE_AT") for key, _ in self.lines[told:]):
            raise LateError("it holds a late value")
        return frozen

    def _check(self, place: Place, node: Node, value: Any, trace: Trace) -> List[str]:
        """Return what there is to tell of a value that is frozen; raise `LateError` if it is late."""
        if self._lateness.is_kept(place.path):
            return [self._exposure.kept(value, trace)]
        return self._lateness.check(place.path, trace) + self._exposure.check(place, node, value, trace)

    def _missing(self, place: Place, node: Node, trace: Trace, told: List[str]) -> Any:
        """Take a value that nobody gave, or that is built from one: it is late if the user says so of either."""
        origin = path_of(node) if place.is_copy else None
        try:
            self._lateness.check_reads(place.path, [*trace.nodes, *([origin] if origin else [])])
        except LateError as late:
            return self._make_late(place, node, trace, late)
        self._visited[place.path] = Visit(place, node, trace, None, is_late=True)
        told.append(dotted(place.path))
        return {"leaf": "???"}

    def _value(self, place: Place, node: Optional[Node], value: Any, trace: Trace) -> Any:
        visit = self._visited[place.path] = Visit(place, node, trace, value, is_late=False)
        if visit.is_built:
            self._say_node("NODE", place, node)
        shape = kinds.shape_of(value)
        implied = kinds.implied(place.kind, place.key, "list" if shape == "tuple" else shape)  # as a body has it
        if shape != "leaf":
            is_copy = place.is_copy or node is None or node._is_interpolation()
            own: Any = value if node is None and shape != "raw" else kinds.ANY if node is None else node
            return self._container(place._replace(is_copy=is_copy), own, value, implied)
        leaf = {"leaf": _scalar(value)}
        self._check_characters(place.path, value)
        if not isinstance(node, CONTAINERS):  # a container that is None is no leaf of a type
            self._kind(place.path, kinds.ANY if node is None else node, value, implied)
        return leaf

    def _check_characters(self, path: Path, value: Any) -> None:
        if not isinstance(value, str):
            return
        shown = dotted(path).encode("utf-8", "backslashreplace").decode("utf-8")
        if value == "???":
            self.refused.append((shown, "a text that stands for a missing value in every file", ""))
        if any(_SURROGATES[0] <= character <= _SURROGATES[1] for character in value):
            self.refused.append(
                (shown, "it holds half a character (a surrogate), which cannot be written to a file", "")
            )

    def _make_late(self, place: Place, node: Node, trace: Trace, why: LateError) -> Any:
        path = place.path
        self._visited[path] = Visit(place, node, trace, None, is_late=True)
        text = self._exposure.shown(why.text or visits.text(place, node))
        if why.is_object and text == "???":
            self.refused.append((dotted(path), "it cannot be given back: %s" % why, "late"))
        self.lines.append(keytexts.line(keytexts.LATE, path, text, place.lists))
        self._say_node("TYPE", place, node)
        self.notices.append((dotted(path), "late" + (": %s" % why if str(why) else "")))
        return {"leaf": "???"}

    def _say_node(self, name: str, place: Place, node: Any) -> None:
        """Say what a node is that a replay gives an interpolation, where its container does not tell."""
        field = kinds.template(place.kind, place.key)
        kind = kinds.of_text(node)
        if kind == (kinds.PLAIN["leaf"] if field is None else kinds.of_text(field)):
            return
        try:
            self.lines.append((name, "%s %s" % (address(place.path), kinds.to_line(kind))))
        except UnknownTypeError as error:
            self._refuse(place.path, "its declared class %s cannot be found by name" % error)

    def _refuse(self, path: Path, why: str) -> None:
        """Refuse what a replay cannot give back, unless the user takes a plain value for it."""
        if is_named(path, self._plain):
            self.notices.append((dotted(path), "%s: a plain value, as you said" % why))
        else:
            self.refused.append((dotted(path), why, "plain"))


def _scalar(value: Any) -> Any:
    """Return a leaf for JSON: plain, or a mapping of one entry that names what JSON has not."""
    value = following.plain(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode("ascii")}
    raise LateError("a %s cannot be written in YAML" % type(value).__name__, is_object=True)
