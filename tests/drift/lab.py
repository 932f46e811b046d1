"""Where a row of the table is played: a stash with a tool and a server, and git as a user types it."""

from __future__ import annotations

import re
import shlex
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from conftest import BIN, Ran, estash, git, run, write
from preloaded import python, script
from stashes import REGISTRY, TOOL, snapshot_path, snapshot_text

ROOT = Path(__file__).parents[2]
NATIVE, PRE_COMMIT, PREK, NONE = "native", "pre-commit", "prek", "none"
SETUPS = (NATIVE, PRE_COMMIT, PREK, NONE)
"""Who runs the hooks in the clone. NONE: nobody but the gate before a push, and behind it the server's own."""
TYPES = ("pre-commit", "pre-merge-commit", "post-checkout", "post-commit", "post-merge", "post-rewrite", "pre-push")
UNHOOKED = ("-c", "core.hooksPath=/dev/null")
ROUND_THE_SERVER = "--receive-pack=git -c core.hooksPath=/dev/null receive-pack"

# what is said when we say anything: a finding, a failure, its repair, an exception that was made, a crash
OURS = re.compile(r"(: (flat|header|pin|frozen|tag|published): |experimentstash: |^ +fix: |EXPERIMENTSTASH_|Traceback)")
FRAMEWORK_SAW = re.compile(r"guard push\.+.*Failed")
# what git says by itself, on stderr, of the commands that the table is made of
GITS = re.compile(
    r"(error|warning|hint|remote|WARNING): |(Auto-merging|CONFLICT|Rebasing|Successfully rebased|To|From|Stopped at) "
    r"| [*+!=-] |   [0-9a-f]| *$|\x1b|You can amend|  git |Once you|Could not apply|Automatic merge|Switched to|Pushing"
)


class Refused(Exception):  # noqa: N818  (no error: what a row of the table waits for)
    """A hook of ours refused what git was about to do."""


