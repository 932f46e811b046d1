"""Remotes that answer in their own way, or not at all; a stash that wants more from git than an answer."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import git
from submodules import Lab, add_tool, both, judge, make_lab, make_remote, work, work_and_push

if TYPE_CHECKING:
    from collections.abc import Iterator

ELSEWHERE = '[submodule "tools/mytool"]\n\tpath = tools/mytool\n\turl = /nowhere\n'
SSH = '#!/bin/sh\necho "$@" >> "$0.log"\nfor last; do :; done\nexec sh -c "$last"\n'


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return make_lab(tmp_path)


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes a connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which git tells of every call."""
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))
    return tmp_path / "trace"


def calls(trace: Path, command: str) -> int:
    """Return how often a git command was started since the last time, and forget it."""
    count = sum(f"built-in: git {command}" in line for line in trace.read_text().splitlines())
    trace.unlink()
    return count


def point_to(lab: Lab, url: str) -> None:
    """Say in `.gitmodules` and everywhere on this machine that the tool is at `url`."""
    git("config", "-f", ".gitmodules", "submodule.tools/mytool.url", url, cwd=lab.stash)
    git("config", "submodule.tools/mytool.url", url, cwd=lab.stash)
    git("add", ".gitmodules", cwd=lab.stash)
    if lab.tool.exists():
        git("config", "remote.origin.url", url, cwd=lab.tool)


def whats(lab: Lab, *commits: str, online: bool = True, patience: float = 60.0) -> list[str]:
    return [problem.what for problem in judge(lab.stash, *commits, online=online, patience=patience)]


def test_a_remote_is_asked_no_more_than_it_takes(lab: Lab, asked: Path) -> None:
    pushed, made = work_and_push(lab.tool), work(lab.tool)
    asked.unlink()
    assert judge(lab.stash, pushed) == []
    assert calls(asked, "ls-remote") == 0
    git("tag", "-a", "-m", "v1", "v1", pushed, cwd=lab.tool)
    git("push", "-q", "origin", "v1", cwd=lab.tool)
    asked.unlink()
    # what is here tells that it has all that the remote has
    assert len(judge(lab.stash, pushed, made, work(lab.tool))) == 2
    assert calls(asked, "fetch") == 0
    assert judge(lab.stash, work_and_push(lab.theirs, "refs/heads/tip")) == []
    assert calls(asked, "fetch") == 0
    theirs = [work_and_push(lab.theirs, "refs/heads/theirs") for _ in range(3)]
    asked.unlink()
    assert judge(lab.stash, pushed, *theirs, online=True) == []
    trace = asked.read_text()
    assert (trace.count("built-in: git ls-remote"), trace.count("built-in: git fetch")) == (1, 1)


def test_two_freeze_commits_ask_one_remote_once(lab: Lab, asked: Path, tmp_path: Path) -> None:
    from experimentstash.git.repository import Repository
    from experimentstash.verify.published import unpublished
    from experimentstash.verify.rules import RecordedCommit

    before = git("rev-parse", "HEAD", cwd=lab.stash)
    made = work(lab.tool)
    git("config", "-f", ".gitmodules", "submodule.other.path", "tools/other", cwd=lab.stash)
    git("config", "-f", ".gitmodules", "submodule.other.url", lab.url, cwd=lab.stash)
    git("commit", "-q", "-a", "-m", "another", cwd=lab.stash)
    after = git("rev-parse", "HEAD", cwd=lab.stash)
    asked.unlink()
    recorded = [
        RecordedCommit(f"{tool} {freeze}", tool, made, freeze)
        for tool in ("mytool", "other")
        for freeze in (before, after)
    ]
    with Repository.open(lab.stash) as repository:
        found = unpublished(repository, recorded, online=True)
    assert len(found) == 4  # the other tool's URL is not known before
    assert calls(asked, "ls-remote") == 1
    lab.remote.rename(lab.remote.with_name("gone.git"))
    with Repository.open(lab.stash) as repository:
        assert len(unpublished(repository, recorded, online=True)) == 4
    assert calls(asked, "ls-remote") == 1


