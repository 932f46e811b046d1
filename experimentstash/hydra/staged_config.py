"""A config's text laid out so that a tool composes it, whatever the working config of that name says by now.

The text gets a directory of its own, which comes before the stash's configs on Hydra's search path, and is chosen there
as an experiment is. A text that is the whole config already (a snapshot that somebody edited, or what Hydra wrote to
`.hydra/config.yaml`) is no experiment: it is composed as a frozen one is replayed.
"""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, command, quote
from experimentstash.core.names import experiment_path
from experimentstash.hydra import config_text
from experimentstash.hydra.compose import compose
from experimentstash.hydra.launch import keep_clean
from experimentstash.hydra.run_request import RunRequest
from experimentstash.hydra.selection import as_part_of_the_whole, selected
from experimentstash.stash import snapshot_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from experimentstash.core.names import SnapshotName
    from experimentstash.hydra.config_text import Text
    from experimentstash.hydra.resolved_tool import ResolvedTool
    from experimentstash.stash.stash import Stash

_UNTYPED = ("types", "the text does not have those that the tool declares: a replay gives plain values")
_UNCHOSEN = ("choices", "the text does not name the chosen config groups: HydraConfig of a replay does not, either")


@dataclass(frozen=True)
class LaidOut:
    """A text that a tool can compose.

    Attributes:
        request: what is to be composed.
        header: lines of the snapshot's header that somebody wrote, and that stay.
        notices: what was decided, as (key, decision).
    """

    request: RunRequest
    header: tuple[tuple[str, str], ...] = ()
    notices: tuple[tuple[str, str], ...] = ()


@contextlib.contextmanager
def laid_out(resolved: ResolvedTool, name: SnapshotName, data: bytes) -> Iterator[LaidOut]:
    """Lay a text out and give what to compose for it; what was laid out is gone afterwards.

    Args:
        resolved: the tool.
        name: what the text is to be frozen as.
        data: its bytes.

    Raises:
        StashError: the text is refused, the tool is not checked out, or nothing tells whether it is a whole config.
    """
    text = config_text.read(data, name.path)
    resolved.check_there()
    tool = resolved.tool
    with tempfile.TemporaryDirectory(prefix="experimentstash-") as folder:
        request = RunRequest(resolved, name.experiment, configs=Path(folder))
        request = replace(request, late=tool.late, keep=tool.keep, plain=tool.plain)
        _write(Path(folder, "experiment", f"{name.experiment}.yaml"), text.config)
        if text.is_snapshot:
            yield _as_snapshot(replace(request, select=tool.select or "primary"), text)
        elif text.is_part or _is_working(resolved.stash, name, text):
            yield LaidOut(selected(request, text.config), text.further_lines)
        else:
            select = tool.select or resolved.guess_select(text.config) or "append"
            yield _as_what_it_is(replace(request, select=select), text)


def _as_snapshot(request: RunRequest, text: Text) -> LaidOut:
    """Lay out a snapshot that somebody edited: what was late stays so."""
    frozen, late = text.frozen, text.late_keys
    if frozen.jobs_apart:
        raise StashError(
            f"{text.where}: a sweep whose jobs are separate snapshots cannot be frozen again by itself",
            f"git restore --source=HEAD --staged --worktree {quote(text.where)}  # or freeze it under another tag",
        )
    again = replace(
        request,
        select="compose" if frozen.one("SELECT") == "compose" else request.select,
        snapshot=_write(Path(str(request.configs), "frozen.yaml"), snapshot_file.render(frozen.header, frozen.body)),
        settings=(*frozen.all("HYDRA"), *frozen.all("SWEEP")),
        late=(*late, *(key for key in request.late if key not in late)),
        keep=tuple(key for key in request.keep if key not in late),
    )
    return LaidOut(again, text.further_lines)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")
    return path


def _is_working(stash: Stash, name: SnapshotName, text: Text) -> bool:
    """Return whether a text is the working config of that name, which `run` composes as an experiment."""
    with contextlib.suppress(OSError):
        return (stash.root / experiment_path(name.tool, name.experiment)).read_bytes() == text.config.encode("utf-8")
    return False


def _as_what_it_is(request: RunRequest, text: Text) -> LaidOut:
    """Lay out a text that says nothing of itself: by its keys it is a whole config, or an option of its group.

    An option is found at the key `experiment`. What Hydra prints of a whole config is without Hydra's own settings,
    so they are those that the tool has by itself; and without the types that the tool declares.

    Raises:
        StashError: it has some of the tool's own keys and not others, or the tool does not compose by itself.
    """
    keep_clean(request)
    _, answer = compose(replace(request, experiment=""))
    own = {str(key) for key, _ in answer["body"]["map"]} - {"experiment"}
    missing = sorted(own - text.keys)
    if not missing and (own or request.select == "primary" or text.keys == {"experiment"}):
        settings = (*answer["settings"], *answer["sweep"])
        whole = _write(Path(str(request.configs), "whole.yaml"), text.config)
        typed = any(key == "TYPE" for key, _ in answer["lines"])
        notices = (_UNCHOSEN, _UNTYPED) if typed else (_UNCHOSEN,)
        return LaidOut(replace(request, snapshot=whole, settings=settings), notices=notices)
    if own and not own & text.keys:
        return LaidOut(request)
    raise StashError(
        f"{text.where}: it does not say what it overrides, and is not a complete config of {request.tool.name!r}"
        + (f" (no {', '.join(missing[:5])})" if missing else ""),
        f"{as_part_of_the_whole(text.where)} && {command('git', 'add', text.where)}",
    )
