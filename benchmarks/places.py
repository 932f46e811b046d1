"""What the benchmarks run in: a sealed home, small and large tools, small and large stashes."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experimentstash.demo.surroundings import sealed_environment
from experimentstash.git import git

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = str(Path(sys.executable).with_name("experimentstash"))
_MAIN = """\
import hydra

@hydra.main(config_path="conf", config_name="config", version_base="1.3")
def main(cfg):
    pass

if __name__ == "__main__":
    main()
"""
_REGISTRY = 'tools:\n  mytool:\n    path: tools/mytool\n    entrypoint: "-m mytool.main"\n    select: group\n'


@dataclass(frozen=True)
class Place:
    """A folder for all that is made, and the environment of every command.

    Attributes:
        root: the folder.
        env: an environment with a home of its own.
    """

    root: Path
    env: dict[str, str]

    @classmethod
    def at(cls, root: Path) -> Place:
        """Make the home in a folder."""
        return cls(root, sealed_environment(root))

    def git(self, *args: str, cwd: Path, stdin: bytes = b"") -> str:
        """Run git with the place's home."""
        return git(*args, cwd=cwd, env=self.env, stdin=stdin)

    def commit(self, root: Path, files: dict[str, str]) -> None:
        """Write files and commit them, in a repository that is made if need be."""
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        self.git("init", "-q", cwd=root)
        self.git("add", "-A", cwd=root)
        self.git("commit", "-q", "-m", "work", cwd=root)

    def with_tool(self, name: str, keys: int) -> Path:
        """Make the stash `name` of one tool, whose config has `keys` keys and whose task does nothing."""
        tool, stash = self.root / f"{name}-tool", self.root / name
        self.commit(
            tool,
            {"mytool/__init__.py": "", "mytool/main.py": _MAIN, "mytool/conf/config.yaml": "".join(_config(keys))},
        )
        experiment = "# @package _global_\nname: first\n"
        self.commit(stash, {"configs/meta.yaml": _REGISTRY, "configs/mytool/experiment/first.yaml": experiment})
        self.git("submodule", "--quiet", "add", str(tool), "tools/mytool", cwd=stash)
        self.git("commit", "-q", "-m", "the tool", cwd=stash)
        return stash

    def with_snapshots(self, count: int) -> Path:
        """Make a stash of so many snapshots, each at a tool commit and under a tag of its own; return its root."""
        stash = self.root / f"snapshots-{count}"
        stash.mkdir()
        self.git("init", "-q", cwd=stash)
        self.git("fast-import", "--quiet", cwd=stash, stdin="".join(_history(count)).encode())
        self.git("reset", "-q", "--hard", cwd=stash)
        return stash


def _config(keys: int) -> Iterator[str]:
    """Give a config of sections with ten keys each: numbers, texts, interpolations."""
    yield "defaults:\n  - _self_\n  - experiment: null\nname: default\nsave_dir: ${hydra:runtime.output_dir}\n"
    for section in range((keys - 2) // 10):
        yield f"section_{section}:\n"
        for key in range(8):
            yield f"  rate_{key}: {section * 10 + key / 8}\n"
        yield f"  title: section {section} of ${{name}}\n  first_rate: ${{.rate_0}}\n"
    for key in range((keys - 2) % 10):
        yield f"single_{key}: {key}\n"


def _history(count: int) -> Iterator[str]:
    """Give a history for `git fast-import`: a stash, then a commit and a tag for each snapshot."""
    yield from _fast_commit("a stash", {"configs/meta.yaml": _REGISTRY}, _pin(-1), 0)
    for number in range(count):
        tag, commit = f"figure-{number}", _pin(number)
        text = (
            f"# SNAPSHOT: mytool/first\n# TAG: {tag}\n# TOOL_COMMIT: {commit}\n"
            f"# TIMESTAMP: 2026-01-12T09:30:00+00:00\n\n{_body(number)}"
        )
        yield from _fast_commit(tag, {f"configs/mytool/snapshots/{tag}/first.yaml": text}, commit, number + 1)
        yield f"tag snapshot/{tag}\nfrom refs/heads/main\n{_by('tagger', number + 1)}data 0\n\n"


def _fast_commit(message: str, files: dict[str, str], pin: str, number: int) -> Iterator[str]:
    yield f"commit refs/heads/main\n{_by('committer', number)}data {len(message)}\n{message}\n"
    for path, text in files.items():
        yield f"M 100644 inline {path}\ndata {len(text.encode())}\n{text}\n"
    yield f"M 160000 {pin} tools/mytool\n\n"


def _by(role: str, number: int) -> str:
    return f"{role} A Newcomer <newcomer@example.org> {1768210200 + 60 * number} +0000\n"


def _pin(number: int) -> str:
    return hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest()


def _body(number: int) -> str:
    """Return a flat config of fifty keys."""
    sections = (f"section_{i}:\n" + "".join(f"  rate_{j}: {number + i + j / 8}\n" for j in range(9)) for i in range(5))
    return "".join(sections)
