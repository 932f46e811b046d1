"""Stashes to mutate: valid histories as values, with snapshots as the program writes them."""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass, field

from objects import FILE, GITLINK, Entry, Files, Objects
from stashes import REGISTRY, URLS, pin_id, snapshot_path, snapshot_text

TYPED_BODY = """name: first
seed: 1
out: main/x
rate: 0.5
label: "0.5-1"
job: ???
optimizer:
  name: adam
  betas:
    - 0.9
    - 0.999
  schedule: null
  "odd.key":
    deep: ???
flags:
  amp: true
  "on": "yes"
  notes: "a \\\\${literal} text: # no comment"
layers:
  - - 1
    - 2
  - []
  - {}
limit: .inf
tiny: 1.0e-05
7: seven
"""
PLAIN_BODY = "lr: 0.1\ndata:\n  type: swissroll\n  n_samples: 1000\ntext: 'it is 12:30'\n"


@dataclass
class Commit:
    """A commit to be made.

    Attributes:
        files: its tree.
        parents: numbers of earlier commits.
        extra: entries appended to directories, as `Objects.tree` takes them.
    """

    files: Files
    parents: list[int]
    extra: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """What a ref leads to: a part of a commit (`commit`, `tree`, `file`), through so many annotated tags."""

    commit: int
    depth: int = 1
    part: str = "commit"


@dataclass
class Scene:
    """A history with its refs, and how much of it the server has already.

    Attributes:
        name: what the report calls it.
        commits: all commits, parents first.
        refs: what each ref leads to in the end.
        had: the refs that the server has before the push; its commits are those under them.
        deleted: refs that the push deletes.
        frozen: the snapshots' paths, and the number of the commit that froze each.
    """

    name: str
    commits: list[Commit]
    refs: dict[str, Target]
    had: dict[str, Target]
    frozen: dict[str, int]
    deleted: list[str] = field(default_factory=list)

    def copy(self) -> Scene:
        """Return a copy whose commits can be changed."""
        return copy.deepcopy(self)

    def write(self, objects: Objects) -> tuple[list[str], dict[str, str]]:
        """Add all objects, and return the ids of the commits and of what each ref names."""
        ids: list[str] = []
        trees: list[str] = []
        for number, commit in enumerate(self.commits):
            trees.append(objects.tree(commit.files, commit.extra))
            ids.append(objects.commit(trees[-1], [ids[parent] for parent in commit.parents], f"commit {number}"))
        return ids, {ref: self._named(objects, ref, target, ids, trees) for ref, target in self.refs.items()}

    def _named(self, objects: Objects, ref: str, target: Target, ids: list[str], trees: list[str]) -> str:
        kind, name = "commit", ids[target.commit]
        if target.part == "tree":
            kind, name = "tree", trees[target.commit]
        elif target.part == "file":
            kind, name = "blob", objects.add("blob", b"a file\n")
        for _ in range(target.depth if ref.startswith("refs/tags/") else 0):
            kind, name = "tag", objects.tag(name, kind, ref.removeprefix("refs/tags/"))
        return name


def _file(text: str | bytes) -> Entry:
    return Entry(FILE, text if isinstance(text, bytes) else text.encode())


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _full(commit: str) -> Files:
    """Return a snapshot with nearly every header key, and what lies beside it."""
    folder = "configs/mytool/snapshots/v1"
    lock = "hydra-core==1.3.2 \\\n    --hash=sha256:" + "1" * 64 + "\n"
    results = '{\n "version": 1,\n "share": 8192,\n "notes": [],\n "files": [\n'
    results += f'  {{"path": "config.txt", "size": 633, "sha256": "{"2" * 64}"}}\n ]\n}}\n'
    lock_path = f"{folder}/requirements-0123456789ab.txt"
    more = (
        "# OVERRIDE: rate=0.5\n# OVERRIDE: +extra={a: 1, b: [x, 1e-3]}\n"
        "# HYDRA: ++hydra.runtime.choices.model=small\n# VARIES: seed\n# LATE: job=${hydra:job.num}\n"
        '# LATE_AT: optimizer."odd.key".deep = "${now:%H}"\n# BUILT: label=${rate}-${layers.0.0}\n'
        "# TYPE: optimizer Any = mytool.conf:Optimizer\n# TYPE: seed Optional[int]\n"
        '# ANSWER: job.config_name="config"\n# WORKDIR: tools/mytool\n# SELECT: group\n'
        "# RERUN: python -m mytool.main --config-dir=../../configs/mytool/snapshots/v1 --config-name=first"
        " 'job=${hydra:job.num}'\n"
        f"# BODY: {_digest(TYPED_BODY)}\n# PYTHON: 3.11.7\n# PLATFORM: linux-x86_64 glibc 2.36\n"
        "# PACKAGE: hydra-core==1.3.2\n# PROJECT: tools/mytool\n"
        f"# LOCK: {lock_path} {_digest(lock)}\n# RESULTS: {_digest(results)}\n"
    )
    text = snapshot_text("first", "v1", commit, body=TYPED_BODY, more=more)
    return {
        f"{folder}/first.yaml": _file(text),
        f"{folder}/first.results.json": _file(results),
        lock_path: _file(lock),
    }


