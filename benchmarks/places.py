"""The directories of the benchmarks: a private home, small and large tools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from experimentstash.cli.demo.sandbox import sealed_environment
from experimentstash.git.user_git import git

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from environments import Environment

_MAIN = """\
import hydra

@hydra.main(config_path="conf", config_name="config", version_base="1.3")
def main(cfg):
    pass

if __name__ == "__main__":
    main()
"""
REGISTRY = 'tools:\n  mytool:\n    path: tools/mytool\n    entrypoint: "-m mytool.main"\n    select: group\n'


@dataclass(frozen=True, eq=False)
class Place:
    """The directory of the benchmarks, and the variables of every command.

    Attributes:
        root: the directory.
        env: the variables, with a private home.
        own: the environment of the measured program, with Hydra.
    """

    root: Path
    env: dict[str, str]
    own: Environment

    @classmethod
    def at(cls, root: Path, own: Environment) -> Place:
        """Create the home in a directory."""
        return cls(root, sealed_environment(root), own)

    @property
    def program(self) -> str:
        """The path of `experimentstash`."""
        return self.own.program("experimentstash")

    def git(self, *args: str, cwd: Path, stdin: bytes = b"", extra: Mapping[str, str] | None = None) -> str:
        """Run git with the place's home, and with `extra` in its environment."""
        return git(*args, cwd=cwd, env={**self.env, **(extra or {})}, stdin=stdin)

    def commit(self, root: Path, files: dict[str, str]) -> None:
        """Write files and commit them, in a repository that is created if needed."""
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        self.git("init", "-q", cwd=root)
        self.git("add", "-A", cwd=root)
        self.git("commit", "-q", "-m", "work", cwd=root)

    def with_tool(self, name: str, keys: int) -> Path:
        """Create the stash `name` of one tool, with a config of `keys` keys and a task that does nothing."""
        tool, stash = self.root / f"{name}-tool", self.root / name
        self.commit(
            tool,
            {"mytool/__init__.py": "", "mytool/main.py": _MAIN, "mytool/conf/config.yaml": "".join(_config(keys))},
        )
        experiment = "# @package _global_\nname: first\n"
        self.commit(stash, {"configs/meta.yaml": REGISTRY, "configs/mytool/experiment/first.yaml": experiment})
        self.git("submodule", "--quiet", "add", str(tool), "tools/mytool", cwd=stash)
        self.git("commit", "-q", "-m", "the tool", cwd=stash)
        return stash


def _config(keys: int) -> Iterator[str]:
    """Return a config of sections with ten keys each: numbers, texts, interpolations."""
    yield "defaults:\n  - _self_\n  - experiment: null\nname: default\nsave_dir: ${hydra:runtime.output_dir}\n"
    for section in range((keys - 2) // 10):
        yield f"section_{section}:\n"
        for key in range(8):
            yield f"  rate_{key}: {section * 10 + key / 8}\n"
        yield f"  title: section {section} of ${{name}}\n  first_rate: ${{.rate_0}}\n"
    for key in range((keys - 2) % 10):
        yield f"single_{key}: {key}\n"
