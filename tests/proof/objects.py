"""Git objects made in memory, a hundred pushes at a time, also those that git itself would not write."""

from __future__ import annotations

import hashlib
import subprocess
import zlib
from dataclasses import dataclass, field
from pathlib import Path

FILE, EXECUTABLE, LINK, GITLINK, DIRECTORY = "100644", "100755", "120000", "160000", "40000"
_KINDS = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
_WHO = "Ada Tester <ada@example.org> 1768210200 +0000"


@dataclass(frozen=True)
class Entry:
    """An entry of a tree: its mode, and the bytes of a file or the id of anything else."""

    mode: str
    content: bytes | str


Files = dict[str, Entry]
"""The files of a tree by path."""


@dataclass
class Objects:
    """Objects that are not written yet, by id."""

    made: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def add(self, kind: str, data: bytes) -> str:
        """Add an object and return its id."""
        name = hashlib.sha1(b"%s %d\0" % (kind.encode(), len(data)) + data, usedforsecurity=False).hexdigest()
        self.made[name] = (kind, data)
        return name

    def tree(self, files: Files, extra: dict[str, list[tuple[str, str, str]]] | None = None) -> str:
        """Add the trees of some files and return the id of the root.

        Args:
            files: the files by path.
            extra: further entries of directories (mode, name, id), appended out of order, whatever already exists.
        """
        return self._directory("", files, extra or {})

    def _directory(self, where: str, files: Files, extra: dict[str, list[tuple[str, str, str]]]) -> str:
        entries: dict[str, tuple[str, str]] = {}
        below: dict[str, Files] = {}
        for path, entry in files.items():
            first, slash, rest = path.partition("/")
            if slash:
                below.setdefault(first, {})[rest] = entry
            else:
                content = entry.content
                entries[first] = (entry.mode, self.add("blob", content) if isinstance(content, bytes) else content)
        for name, inner in below.items():
            entries[name] = (DIRECTORY, self._directory(f"{where}{name}/", inner, extra))
        ordered = sorted(entries, key=lambda name: name.encode() + (b"/" if entries[name][0] == DIRECTORY else b""))
        lines = [(entries[name][0], name, entries[name][1]) for name in ordered] + extra.get(where, [])
        return self.add("tree", b"".join(b"%s %s\0" % (m.encode(), n.encode()) + bytes.fromhex(i) for m, n, i in lines))

    def commit(self, tree: str, parents: list[str], message: str) -> str:
        """Add a commit and return its id."""
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents), f"author {_WHO}", f"committer {_WHO}"]
        return self.add("commit", ("\n".join(lines) + f"\n\n{message}\n").encode())

    def tag(self, target: str, kind: str, name: str) -> str:
        """Add an annotated tag and return its id."""
        text = f"object {target}\ntype {kind}\ntag {name}\ntagger {_WHO}\n\n{name}\n"
        return self.add("tag", text.encode())

    def write(self, repository: Path, env: dict[str, str]) -> None:
        """Write all of them with `git index-pack` into the object directory that the environment names."""
        body = b"PACK" + (2).to_bytes(4, "big") + len(self.made).to_bytes(4, "big")
        body += b"".join(_packed(kind, data) for kind, data in self.made.values())
        pack = body + hashlib.sha1(body, usedforsecurity=False).digest()
        index = ["git", "index-pack", "--stdin"]
        subprocess.run(index, cwd=repository, env=env, input=pack, check=True, capture_output=True)
        self.made.clear()


def _packed(kind: str, data: bytes) -> bytes:
    size, first = len(data) >> 4, _KINDS[kind] << 4 | len(data) & 15
    head = bytearray()
    while size:
        head.append(first | 0x80)
        first, size = size & 0x7F, size >> 7
    head.append(first)
    return bytes(head) + zlib.compress(data, 1)
