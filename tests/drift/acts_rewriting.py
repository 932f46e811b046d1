"""Rewriting: amend, rebase, cherry-pick, revert, am, reset, stash, and whole histories."""

from __future__ import annotations

from conftest import run
from lab import Lab
from stashes import snapshot_path


def amend(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.git("commit -q --amend -m better")


def amend_moves_the_pin(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.pin("four")
    lab.git("commit -q --amend -m better")


def amend_twice(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.pin("four")
    lab.quietly("commit -q --amend -m worse")
    lab.pin("three")
    lab.git("commit -q --amend -m mended")


def amend_of_what_is_published(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.quietly("push -q --follow-tags origin main")
    lab.git("commit -q --amend -m better")
    lab.git("push -q --force --follow-tags origin main")


def amend_of_what_is_published_moves_the_pin(lab: Lab) -> None:
    """The tag that all have holds the pin: a snapshot is judged there."""
    lab.frozen("v1", "three")
    lab.quietly("push -q --follow-tags origin main")
    lab.pin("four")
    lab.git("commit -q --amend -m better")
    lab.git("push -q --force --follow-tags origin main")


def amend_of_the_snapshot_itself(lab: Lab) -> None:
    """Frozen is frozen: a hook cannot know that it is an amend; who wants that deletes the tag first."""
    lab.frozen("v1", "three")
    lab.snapshot("v1", "three", body="lr: 0.2\n")
    lab.git("commit -q --amend -m better")


def amend_of_the_snapshot_after_its_tag_was_deleted(lab: Lab) -> None:
    lab.frozen("v1", "three", tagged=False)
    lab.snapshot("v1", "three", body="lr: 0.2\n")
    lab.git("commit -q --amend -m better")


def amend_on_a_detached_head(lab: Lab) -> None:
    lab.quietly("checkout -q --detach")
    lab.frozen("v1", "three")
    lab.git("commit -q --amend -m better")
    lab.git("push -q origin HEAD:refs/heads/side snapshot/v1")


def amend_without_a_reflog(lab: Lab) -> None:
    lab.quietly("config core.logAllRefUpdates false")
    lab.quietly("reflog expire --expire=all --all")
    run("rm", "-rf", lab.stash / ".git/logs", cwd=lab.stash)
    lab.frozen("v1", "three")
    lab.quietly("tag before")
    lab.git("commit -q --amend -m better")


def amend_takes_the_message_of_a_tag_along(lab: Lab) -> None:
    lab.frozen("v1", "three", tagged=False)
    lab.quietly("tag -a -m 'the camera-ready ones' snapshot/v1")
    lab.git("commit -q --amend -m better")
    assert lab.quietly("tag -l --format=%(contents) snapshot/v1").strip() == "the camera-ready ones"


def fixup_and_autosquash(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.write("notes.txt")
    lab.git("commit -q --fixup HEAD")
    lab.git("rebase -q -i --autosquash HEAD~2", GIT_SEQUENCE_EDITOR="true")


def fixup_that_moves_the_pin(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.quietly("tag before")
    lab.pin("four")
    lab.git("commit -q --fixup HEAD")
    lab.git("rebase -q -i --autosquash HEAD~2", GIT_SEQUENCE_EDITOR="true")


def rebase_merge(lab: Lab) -> None:
    _diverged(lab)
    lab.git("rebase -q --merge main")


def rebase_apply(lab: Lab) -> None:
    _diverged(lab)
    lab.git("rebase -q --apply main")


def rebase_merge_onto_another_pin(lab: Lab) -> None:
    _diverged(lab, pin="three")
    lab.git("rebase -q --merge main")


def rebase_apply_onto_another_pin(lab: Lab) -> None:
    _diverged(lab, pin="three")
    lab.git("rebase -q --apply main")


def rebase_onto(lab: Lab) -> None:
    _diverged(lab)
    lab.quietly("branch onto HEAD~2")
    lab.git("rebase -q --onto main HEAD~1")


def rebase_onto_another_pin(lab: Lab) -> None:
    _diverged(lab, pin="three")
    lab.git("rebase -q --onto main HEAD~1")


def rebase_of_what_was_not_tagged(lab: Lab) -> None:
    _diverged(lab, tagged=False)
    lab.git("rebase -q main")


def rebase_aborted(lab: Lab) -> None:
    _stopped(lab)
    lab.git("rebase --abort")


def rebase_continued(lab: Lab) -> None:
    _stopped(lab)
    lab.write("README.md", "both\n")
    lab.git("rebase --continue", GIT_EDITOR="true")


def rebase_skipped(lab: Lab) -> None:
    _stopped(lab)
    lab.git("rebase --skip")


def rebase_quit(lab: Lab) -> None:
    """What was picked so far stays, on no branch; the branch is where it was."""
    _stopped(lab)
    lab.git("rebase --quit")
    lab.quietly("reset -q --hard")
    lab.quietly("checkout -q side")


def rebase_in_whose_middle_is_an_amend(lab: Lab) -> None:
    _edited(lab)
    lab.git("commit -q --amend -m better")
    assert lab.tags()["v1"][1] == lab.rev("ORIG_HEAD~1")
    lab.git("rebase --continue", GIT_EDITOR="true")


def rebase_in_whose_middle_is_an_amend_aborted(lab: Lab) -> None:
    _edited(lab)
    lab.git("commit -q --amend -m better")
    lab.git("rebase --abort")


def rebase_in_whose_middle_is_a_freeze(lab: Lab) -> None:
    _edited(lab)
    lab.freeze("v2", "four")
    lab.git("commit -q -m 'freeze v2'")
    assert "v2" not in lab.tags()
    lab.git("rebase --continue", GIT_EDITOR="true")


def rebase_in_whose_middle_the_pin_moves(lab: Lab) -> None:
    _edited(lab)
    lab.quietly("tag before ORIG_HEAD")
    lab.pin("four")
    lab.git("commit -q --amend -m worse")
    lab.git("rebase --continue", GIT_EDITOR="true")


def rebase_that_squashes(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.work("notes.txt")
    lab.git("rebase -q -i HEAD~2", GIT_SEQUENCE_EDITOR="sed -i 2s/pick/fixup/")


def rebase_that_drops_the_freeze(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.work("notes.txt")
    lab.quietly("tag before")
    lab.git("rebase -q -i HEAD~2", GIT_SEQUENCE_EDITOR="sed -i 1s/pick/drop/")


def rebase_that_rewords(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.git("rebase -q -i HEAD~", GIT_SEQUENCE_EDITOR="sed -i s/pick/reword/", GIT_EDITOR="sed -i 1s/^/better:/")


def rebase_that_reorders(lab: Lab) -> None:
    """The freeze commit comes before the one that moved the tool to what it records."""
    lab.pin("three")
    lab.done("the tool moves on")
    lab.frozen("v1", "three")
    lab.quietly("tag before")
    lab.git("rebase -q -i HEAD~2", GIT_SEQUENCE_EDITOR="sed -i '1{h;d};2G'")


def rebase_of_what_is_published(lab: Lab) -> None:
    _diverged(lab)
    lab.quietly("push -q origin side snapshot/v1")
    lab.git("rebase -q main")
    lab.git("push -q --force origin side")


def rebase_of_stacked_branches(lab: Lab) -> None:
    _diverged(lab)
    lab.quietly("branch part")
    lab.work("more.txt")
    lab.git("rebase -q --update-refs main")


def rebase_beside_a_backup(lab: Lab) -> None:
    """A branch goes on to have the freeze commit: its tag stays there."""
    _diverged(lab)
    lab.quietly("branch backup")
    lab.git("rebase -q main")


def rebase_apply_beside_a_backup(lab: Lab) -> None:
    _diverged(lab)
    lab.quietly("branch backup")
    lab.git("rebase -q --apply main")


def rebase_on_a_detached_head(lab: Lab) -> None:
    _diverged(lab)
    lab.quietly("checkout -q --detach")
    lab.quietly("branch -q -D side")
    lab.git("rebase -q main")
    lab.git("push -q origin HEAD:refs/heads/side snapshot/v1")


def rebase_of_merges(lab: Lab) -> None:
    _diverged(lab)
    lab.quietly("checkout -q -b top HEAD~")
    lab.work("top.txt")
    lab.quietly("merge -q --no-edit side")
    lab.quietly("branch -q -D side")
    lab.git("rebase -q --rebase-merges main")


def cherry_pick(lab: Lab) -> None:
    """Of a branch that goes on to exist: the tag stays there, and what is here is judged by itself."""
    _diverged(lab, freeze="three")
    lab.quietly("checkout -q main")
    lab.git("cherry-pick side")


def cherry_pick_without_a_tag(lab: Lab) -> None:
    _diverged(lab, freeze="three", tagged=False)
    lab.quietly("checkout -q main")
    lab.git("cherry-pick side")


def cherry_pick_onto_another_pin(lab: Lab) -> None:
    _diverged(lab, pin="three")
    lab.quietly("checkout -q main")
    lab.git("cherry-pick side")


def cherry_pick_onto_another_pin_without_a_tag(lab: Lab) -> None:
    _diverged(lab, pin="three", tagged=False)
    lab.quietly("checkout -q main")
    lab.git("cherry-pick side")


def cherry_pick_no_commit(lab: Lab) -> None:
    _diverged(lab, pin="three", tagged=False)
    lab.quietly("checkout -q main")
    lab.git("cherry-pick --no-commit side")
    lab.git("commit -qm picked")


def cherry_pick_of_what_is_published(lab: Lab) -> None:
    """The tag that all have is where it is judged, whatever the pin is here."""
    _diverged(lab, pin="three")
    lab.quietly("push -q origin snapshot/v1")
    lab.quietly("checkout -q main")
    lab.git("cherry-pick side")


def file_taken_from_another_branch(lab: Lab) -> None:
    _diverged(lab, freeze="three")
    lab.quietly("checkout -q main")
    lab.quietly(f"checkout side -- {snapshot_path('a', 'v1')}")
    lab.git("commit -qm taken")


def revert(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.git("revert --no-edit HEAD")


def revert_of_the_revert(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.quietly("revert --no-edit HEAD")
    lab.git("revert --no-edit HEAD")


def revert_of_the_revert_onto_another_pin(lab: Lab) -> None:
    """Untagged, it is new there."""
    lab.pin("three")
    lab.done("the tool moves on")
    lab.frozen("v1", "three", tagged=False)
    lab.quietly("revert --no-edit HEAD")
    lab.pin("four")
    lab.done("the tool moves on")
    lab.git("revert --no-edit HEAD~")


def revert_of_the_pin_alone(lab: Lab) -> None:
    lab.pin("three")
    lab.done("the tool moves on")
    lab.frozen("v1", "three")
    lab.git("revert --no-edit HEAD~")


def am(lab: Lab) -> None:
    lab.frozen("v1", "three", tagged=False)
    _mail(lab)
    lab.git("am -q ../mail")
    assert "v1" not in lab.tags()
    lab.estash("tag")


def am_onto_another_pin(lab: Lab) -> None:
    lab.frozen("v1", "two", tagged=False)
    _mail(lab)
    lab.pin("three")
    lab.done("the tool moves on")
    lab.git("am -q ../mail")


def am_aborted(lab: Lab) -> None:
    lab.write("README.md", "theirs\n")
    lab.frozen("v1", "three", tagged=False)
    _mail(lab)
    lab.work("README.md", "ours\n")
    lab.git("am -q ../mail", fails=True)
    lab.git("am --abort")


def reset_soft_and_commit(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.git("reset -q --soft HEAD~")
    lab.git("commit -qm again")


def reset_soft_and_commit_with_another_pin(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.git("reset -q --soft HEAD~")
    lab.pin("four")
    lab.git("commit -qm again")


def reset_hard(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.git("reset -q --hard HEAD~")


def reset_to_before_the_drift(lab: Lab) -> None:
    lab.drift()
    lab.done("drift")
    lab.git("reset -q --hard HEAD~")
    lab.freeze("v1", "three")
    lab.git("commit -qm freeze")


def stash_and_pop(lab: Lab) -> None:
    lab.freeze("v1", "two")
    lab.git("stash push -q")
    lab.git("stash pop -q --index")
    lab.git("commit -qm freeze")


def stash_and_pop_onto_another_pin(lab: Lab) -> None:
    lab.snapshot("v1", "two")
    lab.git("stash push -q")
    lab.pin("three")
    lab.done("the tool moves on")
    lab.git("stash pop -q --index")
    lab.git("commit -qm freeze")


def stash_branch(lab: Lab) -> None:
    lab.snapshot("v1", "two")
    lab.git("stash push -q")
    lab.git("stash branch other")
    lab.git("commit -qam freeze")


def filter_branch(lab: Lab) -> None:
    lab.frozen("v1", "three")
    _filter(lab, "--msg-filter 'sed 1s/^/Better:/'")
    lab.estash("tag")


def filter_branch_with_the_tags(lab: Lab) -> None:
    lab.frozen("v1", "three")
    _filter(lab, "--msg-filter 'sed 1s/^/Better:/' --tag-name-filter cat")


def filter_branch_of_pins(lab: Lab) -> None:
    lab.frozen("v1", "three")
    entry = f"160000,{lab.commits['two']},tools/mytool"
    _filter(lab, f"--index-filter 'git update-index --cacheinfo {entry}'")


def filter_branch_of_what_is_published(lab: Lab) -> None:
    """The tag that all have stays where it is, and their snapshots are judged there."""
    lab.frozen("v1", "three")
    lab.quietly("push -q --follow-tags origin main")
    _filter(lab, "--msg-filter 'sed 1s/^/Better:/'")
    lab.git("push -q --force origin main")


def fast_import(lab: Lab) -> None:
    lab.frozen("v1", "three")
    stream = lab.quietly("fast-export main")
    stream = stream.replace(f"data {len('freeze v1') + 1}\nfreeze v1\n", "data 6\nmended\n")
    lab.git("fast-import --quiet --force", stdin=stream + "\n")
    lab.quietly("reset -q --hard")
    lab.estash("tag")


def fast_import_of_other_pins(lab: Lab) -> None:
    lab.frozen("v1", "three")
    stream = lab.quietly("fast-export main").replace(lab.commits["three"], lab.commits["four"], 1)
    lab.git("fast-import --quiet --force", stdin=stream + "\n")


def replaced_drift(lab: Lab) -> None:
    """`git replace` shows a commit that holds; what is pushed is the one that does not."""
    lab.drift()
    lab.done("drift")
    drifted = lab.rev("HEAD")
    lab.pin("five")
    lab.quietly("commit -q --amend -m freeze")
    mended = lab.rev("HEAD")
    lab.quietly(f"reset -q --soft {drifted}")
    lab.quietly(f"replace {drifted} {mended}")


def drift_behind_a_graft(lab: Lab) -> None:
    """`info/grafts` leaves the drifted commit out of the history that is seen here."""
    lab.drift()
    lab.done("drift")
    lab.quietly("rm -q configs/mytool/snapshots/v1/a.yaml")
    lab.done("out again")
    (lab.stash / ".git/info").mkdir(exist_ok=True)
    (lab.stash / ".git/info/grafts").write_text(f"{lab.rev('HEAD')} {lab.rev('HEAD~2')}\n")


def drift_behind_a_replacement(lab: Lab) -> None:
    """`git replace --graft` leaves the drifted commit out of the history that is seen here."""
    lab.drift()
    lab.done("drift")
    lab.quietly("rm -q configs/mytool/snapshots/v1/a.yaml")
    lab.done("out again")
    lab.quietly(f"replace --graft HEAD {lab.rev('HEAD~2')}")


def _filter(lab: Lab, what: str) -> None:
    """Rewrite what was done since the stash was first pushed."""
    lab.quietly("submodule --quiet update")
    lab.git(f"filter-branch -f {what} -- HEAD ^HEAD~", FILTER_BRANCH_SQUELCH_WARNING="1")


def _diverged(lab: Lab, *, pin: str = "", freeze: str = "two", tagged: bool = True) -> None:
    """Have two commits on a branch `side`, of which the last freezes `v1`, and one on `main`; be on `side`."""
    lab.work("notes.txt", "main\n")
    if pin:
        lab.pin(pin)
        lab.done("the tool moves on")
    lab.quietly("checkout -q -b side origin/main")
    lab.quietly("submodule --quiet update")
    lab.work("side.txt")
    lab.frozen("v1", freeze, tagged=tagged)


def _stopped(lab: Lab) -> None:
    """Be in the middle of a rebase: `v1` is picked, and the commit after it has a conflict."""
    lab.work("README.md", "main\n")
    lab.quietly("checkout -q -b side origin/main")
    lab.frozen("v1", "two")
    lab.work("README.md", "side\n")
    lab.git("rebase -q main", fails=True)


def _edited(lab: Lab) -> None:
    """Be in the middle of a rebase that stopped at the freeze commit of `v1`."""
    lab.frozen("v1", "three")
    lab.work("notes.txt")
    lab.git("rebase -q -i HEAD~2", GIT_SEQUENCE_EDITOR="sed -i 1s/pick/edit/")


def _mail(lab: Lab) -> None:
    """Have the last commit as a mail, and no more as a commit."""
    (lab.folder / "mail").write_text(lab.quietly("format-patch --stdout -1 --full-index --binary"))
    lab.quietly("reset -q --hard HEAD~")
    lab.quietly("submodule --quiet update")
