"""The fixes of what is committed, tagged and pushed."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Ran, estash, git, run, write
from plays import fixes, mended, paste, play
from preloaded import BIN
from stashes import commit_index, freeze, make_stash, pin_id, snapshot_path, snapshot_text, stage
from submodules import Lab, make_lab, make_remote, work, work_and_push

PATH = snapshot_path("a", "v1")
QUIET = {"GIT_EDITOR": "true"}
"""A user who takes the message of a commit as it is."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A stash with a server that has its first commit."""
    root = make_stash(tmp_path / "stash")
    git("clone", "-q", "--bare", root, tmp_path / "server.git", cwd=tmp_path)
    git("remote", "add", "origin", "../server.git", cwd=root)
    git("fetch", "-q", "origin", cwd=root)
    return root


def push(root: Path, ref: str = "refs/heads/main") -> Ran:
    """Judge the push of a ref to the server as git's own hook does."""
    old = git("ls-remote", "origin", ref, cwd=root).partition("\t")[0] or "0" * 40
    told = f"{ref} {git('rev-parse', ref, cwd=root)} {ref} {old}\n"
    return run(BIN / "guard-push", "--stage", "pre-push", "origin", "../server.git", cwd=root, stdin=told)


def wrong_pin(tmp_path: Path) -> tuple[Path, str]:
    """Make a stash with a checked-out tool, in which a snapshot records another commit than is pinned."""
    lab = make_lab(tmp_path)
    right = git("rev-parse", "HEAD", cwd=lab.tool)
    git("add", "--force", "tools/mytool", cwd=lab.stash)
    work_and_push(lab.tool)
    stage(lab.stash, {PATH: snapshot_text("a", "v1", right)})
    git("add", "tools/mytool", cwd=lab.stash)
    return lab.stash, right


def test_the_last_commit_is_amended(tmp_path: Path) -> None:
    root, right = wrong_pin(tmp_path)
    commit_index(root)
    ran = run(BIN / "tag-snapshots", cwd=root)
    (fix,) = fixes(ran.err)
    paste(fix, root)
    assert git("rev-parse", "HEAD:tools/mytool", cwd=root) == right
    assert run(BIN / "tag-snapshots", cwd=root) == Ran(0, "", "")


def test_an_earlier_commit_is_amended(tmp_path: Path) -> None:
    root, right = wrong_pin(tmp_path)
    commit_index(root, "drift")
    write(root, {"later.txt": "x\n"})
    git("add", "later.txt", cwd=root)
    commit_index(root, "later")
    git("init", "-q", "--bare", "../server.git", cwd=root)
    git("remote", "add", "origin", "../server.git", cwd=root)
    (fix,) = fixes(push(root).err)
    paste(fix, root, QUIET)
    assert push(root) == Ran(0, "", "")
    assert git("log", "--format=%s", cwd=root).split("\n")[:2] == ["later", "drift"]
    assert git("rev-parse", "HEAD~:tools/mytool", cwd=root) == right
    assert git("status", "--porcelain", cwd=root) == ""


def test_an_earlier_commit_of_which_nothing_is_left(root: Path) -> None:
    """The file that is taken out was all of that commit."""
    stage(root, {"configs/mytool/snapshots/v1/a.yml": "a: 1\n"})
    commit_index(root, "wrong")
    stage(root, {"later.txt": "x\n"})
    commit_index(root, "later")
    (fix,) = fixes(push(root).err)
    paste(fix, root, QUIET)
    assert push(root) == Ran(0, "", "")
    git("push", "-q", "origin", "main", cwd=root)


def test_the_first_commit_is_amended(tmp_path: Path) -> None:
    root = tmp_path / "stash"
    git("init", "-q", root, cwd=tmp_path)
    git("init", "-q", "--bare", "server.git", cwd=tmp_path)
    git("remote", "add", "origin", "../server.git", cwd=root)
    stage(root, {"configs/meta.yaml": "tools: {}\n", "configs/mytool/snapshots/v1/a.yml": "a: 1\n"})
    commit_index(root, "first")
    stage(root, {"later.txt": "x\n"})
    commit_index(root, "later")
    (fix,) = fixes(push(root).err)
    assert "--root" in fix
    paste(fix, root, QUIET)
    assert push(root) == Ran(0, "", "")


