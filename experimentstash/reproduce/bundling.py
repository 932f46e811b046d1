"""Makes an archive: fetches the tag and its tools as a reproduction does, judges them, and packs them into one file."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError, command, report
from experimentstash.core.files import check_shared, file_digest
from experimentstash.core.names import SHORT, tag_ref
from experimentstash.core.secrets import first_secret
from experimentstash.core.urls import without_secrets
from experimentstash.environments.wheelhouse import gather
from experimentstash.git import repository
from experimentstash.git.user_git import answer, git
from experimentstash.reproduce import experiment_environments
from experimentstash.reproduce.archive import git_bundles
from experimentstash.reproduce.archive.archive_manifest import (
    ArchivedPackage,
    ArchivedRepository,
    ArchiveManifest,
    Supplied,
)
from experimentstash.reproduce.archive.writer import ArchiveMember, check_target, make
from experimentstash.reproduce.earlier_attempt import Earlier
from experimentstash.reproduce.fetch import Stage
from experimentstash.reproduce.reproduction import bring_tools
from experimentstash.reproduce.tool_checkouts import Tools
from experimentstash.stash.stash import Stash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experimentstash.reproduce.fetch import Frozen
    from experimentstash.reproduce.stash_source import Source
    from experimentstash.reproduce.tool_checkouts import PinnedSubmodule

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bundled:
    """An archive that was written.

    Attributes:
        path: the file.
        size: bytes.
        sha256: its digest, in hex.
        manifest: what it says of itself.
        lfs: the repositories that have files of Git LFS, whose contents are not in git and not in the archive.
    """

    path: Path
    size: int
    sha256: str
    manifest: ArchiveManifest
    lfs: tuple[str, ...]


def bundle(
    tag: str,
    target: Path,
    source: Source,
    *,
    with_packages: bool = False,
    allow_secrets: bool = False,
) -> Bundled | None:
    """Write an archive; return None if the tag does not hold, after reporting the findings.

    Args:
        tag: the tag.
        target: the file to write.
        source: the source of the stash.
        with_packages: put the packages of the locks in, too; that builds the environments, and runs what this runs.
        allow_secrets: pack what looks like a secret, too.

    Raises:
        StashError: something of it is not available, its history holds a secret, or the file cannot be written;
            nothing is left.
    """
    check_target(target)
    with tempfile.TemporaryDirectory(prefix="experimentstash-") as folder:
        place = Path(folder).resolve()
        stage = Stage(place / "stash", tag, source)
        _log.info("bringing snapshot/%s together", tag)
        commit = stage.fetch_tag()
        _check_whole(stage.folder, source.url)
        earlier = Earlier(stage.folder)
        stage.check_out(commit, earlier)
        frozen, problems = stage.judged(commit)
        if report(problems):
            return None
        if not allow_secrets:
            _check_history(stage, commit, target)
        brought = bring_tools(Tools(stage.repository, source, {}, earlier, whole=True), commit, frozen)
        for one in brought:
            _check_whole(stage.folder / one.path, one.url)
        made = [_packed(stage, number, one, place) for number, one in enumerate([None, *brought])]
        manifest = ArchiveManifest(tag, stage.repository.object_format, tuple(one for one, _ in made))
        if with_packages:
            packages, locks = _gathered(stage, frozen, place / "packages")
            manifest = replace(manifest, packages=packages, locks=locks)
        lfs = tuple(one.path for one in manifest.repositories if _has_lfs(stage.folder / one.path))
        if not allow_secrets:
            check_shared(f"the manifest of {target}", manifest.render().decode("ascii"))
        _log.info("writing %s", target)
        files = [ArchiveMember(b"", place / "packages" / one.file) for one in manifest.packages]
        sha256 = make(target, manifest, [*(part for _, part in made), *files])
    return Bundled(target, target.stat().st_size, sha256, manifest, lfs)


def _check_history(stage: Stage, commit: str, target: Path) -> None:
    """Check that the stash records no secret of its tools and experiments, now or earlier.

    Raises:
        StashError: one does. What is in a history stays there, and an archive brings the whole to others.
    """
    log = ("log", "-p", "-m", "--text", "--no-ext-diff", "--no-textconv", "--format=%x00%H", commit)
    changes = git(*log, "--", ".gitmodules", "configs", cwd=stage.folder)
    if first_secret(changes) is None:
        return
    where = path = ""
    for line in changes.split("\n"):
        if line.startswith("\0"):
            where = line[1:13]
        elif line.startswith("+++ "):
            path = line.removeprefix("+++ b/")
        elif line.startswith("+") and (found := first_secret(line)):
            again = command("experimentstash", "bundle", stage.tag, str(target), "--allow-secrets")
            raise StashError(
                f"{path} at {where}: it holds {found[1]}, which the archive would share with others",
                f"{again}  # after you have revoked it",
            )


def _check_whole(root: Path, url: str) -> None:
    if repository.Repository.open(root).shallow:
        shown = without_secrets(url)
        raise StashError(
            f"{shown}: a shallow clone; an archive needs the whole history",
            command("git", "-C", shown, "fetch", "--unshallow", "--tags"),
        )


def _has_lfs(root: Path) -> bool:
    asked = ("grep", "--quiet", "--fixed-strings", "filter=lfs", "HEAD", "--", ".gitattributes", "**/.gitattributes")
    return answer(*asked, cwd=root) is not None


def _packed(
    stage: Stage, number: int, wanted: PinnedSubmodule | None, place: Path
) -> tuple[ArchivedRepository, ArchiveMember]:
    """Pack the stash or a tool."""
    root = stage.folder / (wanted.path if wanted else "")
    ref = git_bundles.TOOL_REF if wanted else tag_ref(stage.tag)
    named = wanted.commit if wanted else git("rev-parse", ref, cwd=root)
    commit = wanted.commit if wanted else git("rev-parse", f"{ref}^{{commit}}", cwd=root)
    path = wanted.path if wanted else ""
    _log.info("packing %s at %s", path or "the stash", commit[:SHORT])
    file = place / f"{number}.pack"
    git_dir = Path(git("rev-parse", "--absolute-git-dir", cwd=root))
    unpacked = git_bundles.pack(git_dir, named, stage.repository.object_format, file, path or "the stash")
    part = ArchiveMember(git_bundles.head(stage.repository.object_format, ref, named), file)
    return ArchivedRepository(path, named, commit, _recorded_url(root, wanted), part.size, unpacked), part


def _gathered(
    stage: Stage, frozen: Sequence[Frozen], pool: Path
) -> tuple[tuple[ArchivedPackage, ...], tuple[Supplied, ...]]:
    """Gather the packages of all locks, each lock once for each Python that was recorded with it."""
    stash = Stash(stage.folder)
    locks: dict[tuple[str, str], Supplied] = {}
    for one in frozen:
        wanted = experiment_environments.need(stash, one, stash.tool(one.name.tool))
        order = experiment_environments.order_for(stash, wanted)
        key = (order.lock.name, str(order.python or ""))
        if key not in locks:
            found = gather(order, pool)
            projects = tuple(project.relative_to(stage.folder).as_posix() for project in found.projects)
            locks[key] = Supplied(*key, found.platform, found.files, projects)
    files = sorted(pool.iterdir())
    return tuple(ArchivedPackage(file.name, file_digest(file), file.stat().st_size) for file in files), tuple(
        locks.values()
    )


def _recorded_url(root: Path, wanted: PinnedSubmodule | None) -> str:
    """Return the URL as `.gitmodules` records it: each clone resolves a relative URL by itself."""
    if wanted is None:
        return ""
    above = git("rev-parse", "--show-superproject-working-tree", cwd=root)
    asked = ("config", "--no-includes", "--blob", "HEAD:.gitmodules", "--get", f"submodule.{wanted.name}.url")
    return without_secrets((answer(*asked, cwd=Path(above)) or "").strip())


def summary(bundled: Bundled) -> Sequence[str]:
    """Return the lines that describe a written archive."""
    manifest = bundled.manifest
    stash, *tools = manifest.repositories
    return [
        f"{bundled.path}: snapshot/{manifest.tag} at {stash.commit[:SHORT]}, {bundled.size} bytes",
        *(f"  {one.path} at {one.commit[:SHORT]}" for one in tools),
        *(f"  the packages of {one.lock} for {one.platform}" for one in manifest.locks or ()),
        *(["  Python itself is not in it"] if manifest.locks else []),
        *(f"  the contents that {path or 'the stash'} has in Git LFS are not in it" for path in bundled.lfs),
        f"  SHA-256 {bundled.sha256}",
    ]
