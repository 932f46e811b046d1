"""Merges and pulls."""

from __future__ import annotations

from lab import Lab
from stashes import snapshot_path


def merge(lab: Lab) -> None:
    _side(lab)
    lab.git("merge -q --no-edit side")


def merge_of_a_side_without_hooks(lab: Lab) -> None:
    _side(lab, tagged=False)
    lab.git("merge -q --no-edit side")


def merge_of_drift(lab: Lab) -> None:
    _side_of_drift(lab)
    lab.git("merge -q --no-edit side")


def merge_no_verify_of_drift(lab: Lab) -> None:
    _side_of_drift(lab)
    lab.git("merge -q --no-edit --no-verify side")


def merge_while_the_tool_moved_on(lab: Lab) -> None:
    _side(lab, tagged=False)
    lab.pin("four")
    lab.done("the tool moves on")
    lab.git("merge -q --no-edit side")  # git takes the later pin: the snapshot has that of its own commit


def merge_fast_forward(lab: Lab) -> None:
    _side(lab, tagged=False, work=False)
    lab.git("merge -q --ff-only side")


def merge_fast_forward_of_drift(lab: Lab) -> None:
    _side_of_drift(lab, work=False)
    lab.git("merge -q --ff-only side")


def merge_no_ff(lab: Lab) -> None:
    _side(lab, tagged=False, work=False)
    lab.git("merge -q --no-ff --no-edit side")


def merge_with_a_conflict(lab: Lab) -> None:
    _conflict(lab)
    lab.write("README.md", "both\n")
    lab.git("commit -q --no-edit")


def merge_with_a_conflict_of_a_side_without_hooks(lab: Lab) -> None:
    _conflict(lab, tagged=False)
    lab.write("README.md", "both\n")
    lab.git("commit -q --no-edit")


def merge_with_a_conflict_and_a_stale_checkout(lab: Lab) -> None:
    """`git add -A` while resolving takes the tool back: nothing of a snapshot, whose tag holds the pin."""
    _conflict(lab)
    lab.check_out("two")
    lab.write("README.md", "both\n")
    lab.quietly("add -A")
    lab.git("commit -q --no-edit")


def merge_that_freezes_with_a_stale_checkout(lab: Lab) -> None:
    _conflict(lab)
    lab.snapshot("v2", "three")
    lab.check_out("two")
    lab.write("README.md", "both\n")
    lab.quietly("add -A")
    lab.git("commit -q --no-edit")


def merge_continue(lab: Lab) -> None:
    _conflict(lab)
    lab.write("README.md", "both\n")
    lab.git("merge --continue", GIT_EDITOR="true")


def merge_abort(lab: Lab) -> None:
    _conflict(lab)
    lab.git("merge --abort")


def merge_no_commit(lab: Lab) -> None:
    _side(lab)
    lab.git("merge -q --no-commit side")
    lab.git("commit -q --no-edit")


def evil_merge_that_freezes(lab: Lab) -> None:
    _side(lab)
    lab.quietly("merge -q --no-commit side")
    lab.freeze("v2", "four")
    lab.git("commit -q --no-edit")


def evil_merge_that_drifts(lab: Lab) -> None:
    _side(lab)
    lab.quietly("merge -q --no-commit side")
    lab.drift("v2")
    lab.git("commit -q --no-edit")


def evil_merge_that_edits_what_a_side_froze(lab: Lab) -> None:
    _side(lab)
    lab.quietly("merge -q --no-commit side")
    lab.snapshot("v1", "three", body="lr: 0.2\n")
    lab.git("commit -q --no-edit")


def evil_merge_that_edits_what_a_side_froze_untagged(lab: Lab) -> None:
    _side(lab, tagged=False)
    lab.quietly("merge -q --no-commit side")
    lab.snapshot("v1", "three", body="lr: 0.2\n")
    lab.git("commit -q --no-edit")


def merge_of_two_contents_of_one_snapshot(lab: Lab) -> None:
    """Each side froze `v1`, and nobody tagged it: whichever is kept, the tag could only name one of them."""
    _side(lab, tagged=False)
    lab.freeze("v1", "four")
    lab.done("freeze v1 too")
    lab.git("merge -q --no-edit side", fails=True)
    lab.quietly(f"checkout --ours -- {snapshot_path('a', 'v1')}")
    lab.pin("four")
    lab.quietly("add configs")
    lab.git("commit -q --no-edit")


def merge_squash(lab: Lab) -> None:
    _side(lab)
    lab.git("merge -q --squash side")
    lab.git("commit -qm squashed")


def merge_squash_without_the_pin(lab: Lab) -> None:
    _side(lab)
    lab.git("merge -q --squash side")
    lab.pin("two")
    lab.git("commit -qm squashed")


def merge_ours(lab: Lab) -> None:
    _side(lab)
    lab.git("merge -q -s ours --no-edit side")


def merge_theirs(lab: Lab) -> None:
    _conflict(lab)
    lab.quietly("merge --abort")
    lab.git("merge -q -X theirs --no-edit side")


def merge_of_another_stash(lab: Lab) -> None:
    """Histories without a common root; the other one has frozen with its own pins."""
    lab.quietly("checkout -q --orphan side")
    lab.freeze("v1", "three")
    lab.done("freeze v1")
    lab.quietly("checkout -q -f main")
    lab.git("merge -q --no-edit --allow-unrelated-histories -s ours --no-commit side")
    lab.quietly("checkout side -- configs/mytool/snapshots/v1")
    lab.git("commit -q --no-edit")


