"""Clones and repositories of every kind, and whatever the user's configuration and environment say."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from conftest import git, run
from lab import Lab
from stashes import freeze, make_stash, pin, pin_id, snapshot_path, snapshot_text, stage

QUIRKS = """
[color]
	ui = always
[core]
	quotePath = true
	abbrev = 4
	commentChar = auto
[diff]
	ignoreSubmodules = all
	noprefix = true
	mnemonicPrefix = true
	relative = true
	renames = copies
	submodule = log
	external = false
[log]
	showSignature = true
	decorate = full
	follow = true
[status]
	submoduleSummary = true
	relativePaths = true
[submodule]
	recurse = false
[tag]
	sort = -creatordate
[push]
	followTags = true
[commit]
	verbose = true
[merge]
	renames = false
[i18n]
	logOutputEncoding = latin1
[core]
	attributesFile = /dev/null
	pager = false
"""


def linked_worktree(lab: Lab) -> None:
    lab.quietly("worktree add -q -b side ../linked")
    lab.at = lab.folder / "linked"
    _freeze_unchecked(lab, "three")
    lab.git("commit -qm freeze")


def linked_worktree_of_drift(lab: Lab) -> None:
    lab.quietly("worktree add -q -b side ../linked")
    lab.at = lab.folder / "linked"
    lab.drift()
    lab.git("commit -qm freeze")


def linked_worktree_beside_drift(lab: Lab) -> None:
    """What is staged in one working tree is none of another's business."""
    lab.drift()
    linked_worktree(lab)


def linked_worktree_of_a_bare_clone(lab: Lab) -> None:
    _bare_with_worktree(lab)
    _freeze_unchecked(lab, "three")
    lab.git("commit -qm freeze")


def linked_worktree_of_a_bare_clone_of_drift(lab: Lab) -> None:
    _bare_with_worktree(lab)
    lab.drift()
    lab.git("commit -qm freeze")


def clone_without_submodules(lab: Lab) -> None:
    _clone(lab)
    lab.snapshot("v1", "two")
    lab.git("commit -qam freeze")


def clone_without_submodules_of_drift(lab: Lab) -> None:
    _clone(lab)
    lab.drift()
    lab.git("commit -qam freeze")


def clone_without_tags(lab: Lab) -> None:
    _clone(lab, "--no-tags")
    lab.snapshot("v1", "two")
    lab.git("commit -qm freeze")
    lab.quietly("fetch -q --tags")


def clone_without_tags_in_which_a_frozen_file_is_edited(lab: Lab) -> None:
    _clone(lab, "--no-tags")
    lab.snapshot("old", "one", body="lr: 0.2\n")
    lab.git("commit -qm edit")


def clone_without_tags_in_which_a_tag_is_added_to(lab: Lab) -> None:
    """Nothing here says that the others have that tag already."""
    _clone(lab, "--no-tags")
    _freeze_unchecked(lab, "one", "old", "b")
    lab.git("commit -qm 'one more'")
    lab.git("push -q origin main")


def shallow_clone(lab: Lab) -> None:
    _clone(lab, "--depth=1")
    lab.snapshot("v1", "two")
    lab.git("commit -qm freeze")
    lab.quietly("fetch -q --tags")


def shallow_clone_of_drift(lab: Lab) -> None:
    _clone(lab, "--depth=1")
    lab.drift()
    lab.git("commit -qm freeze")


def shallow_clone_beyond_whose_edge_it_was_frozen(lab: Lab) -> None:
    """The tag is not here, nor is what it would be judged by: nobody guesses."""
    _clone(lab, "--depth=1")
    lab.snapshot("old", "one", body="lr: 0.2\n")
    lab.git("commit -qm edit")


def shallow_clone_to_an_empty_remote(lab: Lab) -> None:
    """Git itself would push it, and the new server would have a history without a beginning."""
    _clone(lab, "--depth=1")
    lab.new_server("empty")
    lab.git("push -q ../empty.git main")


def shallow_clone_by_url(lab: Lab) -> None:
    """What the server has is known, though it is not called by its name."""
    _clone(lab, "--depth=1")
    lab.snapshot("v1", "two")
    lab.done("freeze")
    lab.git(f"push -q {lab.server.as_uri()} HEAD:refs/heads/other")


def blobless_clone(lab: Lab) -> None:
    _partial(lab, "blob:none")
    _freeze_unchecked(lab, "three")
    lab.git("commit -qm freeze")


def blobless_clone_of_drift(lab: Lab) -> None:
    _partial(lab, "blob:none")
    lab.drift()
    lab.git("commit -qm freeze")