def test_a_file_that_is_not_what_the_tag_of_the_server_froze(root: Path, tmp_path: Path) -> None:
    """The tag here is another one than the server has, and what it holds is not what was frozen."""
    theirs = freeze(root, "a", "v1", "one")
    git("push", "-q", "origin", "main", "snapshot/v1", cwd=root)
    stage(root, {PATH: (root / PATH).read_text().replace("0.1", "0.2")})
    commit_index(root, "edited")
    git("tag", "-f", "-m", "v1", "snapshot/v1", cwd=root)
    (fix,) = fixes(push(root).err)
    paste(fix, root, QUIET)
    assert git("show", f"{theirs}:{PATH}", cwd=root) == git("show", f"HEAD:{PATH}", cwd=root)
    assert push(root) == Ran(0, "", "")


@pytest.mark.parametrize("act", ["moved", "deleted"])
def test_a_tag_that_others_have(root: Path, act: str) -> None:
    made = freeze(root, "a", "v1", "one")
    git("push", "-q", "origin", "main", "snapshot/v1", cwd=root)
    tag = "refs/tags/snapshot/v1"
    old, new = git("rev-parse", tag, cwd=root), "0" * 40
    if act == "moved":
        commit_index(root, "later")
        git("tag", "-f", "-m", "v1", "snapshot/v1", cwd=root)
        new = git("rev-parse", tag, cwd=root)
    else:
        git("tag", "-d", "snapshot/v1", cwd=root)
    told = f"{tag if act == 'moved' else '(delete)'} {new} {tag} {old}\n"
    ran = run(BIN / "guard-push", "--stage", "pre-push", "origin", "../server.git", cwd=root, stdin=told)
    (fix,) = fixes(ran.err)
    paste(fix, root)
    assert git("rev-parse", f"{tag}^{{commit}}", cwd=root) == made
    assert push(root, tag) == Ran(0, "", "")


def test_a_tag_that_is_no_snapshots(root: Path) -> None:
    made = commit_index(root)
    git("update-ref", "refs/tags/snapshot/a/b", made, cwd=root)
    (fix,) = fixes(push(root, "refs/tags/snapshot/a/b").err)
    paste(fix, root)
    assert git("tag", cwd=root) == ""
    assert push(root) == Ran(0, "", "")


def test_an_object_that_is_replaced(root: Path) -> None:
    git("replace", "HEAD", commit_index(root), cwd=root)
    (ref,) = git("for-each-ref", "--format=%(refname)", "refs/replace", cwd=root).split()
    (fix,) = fixes(push(root, ref).err)
    paste(fix, root)
    assert git("for-each-ref", "refs/replace", cwd=root) == ""
    assert push(root) == Ran(0, "", "")


def test_what_another_branch_of_the_server_holds_under_a_tag(root: Path) -> None:
    """The tag is made anew where both lines are together."""
    git("checkout", "-q", "-b", "side", cwd=root)
    freeze(root, "b", "v1", "one", tagged=False)
    git("push", "-q", "origin", "side", cwd=root)
    git("checkout", "-q", "main", cwd=root)
    freeze(root, "a", "v1", "one")
    (fix,) = fixes(push(root, "refs/tags/snapshot/v1").err)
    git("merge", "-q", "--no-edit", "side", cwd=root)
    paste(fix.rpartition(", then: ")[2].replace("experimentstash tag", "git tag -m v1 snapshot/v1"), root)
    assert push(root, "refs/tags/snapshot/v1") == Ran(0, "", "")


