"""Pushes: of what, from where, to where; and what tags can be."""

from __future__ import annotations

import shutil

from conftest import git
from lab import Lab
from stashes import snapshot_path, snapshot_text


def several_refs(lab: Lab) -> None:
    _branches(lab, bad=False)
    lab.git("push -q origin main good other")


def several_refs_of_which_the_last_is_bad(lab: Lab) -> None:
    _branches(lab)
    lab.git("push -q origin main good other")


def all_branches(lab: Lab) -> None:
    _branches(lab)
    lab.git("push -q --all origin")


def another_branch_than_is_checked_out(lab: Lab) -> None:
    _branches(lab)
    lab.git("push -q origin other")


def good_branch_while_a_bad_one_is_checked_out(lab: Lab) -> None:
    _branches(lab)
    lab.quietly("checkout -q other")
    lab.git("push -q origin good")


def drift_below_a_healthy_head(lab: Lab) -> None:
    lab.drift()
    lab.done("drift")
    lab.quietly(f"rm -q {snapshot_path('a', 'v1')}")
    lab.done("out again")


def good_part_of_a_bad_branch(lab: Lab) -> None:
    lab.work()
    lab.drift()
    lab.done("drift")
    lab.git("push -q origin HEAD~:main")


def bad_part_of_a_branch(lab: Lab) -> None:
    lab.drift()
    lab.done("drift")
    lab.quietly("revert --no-edit HEAD")
    lab.git("push -q origin HEAD~1:refs/heads/part")