def blobless_clone_in_which_a_frozen_file_is_edited(lab: Lab) -> None:
    _partial(lab, "blob:none")
    lab.snapshot("old", "one", body="lr: 0.2\n")
    lab.git("commit -qm edit")


def treeless_clone(lab: Lab) -> None:
    _partial(lab, "tree:0")
    _freeze_unchecked(lab, "three")
    lab.git("commit -qm freeze")


def treeless_clone_of_drift(lab: Lab) -> None:
    _partial(lab, "tree:0")
    lab.drift()
    lab.git("commit -qm freeze")


def partial_clone_whose_remote_is_gone(lab: Lab) -> None:
    _partial(lab, "tree:0")
    lab.snapshot("old", "one", body="lr: 0.2\n")
    lab.quietly("remote set-url origin ../nowhere.git")
    lab.quietly(f"remote set-url --push origin {lab.server}")
    lab.git("commit -qm edit")


def bare_clone_pushes(lab: Lab) -> None:
    lab.frozen("v1", "three")
    _bare(lab)
    lab.git("push -q origin main snapshot/v1")


def bare_clone_pushes_drift(lab: Lab) -> None:
    lab.drift()
    lab.done("drift")
    _bare(lab)
    lab.git("push -q origin main")


def clone_with_borrowed_objects(lab: Lab) -> None:
    _clone(lab, "--shared")
    _freeze_unchecked(lab, "three")
    lab.git("commit -qm freeze")


def clone_with_borrowed_objects_of_drift(lab: Lab) -> None:
    _clone(lab, "--shared")
    lab.drift()
    lab.git("commit -qm freeze")


def stash_as_a_submodule(lab: Lab) -> None:
    _inside_another(lab)
    _freeze_unchecked(lab, "three")
    lab.git("commit -qm freeze")


def stash_as_a_submodule_of_drift(lab: Lab) -> None:
    _inside_another(lab)
    lab.drift()
    lab.git("commit -qm freeze")


def git_folder_elsewhere(lab: Lab) -> None:
    lab.quietly("init -q --separate-git-dir ../elsewhere")
    _freeze_unchecked(lab, "three")
    lab.git("commit -qm freeze")


def git_dir_and_work_tree_said_by_the_user(lab: Lab) -> None:
    _git_dir_elsewhere(lab, GIT_WORK_TREE=str(lab.stash))
    lab.snapshot("v1", "two")
    lab.git("commit -qm freeze")


def git_dir_and_work_tree_said_by_the_user_of_drift(lab: Lab) -> None:
    _git_dir_elsewhere(lab, GIT_WORK_TREE=str(lab.stash))
    lab.drift()
    lab.git("commit -qm freeze")


def git_dir_said_by_the_user(lab: Lab) -> None:
    _git_dir_elsewhere(lab)
    lab.snapshot("v1", "two")
    lab.git("commit -qm freeze")


def git_dir_said_by_the_user_of_drift(lab: Lab) -> None:
    _git_dir_elsewhere(lab)
    lab.drift()
    lab.git("commit -qm freeze")


def git_dir_said_in_place_of_the_one_that_is_there(lab: Lab) -> None:
    """Two repositories round one working tree: what is staged in one is none of the other's business."""
    lab.drift()
    shutil.copytree(lab.stash / ".git", lab.folder / "beside")
    lab.env = {"GIT_DIR": str(lab.folder / "beside")}
    lab.quietly("reset -q")
    lab.snapshot("v2", "two")
    lab.git("commit -qm freeze")


def git_dir_said_in_place_of_the_one_that_is_there_of_drift(lab: Lab) -> None:
    shutil.copytree(lab.stash / ".git", lab.folder / "beside")
    lab.env = {"GIT_DIR": str(lab.folder / "beside")}
    lab.drift()
    lab.git("commit -qm freeze")


def sha256(lab: Lab) -> None:
    _other_format(lab, "--object-format=sha256")
    commit = pin(lab.at, "two")
    stage(lab.at, {snapshot_path("a", "v1"): snapshot_text("a", "v1", commit)})
    lab.git("commit -qm freeze")


def sha256_of_drift(lab: Lab) -> None:
    _other_format(lab, "--object-format=sha256")
    stage(lab.at, {snapshot_path("a", "v1"): snapshot_text("a", "v1", pin_id("five", lab.at))})
    lab.git("commit -qm freeze")


def reftable(lab: Lab) -> None:
    _other_format(lab, "--ref-format=reftable")
    commit = pin(lab.at, "two")
    stage(lab.at, {snapshot_path("a", "v1"): snapshot_text("a", "v1", commit)})
    lab.git("commit -qm freeze")