def test_snapshots_of_one_tag_on_two_lines(root: Path) -> None:
    git("checkout", "-q", "-b", "side", cwd=root)
    freeze(root, "b", "v1", "one", tagged=False)
    git("checkout", "-q", "main", cwd=root)
    freeze(root, "a", "v1", "one", tagged=False)
    git("merge", "-q", "--no-edit", "side", cwd=root)
    assert mended(root, "tag", rule="two branches")
    assert estash("verify", "--all", cwd=root).code == 0


def test_a_tag_during_a_rebase(root: Path) -> None:
    git("checkout", "-q", "-b", "side", cwd=root)
    stage(root, {"a.txt": "side\n"})
    commit_index(root)
    git("checkout", "-q", "main", cwd=root)
    stage(root, {"a.txt": "main\n"})
    freeze(root, "a", "v1", "one", tagged=False)
    assert run("git", "rebase", "side", cwd=root).code == 1

    def resolve() -> None:
        stage(root, {"a.txt": "both\n"})

    ran = estash("tag", cwd=root)
    resolve()
    (fix,) = fixes(ran.err)
    paste(fix, root, QUIET)
    assert git("tag", cwd=root) == "snapshot/v1"
    assert estash("verify", "--all", cwd=root).code == 0


def test_a_tag_that_cannot_be_signed(root: Path, tmp_path: Path) -> None:
    freeze(root, "a", "v1", "one", tagged=False)
    write(tmp_path, {"signer": "#!/bin/sh\nexit 1\n"})
    (tmp_path / "signer").chmod(0o755)
    git("config", "gpg.program", tmp_path / "signer", cwd=root)
    git("config", "tag.gpgSign", "true", cwd=root)
    git("config", "tag.forceSignAnnotated", "true", cwd=root)
    mended(root, "tag", rule="failed to sign")
    assert git("cat-file", "-t", "snapshot/v1", cwd=root) == "tag"


def test_a_tag_that_git_refuses_to_make(root: Path, sealed_home: Path) -> None:
    freeze(root, "a", "v1", "one", tagged=False)
    text = (sealed_home / ".gitconfig").read_text()
    (sealed_home / ".gitconfig").write_text(
        text.replace("[user]", "[user]\n\tuseConfigOnly = true").replace("\temail", "\t#")
    )
    ran = estash("tag", cwd=root)
    (fix,) = fixes(ran.err)
    (sealed_home / ".gitconfig").write_text(text)
    paste(fix, root)
    assert git("tag", cwd=root) == "snapshot/v1"


def test_a_tag_that_was_amended_away(root: Path) -> None:
    old = freeze(root, "a", "v1", "one")
    stage(root, {PATH: snapshot_text("a", "v1", pin_id("other"))})
    git("commit", "-q", "--amend", "--no-edit", cwd=root)
    ran = estash("tag", cwd=root)
    assert ran.code == 1
    paste(fixes(ran.err)[-1], root)
    assert git("rev-parse", "HEAD", cwd=root) == old
    assert estash("tag", cwd=root) == Ran(0, "", "")
    assert estash("verify", "--all", cwd=root).code == 0