def test_a_server_that_forbids_the_filter_gives_everything(lab: Lab) -> None:
    git("config", "uploadpack.allowFilter", "true", cwd=lab.remote)
    git("config", "uploadpackfilter.tree.allow", "false", cwd=lab.remote)
    theirs, made = work_and_push(lab.theirs, "refs/heads/theirs"), work(lab.tool)
    assert [problem.what for problem in both(lab.stash, theirs, made)] == [
        f"no branch or tag of {lab.url} has mytool at {made[:12]}"
    ]


def test_a_remote_that_is_gone(lab: Lab) -> None:
    pushed, made = work_and_push(lab.tool), work(lab.tool)
    lab.remote.rename(lab.remote.with_name("gone.git"))
    reason = f"fatal: '{lab.url}' does not appear to be a git repository; fatal: Could not read from remote repository."
    (problem,) = judge(lab.stash, pushed, made)
    assert problem.what == f"mytool at {made[:12]} cannot be fetched from {lab.url}: {reason}"
    assert problem.fix == "git submodule set-url -- tools/mytool URL && git add .gitmodules"
    found = judge(lab.stash, pushed, made, online=True)
    assert [problem.what for problem in found] == [
        f"mytool at {one[:12]} cannot be fetched from {lab.url}: {reason}" for one in (pushed, made)
    ]


def test_a_submodule_of_the_tool_is_judged_too(lab: Lab, tmp_path: Path) -> None:
    inner = make_remote(tmp_path / "inner.git")
    nested = add_tool(lab.tool, str(inner), "inner")
    git("commit", "-q", "-m", "a submodule", cwd=lab.tool)
    git("push", "-q", "origin", "HEAD:refs/heads/nested", cwd=lab.tool)
    assert both(lab.stash, git("rev-parse", "HEAD", cwd=lab.tool)) == []
    made = work(nested)
    git("commit", "-q", "-a", "-m", "a commit that nobody has", cwd=lab.tool)
    git("push", "-q", "origin", "HEAD:refs/heads/nested", cwd=lab.tool)
    (problem,) = both(lab.stash, git("rev-parse", "HEAD", cwd=lab.tool))
    assert problem.what == f"no branch or tag of {inner} has mytool/tools/inner at {made[:12]}"
    assert problem.fix == f"git -C tools/mytool/tools/inner push origin {made}:refs/heads/NEW-BRANCH"


@pytest.mark.parametrize("scheme", ["git", "http"])
def test_a_port_on_which_nobody_listens(lab: Lab, scheme: str, closed: int) -> None:
    point_to(lab, f"{scheme}://127.0.0.1:{closed}/mytool.git")
    made = work(lab.tool)
    for online in (False, True):
        (what,) = whats(lab, made, online=online)
        assert f"{scheme}://127.0.0.1:{closed}/mytool.git" in what
        assert what.count("\n") == 0


@pytest.mark.parametrize("scheme", ["git", "http"])
def test_a_server_that_says_nothing(lab: Lab, scheme: str, silent: int) -> None:
    point_to(lab, f"{scheme}://127.0.0.1:{silent}/mytool.git")
    first, second = work(lab.tool), work(lab.tool)
    found = whats(lab, first, second, patience=0.5)
    assert [what.rpartition(": ")[2] for what in found] == ["no answer within 0.5 seconds"] * 2
    listed = subprocess.run(["ps", "-A", "-o", "args="], capture_output=True, text=True, check=True).stdout
    assert f":{silent}/mytool.git" not in listed


