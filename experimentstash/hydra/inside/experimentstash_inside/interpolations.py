"""Decides which values of a frozen config get their interpolation back at a replay: the `BUILT` and `FIXED` lines.

Each is tested before it is written: the config is read back as in a replay.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Set, Tuple

from omegaconf import DictConfig

from experimentstash_inside import following, keytexts, visits
from experimentstash_inside.addresses import Path, address, dotted, is_at_or_below
from experimentstash_inside.comparing import Taken, differences
from experimentstash_inside.following import is_custom
from experimentstash_inside.visits import Visit

Line = Tuple[str, str]


class Interpolations:
    """Decides which values follow the values that they are built from.

    Args:
        config: the config that was walked.
        visited: its values, by path.
        lines: the `TYPE`, `NODE` and `LATE` lines of the walk.
        body: the body.
        varies: paths of values that differ when read again.
        kept: whether the user has a value frozen as it is.

    Attributes:
        lines: all lines, those of values that do not follow as well.
        notices: messages to report, as (key, why).
        refused: paths with a different value at a replay, as (path, why).
        unsure: for each key that a resolver of the tool makes, its `BUILT` line, and what stands instead if it varies.
    """

    def __init__(
        self,
        config: DictConfig,
        visited: Mapping[Path, Visit],
        lines: List[Line],
        body: Dict[str, Any],
        varies: Set[Path],
        kept: Callable[[Path], bool],
    ) -> None:
        self._config, self._visited, self._walked, self._body = config, visited, lines, body
        self._made: Dict[Path, Line] = {}
        built = [path for path, visit in visited.items() if visit.is_built]
        self._built = {
            path for path in built if following.can_follow(visited[path].trace, path in varies) and not kept(path)
        }
        self.refused = self._differences()
        if self.refused:
            wrong = {path for path in self._built for at, _ in self.refused if is_at_or_below(at, path)}
            self._built -= wrong
            self.refused = self._differences() if wrong else self.refused
        self.refused += [(path, "it is late, and stands under a key that nothing can name") for path in self._lost()]
        fixed = [path for path in built if path not in self._built]
        self.lines = self._lines() + [self._fixed(path) for path in fixed if self._reads(path)]
        self.notices = [
            (dotted(path), "does not follow %s, which it is built from" % ", ".join(map(dotted, self._reads(path))))
            for path in fixed
            if self._reads(path) and not kept(path)
        ]
        self.unsure = [
            (dotted(path), list(self._line(path)), list(self._fixed(path)))
            for path in self._built
            if any(map(is_custom, visited[path].trace.own_calls))
        ]

    def _differences(self) -> List[Tuple[Path, str]]:
        taken = {
            path: Taken(visit.node, visit.value, path in self._built, visit.is_late)
            for path, visit in self._visited.items()
        }
        return differences(self._config, taken, self._lines(), self._body)

    def _lines(self) -> List[Line]:
        built = {address(path) for path in self._built}
        nodes = [line for line in self._walked if line[0] != "NODE" or line[1].partition(" ")[0] in built]
        return nodes + [self._line(path) for path in self._visited if path in self._built]

    def _line(self, path: Path) -> Line:
        if path not in self._made:
            place, node = self._visited[path].place, self._visited[path].node
            self._made[path] = keytexts.line(keytexts.BUILT, path, visits.text(place, node), place.lists)
        return self._made[path]

    def _reads(self, path: Path) -> List[Path]:
        return list(dict.fromkeys(self._visited[path].trace.nodes))

    def _fixed(self, path: Path) -> Line:
        return "FIXED", " ".join(map(address, [path, *self._reads(path)]))

    def _lost(self) -> List[Path]:
        """Return copies of late values that no line can give back, and that stand under no value that follows."""
        lost = [
            path
            for path, visit in self._visited.items()
            if visit.is_late and visit.place.is_copy and visits.text(visit.place, visit.node) == "???"
        ]
        return [path for path in lost if not any(is_at_or_below(path, built) for built in self._built)]