@dataclass
class Lab:
    """A row's own copy of everything.

    The stash has a snapshot `old`, frozen at the tool's commit `one`; the tool has moved on to `two` since, and all of
    that is on the server. The tool's remote has the commits `one` to `five`, tagged so.

    Attributes:
        folder: what all of it lies in.
        setup: who runs the hooks, one of `SETUPS`.
        commits: the tool's commits by name.
        at: the directory that git is started in.
        env: what the user has in the environment beside what is there.
        saw: who of ours noticed something, in order: `commit`, `told`, `push`, `gate`, `server`.
        told: the lines that ours said.
        noise: what was said on stderr by neither git nor ours.
        pushed: whether the row did a push of its own.
        pushed_as_usual: whether it did not, and was pushed.
    """

    folder: Path
    setup: str
    commits: dict[str, str]
    at: Path = field(init=False)
    env: dict[str, str] = field(default_factory=dict)
    saw: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    noise: list[str] = field(default_factory=list)
    pushed: bool = False
    pushed_as_usual: bool = False

    def __post_init__(self) -> None:
        self.at = self.stash

    @property
    def stash(self) -> Path:
        return self.folder / "stash"

    @property
    def shipped(self) -> Path:
        """The directory of our native hooks."""
        return ROOT / "hooks"

    @property
    def server(self) -> Path:
        return self.folder / "server.git"

    def git(self, line: str, *, fails: bool = False, stdin: str = "", **env: str) -> str:
        """Run git as a user types it, hooks and all, and return its stdout.

        Args:
            line: what is typed behind `git`.
            fails: git itself says no: a conflict, a rejected push.
            stdin: what is typed then.
            env: the environment beside what is there.

        Raises:
            Refused: a hook of ours said no.
        """
        words = shlex.split(line)
        env = {**self.env, **env}
        is_push = words[0] == "push"
        before = self._received() if is_push else []
        ran = run("git", *words, cwd=self.at, env=env, stdin=stdin)
        ours = self._heard(ran)
        self.pushed |= is_push
        if ours and ran.code != 0:
            assert before == (self._received() if is_push else []), "refused, and there all the same"
            self.saw.append(self._who(words, ran, env))
            raise Refused(line)
        if ours:
            self.saw.append("told")
        elif self.setup == NATIVE:
            self.noise += [line for line in ran.err.splitlines() if not GITS.match(line)]
        assert (ran.code != 0) == fails, f"git {line}: {ran}"
        return ran.out.removesuffix("\n")

    def _heard(self, ran: Ran) -> list[str]:
        ours = [line for line in f"{ran.err}\n{ran.out}".splitlines() if OURS.search(line)]
        self.told += ours
        return ours

    def _received(self) -> list[str]:
        """Return what all servers have."""
        return [git("for-each-ref", cwd=server) for server in sorted(self.folder.glob("*.git"))]

    def _who(self, words: list[str], ran: Ran, env: dict[str, str]) -> str:
        if words[0] != "push":
            return "commit"
        if self.setup != NONE:
            return "push" if self.setup == NATIVE or FRAMEWORK_SAW.search(ran.out + ran.err) else "gate"
        if "pre-receive hook declined" in ran.err:
            return "server"
        again = run("git", *words, "--no-verify", cwd=self.at, env=env)
        return "push" if "pre-receive hook declined" in again.err else "gate"

    def quietly(self, line: str, *, stdin: str = "", **env: str) -> str:
        """Run git where nobody's hooks are: what happened before, or on another machine."""
        words = shlex.split(line)
        if words[0] == "push":
            words.insert(1, ROUND_THE_SERVER)
        return git(*UNHOOKED, *words, cwd=self.at, stdin=stdin, env={**self.env, **env})

    def estash(self, *args: str) -> Ran:
        """Run our program; it must succeed."""
        ran = estash(*args, cwd=self.at)
        assert (ran.code, ran.err) == (0, ""), ran
        return ran

    def write(self, path: str, text: str = "text\n", *, stage: bool = True) -> None:
        """Write a file, and stage it."""
        write(self.at, {path: text})
        if stage:
            self.quietly(f"add -- '{path}'")

    def check_out(self, commit: str, tool: str = TOOL) -> None:
        """Check out another commit of the tool; nothing is staged."""
        git("checkout", "-q", commit, cwd=self.at / "tools" / tool)

    def pin(self, commit: str, tool: str = TOOL) -> None:
        """Check out another commit of the tool, and stage that."""
        self.check_out(commit, tool)
        self.quietly(f"add tools/{tool}")

    def snapshot(self, tag: str, commit: str, experiment: str = "a", *, stage: bool = True, **header: str) -> str:
        """Write a snapshot that records a commit of the tool, stage it, and return its path."""
        path = snapshot_path(experiment, tag)
        text = snapshot_text(experiment, tag, self.commits.get(commit, commit), **header)
        self.write(path, text, stage=stage)
        return path

    def freeze(self, tag: str, commit: str, experiment: str = "a") -> str:
        """Stage a pin and a snapshot that holds with it, and return the path of that."""
        self.pin(commit)
        return self.snapshot(tag, commit, experiment)

    def drift(self, tag: str = "v1", experiment: str = "a") -> str:
        """Stage a snapshot that records another commit than is pinned."""
        return self.snapshot(tag, "five", experiment)

    def frozen(self, tag: str, commit: str, experiment: str = "a", *, tagged: bool = True) -> None:
        """Have a freeze commit and its tag, made as they should be, and not pushed."""
        self.freeze(tag, commit, experiment)
        self.done(f"freeze {tag}")
        if tagged:
            self.quietly(f"tag -a -m {tag} snapshot/{tag}")

    def done(self, message: str = "work") -> None:
        """Commit what is staged, where nobody's hooks are."""
        self.quietly(f"commit -q --allow-empty -m '{message}'")

    def work(self, path: str = "README.md", text: str = "work\n") -> None:
        """Have a commit that has nothing to do with snapshots."""
        self.write(path, text)
        self.done()

    def push(self) -> None:
        """Push as one does, unless the row has pushed in a way of its own."""
        if not self.pushed:
            self.git("push -q --follow-tags origin HEAD")
            self.pushed_as_usual = True

    def tags(self) -> dict[str, tuple[str, str]]:
        """Return the object of each snapshot tag, and what that leads to."""
        asked = ("for-each-ref", "--format=%(objectname) %(refname:lstrip=3)", "refs/tags/snapshot/")
        told = [line.split() for line in git(*asked, cwd=self.at, env=self.env).splitlines()]
        return {name: (made, self.rev(made)) for made, name in told}

    def rev(self, name: str) -> str:
        """Return the full id of what a name leads to, through any tags."""
        return git("rev-parse", f"{name}^{{}}", cwd=self.at, env=self.env)

    def hooks_into(self, repository: Path) -> None:
        """Let another repository have the hooks that the stash has."""
        common = repository / git("rev-parse", "--git-common-dir", cwd=repository)
        shutil.copytree(self.stash / ".git/hooks", common / "hooks", dirs_exist_ok=True)
        git("config", "experimentstash.python", python(), cwd=repository)

    def new_server(self, name: str, *init: str) -> Path:
        """Have one more server, which is empty, and has our hooks where the first one has them."""
        server = self.folder / f"{name}.git"
        git("init", "-q", "--bare", *init, server, cwd=self.folder)
        if self.setup == NONE:
            guard(server)
        return server

    def go_to(self, repository: Path, *, hooks: bool = True) -> None:
        """Go on in another repository or working tree."""
        self.at = repository
        if hooks:
            self.hooks_into(repository)