def reftable_of_drift(lab: Lab) -> None:
    _other_format(lab, "--ref-format=reftable")
    stage(lab.at, {snapshot_path("a", "v1"): snapshot_text("a", "v1", pin_id("five"))})
    lab.git("commit -qm freeze")


def split_index(lab: Lab) -> None:
    lab.quietly("update-index --split-index")
    lab.freeze("v1", "three")
    lab.git("commit -qm freeze")


def split_index_of_drift(lab: Lab) -> None:
    lab.quietly("update-index --split-index")
    lab.drift()
    lab.git("commit -qm freeze")


def sparse_index(lab: Lab) -> None:
    _sparse(lab)
    lab.freeze("v1", "three")
    lab.git("commit -qm freeze")


def sparse_index_of_drift(lab: Lab) -> None:
    _sparse(lab)
    lab.drift()
    lab.git("commit -qm freeze")


def sparse_checkout_without_configs(lab: Lab) -> None:
    """What is not checked out is committed all the same."""
    lab.work("other/notes.txt")
    lab.quietly("sparse-checkout set --cone --sparse-index other")
    lab.write("other/notes.txt", "more\n")
    lab.git("commit -qm notes")


def index_version_4(lab: Lab) -> None:
    lab.quietly("update-index --index-version 4 --untracked-cache")
    lab.freeze("v1", "three")
    lab.git("commit -qm freeze")


def packed(lab: Lab) -> None:
    lab.quietly("gc -q --prune=now")
    lab.freeze("v1", "three")
    lab.git("commit -qm freeze")


def packed_with_drift(lab: Lab) -> None:
    lab.drift()
    lab.done("drift")
    lab.quietly("repack -qad --write-bitmap-index")
    lab.quietly("commit-graph write --reachable")
    lab.quietly("pack-refs --all --prune")


def assume_unchanged(lab: Lab) -> None:
    """The index is told not to look at the tool: what it records is what is committed."""
    lab.quietly("update-index --assume-unchanged tools/mytool")
    lab.snapshot("v1", "three")
    lab.check_out("three")
    lab.git("commit -qam freeze")


def ignore_submodules(lab: Lab) -> None:
    lab.quietly("config diff.ignoreSubmodules all")
    lab.freeze("v1", "three")
    lab.git("commit -qm freeze")


def ignore_submodules_of_drift(lab: Lab) -> None:
    lab.quietly("config diff.ignoreSubmodules all")
    lab.snapshot("v1", "three")
    lab.git("commit -qm freeze")


def ignore_all(lab: Lab) -> None:
    lab.quietly("config --file .gitmodules submodule.tools/mytool.ignore all")
    lab.quietly("add .gitmodules")
    lab.snapshot("v1", "three")
    lab.check_out("three")
    lab.git("commit -qam freeze")


def ignore_all_of_drift(lab: Lab) -> None:
    """No diff and no status shows it, and `commit -a` commits it."""
    lab.quietly("config --file .gitmodules submodule.tools/mytool.ignore all")
    lab.quietly("add .gitmodules")
    lab.snapshot("v1", "two")
    lab.check_out("three")
    assert lab.quietly("status --short tools") == ""
    lab.git("commit -qam freeze")


def settings_that_change_what_git_says(lab: Lab) -> None:
    _say(QUIRKS)
    lab.freeze("v1", "three")
    lab.git("commit -qm freeze")


def settings_that_change_what_git_says_of_drift(lab: Lab) -> None:
    _say(QUIRKS)
    lab.drift()
    lab.git("commit -qm freeze")


def settings_of_one_command(lab: Lab) -> None:
    lab.freeze("v1", "three")
    lab.git("-c diff.ignoreSubmodules=all -c core.quotePath=true -c user.name='Other Name' commit -qm freeze")
    assert lab.quietly("for-each-ref --format=%(taggername) refs/tags/snapshot/v1") in ("Other Name", "")


def pathspecs_taken_literally(lab: Lab) -> None:
    lab.drift()
    lab.git("--literal-pathspecs commit -qm freeze")


def signed_where_the_user_signs(lab: Lab) -> None:
    _sign(lab)
    lab.freeze("v1", "three")
    lab.git("commit -qm freeze")
    _check_signed(lab)


def signed_again_when_it_goes_along(lab: Lab) -> None:
    _sign(lab)
    lab.frozen("v1", "three")
    lab.git("commit -q --amend -m better")
    _check_signed(lab)