def test_no_secret_is_told(lab: Lab, closed: int) -> None:
    made = work(lab.tool)
    shown = f"http://127.0.0.1:{closed}/x.git"
    for secret in ("ada:hunter2@", "hunter2@", "ada:hun@ter2@"):
        point_to(lab, shown.replace("//", f"//{secret}"))
        for online in (False, True):
            (problem,) = judge(lab.stash, made, online=online)
            assert "hun" not in str(problem)
            assert shown in problem.what
    git("remote", "remove", "origin", cwd=lab.tool)
    (problem,) = judge(lab.stash, made)
    assert problem.fix == f"git -C tools/mytool push {shown} {made}:refs/heads/NEW-BRANCH"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ext::sh -c touch% ran", "fatal: transport 'ext' not allowed"),
        ("fd::0,1", "fatal: transport 'fd' not allowed"),
        ("-oProxyCommand=touch ran", ".gitmodules names no URL for tools/mytool"),
        ("--upload-pack=touch ran", ".gitmodules names no URL for tools/mytool"),
        ("ssh://-oProxyCommand=touch ran/x", "fatal: strange hostname '-oProxyCommand=touch ran' blocked"),
        ("file:///nowhere\nssh://x", ""),
        ("origin", "fatal: 'origin' does not appear to be a git repository"),
        ("\x1b[31m", "fatal: '?[31m' does not appear to be a git repository"),
    ],
)
def test_a_url_is_a_url_and_no_more(lab: Lab, url: str, reason: str, tmp_path: Path) -> None:
    pushed = work_and_push(lab.tool)
    git("config", "-f", ".gitmodules", "submodule.tools/mytool.url", url, cwd=lab.stash)
    git("add", ".gitmodules", cwd=lab.stash)
    git("config", "--remove-section", "submodule.tools/mytool", cwd=lab.stash)
    git("remote", "rename", "origin", "elsewhere", cwd=lab.tool)
    for online in (False, True):
        (problem,) = judge(lab.stash, pushed, online=online)
        assert reason in problem.what
        assert "\x1b" not in str(problem)
    assert [path for path in tmp_path.rglob("*ran*") if path.name == "ran"] == []


def test_a_path_is_asked_only_where_git_would_take_it_from_a_stash(lab: Lab, sealed_home: Path) -> None:
    git("config", "--global", "--unset", "protocol.file.allow", cwd=lab.stash)
    pushed, made = work_and_push(lab.tool), work(lab.tool)
    (what,) = whats(lab, pushed, made, online=False)
    assert what.endswith("which does not answer: fatal: transport 'file' not allowed")
    git("config", "protocol.file.allow", "always", cwd=lab.tool)  # a stash's tool is not what decides on this
    assert len(whats(lab, pushed)) == 1


@pytest.mark.parametrize("name", ["../../../outside", "x/../../../../outside", "/{tmp}/outside", "x\ny"])
def test_a_name_leads_out_of_no_folder(lab: Lab, name: str, tmp_path: Path) -> None:
    outside = make_remote(tmp_path / "outside")
    git("push", "-q", lab.url, "main:refs/heads/outside", cwd=Path(f"{outside}.work"))
    made = work(Path(f"{outside}.work"))
    git("push", "-q", outside, "HEAD:main", cwd=Path(f"{outside}.work"))
    name = name.replace("{tmp}", str(tmp_path))
    git("submodule", "--quiet", "deinit", "-f", "--all", cwd=lab.stash)
    shutil.rmtree(lab.stash / ".git/modules/tools")
    (lab.stash / ".gitmodules").write_text(f'[submodule "{name}"]\n\tpath = tools/mytool\n\turl = {lab.url}\n')
    git("add", ".gitmodules", cwd=lab.stash)
    found = judge(lab.stash, made)  # no clone of the stash is here, and another is not looked at
    assert [problem.what for problem in found] == (
        []
        if name.startswith("/")
        else [f"mytool at {made[:12]} cannot be fetched: .gitmodules names no URL for tools/mytool"]
    )


@pytest.mark.parametrize(
    "text", ["[submodule", "x = 1\n", "\0", "[submodule]\n\tpath\n\turl\n", "#" * 2_000_000 + "\n" + ELSEWHERE]
)
def test_a_gitmodules_that_says_nothing(lab: Lab, text: str) -> None:
    (lab.stash / ".gitmodules").write_text(text)
    git("add", "-f", ".gitmodules", cwd=lab.stash)
    git("config", "--remove-section", "submodule.tools/mytool", cwd=lab.stash)
    pushed, made = work_and_push(lab.tool), work(lab.tool)
    assert len(both(lab.stash, pushed, made)) == 2  # that the tool's own clone knows a remote helps nobody else