def _sweep(commit: str) -> Files:
    """Return a sweep whose jobs are snapshots of their own."""
    body = PLAIN_BODY
    digest = f"# BODY: {_digest(body)}\n"
    jobs = "# HYDRA: --multirun\n# SWEEP: lr=0.1,0.2\n# JOB: 0 lr=0.1\n# JOB: 1 lr=0.2\n# JOBS: apart\n"
    texts = {"figure/a": jobs + digest, "figure/a/0": digest, "figure/a/1": digest}
    return {
        snapshot_path(name, "v2"): _file(snapshot_text(name, "v2", commit, body=body, more=more))
        for name, more in texts.items()
    }


def _plain(commit: str) -> Files:
    """Return the smallest snapshot that is valid, as somebody writes it by hand."""
    text = f"# SNAPSHOT: mytool/a\n# TOOL_COMMIT: {commit[:9]}\n# TIMESTAMP: 2026-01-12\n{PLAIN_BODY}"
    return {snapshot_path("a", "v3"): _file(text)}


def _depends(commit: str, other: str) -> Files:
    """Return a snapshot that uses two tools."""
    text = snapshot_text("a", "v4", commit, body=PLAIN_BODY, more=f"# DEPENDS: othertool {other}\n")
    return {snapshot_path("a", "v4"): _file(text)}


def _pins(**names: str) -> Files:
    return {f"tools/{tool}": Entry(GITLINK, pin_id(name)) for tool, name in names.items()}


def _history(name: str, tag: str, frozen: Files, registry: str, pins: Files) -> list[Scene]:
    """Return a freeze in three states of the server: empty, with the commit before it, and with its tag."""
    before: Files = {
        "configs/meta.yaml": _file(registry),
        ".gitmodules": _file(URLS + URLS.replace("mytool", "othertool")),
        "README.md": _file("a stash\n"),
        "configs/mytool/experiment/first.yaml": _file("lr: 0.1\n"),
        "tools/mytool": Entry(GITLINK, pin_id("one")),
    }
    freeze = {**before, **pins, **frozen}
    after = {**freeze, "README.md": _file("a stash with a snapshot\n"), **_pins(mytool="later")}
    commits = [Commit(before, []), Commit(freeze, [0]), Commit(after, [1])]
    refs = {"refs/heads/main": Target(2), f"refs/tags/snapshot/{tag}": Target(1)}
    paths = {path: 1 for path in frozen if path.endswith(".yaml")}
    states = {
        "new": {},
        "started": {"refs/heads/main": Target(0)},
        "frozen": {"refs/heads/main": Target(1), f"refs/tags/snapshot/{tag}": Target(1)},
        "untagged": {"refs/heads/main": Target(1)},
    }
    return [Scene(f"{name}, {state}", commits, refs, had, paths) for state, had in states.items()]


def scenes() -> list[Scene]:
    """Return every stash to mutate, in every state of the server."""
    two = REGISTRY + "  othertool:\n    path: tools/othertool\n    entrypoint: '-m othertool.main'\n"
    commit = pin_id("two")
    return [
        *_history("every header key", "v1", _full(commit), REGISTRY, _pins(mytool="two")),
        *_history("a sweep", "v2", _sweep(commit), REGISTRY, _pins(mytool="two")),
        *_history("three header lines", "v3", _plain(commit), REGISTRY, _pins(mytool="two")),
        *_history("two tools", "v4", _depends(commit, pin_id("o")), two, _pins(mytool="two", othertool="o")),
    ]