@pytest.mark.first(2)
@pytest.mark.parametrize("hook", ["guard-push", "guard-receive"])
@pytest.mark.parametrize("told", ["garbage", "refs/heads/main x refs/heads/main y", "x" * 100_000])
def test_what_is_no_push(root: Path, hook: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not git that called the hook: git itself does so rightly."""
    native = "pre-push" if hook == "guard-push" else "pre-receive"
    code = f"import sys\nfrom experimentstash.hooks.native import main\nsys.exit(main({native!r}))\n"
    import sys

    words = ["origin", "../server.git"] if native == "pre-push" else []
    ran = run(sys.executable, "-c", code, *words, cwd=root, stdin=told + "\n")
    assert (ran.code, fixes(ran.err)) == (1, ["git push"]), ran
    estash("install", cwd=root)
    commit_index(root)
    git("push", "-q", "--set-upstream", "origin", "main", cwd=root)
    paste("git push", root)


def published(lab: Lab, recorded: str) -> None:
    git("add", "tools/mytool", cwd=lab.stash)
    stage(lab.stash, {PATH: snapshot_text("a", "v1", recorded)})


def test_a_commit_that_was_not_pushed(tmp_path: Path) -> None:
    lab = make_lab(tmp_path)
    published(lab, work(lab.tool))
    (fix,) = mended(lab.stash, "verify", "--online", rule="published")
    assert fix.startswith("git -C tools/mytool push origin ")


def test_a_commit_that_another_clone_has_to_push(tmp_path: Path) -> None:
    lab = make_lab(tmp_path)
    made = work(lab.theirs)
    git("fetch", "-q", lab.theirs, made, cwd=lab.tool)
    git("checkout", "-q", made, cwd=lab.tool)
    published(lab, made)
    commit_index(lab.stash)
    git("clone", "-q", lab.stash, "clone", cwd=tmp_path)
    ran = estash("verify", "--online", cwd=tmp_path / "clone")
    (fix,) = fixes(ran.err)
    paste(fix, lab.theirs)
    assert estash("verify", "--online", cwd=tmp_path / "clone").code == 0


def test_a_remote_that_does_not_answer(tmp_path: Path) -> None:
    lab = make_lab(tmp_path)
    published(lab, git("rev-parse", "HEAD", cwd=lab.tool))
    refusing = {"GIT_ALLOW_PROTOCOL": "https"}
    ran = estash("verify", "--online", cwd=lab.stash, env=refusing)
    (fix,) = fixes(ran.err)
    paste(fix, lab.stash)
    assert estash("verify", "--online", cwd=lab.stash).code == 0


def test_a_url_that_leads_nowhere(tmp_path: Path) -> None:
    lab = make_lab(tmp_path)
    commit_index(lab.stash)
    published(lab, git("rev-parse", "HEAD", cwd=lab.tool))
    git("config", "-f", ".gitmodules", "submodule.tools/mytool.url", str(tmp_path / "nowhere"), cwd=lab.stash)
    git("add", ".gitmodules", cwd=lab.stash)
    fix = play(lab.stash, "verify", "--online", fill={"URL": lab.url})
    assert fix == "git submodule set-url -- tools/mytool URL && git add .gitmodules"


def test_a_pin_without_an_entry_in_gitmodules(tmp_path: Path) -> None:
    lab = make_lab(tmp_path)
    published(lab, git("rev-parse", "HEAD", cwd=lab.tool))
    git("rm", "-q", "--cached", ".gitmodules", cwd=lab.stash)
    (lab.stash / ".gitmodules").unlink()
    fix = play(lab.stash, "verify", "--online", fill={"URL": lab.url})
    assert fix == "touch .gitmodules && git submodule add --force -- URL tools/mytool"


def test_a_tool_that_is_pinned_nowhere(tmp_path: Path) -> None:
    lab = make_lab(tmp_path)
    remote = make_remote(tmp_path / "other.git")
    other = git("rev-parse", "main", cwd=remote)
    text = snapshot_text("a", "v1", git("rev-parse", "HEAD", cwd=lab.tool), more=f"# DEPENDS: other {other}\n")
    stage(lab.stash, {PATH: text})
    ran = estash("verify", cwd=lab.stash)
    assert set(fixes(ran.err)) == {"experimentstash add-tool other URL"}


def test_a_clone_without_the_tags_of_the_server(root: Path, tmp_path: Path) -> None:
    freeze(root, "a", "v1", "one")
    git("push", "-q", "origin", "main", "snapshot/v1", cwd=root)
    git("clone", "-q", "--no-tags", "--depth=1", f"file://{tmp_path}/server.git", "clone", cwd=tmp_path)
    check = [BIN / "check-snapshots"]
    ran = run(*check, cwd=tmp_path / "clone", env={"PRE_COMMIT": "1"})
    (fix,) = fixes(ran.err)
    paste(fix, tmp_path / "clone")
    assert run(*check, cwd=tmp_path / "clone", env={"PRE_COMMIT": "1"}).code == 0