def test_a_gitmodules_that_is_a_link_or_includes_another(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text(ELSEWHERE)
    git("config", "--remove-section", "submodule.tools/mytool", cwd=lab.stash)
    made = work(lab.tool)
    (lab.stash / ".gitmodules").write_text(f"[include]\n\tpath = {tmp_path}/elsewhere\n")
    git("add", ".gitmodules", cwd=lab.stash)
    no_url = f"mytool at {made[:12]} cannot be fetched: .gitmodules names no URL for tools/mytool"
    assert whats(lab, made) == [no_url]
    link = git("hash-object", "-w", tmp_path / "elsewhere", cwd=lab.stash)
    tree = git("mktree", cwd=lab.stash, stdin=f"120000 blob {link}\t.gitmodules\n")
    freeze = git("commit-tree", "-m", "a link", tree, cwd=lab.stash)
    (problem,) = judge(lab.stash, made, freeze=freeze)
    assert problem.what == no_url


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `ssh` that notes how it was started and reaches this machine."""
    program = tmp_path / "bin/ssh"
    program.parent.mkdir()
    program.write_text(SSH)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return program


def test_ssh_asks_nobody_and_does_not_wait(lab: Lab, ssh: Path) -> None:
    point_to(lab, f"ada@lab.invalid:{lab.remote}")
    theirs, made = work_and_push(lab.theirs, "refs/heads/theirs"), work(lab.tool)
    assert whats(lab, theirs, made, online=False) == [
        f"no branch or tag of ada@lab.invalid:{lab.remote} has mytool at {made[:12]}"
    ]
    log = Path(f"{ssh}.log").read_text().splitlines()
    assert len(log) == 2
    assert all("-o BatchMode=yes -o ConnectTimeout=15" in line and "ada@lab.invalid" in line for line in log)


def test_no_secret_is_told_of_a_remote_that_answers(lab: Lab, ssh: Path) -> None:
    point_to(lab, f"ssh://ada:hunter2@lab.invalid{lab.remote}")
    made = work(lab.tool)
    assert whats(lab, made) == [f"no branch or tag of ssh://ada@lab.invalid{lab.remote} has mytool at {made[:12]}"]
    ssh.write_text("#!/bin/sh\necho nobody answers at ssh://ada:hunter2@lab.invalid >&2\nexit 255\n")
    assert "nobody answers at ssh://lab.invalid;" in whats(lab, made)[0]


def test_a_server_that_falls_silent_is_not_asked_again(lab: Lab, ssh: Path) -> None:
    ssh.write_text(SSH.replace("exec", 'test "$(wc -l < "$0.log")" -gt 1 && exec sleep 60\nexec'))
    point_to(lab, f"ada@lab.invalid:{lab.remote}")
    work_and_push(lab.theirs, "refs/heads/theirs")
    (what,) = whats(lab, work(lab.tool), patience=2)
    assert what.endswith("no answer within 2 seconds")
    assert len(Path(f"{ssh}.log").read_text().splitlines()) <= 2


@pytest.mark.parametrize("where", ["environment", "variant", "global", "tool", "included"])
def test_the_users_own_ssh_command_is_used(
    lab: Lab, ssh: Path, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point_to(lab, f"ada@lab.invalid:{lab.remote}")
    own = ssh.rename(tmp_path / "own-ssh")
    if where == "environment":
        monkeypatch.setenv("GIT_SSH_COMMAND", str(own))
    elif where == "variant":
        monkeypatch.setenv("GIT_SSH", str(own))
    elif where == "included":
        (tmp_path / "more").write_text(f"[core]\n\tsshCommand = {own}\n")
        git("config", "include.path", tmp_path / "more", cwd=lab.tool)
    else:
        git("config", *(["--global"] if where == "global" else []), "core.sshCommand", own, cwd=lab.tool)
    made = work(lab.tool)
    assert whats(lab, made)[0].startswith("no branch or tag of ada@lab.invalid")
    assert "BatchMode" not in Path(f"{own}.log").read_text()


def test_settings_of_one_command_stand_beside_those_of_the_clone(
    lab: Lab, ssh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point_to(lab, "lab:mytool")
    git("config", "core.sshCommand", ssh, cwd=lab.tool)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.ada@lab.invalid:{lab.remote}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "lab:mytool")
    assert whats(lab, work(lab.tool))[0].startswith("no branch or tag of lab:mytool has")
