"""Archives for tests: of a small stash, or forged block by block with a digest that holds."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from conftest import commit, git, write
from stashes import REGISTRY, snapshot_path, snapshot_text

from experimentstash.reproduce.archive import git_bundles
from experimentstash.reproduce.archive.archive_manifest import ArchivedPackage, ArchivedRepository, ArchiveManifest
from experimentstash.reproduce.archive.tar import tail
from experimentstash.reproduce.archive.writer import ArchiveMember, make
from experimentstash.reproduce.bundling import Bundled, bundle
from experimentstash.reproduce.stash_source import named

TAIL = len(tail("0" * 64))


def frozen_stash(root: Path, *init: str, url: str | None = None) -> Path:
    """Make a stash with a tag, a tool with a submodule of its own, remotes in directories, and work that came later."""
    wide = ["--object-format=sha256"] if "--object-format=sha256" in init else []
    for name in ("inner", "mytool", "stash"):
        (root / name).mkdir(parents=True)
        git("init", "-q", *wide, cwd=root / name)
    commit(root / "inner", {"data.txt": "inner\n"}, "inner")
    tool, stash = root / "mytool", root / "stash"
    git("submodule", "--quiet", "add", root / "inner", "vendor/inner", cwd=tool)
    for number in range(6):
        commit(tool, {"main.py": "\n".join(f"print({number} + {line})" for line in range(100))}, f"work {number}")
    git("remote", "add", "origin", root / "nowhere" / "stash", cwd=stash)
    git("submodule", "--quiet", "add", url or str(tool), "tools/mytool", cwd=stash)
    git("submodule", "--quiet", "update", "--init", "--recursive", cwd=stash)
    commit(stash, {"configs/meta.yaml": REGISTRY}, "a stash")
    pin = git("rev-parse", "HEAD", cwd=tool)
    for number in range(3):
        commit(stash, {"notes.txt": "note\n" * number}, f"note {number}")
    commit(stash, {snapshot_path("pca", "v1"): snapshot_text("pca", "v1", pin)}, "freeze")
    git("tag", "-a", "-m", "the paper", "snapshot/v1", cwd=stash)
    later = commit(stash, {"notes.txt": "later\n"}, "later")
    git("tag", "unrelated", later, cwd=stash)
    return stash


def bundled(stash: Path, target: Path, tag: str = "v1", *, allow_local: bool = True) -> Bundled:
    """Write an archive of a stash that is there."""
    made = bundle(tag, target, named(str(stash), tag, allow_local=allow_local))
    assert made is not None
    return made


def small(root: Path, change: Callable[[ArchiveManifest], ArchiveManifest] = lambda same: same) -> Path:
    """Write an archive of two tiny repositories and a package, whatever they are."""
    made, parts = [], []
    for number, path in enumerate(("", "tools/mytool")):
        place = root / f"repository-{number}"
        tip = commit(place, {"file.txt": f"{number}\n"})
        pack = root / f"{number}.pack"
        unpacked = git_bundles.pack(place / ".git", tip, "sha1", pack, path)
        ref = git_bundles.TOOL_REF if path else "refs/tags/snapshot/v1"
        parts.append(ArchiveMember(git_bundles.head("sha1", ref, tip), pack))
        made.append(ArchivedRepository(path, tip, tip, "", parts[-1].size, unpacked))
    write(root, {"one.whl": "a wheel"})
    parts.append(ArchiveMember(b"", root / "one.whl"))
    package = ArchivedPackage("one-1.0-py3-none-any.whl", hashlib.sha256(b"a wheel").hexdigest(), 7)
    make(root / "small.tar", change(ArchiveManifest("v1", "sha1", tuple(made), (package,), ())), parts)
    return root / "small.tar"


def sealed(data: bytes) -> bytes:
    """Return all but the end of an archive with an end that fits."""
    return data + tail(hashlib.sha256(data).hexdigest())


def block(name: str, data: bytes = b"", **fields: object) -> bytes:
    """Return a member as Python's own tarfile writes it."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    for key, value in fields.items():
        setattr(member, key, value)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(member, io.BytesIO(data))
    return out.getvalue()[: 512 + len(data) + -len(data) % 512]


def with_pack(root: Path, pack: bytes) -> Path:
    """Write an archive whose tool is a pack that somebody made up."""
    path = small(root)
    (root / "1.pack").write_bytes(pack)

    def change(manifest: ArchiveManifest) -> ArchiveManifest:
        stash, tool = manifest.repositories
        size = len(git_bundles.head("sha1", git_bundles.TOOL_REF, tool.object)) + len(pack)
        return replace(manifest, repositories=(stash, replace(tool, size=size)))

    return remade(root, path, change)


def remade(root: Path, path: Path, change: Callable[[ArchiveManifest], ArchiveManifest]) -> Path:
    """Write the archive of `small` once more, with another manifest."""
    from experimentstash.reproduce.archive.unpack import open_archive

    manifest = open_archive(path).manifest
    heads = [
        git_bundles.head("sha1", git_bundles.TOOL_REF if one.path else "refs/tags/snapshot/v1", one.object)
        for one in manifest.repositories
    ]
    parts = [ArchiveMember(head, root / f"{number}.pack") for number, head in enumerate(heads)]
    make(path, change(manifest), [*parts, ArchiveMember(b"", root / "one.whl")])
    return path


def pack_of(*objects: tuple[int, int, bytes]) -> bytes:
    """Return a pack of objects: the kind, the size that each says it has, and what is compressed."""
    out = b"PACK" + (2).to_bytes(4, "big") + len(objects).to_bytes(4, "big")
    for kind, size, data in objects:
        head, size = [kind << 4 | size & 15], size >> 4
        while size:
            head[-1] |= 0x80
            head.append(size & 0x7F)
            size >>= 7
        out += bytes(head) + (b"\1" * 20 if kind == 7 else b"") + zlib.compress(data, 9)
    return out + hashlib.sha1(out).digest()


def number(value: int) -> bytes:
    """Return a size as deltas begin with it."""
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])
