"""A config's text that is no working config of the stash: what it says of itself, and laid out for a tool to compose.

The working config of the same name may say something else by now. So the text gets a folder of its own, which
comes before the stash's configs on Hydra's search path, and is chosen there as an experiment is. A text that is
the whole config already (a snapshot that somebody edited, or what Hydra wrote to `.hydra/config.yaml`) is no
experiment: it is composed as a frozen one is replayed.
"""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from experimentstash import snapshot
from experimentstash.hydra.compose import compose
from experimentstash.hydra.defaults import package
from experimentstash.hydra.launch import Wish, check_tool_there, keep_clean
from experimentstash.hydra.layout import guess_select
from experimentstash.names import experiment_path
from experimentstash.problems import StashError
from experimentstash.scalars import KINDS, YAML
from experimentstash.yaml_nodes import compose as compose_nodes
from experimentstash.yaml_nodes import wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from experimentstash.names import SnapshotName
    from experimentstash.tool import Tool

LARGEST = 10 * 1024 * 1024
"""Bytes; nobody wrote such a config."""
_MOST = 500_000  # values, each alias counted as what it stands for
_PATHS = frozenset(f"{YAML}python/object/apply:pathlib.{kind}Path" for kind in ("", "Posix", "Windows"))
_UNTYPED = ("types", "the text does not have those that the tool declares: a replay gives plain values")
_TAGS = KINDS | _PATHS | {f"{YAML}{kind}" for kind in ("map", "seq", "merge", "timestamp")}  # a plain date is one


@dataclass(frozen=True)
class Text:
    """A config's text, read.

    Attributes:
        where: its path, for messages.
        config: the text without a snapshot's header lines.
        frozen: the text as a snapshot; without a header where it has none.
        root: the config's mapping.
    """

    where: str
    config: str
    frozen: snapshot.Snapshot
    root: yaml.MappingNode

    @property
    def keys(self) -> frozenset[str]:
        """The keys of the config."""
        return frozenset(key.value for key, _ in self.root.value)

    @property
    def is_part(self) -> bool:
        """Whether it says of itself that it is laid over, or brings in, other configs."""
        return "defaults" in self.keys or package(self.config) is not None

    @property
    def is_snapshot(self) -> bool:
        """Whether it was frozen once; a header over a config that is none of Hydra's output is somebody's own."""
        return snapshot.is_stamped(self.frozen) and not self.is_part

    @property
    def further_lines(self) -> tuple[tuple[str, str], ...]:
        """The header lines of a snapshot that somebody wrote, and the program does not know."""
        stamped = snapshot.is_stamped(self.frozen)
        return tuple(line for line in self.frozen.header if stamped and line[0] not in snapshot.KEYS)

    @property
    def late_keys(self) -> tuple[str, ...]:
        """The keys of the `LATE` lines whose values are late still."""
        return tuple(key for key in self.frozen.late_keys if _text_at(self.root, key) == "???")


def read(data: bytes, where: str) -> Text:
    """Read a config's text; nothing is built of it.

    Raises:
        StashError: it is no YAML mapping that Hydra could read, or it unfolds into what no config is.
    """
    frozen = snapshot.parse(data, where)
    root = compose_nodes(data, where, largest=LARGEST, aliases=True)
    if root is None:
        raise StashError(f"{where}: empty, there is nothing to freeze", f"git rm --cached '{where}'")
    if not isinstance(root, yaml.MappingNode):
        raise wrong(where, root.start_mark, "a config is a mapping")
    _Unfolding(where).size(root)
    text = data.decode("utf-8")
    return Text(where, snapshot.without_header(text) if snapshot.is_stamped(frozen) else text, frozen, root)


@dataclass(frozen=True)
class LaidOut:
    """A text that a tool can compose.

    Attributes:
        wish: what is to be composed.
        header: lines of the snapshot's header that somebody wrote, and that stay.
        notices: what was decided, as (key, decision).
    """

    wish: Wish
    header: tuple[tuple[str, str], ...] = ()
    notices: tuple[tuple[str, str], ...] = ()


@contextlib.contextmanager
def laid_out(stash: Path, tool: Tool, name: SnapshotName, data: bytes) -> Iterator[LaidOut]:
    """Lay a text out and give what to compose for it; what was laid out is gone afterwards.

    Args:
        stash: the stash's root.
        tool: the tool, from the registry.
        name: what the text is to be frozen as.
        data: its bytes.

    Raises:
        StashError: `read` refuses it, the tool is not checked out, or nothing tells whether it is a whole config.
    """
    text = read(data, name.path)
    check_tool_there(stash, tool)
    select = tool.select or guess_select(stash / tool.path, tool, text.config) or "primary"
    with tempfile.TemporaryDirectory(prefix="experimentstash-") as folder:
        wanted = Wish(stash, tool, name.experiment, select=select, configs=Path(folder), late=tool.late, keep=tool.keep)
        _write(Path(folder, "experiment", f"{name.experiment}.yaml"), text.config)
        if text.is_snapshot:
            yield _as_snapshot(wanted, text)
        elif text.is_part or _is_working(stash, name, text):
            yield LaidOut(wanted, text.further_lines)
        else:
            yield _as_what_it_is(wanted, text)


