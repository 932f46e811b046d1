"""An archive made: the tag and its tools brought together as for a reproduction, judged, and packed into one file."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.archive import repositories
from experimentstash.archive.making import Part, check_target, make
from experimentstash.archive.manifest import Manifest, Repository
from experimentstash.git import ask_git, git
from experimentstash.names import tag_ref
from experimentstash.problems import report
from experimentstash.reproducing.reproduce import bring_tools
from experimentstash.reproducing.stage import Stage
from experimentstash.urls import without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from experimentstash.reproducing.source import Source
    from experimentstash.reproducing.stage import Wanted


@dataclass(frozen=True)
class Bundled:
    """An archive that was written.

    Attributes:
        path: the file.
        size: bytes.
        sha256: its digest, in hex.
        manifest: what it says of itself.
    """

    path: Path
    size: int
    sha256: str
    manifest: Manifest


def bundle(tag: str, target: Path, source: Source, say: Callable[[str], object]) -> Bundled | None:
    """Write an archive; return None where the tag does not hold, and the findings have been told.

    Args:
        tag: the tag.
        target: the file to write.
        source: where the stash comes from.
        say: called with each step, for the user to see.

    Raises:
        StashError: something of it is not to be had, or the file cannot be written; nothing is left.
    """
    check_target(target)
    with tempfile.TemporaryDirectory(prefix="experimentstash-") as folder:
        place = Path(folder).resolve()
        stage = Stage(place / "stash", tag, source)
        say(f"bringing snapshot/{tag} together")
        commit = stage.bring_stash()
        frozen, problems = stage.judged(commit)
        if report(problems):
            return None
        brought = bring_tools(stage, commit, frozen, say)
        made = [_packed(stage, number, one, place, say) for number, one in enumerate([None, *brought])]
        found = tuple(repository for repository, _ in made)
        manifest = Manifest(tag, stage.object_format, found)
        say(f"writing {target}")
        digest = make(target, manifest, [part for _, part in made])
    return Bundled(target, target.stat().st_size, digest, manifest)


def _packed(
    stage: Stage, number: int, wanted: Wanted | None, place: Path, say: Callable[[str], object]
) -> tuple[Repository, Part]:
    """Pack the stash, or a tool that was brought in."""
    root = stage.folder / (wanted.path if wanted else "")
    ref = repositories.TOOL_REF if wanted else tag_ref(stage.tag)
    named = wanted.commit if wanted else git("rev-parse", ref, cwd=root)
    commit = wanted.commit if wanted else git("rev-parse", f"{ref}^{{commit}}", cwd=root)
    path = wanted.path if wanted else ""
    say(f"packing {path or 'the stash'} at {commit[:12]}")
    file = place / f"{number}.pack"
    git_dir = Path(git("rev-parse", "--absolute-git-dir", cwd=root))
    unpacked = repositories.pack(git_dir, named, stage.object_format, file, path or "the stash")
    part = Part(repositories.head(stage.object_format, ref, named), file)
    return Repository(path, named, commit, _recorded_url(root, wanted), part.size, unpacked), part


def _recorded_url(root: Path, wanted: Wanted | None) -> str:
    """Return what the `.gitmodules` above says: where a relative URL leads is the business of whoever has a clone."""
    if wanted is None:
        return ""
    above = git("rev-parse", "--show-superproject-working-tree", cwd=root)
    asked = ("config", "--no-includes", "--blob", "HEAD:.gitmodules", "--get", f"submodule.{wanted.name}.url")
    return without_secrets(ask_git(*asked, cwd=Path(above)).stdout.decode("utf-8", "replace").strip())


def summary(bundled: Bundled) -> Sequence[str]:
    """Return what there is to tell of an archive that was written."""
    manifest = bundled.manifest
    stash, *tools = manifest.repositories
    return [
        f"{bundled.path}: snapshot/{manifest.tag} at {stash.commit[:12]}, {bundled.size} bytes",
        *(f"  {one.path} at {one.commit[:12]}" for one in tools),
        f"  SHA-256 {bundled.sha256}",
    ]