def signed_with_a_key_that_is_gone(lab: Lab) -> None:
    """The commit is made, and the tag is not: that is told, and nobody is stopped."""
    _say("[gpg]\n\tprogram = /nowhere/gpg\n[tag]\n\tgpgSign = true\n")
    lab.freeze("v1", "three")
    lab.git("commit -qm freeze")


def no_stash_at_all(lab: Lab) -> None:
    """Whoever sets our hooks for all their repositories is not stopped in the others."""
    other = lab.folder / "other"
    git("init", "-q", other, cwd=lab.folder)
    git("init", "-q", "--bare", lab.folder / "other.git", cwd=lab.folder)
    git("remote", "add", "origin", "../other.git", cwd=other)
    lab.go_to(other)
    shutil.copy(lab.stash / ".pre-commit-config.yaml", other)
    lab.write("a.txt")
    lab.git("commit -qm a")
    lab.git("commit -q --amend -m b")
    lab.git("push -q origin main")


def _clone(lab: Lab, *options: str) -> None:
    clone = lab.folder / "clone"
    git("clone", "-q", *options, lab.server.as_uri(), clone, cwd=lab.folder)
    lab.go_to(clone)


def _bare(lab: Lab) -> None:
    """Be in a bare clone, which a framework could not work in."""
    lab.quietly("clone -q --bare . ../bare.git")
    lab.go_to(lab.folder / "bare.git")
    lab.quietly("remote set-url origin ../server.git")
    lab.quietly(f"config core.hooksPath {lab.shipped}")


def _partial(lab: Lab, what: str) -> None:
    git("config", "uploadpack.allowFilter", "true", cwd=lab.server)
    git("config", "uploadpack.allowAnySHA1InWant", "true", cwd=lab.server)
    _clone(lab, f"--filter={what}")


def _freeze_unchecked(lab: Lab, commit: str, tag: str = "v1", experiment: str = "a") -> None:
    """Stage a pin and a snapshot where the tool is not checked out."""
    lab.quietly(f"update-index --add --cacheinfo 160000,{lab.commits[commit]},tools/mytool")
    lab.snapshot(tag, commit, experiment)


def _bare_with_worktree(lab: Lab) -> None:
    bare = lab.folder / "bare.git"
    git("clone", "-q", "--bare", lab.server, bare, cwd=lab.folder)
    git("config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*", cwd=bare)
    git("fetch", "-q", "origin", cwd=bare)
    git("worktree", "add", "-q", lab.folder / "linked", "main", cwd=bare)
    lab.go_to(lab.folder / "linked")


def _inside_another(lab: Lab) -> None:
    outer = lab.folder / "outer"
    git("init", "-q", outer, cwd=lab.folder)
    git("submodule", "--quiet", "add", "--", lab.server, "inner", cwd=outer)
    lab.go_to(outer / "inner")


def _git_dir_elsewhere(lab: Lab, **env: str) -> None:
    """Have the git directory where nobody finds it by looking."""
    (lab.stash / ".git").rename(lab.folder / "elsewhere")
    lab.env = {"GIT_DIR": str(lab.folder / "elsewhere"), **env}


def _other_format(lab: Lab, option: str) -> None:
    if run("git", "init", "-q", "--bare", option, lab.folder / "try.git", cwd=lab.folder).code != 0:
        pytest.skip(f"{git('--version', cwd=lab.stash)} knows no {option}")
    lab.new_server("other", option)
    other = make_stash(lab.folder / "other", option)
    shutil.copy(lab.stash / ".pre-commit-config.yaml", other)
    freeze(other, "a", "old", "one")
    git("remote", "add", "origin", "../other.git", cwd=other)
    git("push", "-q", "-u", "--follow-tags", "origin", "main", cwd=other)
    lab.go_to(other)


def _sparse(lab: Lab) -> None:
    lab.work("other/notes.txt")
    lab.quietly("sparse-checkout set --cone --sparse-index configs tools")


def _say(text: str) -> None:
    with (Path(os.environ["HOME"]) / ".gitconfig").open("a") as file:
        file.write(text)


def _sign(lab: Lab) -> None:
    key = lab.folder / "key"
    assert run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key, cwd=lab.folder).code == 0
    _say(f"[gpg]\n\tformat = ssh\n[user]\n\tsigningKey = {key}\n[tag]\n\tgpgSign = true\n[commit]\n\tgpgSign = true\n")


def _check_signed(lab: Lab) -> None:
    if "v1" in lab.tags():
        assert "BEGIN SSH SIGNATURE" in lab.quietly("cat-file tag snapshot/v1")