def commit_by_its_id(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.git(f"push -q origin {lab.rev('HEAD')}:refs/heads/part")


def bad_commit_by_its_id(lab: Lab) -> None:
    lab.drift()
    lab.done("drift")
    lab.git(f"push -q origin {lab.rev('HEAD')}:refs/heads/part")


def bad_commit_at_a_date(lab: Lab) -> None:
    lab.drift()
    lab.done("drift")
    lab.git("push -q origin 'HEAD@{0 seconds ago}:refs/heads/part'")


def branch_that_the_server_has_by_another_name(lab: Lab) -> None:
    lab.git("push -q origin main:refs/heads/again")


def branch_to_another_namespace(lab: Lab) -> None:
    lab.drift()
    lab.done("drift")
    lab.git("push -q origin main:refs/for/main")


def nothing_new(lab: Lab) -> None:
    lab.git("push -q origin main")


def with_an_atom(lab: Lab) -> None:
    _branches(lab, bad=False)
    lab.git("push -q --atomic origin main good other")


def with_an_atom_of_which_one_part_is_bad(lab: Lab) -> None:
    _branches(lab)
    lab.git("push -q --atomic origin main good other")


def with_options(lab: Lab) -> None:
    git("config", "receive.advertisePushOptions", "true", cwd=lab.server)
    lab.frozen("v1", "three")
    lab.git("push -q -o ci.skip origin main snapshot/v1")


def dry_run(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.git("push -q --dry-run --follow-tags origin main")


def dry_run_of_drift(lab: Lab) -> None:
    lab.drift()
    lab.done("drift")
    lab.git("push -q --dry-run origin main")


def no_verify(lab: Lab) -> None:
    """Whoever goes round the gate is stopped at the server, if it has ours."""
    lab.drift()
    lab.done("drift")
    lab.git("push -q --no-verify origin main")


def by_url(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.git(f"push -q {lab.server} main snapshot/v1")


def drift_by_url(lab: Lab) -> None:
    lab.drift()
    lab.done("drift")
    lab.git(f"push -q {lab.server} main:other")


def from_a_subfolder(lab: Lab) -> None:
    lab.drift()
    lab.done("drift")
    lab.quietly(f"remote set-url origin {lab.server}")
    lab.at = lab.stash / "configs"
    lab.git("push -q origin main")


def from_a_linked_worktree(lab: Lab) -> None:
    lab.drift()
    lab.done("drift")
    lab.quietly(f"remote set-url origin {lab.server}")
    lab.quietly("worktree add -q --detach ../linked origin/main")
    lab.at = lab.folder / "linked"
    lab.git("push -q origin main")


def to_an_empty_remote(lab: Lab) -> None:
    lab.frozen("v1", "three")
    _empty(lab)
    lab.git("push -q --follow-tags empty main")


def drift_to_an_empty_remote(lab: Lab) -> None:
    lab.drift()
    lab.done("drift")
    _empty(lab)
    lab.git("push -q empty main")


def to_two_remotes(lab: Lab) -> None:
    lab.frozen("v1", "three")
    _empty(lab)
    lab.git("push -q --follow-tags origin main")
    lab.git("push -q --follow-tags empty main")


def published_drift_to_a_second_remote(lab: Lab) -> None:
    """That one server has it is no reason to give it to another."""
    lab.drift()
    lab.done("drift")
    lab.quietly("push -q origin main")
    _empty(lab)
    lab.git("push -q empty main")


def to_one_remote_at_two_urls(lab: Lab) -> None:
    lab.frozen("v1", "three")
    _empty(lab)
    lab.quietly("remote set-url --add --push origin ../server.git")
    lab.quietly("remote set-url --add --push origin ../empty.git")
    lab.git("push -q --follow-tags origin main")


def remote_that_moved_on(lab: Lab) -> None:
    _moved_on(lab)
    lab.frozen("v1", "three")
    lab.git("push -q origin main", fails=True)
    lab.git("pull -q --no-rebase --no-edit")
    lab.git("push -q --follow-tags origin main")


def drift_to_a_remote_that_moved_on(lab: Lab) -> None:
    _moved_on(lab)
    lab.drift()
    lab.done("drift")
    lab.git("push -q --force origin main")


def forced_back(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.quietly("push -q --follow-tags origin main")
    lab.quietly("reset -q --hard HEAD~2")
    lab.git("push -q --force origin main")


def forced_back_and_forward(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.quietly("push -q --follow-tags origin main")
    lab.quietly("push -q --force origin HEAD~2:main")
    lab.git("push -q origin main")


def drift_forced_back_and_forward(lab: Lab) -> None:
    """It was there once, and is not there now."""
    lab.drift()
    lab.done("drift")
    lab.quietly("push -q origin main")
    lab.quietly("push -q --force origin HEAD~2:main")
    lab.git("push -q origin main")


def drift_forced_over_a_healthy_branch(lab: Lab) -> None:
    lab.quietly("checkout -q -B main HEAD~")
    lab.drift()
    lab.done("drift")
    lab.git("push -q --force origin main")


def branch_deleted(lab: Lab) -> None:
    lab.quietly("push -q origin main:other")
    lab.git("push -q origin --delete other")


def branch_deleted_and_drift_beside(lab: Lab) -> None:
    """A framework sees the deletion first, and nothing else."""
    lab.quietly("push -q origin main:other")
    lab.drift()
    lab.done("drift")
    lab.git("push -q origin :other main")


def history_without_a_common_root(lab: Lab) -> None:
    lab.quietly("checkout -q --orphan fresh")
    lab.freeze("v1", "three")
    lab.done("freeze")
    lab.quietly("tag -a -m v1 snapshot/v1")


def history_without_a_common_root_of_drift(lab: Lab) -> None:
    lab.quietly("checkout -q --orphan fresh")
    lab.drift()
    lab.done("drift")


def notes(lab: Lab) -> None:
    lab.quietly("notes add -m 'best so far' HEAD")
    lab.git("push -q origin refs/notes/commits")


def other_objects(lab: Lab) -> None:
    lab.quietly("tag data HEAD:README.md")
    lab.quietly("tag folder HEAD:configs")
    lab.git("push -q origin data folder")


def mirror(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.quietly("notes add -m 'best so far' HEAD")
    lab.git("push -q --mirror ../server.git")


def mirror_with_a_bad_branch(lab: Lab) -> None:
    _branches(lab)
    lab.git("push -q --mirror ../server.git")


def mirror_with_unfinished_work(lab: Lab) -> None:
    """Git leaves `refs/stash` at home."""
    lab.snapshot("v1", "two", body="a: ${b}\n")
    lab.quietly("stash push -q")
    lab.git("push -q --mirror ../server.git")


def mirror_from_where_a_tag_is_missing(lab: Lab) -> None:
    lab.quietly("tag -d snapshot/old")
    lab.git("push -q --mirror ../server.git")


def prune_from_where_a_tag_is_missing(lab: Lab) -> None:
    lab.quietly("tag -d snapshot/old")
    lab.git("push -q --prune origin 'refs/tags/*'")


def tag_alone_annotated(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.git("push -q origin snapshot/v1")


def tag_alone_light(lab: Lab) -> None:
    lab.frozen("v1", "three", tagged=False)
    lab.quietly("tag snapshot/v1")
    lab.git("push -q origin snapshot/v1")


def tag_alone_nested(lab: Lab) -> None:
    lab.frozen("v1", "three", tagged=False)
    lab.quietly("tag -a -m inner inner")
    lab.quietly("tag -a -m outer snapshot/v1 inner")
    lab.git("push -q origin snapshot/v1")


def tag_of_a_commit_that_is_there(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.quietly("push -q origin main")
    lab.git("push -q origin snapshot/v1")


def tags_all(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.frozen("v2", "four")
    lab.git("push -q --tags origin main")


def bad_tag_alone_annotated(lab: Lab) -> None:
    _bad(lab)
    lab.quietly("tag -a -m v1 snapshot/v1")
    lab.git("push -q origin snapshot/v1")


def bad_tag_alone_light(lab: Lab) -> None:
    _bad(lab)
    lab.quietly("tag snapshot/v1")
    lab.git("push -q origin snapshot/v1")


def bad_tag_alone_nested(lab: Lab) -> None:
    _bad(lab)
    lab.quietly("tag -a -m inner inner")
    lab.quietly("tag -a -m outer snapshot/v1 inner")
    lab.git("push -q origin snapshot/v1")


def bad_tag_of_a_commit_that_is_there(lab: Lab) -> None:
    """A framework runs nothing for it: there is no new commit."""
    lab.quietly("tag -a -m wrong snapshot/wrong HEAD~2")
    lab.git("push -q origin snapshot/wrong")


def tag_of_a_commit_at_which_the_pin_has_moved(lab: Lab) -> None:
    lab.frozen("v1", "three", tagged=False)
    lab.pin("four")
    lab.done("the tool moves on")
    lab.quietly("tag -a -m v1 snapshot/v1")
    lab.git("push -q --follow-tags origin main")


def tag_set_by_hand_where_it_holds(lab: Lab) -> None:
    """The pin came one commit later, and the tag says so."""
    lab.drift()
    lab.done("freeze")
    lab.pin("five")
    lab.done("the pin comes later")
    lab.quietly("tag -a -m v1 snapshot/v1")
    lab.git("push -q --follow-tags origin main")


def tag_set_by_hand_and_not_pushed_along(lab: Lab) -> None:
    lab.drift()
    lab.done("freeze")
    lab.pin("five")
    lab.done("the pin comes later")
    lab.quietly("tag -a -m v1 snapshot/v1")
    lab.git("push -q origin main")


def tag_of_no_commit(lab: Lab) -> None:
    lab.quietly("tag -a -m tree snapshot/v1 HEAD^{tree}")
    lab.git("push -q origin snapshot/v1")


def tag_of_no_good_name(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.quietly("tag snapshot/a/b HEAD")
    lab.git("push -q origin snapshot/a/b")


def branch_pushed_as_a_tag(lab: Lab) -> None:
    _bad(lab)
    lab.git("push -q origin main:refs/tags/snapshot/v1")


def tag_called_snapshot_at_home(lab: Lab) -> None:
    """Git keeps the tags in a directory of that name: there can be no other one, which is told."""
    lab.quietly("tag -d snapshot/old")
    lab.quietly("tag snapshot")
    lab.quietly("pack-refs --all")
    lab.freeze("v1", "three")
    lab.git("commit -qm freeze")
    lab.git("push -q origin main")


def tag_called_snapshot_to_others(lab: Lab) -> None:
    _empty(lab)
    lab.quietly("tag -d snapshot/old")
    lab.quietly("tag snapshot")
    lab.git("push -q empty main snapshot")


def tag_moved_by_force(lab: Lab) -> None:
    lab.quietly("tag -f -a -m moved snapshot/old HEAD")
    lab.git("push -q --force origin snapshot/old")


def tag_made_anew_at_its_commit(lab: Lab) -> None:
    """Whoever has fetched the first one would never see the second one."""
    lab.quietly("tag -f -a -m anew snapshot/old snapshot/old^{commit}")
    lab.git("push -q --force origin snapshot/old")


def tag_moved_back_by_force(lab: Lab) -> None:
    lab.quietly("tag -f -a -m moved snapshot/old HEAD~2")
    lab.git("push -q --force origin snapshot/old")


def tag_moved_at_home_alone(lab: Lab) -> None:
    """The branch alone is pushed, with an edit that the tag at home covers up; the others have the tag as it was."""
    lab.pin("one")
    lab.snapshot("old", "one", body="lr: 0.2\n")
    lab.done("edit")
    lab.quietly("tag -f -a -m moved snapshot/old")
    lab.git("push -q origin main")


def tag_deleted(lab: Lab) -> None:
    lab.git("push -q origin :snapshot/old")


def tag_deleted_and_made_again(lab: Lab) -> None:
    lab.quietly("tag -d snapshot/old")
    lab.pin("one")
    lab.snapshot("old", "one", body="lr: 0.2\n")
    lab.git("commit -qm edit")


def tag_that_a_colleague_has_made(lab: Lab) -> None:
    """Each froze something of their own under one name; the first one has it."""
    lab.frozen("v1", "three")
    lab.quietly("push -q origin main snapshot/v1")
    lab.quietly("reset -q --hard HEAD~")
    lab.quietly("update-ref refs/remotes/origin/main HEAD")
    lab.quietly("tag -d snapshot/v1")
    lab.frozen("v1", "four")
    lab.git("push -q --force origin main snapshot/v1")


def tag_that_the_server_has_and_we_do_not(lab: Lab) -> None:
    """A colleague's tag of that name is there, of something else; only the branch is pushed."""
    lab.frozen("v1", "three")
    lab.quietly("push -q origin snapshot/v1")
    lab.quietly("reset -q --hard HEAD~")
    lab.quietly("tag -d snapshot/v1")
    lab.frozen("v1", "four")
    lab.git("push -q origin main")


def tag_pushed_before_its_branch(lab: Lab) -> None:
    lab.drift()
    lab.done("freeze")
    lab.pin("five")
    lab.done("the pin comes later")
    lab.quietly("tag -a -m v1 snapshot/v1")
    lab.quietly("push -q origin snapshot/v1")
    lab.git("push -q origin main")


def tag_pushed_after_its_branch(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.quietly("push -q origin main")
    lab.git("push -q origin snapshot/v1")


def tag_pushed_after_something_was_added_to_it(lab: Lab) -> None:
    """Nobody could know: the tag was not on the server when a colleague froze more under its name."""
    lab.frozen("v1", "three")
    lab.quietly("push -q origin main")
    lab.snapshot("v1", "three", "b")
    lab.done("one more for v1")
    lab.quietly("push -q origin main")
    lab.git("push -q origin snapshot/v1")


def tag_pushed_while_another_branch_has_other_contents(lab: Lab) -> None:
    lab.quietly("checkout -q -b theirs")
    lab.frozen("v1", "four", tagged=False)
    lab.quietly("push -q origin theirs")
    lab.quietly("checkout -q main")
    lab.frozen("v1", "three")
    lab.git("push -q --follow-tags origin main")


def branch_of_a_pull_request_with_drift(lab: Lab) -> None:
    """The server has it below `refs/pull`, and no branch has it."""
    lab.drift()
    lab.done("drift")
    lab.quietly("push -q origin HEAD:refs/pull/1/head")
    lab.quietly("update-ref refs/remotes/origin/pr/1 HEAD")
    lab.git("push -q origin main")


def branch_that_the_server_has_no_more(lab: Lab) -> None:
    """What was fetched yesterday still names it."""
    lab.drift()
    lab.done("drift")
    lab.quietly("update-ref refs/remotes/origin/theirs HEAD")
    lab.git("push -q origin main")


def branch_of_a_remote_with_a_longer_name(lab: Lab) -> None:
    """`origin/fork` is another remote than `origin`."""
    lab.drift()
    lab.done("drift")
    lab.quietly("update-ref refs/remotes/origin/fork/main HEAD")
    lab.git("push -q origin main")


def replacements(lab: Lab) -> None:
    """They show other objects in place of those that are judged."""
    lab.quietly("replace HEAD HEAD~")
    lab.git("push -q origin 'refs/replace/*:refs/replace/*'")


def tags_where_the_push_leads(lab: Lab) -> None:
    """Fetched from one repository and pushed to another: the tags of that one count."""
    lab.new_server("fork")
    lab.quietly("remote set-url --push origin ../fork.git")
    lab.drift()
    lab.done("freeze")
    lab.pin("five")
    lab.done("the pin comes later")
    lab.quietly("tag -a -m v1 snapshot/v1")
    lab.quietly("push -q ../server.git snapshot/v1")
    lab.git("push -q origin main")


def allowed_by_name(lab: Lab) -> None:
    lab.drift()
    lab.done("drift")
    lab.git("push -q origin main", EXPERIMENTSTASH_ALLOW="pin")
    assert "pin: it records mytool at" in (lab.stash / ".git/experimentstash/allowed.log").read_text()


def allowed_by_another_name(lab: Lab) -> None:
    lab.drift()
    lab.done("drift")
    lab.git("push -q origin main", EXPERIMENTSTASH_ALLOW="flat,header")


def objects_that_are_gone(lab: Lab) -> None:
    """What cannot be read is not judged, and not passed."""
    lab.frozen("v1", "three")
    blob = lab.quietly(f"rev-parse HEAD:{snapshot_path('a', 'v1')}")
    (lab.stash / f".git/objects/{blob[:2]}/{blob[2:]}").unlink()
    lab.git("push -q origin main")


def branch_called_like_a_tag(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.quietly("branch snapshot/v1")
    lab.git("push -q origin main refs/heads/snapshot/v1 refs/tags/snapshot/v1")


def hooks_by_the_users_own_setting(lab: Lab) -> None:
    """`core.hooksPath` leads straight to our directory."""
    shutil.rmtree(lab.stash / ".git/hooks")
    lab.quietly(f"config core.hooksPath {lab.shipped}")
    lab.freeze("v1", "three")
    lab.git("commit -qm freeze")


def hooks_by_the_users_own_setting_of_drift(lab: Lab) -> None:
    shutil.rmtree(lab.stash / ".git/hooks")
    lab.quietly(f"config core.hooksPath {lab.shipped}")
    lab.write(snapshot_path("a", "v1"), snapshot_text("a", "v1", lab.commits["five"]))
    lab.git("commit -qm freeze")


def _branches(lab: Lab, *, bad: bool = True) -> None:
    """Have work on `main`, a freeze on `good`, and drift on `other`; be on `main`."""
    lab.quietly("checkout -q -b other")
    if bad:
        lab.drift("v2")
        lab.done("drift")
    else:
        lab.frozen("v2", "four")
    lab.quietly("checkout -q -b good main")
    lab.quietly("submodule --quiet update")
    lab.frozen("v1", "three")
    lab.quietly("checkout -q main")
    lab.quietly("submodule --quiet update")
    lab.work()


def _bad(lab: Lab) -> None:
    lab.drift()
    lab.done("drift")


def _empty(lab: Lab) -> None:
    lab.new_server("empty")
    lab.quietly("remote add empty ../empty.git")


def _moved_on(lab: Lab) -> None:
    lab.work("theirs.txt")
    lab.quietly("push -q origin main")
    lab.quietly("reset -q --hard HEAD~")
    lab.quietly("update-ref refs/remotes/origin/main HEAD")
    lab.quietly("reflog expire --expire=all --all")
    lab.quietly("gc -q --prune=now")
