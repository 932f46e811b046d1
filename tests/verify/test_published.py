"""The rule `published`: what was pushed holds, what was not is found, and nobody is stopped without a reason."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from conftest import git, run, write
from submodules import (
    WHERE,
    Lab,
    add_tool,
    both,
    judge,
    make_lab,
    make_remote,
    work,
    work_and_push,
)

from experimentstash.core.errors import Problem
from experimentstash.core.names import SnapshotName
from experimentstash.git.entries import FILE, Entry
from experimentstash.git.repository import Repository
from experimentstash.stash.snapshot_file import parse
from experimentstash.verify.published import unpublished
from experimentstash.verify.rules import FreezeCommit, recorded


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return make_lab(tmp_path)


def missing(lab: Lab, made: str, push: str = "") -> Problem:
    """Return the finding for a commit that is here and not at the remote."""
    fix = push or f"git -C tools/mytool push origin {made}:refs/heads/NEW-BRANCH"
    return Problem(WHERE, "published", f"no branch or tag of {lab.url} has mytool at {made[:12]}", fix)


def paste(problem: Problem, stash: Path) -> None:
    """Type the repair as it is shown."""
    assert subprocess.run(["sh", "-c", problem.fix], cwd=stash, capture_output=True, check=False).returncode == 0


def take_away(lab: Lab) -> None:
    lab.remote.rename(lab.remote.with_name("gone.git"))


def test_what_is_on_a_branch_of_the_remote_holds(lab: Lab) -> None:
    first = git("rev-parse", "HEAD", cwd=lab.tool)
    second, third = work_and_push(lab.tool), work_and_push(lab.tool, "refs/heads/topic")
    assert both(lab.stash, first, second, third) == []


def test_what_this_machine_saw_there_needs_no_asking(lab: Lab) -> None:
    made = work_and_push(lab.tool)
    take_away(lab)
    assert judge(lab.stash, made) == []


def test_what_was_not_pushed_is_found_and_the_repair_mends_it(lab: Lab) -> None:
    pushed, made = work_and_push(lab.tool), work(lab.tool)
    assert both(lab.stash, pushed, made) == [missing(lab, made)]
    paste(missing(lab, made), lab.stash)
    take_away(lab)
    assert judge(lab.stash, pushed, made) == []


def test_the_branch_that_was_worked_on_is_pushed(lab: Lab) -> None:
    git("branch", "-q", "aside", cwd=lab.tool)
    git("checkout", "-q", "main", cwd=lab.tool)
    made = work(lab.tool)
    git("branch", "-q", "-f", "aside", cwd=lab.tool)
    (problem,) = both(lab.stash, made)
    assert problem == missing(lab, made, "git -C tools/mytool push origin main")
    paste(problem, lab.stash)
    assert both(lab.stash, made) == []


def test_a_machine_without_the_tool_knows_nothing_until_it_asks(lab: Lab, tmp_path: Path) -> None:
    made, pushed = work(lab.tool), git("rev-parse", "origin/main", cwd=lab.tool)
    git("clone", "-q", lab.stash, tmp_path / "other", cwd=tmp_path)
    assert judge(tmp_path / "other", made) == []
    (problem,) = judge(tmp_path / "other", made, pushed, online=True)
    assert problem == missing(
        lab, made, f"git push {lab.url} {made}:refs/heads/NEW-BRANCH  # in a clone of mytool that has the commit"
    )


def test_a_commit_that_this_machine_never_had_is_missing_only_where_the_remote_says_so(lab: Lab) -> None:
    assert len(both(lab.stash, "1" * 40)) == 1
    theirs = lab.theirs
    git("commit", "-q", "--allow-empty", "-m", "theirs", cwd=theirs)
    git("push", "-q", "origin", "HEAD:main", cwd=theirs)
    assert both(lab.stash, git("rev-parse", "HEAD", cwd=theirs)) == []
    take_away(lab)
    assert len(judge(lab.stash, "1" * 40)) == 1
    git("config", "-f", ".gitmodules", "submodule.tools/mytool.url", "https://example.invalid/mytool", cwd=lab.stash)
    git("add", ".gitmodules", cwd=lab.stash)
    assert judge(lab.stash, "1" * 40) == []


def test_a_tag_of_the_remote_will_do_and_a_local_one_will_not(lab: Lab) -> None:
    tagged = work(lab.tool)
    git("tag", "-a", "-m", "v1", "v1", cwd=lab.tool)
    assert both(lab.stash, tagged) == [missing(lab, tagged)]
    git("push", "-q", "origin", "v1", cwd=lab.tool)
    later = work(lab.tool)
    assert both(lab.stash, tagged, later) == [missing(lab, later)]
    git("tag", "light", cwd=lab.tool)
    git("push", "-q", "origin", "light", cwd=lab.tool)
    git("checkout", "-q", "--detach", "HEAD~1", cwd=lab.tool)
    assert both(lab.stash, tagged, later) == []
    theirs = [work(lab.theirs) for _ in range(2)]
    git("tag", "-a", "-m", "theirs", "theirs", cwd=lab.theirs)
    git("push", "-q", "origin", "theirs", cwd=lab.theirs)
    assert both(lab.stash, *theirs) == []


def test_what_was_forced_away_can_vanish(lab: Lab) -> None:
    git("config", "uploadpack.allowAnySHA1InWant", "true", cwd=lab.remote)
    made = work_and_push(lab.tool, "refs/heads/topic")
    git("update-ref", "-d", "refs/heads/topic", cwd=lab.remote)
    git("fetch", "-q", "origin", made, cwd=lab.tool)  # the remote still gives it away
    assert judge(lab.stash, made) == []  # as this machine saw it last
    assert judge(lab.stash, made, online=True) == [missing(lab, made)]
    git("fetch", "-q", "--prune", cwd=lab.tool)
    assert both(lab.stash, made) == [missing(lab, made)]


def test_a_merge_request_is_no_branch(lab: Lab) -> None:
    made = work_and_push(lab.tool, "refs/pull/1/head")
    for refspec in ("+refs/pull/*/head:refs/remotes/origin/pr/*", "+refs/pull/1/head:refs/remotes/origin/one"):
        git("config", "--add", "remote.origin.fetch", refspec, cwd=lab.tool)
        git("fetch", "-q", cwd=lab.tool)
    assert git("rev-parse", "origin/pr/1", "origin/one", cwd=lab.tool) == f"{made}\n{made}"
    assert both(lab.stash, made) == [missing(lab, made)]
    theirs = work_and_push(lab.theirs, "refs/pull/2/head")
    git("checkout", "-q", "--detach", "HEAD~1", cwd=lab.theirs)
    work_and_push(lab.theirs, "refs/heads/theirs")
    assert len(both(lab.stash, theirs)) == 1


@pytest.mark.parametrize("refspec", ["+refs/*:refs/remotes/origin/*", "refs/heads/main:refs/remotes/origin/only"])
def test_a_clone_may_keep_branches_elsewhere(lab: Lab, refspec: str) -> None:
    git("config", "remote.origin.fetch", refspec, cwd=lab.tool)
    made = work_and_push(lab.tool)
    for ref in git("for-each-ref", "--format=%(refname)", "refs/remotes", cwd=lab.tool).splitlines():
        git("update-ref", "--no-deref", "-d", ref, cwd=lab.tool)
    git("fetch", "-q", cwd=lab.tool)
    take_away(lab)
    assert judge(lab.stash, made) == []


def test_a_fork_is_not_the_remote(lab: Lab, tmp_path: Path) -> None:
    fork = make_remote(tmp_path / "fork.git")
    git("remote", "add", "fork", fork, cwd=lab.tool)
    made = work(lab.tool)
    git("push", "-q", "fork", "HEAD:refs/heads/topic", cwd=lab.tool)
    assert both(lab.stash, made) == [missing(lab, made)]
    # what is pushed to another place than it is fetched from is remembered as if it were there
    git("config", "remote.origin.pushurl", fork, cwd=lab.tool)
    later = work_and_push(lab.tool, "refs/heads/later")
    assert git("rev-parse", "origin/later", cwd=lab.tool) == later
    assert both(lab.stash, later) == [missing(lab, later)]


def test_a_clone_that_lacks_history_or_files_knows_as_much_as_it_has(lab: Lab, tmp_path: Path) -> None:
    git("config", "uploadpack.allowFilter", "true", cwd=lab.remote)
    old = git("rev-parse", "HEAD", cwd=lab.tool)
    new = work_and_push(lab.tool)
    shutil.rmtree(lab.tool)
    shutil.rmtree(lab.stash / ".git/modules")
    for options in (["--depth=1"], ["--filter=tree:0"]):
        git("clone", "-q", "--no-checkout", *options, lab.remote.as_uri(), lab.tool, cwd=tmp_path)
        git("checkout", "-q", "--detach", cwd=lab.tool)
        made = work(lab.tool)
        theirs = work_and_push(lab.theirs, f"refs/heads/theirs{len(options[0])}")
        before = contents(lab.tool)
        assert both(lab.stash, old, new, made, theirs) == [missing(lab, made)]
        assert len(both(lab.stash, "1" * 40)) == 1
        assert contents(lab.tool) == before
        take_away(lab)
        assert judge(lab.stash, new) == []
        lab.remote.with_name("gone.git").rename(lab.remote)
        shutil.rmtree(lab.tool)


def test_an_empty_remote_has_nothing(lab: Lab) -> None:
    made = git("rev-parse", "HEAD", cwd=lab.tool)
    git("update-ref", "-d", "refs/heads/main", cwd=lab.remote)
    assert judge(lab.stash, made, online=True) == [missing(lab, made, "git -C tools/mytool push origin main")]
    shutil.rmtree(lab.stash / ".git/modules")
    assert len(judge(lab.stash, made, online=True)) == 1


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file and directory below a directory."""
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def test_nothing_is_written_and_no_hook_runs(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("reference-transaction", "post-checkout"):
        write(tmp_path, {f"hooks/{name}": "#!/bin/sh\ntouch $0.ran\n"})
        (tmp_path / "hooks" / name).chmod(0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    lab.theirs.rename(tmp_path / "theirs")
    theirs = work_and_push(tmp_path / "theirs")
    made = work(lab.tool)
    git("config", "--global", "core.hooksPath", tmp_path / "hooks", cwd=tmp_path)
    git("config", "core.fsmonitor", tmp_path / "hooks/post-checkout", cwd=lab.tool)
    before = contents(tmp_path)
    assert both(lab.stash, theirs, made) == [missing(lab, made)]
    assert contents(tmp_path) == before


@pytest.fixture
def unpushed(lab: Lab) -> str:
    """A commit that is on this machine only; the one before it was pushed."""
    work_and_push(lab.tool)
    return work(lab.tool)


def knows(lab: Lab, stash: Path, made: str, folder: str) -> None:
    """Check that a clone in `.git` knows what was pushed, without asking, and that its repair works."""
    pushed = git("rev-parse", f"{made}~1", cwd=lab.stash / folder if folder[0] != "/" else Path(folder))
    (problem,) = judge(stash, made, pushed)
    assert problem == missing(lab, made, f"git --git-dir={folder} push origin {made}:refs/heads/NEW-BRANCH")
    paste(problem, stash)
    take_away(lab)
    assert judge(stash, made, pushed) == []


def test_a_tool_that_is_deinitialised(lab: Lab, unpushed: str) -> None:
    git("submodule", "--quiet", "deinit", "-f", "--all", cwd=lab.stash)
    knows(lab, lab.stash, unpushed, ".git/modules/tools/mytool")


def test_a_branch_without_the_tool_is_checked_out(lab: Lab, unpushed: str) -> None:
    freeze = git("rev-parse", "HEAD", cwd=lab.stash)
    git("checkout", "-q", "--orphan", "other", cwd=lab.stash)
    git("rm", "-q", "-r", "-f", "--cached", ".", cwd=lab.stash)
    shutil.rmtree(lab.stash / "tools")
    (lab.stash / ".gitmodules").unlink()
    assert not judge(lab.stash, unpushed, freeze=freeze)[0].fix.startswith("git -C")
    git("config", "core.bare", "true", cwd=lab.stash)  # nor does anything change where nothing is checked out
    (problem,) = judge(lab.stash / ".git", unpushed, freeze=freeze)
    assert problem.fix == f"git --git-dir=modules/tools/mytool push origin {unpushed}:refs/heads/NEW-BRANCH"
    (problem,) = judge(lab.stash / ".git", unpushed)  # there is no index
    assert problem.what.endswith(".gitmodules names no URL for tools/mytool")


def test_a_linked_worktree_has_a_clone_of_its_own(lab: Lab, unpushed: str, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    git("worktree", "add", "-q", "--detach", linked, cwd=lab.stash)
    git("submodule", "--quiet", "update", "--init", cwd=linked)
    made = work(linked / "tools/mytool")
    assert (lab.stash / ".git/worktrees/linked/modules/tools/mytool").is_dir()
    assert judge(linked, made) == [missing(lab, made)]
    assert judge(linked, unpushed)[0].fix.startswith("git --git-dir=../stash/.git/modules/tools/mytool push")
    assert judge(lab.stash, made)[0].fix.startswith("git --git-dir=.git/worktrees/linked/modules/tools/mytool push")
    git("fetch", "-q", lab.tool, unpushed, cwd=linked / "tools/mytool")
    assert judge(linked, unpushed) == [missing(lab, unpushed)]
    for stash in (lab.stash, linked):
        for problem in judge(stash, made, unpushed):
            git("update-ref", "-d", "refs/heads/NEW-BRANCH", cwd=lab.remote)
            paste(problem, stash)


def test_a_tool_with_a_git_folder_of_its_own(lab: Lab, unpushed: str) -> None:
    git("config", "--unset", "core.worktree", cwd=lab.tool)
    (lab.tool / ".git").unlink()
    (lab.stash / ".git/modules/tools/mytool").rename(lab.tool / ".git")
    assert both(lab.stash, unpushed) == [missing(lab, unpushed)]


def test_a_link_to_a_clone_elsewhere(lab: Lab, unpushed: str, tmp_path: Path) -> None:
    git("clone", "-q", lab.remote, tmp_path / "elsewhere", cwd=tmp_path)
    shutil.rmtree(lab.tool)
    shutil.rmtree(lab.stash / ".git/modules")
    lab.tool.symlink_to(tmp_path / "elsewhere")
    made = work(lab.tool)
    (problem,) = both(lab.stash, made, git("rev-parse", "HEAD~1", cwd=lab.tool))
    assert problem == missing(lab, made, "git -C tools/mytool push origin main")


def test_a_clone_that_git_refuses_is_no_answer(lab: Lab, unpushed: str) -> None:
    pushed = git("rev-parse", f"{unpushed}~1", cwd=lab.tool)
    shutil.rmtree(lab.stash / ".git/modules")
    (problem,) = both(lab.stash, pushed, unpushed)
    assert problem.fix.startswith("git push ")
    take_away(lab)
    (problem,) = judge(lab.stash, pushed)
    assert problem.what.startswith(f"mytool at {pushed[:12]} cannot be fetched from {lab.url}: fatal: ")


def test_a_damaged_clone_is_no_answer_either(lab: Lab, unpushed: str) -> None:
    pushed = git("rev-parse", f"{unpushed}~1", cwd=lab.tool)
    first = git("rev-parse", f"{unpushed}~2", cwd=lab.tool)
    git("branch", "-q", "aside", first, cwd=lab.tool)
    made = work(lab.tool)
    objects = lab.stash / ".git/modules/tools/mytool/objects"
    for name in (unpushed, pushed):
        (objects / name[:2] / name[2:]).unlink()
    assert both(lab.stash, made) == [missing(lab, made)]
    assert both(lab.stash, first) == []


def test_a_submodule_that_was_renamed(tmp_path: Path) -> None:
    lab = make_lab(tmp_path)
    git("rm", "-q", "-f", "tools/mytool", cwd=lab.stash)
    shutil.rmtree(lab.stash / ".git/modules")
    tool = add_tool(lab.stash, lab.url, "mytool", "--name", "another/name")
    made = work(tool)
    assert both(lab.stash, made) == [missing(lab, made)]
    git("submodule", "--quiet", "deinit", "-f", "--all", cwd=lab.stash)
    knows(lab, lab.stash, made, ".git/modules/another/name")


def test_a_tool_that_was_pointed_to_another_remote(lab: Lab, tmp_path: Path) -> None:
    before = git("rev-parse", "HEAD", cwd=lab.stash)
    made = work_and_push(lab.tool)
    moved = tmp_path / "moved.git"
    git("init", "-q", "--bare", moved, cwd=tmp_path)
    git("submodule", "--quiet", "set-url", "--", "tools/mytool", moved, cwd=lab.stash)
    git("commit", "-q", "-a", "-m", "moved", cwd=lab.stash)
    after = git("rev-parse", "HEAD", cwd=lab.stash)
    fix = f"git -C tools/mytool push origin {made}:refs/heads/NEW-BRANCH"
    lacks = Problem(WHERE, "published", f"no branch or tag of {moved} has mytool at {made[:12]}", fix)
    for freeze in (None, after):
        assert judge(lab.stash, made, freeze=freeze, online=True) == [lacks]
    assert both(lab.stash, made, freeze=before) == []
    git("push", "-q", moved, f"{made}:refs/heads/main", cwd=lab.tool)
    assert both(lab.stash, made, freeze=after) == []
    take_away(lab)  # nobody who checks the old commit out can fetch it from there
    (problem,) = judge(lab.stash, made, freeze=before, online=True)
    assert problem.what.startswith(f"mytool at {made[:12]} cannot be fetched from {lab.url}: fatal: ")


def test_the_recorded_remote_counts_whatever_this_machine_uses(lab: Lab, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror.git"
    git("clone", "-q", "--mirror", lab.remote, mirror, cwd=tmp_path)
    for folder, name in ((lab.stash, "submodule.tools/mytool.url"), (lab.tool, "remote.origin.url")):
        git("config", name, mirror, cwd=folder)
    made = work_and_push(lab.tool)
    fix = f"git -C tools/mytool push {lab.url} {made}:refs/heads/NEW-BRANCH"
    assert both(lab.stash, made) == [missing(lab, made, fix)]
    take_away(lab)
    assert len(both(lab.stash, made)) == 1


def test_an_origin_that_is_another_repository_does_not_stand_in_for_the_remote(lab: Lab, tmp_path: Path) -> None:
    fork = make_remote(tmp_path / "fork.git")
    git("config", "remote.origin.url", fork, cwd=lab.tool)
    made = work_and_push(lab.tool, "refs/heads/topic")
    take_away(lab)
    for online in (False, True):
        assert len(judge(lab.stash, made, online=online)) == 1


def test_a_clone_that_reaches_the_same_repository_in_another_way(lab: Lab, tmp_path: Path) -> None:
    url = f"https://lab.invalid{lab.remote}"
    git("config", "-f", ".gitmodules", "submodule.tools/mytool.url", url, cwd=lab.stash)
    git("config", "submodule.tools/mytool.url", url, cwd=lab.stash)
    git("add", ".gitmodules", cwd=lab.stash)
    git("config", "remote.origin.url", f"git@lab.invalid:{lab.remote}", cwd=lab.tool)
    git("config", "url.file:///.insteadOf", "git@lab.invalid:/", cwd=lab.tool)
    pushed, made = work_and_push(lab.tool), work(lab.tool)
    (problem,) = judge(lab.stash, pushed, made)
    assert problem.what.startswith(f"no branch or tag of git@lab.invalid:{lab.remote} has")
    paste(problem, lab.stash)
    assert both(lab.stash, pushed, made) == []


def test_a_relative_url_is_taken_from_the_remote_of_the_stash(tmp_path: Path) -> None:
    origin = make_remote(tmp_path / "server/stash.git")
    tool = make_remote(tmp_path / "server/mytool.git")
    git("clone", "-q", origin, "stash", cwd=tmp_path)
    stash = tmp_path / "stash"
    checkout = add_tool(stash, "../mytool.git")
    git("commit", "-q", "-m", "a tool", cwd=stash)
    lab = Lab(stash, checkout, tool)
    pushed, made = work_and_push(checkout), work(checkout)
    assert both(stash, pushed, made) == [missing(lab, made)]
    git("config", "remote.origin.url", "../server/stash.git", cwd=stash)
    assert both(stash, pushed, made) == [missing(lab, made)]
    git("checkout", "-q", "-b", "topic", "--track", "main", cwd=stash)
    assert both(stash, pushed, made) == [missing(lab, made)]
    git("remote", "rename", "origin", "server", cwd=stash)
    git("config", "--remove-section", "submodule.tools/mytool", cwd=stash)
    assert both(stash, pushed, made) == [missing(lab, made)]
    git("remote", "remove", "server", cwd=stash)  # then it is its own remote
    tool.rename(tmp_path / "mytool.git")
    assert judge(stash, made, online=True)[0].what.startswith(f"no branch or tag of {tmp_path}/mytool.git has")
    git("config", "-f", ".gitmodules", "submodule.tools/mytool.url", "../" * 40, cwd=stash)
    git("add", ".gitmodules", cwd=stash)
    assert judge(stash, made, online=True)[0].what.endswith(".gitmodules names no URL for tools/mytool")


def test_two_tools_and_what_one_takes_from_the_other(lab: Lab, tmp_path: Path) -> None:
    other = add_tool(lab.stash, str(make_remote(tmp_path / "other.git")), "other")
    first, second = work_and_push(lab.tool), work(other)
    name = SnapshotName("mytool", "v1", "a")
    snapshot = parse(f"# TOOL_COMMIT: {first}\n# DEPENDS: other {second}\n\na: 1\n".encode(), name.path)
    freeze = FreezeCommit(None, None, {}, None, {name.path: Entry(FILE, "1" * 40)})
    with Repository.open(lab.stash) as repository:
        (problem,) = unpublished(repository, recorded(WHERE, name, snapshot, freeze), online=False)
    assert problem.what == f"no branch or tag of {tmp_path}/other.git has other at {second[:12]}"
    assert problem.fix == f"git -C tools/other push origin {second}:refs/heads/NEW-BRANCH"


def test_abbreviations(lab: Lab) -> None:
    pushed, made = work_and_push(lab.tool), work(lab.tool)
    (problem,) = both(lab.stash, pushed[:7], pushed[:12], made[:9])
    assert problem == missing(lab, made[:9], f"git -C tools/mytool push origin {made}:refs/heads/NEW-BRANCH")
    git("update-ref", f"refs/heads/{made[:9]}", pushed, cwd=lab.tool)  # a branch that is called like a commit
    assert len(both(lab.stash, made[:9])) == 1
    theirs = work_and_push(lab.theirs, "refs/heads/theirs")
    later = work_and_push(lab.theirs, "refs/heads/theirs")
    assert both(lab.stash, theirs[:7], later[:7]) == []


def test_each_place_is_told(lab: Lab) -> None:
    made = work(lab.tool)
    with Repository.open(lab.stash) as repository:
        from experimentstash.verify.rules import RecordedCommit

        places = [RecordedCommit(where, "mytool", made, None) for where in ("b", "a", "b")]
        found = unpublished(repository, places, online=False)
    assert [problem.where for problem in found] == ["b", "a"]


def test_a_tool_without_a_remote(lab: Lab) -> None:
    git("remote", "remove", "origin", cwd=lab.tool)
    git("config", "--remove-section", "submodule.tools/mytool", cwd=lab.stash)
    git("rm", "-q", ".gitmodules", cwd=lab.stash)
    git("commit", "-q", "-m", "no submodule", cwd=lab.stash)
    made = git("rev-parse", "HEAD", cwd=lab.tool)
    (problem,) = both(lab.stash, made)
    assert problem.what == f"mytool at {made[:12]} cannot be fetched: .gitmodules names no URL for tools/mytool"
    assert problem.fix == "touch .gitmodules && git submodule add --force -- URL tools/mytool"
    assert run("sh", "-c", problem.fix.replace("URL", lab.url), cwd=lab.stash).code == 0
    assert both(lab.stash, made) == []


def test_a_tool_that_only_its_own_clone_knows_a_remote_of(lab: Lab) -> None:
    git("config", "--remove-section", "submodule.tools/mytool", cwd=lab.stash)
    git("rm", "-q", ".gitmodules", cwd=lab.stash)
    git("commit", "-q", "-m", "no submodule", cwd=lab.stash)
    (problem,) = both(lab.stash, work_and_push(lab.tool))
    assert problem.what.endswith(".gitmodules names no URL for tools/mytool")


def test_other_objects_than_sha1(tmp_path: Path) -> None:
    lab = make_lab(tmp_path, None, "--object-format=sha256")
    pushed, made = work_and_push(lab.tool), work(lab.tool)
    theirs = work_and_push(lab.theirs, "refs/heads/theirs")
    assert both(lab.stash, pushed, made, theirs) == [missing(lab, made)]
    assert both(lab.stash, pushed[:40], theirs[:40]) == []


@pytest.mark.parametrize("online", [False, True])
def test_a_hook_speaks_of_another_repository(lab: Lab, monkeypatch: pytest.MonkeyPatch, online: bool) -> None:
    pushed, made = work_and_push(lab.tool), work(lab.tool)
    theirs = work_and_push(lab.theirs, "refs/heads/theirs")
    monkeypatch.chdir(lab.stash)
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/index")
    monkeypatch.setenv("GIT_QUARANTINE_PATH", str(lab.stash / ".git/objects"))
    assert judge(lab.stash, pushed, made, theirs, online=online) == [missing(lab, made)]


def test_what_is_no_tool_or_no_commit_is_left_to_other_rules(lab: Lab) -> None:
    assert judge(lab.stash, "main", "123", "", online=True) == []
    assert judge(lab.stash, "1" * 40, tool="../tools/mytool", online=True) == []
    assert judge(lab.stash, online=True) == []