def make_lab(folder: Path, program: dict[str, str] | None = None) -> dict[str, str]:
    """Make what every row starts from, without hooks, and return the tool's commits.

    Args:
        folder: what all of it lies in.
        program: the tool's files by path; by default it has none.
    """
    work, tool, stash = folder / "work", folder / "tool.git", folder / "stash"
    git("init", "-q", work, cwd=folder)
    write(work, program or {})
    git("add", "-A", cwd=work)
    commits = {}
    for name in ("one", "two", "three", "four", "five"):
        git("commit", "-q", "--allow-empty", "-m", name, cwd=work)
        git("tag", name, cwd=work)
        commits[name] = git("rev-parse", "HEAD", cwd=work)
    git("clone", "-q", "--bare", work, tool, cwd=folder)
    git("init", "-q", stash, cwd=folder)
    git("submodule", "--quiet", "add", "--", tool, f"tools/{TOOL}", cwd=stash)
    write(
        stash, {"configs/meta.yaml": REGISTRY, ".pre-commit-config.yaml": framework_config(), "README.md": "a stash\n"}
    )
    lab = Lab(folder, NONE, commits)
    lab.pin("one")
    git("add", "-A", cwd=stash)
    lab.done("a stash")
    lab.frozen("old", "one")
    lab.pin("two")
    lab.done("the tool moves on")
    git("init", "-q", "--bare", lab.server, cwd=folder)
    git("remote", "add", "origin", "../server.git", cwd=stash)
    git("push", "-q", "-u", "--follow-tags", "origin", "main", cwd=stash)
    shutil.rmtree(work)
    return commits


def framework_config() -> str:
    """Return a config with the hooks as they are shipped, but for the environment that a framework would build."""
    manifest = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    hooks = [hook for hook in manifest if hook["language"] == "python"]
    local = [
        {**hook, "language": "system", "entry": str(script(BIN / hook["entry"]))}
        for hook in hooks
        if hook["language"] == "python"
    ]
    for hook in local:
        del hook["minimum_pre_commit_version"]  # which is for a repository's manifest alone
    return yaml.safe_dump({"default_install_hook_types": list(TYPES), "repos": [{"repo": "local", "hooks": local}]})


def put_hooks(setup: str, folder: Path) -> None:
    """Put the hooks of a set-up in place, each as its makers say."""
    stash, server = folder / "stash", folder / "server.git"
    if setup in (PRE_COMMIT, PREK):
        assert run(BIN / setup, "install", cwd=stash).code == 0
    if setup != NONE:
        assert estash("install", cwd=stash).code == 0
        git("config", "experimentstash.python", python(), cwd=stash)
        return
    hooks = stash / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("pre-push", "experimentstash.sh"):
        shutil.copy(ROOT / "hooks" / name, hooks)
    git("config", "experimentstash.python", python(), cwd=stash)
    guard(server)


def guard(server: Path) -> None:
    """Put the hook of a server in place."""
    git("config", "core.hooksPath", ROOT / "hooks", cwd=server)
    git("config", "experimentstash.python", python(), cwd=server)