def _as_snapshot(wanted: Wish, text: Text) -> LaidOut:
    """Lay out a snapshot that somebody edited: what was late stays so."""
    frozen, late = text.frozen, text.late_keys
    again = replace(
        wanted,
        select="compose" if frozen.one("SELECT") == "compose" else wanted.select,
        snapshot=_write(Path(str(wanted.configs), "frozen.yaml"), snapshot.render(frozen.header, frozen.body)),
        settings=(*frozen.all("HYDRA"), *frozen.all("SWEEP")),
        late=(*late, *(key for key in wanted.late if key not in late)),
        keep=tuple(key for key in wanted.keep if key not in late),
    )
    return LaidOut(again, text.further_lines)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")
    return path


def _is_working(stash: Path, name: SnapshotName, text: Text) -> bool:
    """Tell whether a text is the working config of that name, which `run` composes as an experiment."""
    with contextlib.suppress(OSError):
        return (stash / experiment_path(name.tool, name.experiment)).read_bytes() == text.config.encode("utf-8")
    return False


def _as_what_it_is(wanted: Wish, text: Text) -> LaidOut:
    """Lay out a text that says nothing of itself: by its keys it is a whole config, or an option of its group.

    An option is found at the key `experiment`. What Hydra prints of a whole config is without Hydra's own settings,
    so they are those that the tool has by itself; and without the types that the tool declares.

    Raises:
        StashError: it has some of the tool's own keys and not others, or the tool does not compose by itself.
    """
    keep_clean(wanted)
    _, answer = compose(replace(wanted, experiment=""))
    own = {str(key) for key, _ in answer["body"]["map"]} - {"experiment"}
    missing = sorted(own - text.keys)
    if not missing and (own or wanted.select == "primary" or text.keys == {"experiment"}):
        settings = (*answer["settings"], *answer["sweep"])
        whole = _write(Path(str(wanted.configs), "whole.yaml"), text.config)
        typed = any(key == "TYPE" for key, _ in answer["lines"])
        return LaidOut(replace(wanted, snapshot=whole, settings=settings), notices=(_UNTYPED,) if typed else ())
    if own and not own & text.keys:
        return LaidOut(wanted)
    raise StashError(
        f"{text.where}: it does not say what it is laid over, and is no whole config of {wanted.tool.name!r}"
        + (f" (no {', '.join(missing[:5])})" if missing else ""),
        f"write '# @package _global_' on top of {text.where}",
    )


def _text_at(node: yaml.Node, dotted: str) -> str | None:
    """Return the text of the scalar at a dotted key, or None where there is none."""
    for part in dotted.split("."):
        if isinstance(node, yaml.MappingNode):
            found = [value for key, value in node.value if key.value == part]
        else:
            found = node.value[int(part) :][:1] if isinstance(node, yaml.SequenceNode) and part.isdecimal() else []
        if not found:
            return None
        node = found[0]
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


class _Unfolding:
    """Counts the values of a document, what an alias stands for each time, and refuses what Hydra would build."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._sizes: dict[yaml.Node, int] = {}
        self._open: set[yaml.Node] = set()

    def size(self, node: yaml.Node) -> int:
        """Return how many values a node holds, itself included.

        Raises:
            StashError: too many, without end, a language tag, or a key that is no plain value or stands twice.
        """
        if node in self._sizes:
            return self._sizes[node]
        if node in self._open:
            raise wrong(self._where, node.start_mark, "it holds itself")
        if node.tag not in _TAGS:
            raise wrong(self._where, node.start_mark, f"the tag {node.tag!r}; a config holds plain values")
        self._open.add(node)
        total = 1 + sum(map(self.size, self._children(node)))
        if total > _MOST:
            raise wrong(self._where, node.start_mark, f"more than {_MOST} values are no config")
        self._open.remove(node)
        self._sizes[node] = total
        return total

    def _children(self, node: yaml.Node) -> list[yaml.Node]:
        if isinstance(node, yaml.MappingNode):
            self._check_keys(node)
            return [value for _, value in node.value]
        return list(node.value) if isinstance(node, yaml.SequenceNode) else []

    def _check_keys(self, node: yaml.MappingNode) -> None:
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise wrong(self._where, key.start_mark, "a key is a word, not a list or a mapping")
            if (key.tag, key.value) in seen:
                raise wrong(self._where, key.start_mark, f"the key {key.value!r} stands twice")
            seen.add((key.tag, key.value))