def octopus(lab: Lab) -> None:
    _three_sides(lab)
    lab.git("merge -q --no-edit side other")


def octopus_of_drift(lab: Lab) -> None:
    _three_sides(lab)
    lab.quietly("checkout -q other")
    lab.drift("v3")
    lab.done("drift")
    lab.quietly("checkout -q main")
    lab.git("merge -q --no-edit side other")


def pull(lab: Lab) -> None:
    _colleague(lab, "colleague")
    lab.work("notes.txt")
    lab.git("pull -q --no-rebase --no-edit")


def pull_with_a_conflict_untagged(lab: Lab) -> None:
    _colleague(lab, "colleague", tagged=False)
    lab.work("README.md", "ours\n")
    lab.git("pull -q --no-rebase --no-edit", fails=True)
    lab.write("README.md", "both\n")
    lab.git("commit -q --no-edit")


def pull_fast_forward_untagged(lab: Lab) -> None:
    """What a colleague froze and did not tag is theirs to tag: two tags would clash."""
    _colleague(lab, "colleague", tagged=False)
    lab.git("pull -q --ff-only")


def pull_of_published_drift(lab: Lab) -> None:
    """Somebody went round the gate: whoever pulls it did nothing wrong, and can push."""
    lab.drift()
    lab.done("drift")
    lab.quietly("push -q origin main")
    lab.quietly("reset -q --hard HEAD~")
    lab.quietly("update-ref refs/remotes/origin/main HEAD")
    lab.work("notes.txt")
    lab.git("pull -q --no-rebase --no-edit")


def merge_of_a_pull_request_with_drift(lab: Lab) -> None:
    """It is fetched below `refs/remotes/origin`, and no branch of the server has it."""
    lab.drift()
    lab.done("drift")
    lab.quietly("push -q origin HEAD:refs/pull/1/head")
    lab.quietly("update-ref refs/remotes/origin/pr/1 HEAD")
    lab.quietly("reset -q --hard HEAD~")
    lab.git("merge -q --no-ff --no-edit origin/pr/1")


def merge_of_a_remote_branch_with_drift(lab: Lab) -> None:
    """It is in the shared repository already; what somebody here adds to it is judged."""
    lab.drift()
    lab.done("drift")
    lab.quietly("push -q origin HEAD:refs/heads/theirs")
    lab.quietly("reset -q --hard HEAD~")
    lab.drift("v2")
    lab.done("drift too")
    lab.quietly("checkout -q -b ours")
    lab.quietly("merge -q --no-edit origin/theirs")
    lab.quietly("checkout -q -B main HEAD~2")
    lab.work("notes.txt")
    lab.git("merge -q --no-edit ours")


def pull_rebase(lab: Lab) -> None:
    _colleague(lab, "colleague")
    lab.frozen("v1", "three", "b")
    lab.git("pull -q --rebase")


def pull_rebase_onto_another_pin(lab: Lab) -> None:
    """A colleague moved the tool, and the freeze commit had the pin of its parent."""
    lab.pin("three")
    lab.done("the tool moves on")
    lab.quietly("push -q origin main")
    lab.quietly("reset -q --hard HEAD~")
    lab.quietly("update-ref refs/remotes/origin/main HEAD")
    lab.frozen("v1", "two")
    lab.git("pull -q --rebase")


def _side(lab: Lab, *, tagged: bool = True, work: bool = True) -> None:
    """Have `v1` frozen on a branch `side`, and other work on `main`."""
    lab.quietly("checkout -q -b side")
    lab.frozen("v1", "three", tagged=tagged)
    _back_to_main(lab)
    if work:
        lab.work("notes.txt")


def _side_of_drift(lab: Lab, *, work: bool = True) -> None:
    lab.quietly("checkout -q -b side")
    lab.drift()
    lab.done("drift")
    _back_to_main(lab)
    if work:
        lab.work("notes.txt")


def _back_to_main(lab: Lab) -> None:
    lab.quietly("checkout -q main")
    lab.quietly("submodule --quiet update")


def _conflict(lab: Lab, *, tagged: bool = True) -> None:
    """Have `v1` frozen on a branch `side` whose merge has a conflict, and be in the middle of it."""
    lab.quietly("checkout -q -b side")
    lab.write("README.md", "theirs\n")
    lab.frozen("v1", "three", tagged=tagged)
    _back_to_main(lab)
    lab.work("README.md", "ours\n")
    lab.git("merge -q --no-edit side", fails=True)


def _three_sides(lab: Lab) -> None:
    for name, tag, experiment in (("side", "v1", "a"), ("other", "v2", "b")):
        lab.quietly(f"checkout -q -b {name} main")
        lab.snapshot(tag, "two", experiment)
        lab.done(f"freeze {tag}")
    lab.quietly("checkout -q main")
    lab.work("notes.txt")


def _colleague(lab: Lab, tag: str, *, tagged: bool = True) -> None:
    """Have a snapshot on the server that is not here yet, and be where we were before."""
    lab.write("README.md", "theirs\n")
    lab.frozen(tag, "two", tagged=tagged)
    lab.quietly("push -q --follow-tags origin main")
    lab.quietly("reset -q --hard HEAD~")
    lab.quietly("update-ref refs/remotes/origin/main HEAD")
    if tagged:
        lab.quietly(f"tag -d snapshot/{tag}")
