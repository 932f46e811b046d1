"""The drift matrix: what can go wrong with a pin, a snapshot or a tag, and what only looks so; and who notices it.

A row is an act: a function that does with git what somebody did. Its verdicts, under the native hooks, under pre-commit
and under prek, each with the native gate beside it, say who of ours noticed it, in order:

    FINE        nobody: it is pushed, in silence
    COMMIT      it is refused when it is committed or merged
    TOLD        it is committed, and a hook says afterwards what does not hold; the push is refused
    PUSH        the push is refused; a framework's own hook sees it too
    GATE        the push is refused by the native gate: the framework's hook does not see it (traps.md)
    TOLD_GATE   both of it
    SAID        it is committed, told of, and pushed: there is a thing to know, and no drift

The last verdict is for a clone without hooks but for the gate, and its server: PUSH where both refuse, GATE where only
the clone can know, SERVER where only the server can, and FINE. The tags are those that the clone has in the end, beside
`old` where it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import acts_commits as commits
import acts_contents as contents
import acts_merges as merges
import acts_places as places
import acts_pushes as pushes
import acts_rewriting as rewriting

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab import Lab

FINE, COMMIT, TOLD, PUSH, GATE = "", "commit", "told, push", "push", "gate"
TOLD_GATE, SAID, SERVER = "told, gate", "told", "server"


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        act: what is done.
        native: the verdict under the native hooks.
        pre_commit: under pre-commit.
        prek: under prek.
        none: without hooks but for the gate, and at the server.
        tags: where each tag leads in the end.
        left: tags that lead elsewhere under a framework, which does not tell what was rewritten.
    """

    act: Callable[[Lab], None]
    native: str
    pre_commit: str
    prek: str
    none: str
    tags: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.act.__module__.removeprefix('acts_')}.{self.act.__name__}"

    def verdict(self, setup: str) -> str:
        return {"native": self.native, "pre-commit": self.pre_commit, "prek": self.prek, "none": self.none}[setup]


def healthy(act: Callable[[Lab], None], said: str = FINE, **tags: str) -> Row:
    """Nobody is stopped who did nothing wrong."""
    return Row(act, said, said, said, FINE, tags)


def drift(act: Callable[[Lab], None], native: str, framework: str = "", none: str = PUSH, **tags: str) -> Row:
    """It is refused, at the latest when it is pushed; under the frameworks as natively, where nothing else is said."""
    return Row(act, native, framework or native, framework or native, none, tags)


TABLE = (
    # commits
    healthy(commits.commit, v1="HEAD"),
    drift(commits.commit_with_a_stale_pin, COMMIT),
    healthy(commits.commit_a, v1="HEAD"),
    drift(commits.commit_a_sweeps_a_checkout_in, COMMIT),
    healthy(commits.commit_file, v1="HEAD"),
    drift(commits.commit_file_without_its_pin, COMMIT),
    drift(commits.commit_only, COMMIT),
    healthy(commits.commit_include, v1="HEAD"),
    drift(commits.commit_include_one_pin_too_many, COMMIT),
    healthy(commits.commit_p, v1="HEAD"),
    drift(commits.commit_p_takes_a_checkout, COMMIT),
    drift(commits.commit_p_leaves_the_pin_out, COMMIT),
    healthy(commits.commit_no_verify, v1="HEAD"),
    drift(commits.commit_no_verify_of_drift, TOLD),
    drift(commits.commit_without_hooks, PUSH),
    drift(commits.commit_by_plumbing, PUSH),
    healthy(commits.commit_nothing),
    healthy(commits.commit_from_a_subfolder, v1="HEAD"),
    drift(commits.commit_from_a_subfolder_of_drift, COMMIT),
    healthy(commits.commit_of_what_is_only_intended),
    drift(commits.commit_a_of_what_was_only_intended, COMMIT),
    healthy(commits.commit_of_what_is_staged_and_not_what_lies_there, v1="HEAD"),
    drift(commits.commit_of_staged_drift_mended_on_disk, COMMIT),
    healthy(commits.commit_with_an_index_of_ones_own, v1="HEAD"),
    drift(commits.commit_of_drift_with_an_index_of_ones_own, COMMIT),
    healthy(commits.root_commit, v1="HEAD"),
    drift(commits.root_commit_of_drift, COMMIT),
    healthy(commits.two_snapshots_of_one_tag, v1="HEAD"),
    drift(commits.two_snapshots_of_one_tag_at_two_commits, COMMIT),
    healthy(commits.two_tags_in_one_commit, v1="HEAD", v2="HEAD"),
    healthy(commits.abbreviated_commit, v1="HEAD"),
    healthy(commits.two_tools, v1="HEAD"),
    drift(commits.two_tools_of_which_one_is_stale, COMMIT),
    drift(commits.tool_that_is_not_registered, COMMIT),
    healthy(commits.tool_that_is_registered_no_more, v1="HEAD~"),
    drift(commits.registry_that_cannot_be_read, COMMIT),
    drift(commits.header_of_another_experiment, COMMIT),
    drift(commits.header_without_a_time, COMMIT),
    drift(commits.half_flat, COMMIT),
    healthy(commits.pin_alone),
    healthy(commits.pin_back_to_an_old_one, v1="HEAD~"),
    drift(commits.frozen_file_edited, COMMIT),
    drift(commits.frozen_file_edited_without_hooks, PUSH),
    drift(commits.frozen_file_edited_and_back, PUSH),
    healthy(commits.frozen_file_removed),
    healthy(commits.frozen_file_removed_and_back),
    drift(commits.added_to_a_tag_that_is_made, COMMIT),
    healthy(commits.results_beside_a_snapshot, v1="HEAD"),
    drift(commits.results_added_later, COMMIT),
    drift(commits.pin_that_comes_later, PUSH),
    healthy(commits.second_commit_before_the_first_is_tagged, v1="HEAD~", v2="HEAD"),
    # merges and pulls
    healthy(merges.merge, v1="side"),
    healthy(merges.merge_of_a_side_without_hooks, v1="side"),
    drift(merges.merge_of_drift, COMMIT),
    drift(merges.merge_no_verify_of_drift, TOLD),
    healthy(merges.merge_while_the_tool_moved_on, v1="side"),
    healthy(merges.merge_fast_forward, v1="HEAD"),
    drift(merges.merge_fast_forward_of_drift, TOLD),
    healthy(merges.merge_no_ff, v1="side"),
    healthy(merges.merge_with_a_conflict, v1="side"),
    healthy(merges.merge_with_a_conflict_of_a_side_without_hooks, v1="side"),
    healthy(merges.merge_with_a_conflict_and_a_stale_checkout, v1="side"),
    drift(merges.merge_that_freezes_with_a_stale_checkout, COMMIT, v1="side"),
    healthy(merges.merge_continue, v1="side"),
    healthy(merges.merge_abort, v1="side"),
    healthy(merges.merge_no_commit, v1="side"),
    healthy(merges.evil_merge_that_freezes, v1="side", v2="HEAD"),
    drift(merges.evil_merge_that_drifts, COMMIT, v1="side"),
    drift(merges.evil_merge_that_edits_what_a_side_froze, COMMIT, v1="side"),
    drift(merges.evil_merge_that_edits_what_a_side_froze_untagged, COMMIT),
    drift(merges.merge_of_two_contents_of_one_snapshot, PUSH, none=FINE, v1="HEAD~"),
    healthy(merges.merge_squash, v1="side"),
    drift(merges.merge_squash_without_the_pin, PUSH, v1="side"),
    healthy(merges.merge_ours, v1="side"),
    healthy(merges.merge_theirs, v1="side"),
    healthy(merges.merge_of_another_stash, v1="side"),
    healthy(merges.octopus, v1="side", v2="other"),
    drift(merges.octopus_of_drift, COMMIT),
    healthy(merges.pull, colleague="HEAD^2"),
    healthy(merges.pull_with_a_conflict_untagged),
    healthy(merges.pull_fast_forward_untagged),
    healthy(merges.pull_of_published_drift),
    drift(merges.merge_of_a_remote_branch_with_drift, COMMIT),
    drift(merges.merge_of_a_pull_request_with_drift, COMMIT),
    healthy(merges.pull_rebase, v1="HEAD", colleague="HEAD~"),
    drift(merges.pull_rebase_onto_another_pin, TOLD, v1="ORIG_HEAD"),
    # rewriting
    healthy(rewriting.amend, v1="HEAD"),
    drift(rewriting.amend_moves_the_pin, TOLD, v1="HEAD@{1}"),
    healthy(rewriting.amend_twice, v1="HEAD"),
    healthy(rewriting.amend_of_what_is_published, v1="HEAD@{1}"),
    healthy(rewriting.amend_of_what_is_published_moves_the_pin, v1="HEAD@{1}"),
    drift(rewriting.amend_of_the_snapshot_itself, COMMIT, none=FINE, v1="HEAD"),
    healthy(rewriting.amend_of_the_snapshot_after_its_tag_was_deleted, v1="HEAD"),
    healthy(rewriting.amend_on_a_detached_head, v1="HEAD"),
    replace(healthy(rewriting.amend_without_a_reflog, v1="HEAD"), left={"v1": "before"}),
    healthy(rewriting.amend_takes_the_message_of_a_tag_along, v1="HEAD"),
    healthy(rewriting.fixup_and_autosquash, v1="HEAD"),
    drift(rewriting.fixup_that_moves_the_pin, TOLD, v1="before"),
    healthy(rewriting.rebase_merge, v1="HEAD"),
    healthy(rewriting.rebase_apply, v1="HEAD"),
    drift(rewriting.rebase_merge_onto_another_pin, TOLD, v1="ORIG_HEAD"),
    drift(rewriting.rebase_apply_onto_another_pin, TOLD, v1="ORIG_HEAD"),
    healthy(rewriting.rebase_onto, v1="HEAD"),
    drift(rewriting.rebase_onto_another_pin, TOLD, v1="ORIG_HEAD"),
    healthy(rewriting.rebase_of_what_was_not_tagged, v1="HEAD"),
    healthy(rewriting.rebase_aborted, v1="HEAD~"),
    healthy(rewriting.rebase_continued, v1="HEAD~"),
    healthy(rewriting.rebase_skipped, v1="HEAD"),
    healthy(rewriting.rebase_quit, v1="HEAD~"),
    healthy(rewriting.rebase_in_whose_middle_is_an_amend, v1="HEAD~"),
    healthy(rewriting.rebase_in_whose_middle_is_an_amend_aborted, v1="HEAD~"),
    healthy(rewriting.rebase_in_whose_middle_is_a_freeze, v1="HEAD~2", v2="HEAD~"),
    drift(rewriting.rebase_in_whose_middle_the_pin_moves, TOLD, v1="before~"),
    healthy(rewriting.rebase_that_squashes, v1="HEAD"),
    healthy(rewriting.rebase_that_drops_the_freeze, v1="before~"),
    healthy(rewriting.rebase_that_rewords, v1="HEAD"),
    drift(rewriting.rebase_that_reorders, TOLD, v1="before"),
    healthy(rewriting.rebase_of_what_is_published, v1="ORIG_HEAD"),
    healthy(rewriting.rebase_of_stacked_branches, v1="HEAD~"),
    healthy(rewriting.rebase_beside_a_backup, v1="backup"),
    healthy(rewriting.rebase_apply_beside_a_backup, v1="backup"),
    healthy(rewriting.rebase_on_a_detached_head, v1="HEAD"),
    healthy(rewriting.rebase_of_merges, v1="HEAD^2"),
    healthy(rewriting.cherry_pick, v1="side"),
    healthy(rewriting.cherry_pick_without_a_tag, v1="HEAD"),
    drift(rewriting.cherry_pick_onto_another_pin, PUSH, v1="side"),
    drift(rewriting.cherry_pick_onto_another_pin_without_a_tag, TOLD),
    drift(rewriting.cherry_pick_no_commit, COMMIT),
    healthy(rewriting.cherry_pick_of_what_is_published, v1="side"),
    drift(rewriting.file_taken_from_another_branch, PUSH, v1="side"),
    healthy(rewriting.revert, v1="HEAD~"),
    healthy(rewriting.revert_of_the_revert, v1="HEAD~2"),
    drift(rewriting.revert_of_the_revert_onto_another_pin, TOLD),
    healthy(rewriting.revert_of_the_pin_alone, v1="HEAD~"),
    healthy(rewriting.am, v1="HEAD"),
    drift(rewriting.am_onto_another_pin, PUSH),
    healthy(rewriting.am_aborted),
    healthy(rewriting.reset_soft_and_commit, v1="HEAD"),
    drift(rewriting.reset_soft_and_commit_with_another_pin, TOLD, v1="ORIG_HEAD"),
    healthy(rewriting.reset_hard, v1="ORIG_HEAD"),
    healthy(rewriting.reset_to_before_the_drift, v1="HEAD"),
    healthy(rewriting.stash_and_pop, v1="HEAD"),
    drift(rewriting.stash_and_pop_onto_another_pin, COMMIT),
    healthy(rewriting.stash_branch, v1="HEAD"),
    healthy(rewriting.filter_branch, v1="HEAD"),
    healthy(rewriting.filter_branch_with_the_tags, v1="HEAD"),
    drift(rewriting.filter_branch_of_pins, PUSH, v1="HEAD@{1}"),
    healthy(rewriting.filter_branch_of_what_is_published, v1="HEAD@{1}"),
    healthy(rewriting.fast_import, v1="HEAD"),
    drift(rewriting.fast_import_of_other_pins, PUSH, v1="HEAD@{1}"),
    drift(rewriting.replaced_drift, PUSH),
    drift(rewriting.drift_behind_a_graft, PUSH, none=GATE),
    drift(rewriting.drift_behind_a_replacement, PUSH),
    # clones and repositories of every kind, configuration and environment
    healthy(places.linked_worktree, v1="HEAD"),
    drift(places.linked_worktree_of_drift, COMMIT),
    healthy(places.linked_worktree_beside_drift, v1="HEAD"),
    healthy(places.linked_worktree_of_a_bare_clone, v1="HEAD"),
    drift(places.linked_worktree_of_a_bare_clone_of_drift, COMMIT),
    healthy(places.clone_without_submodules, v1="HEAD"),
    drift(places.clone_without_submodules_of_drift, COMMIT),
    healthy(places.clone_without_tags, v1="HEAD"),
    drift(places.clone_without_tags_in_which_a_frozen_file_is_edited, COMMIT),
    drift(places.clone_without_tags_in_which_a_tag_is_added_to, PUSH, old="HEAD"),
    healthy(places.shallow_clone, v1="HEAD"),
    drift(places.shallow_clone_of_drift, COMMIT),
    drift(places.shallow_clone_beyond_whose_edge_it_was_frozen, COMMIT),
    drift(places.shallow_clone_to_an_empty_remote, PUSH, none=GATE),
    healthy(places.shallow_clone_by_url),
    healthy(places.blobless_clone, v1="HEAD"),
    drift(places.blobless_clone_of_drift, COMMIT),
    drift(places.blobless_clone_in_which_a_frozen_file_is_edited, COMMIT),
    healthy(places.treeless_clone, v1="HEAD"),
    drift(places.treeless_clone_of_drift, COMMIT),
    drift(places.partial_clone_whose_remote_is_gone, COMMIT),
    healthy(places.bare_clone_pushes, v1="HEAD"),
    drift(places.bare_clone_pushes_drift, PUSH, GATE),
    healthy(places.clone_with_borrowed_objects, v1="HEAD"),
    drift(places.clone_with_borrowed_objects_of_drift, COMMIT),
    healthy(places.stash_as_a_submodule, v1="HEAD"),
    drift(places.stash_as_a_submodule_of_drift, COMMIT),
    healthy(places.git_folder_elsewhere, v1="HEAD"),
    healthy(places.git_dir_and_work_tree_said_by_the_user, v1="HEAD"),
    drift(places.git_dir_and_work_tree_said_by_the_user_of_drift, COMMIT),
    healthy(places.git_dir_said_by_the_user, v1="HEAD"),
    drift(places.git_dir_said_by_the_user_of_drift, COMMIT),
    healthy(places.git_dir_said_in_place_of_the_one_that_is_there, v2="HEAD"),
    drift(places.git_dir_said_in_place_of_the_one_that_is_there_of_drift, COMMIT),
    healthy(places.sha256, v1="HEAD", old="HEAD~"),
    drift(places.sha256_of_drift, COMMIT, old="HEAD"),
    healthy(places.reftable, v1="HEAD", old="HEAD~"),
    drift(places.reftable_of_drift, COMMIT, old="HEAD"),
    healthy(places.split_index, v1="HEAD"),
    drift(places.split_index_of_drift, COMMIT),
    healthy(places.sparse_index, v1="HEAD"),
    drift(places.sparse_index_of_drift, COMMIT),
    healthy(places.sparse_checkout_without_configs),
    healthy(places.index_version_4, v1="HEAD"),
    healthy(places.packed, v1="HEAD"),
    drift(places.packed_with_drift, PUSH),
    drift(places.assume_unchanged, COMMIT),
    healthy(places.ignore_submodules, v1="HEAD"),
    drift(places.ignore_submodules_of_drift, COMMIT),
    healthy(places.ignore_all, v1="HEAD"),
    drift(places.ignore_all_of_drift, COMMIT),
    healthy(places.settings_that_change_what_git_says, v1="HEAD"),
    drift(places.settings_that_change_what_git_says_of_drift, COMMIT),
    healthy(places.settings_of_one_command, v1="HEAD"),
    drift(places.pathspecs_taken_literally, COMMIT),
    healthy(places.signed_where_the_user_signs, v1="HEAD"),
    healthy(places.signed_again_when_it_goes_along, v1="HEAD"),
    healthy(places.signed_with_a_key_that_is_gone, SAID),
    healthy(places.no_stash_at_all),
    # what a commit holds
    healthy(contents.submodule_removed),
    drift(contents.submodule_removed_while_freezing, COMMIT),
    healthy(contents.submodule_renamed),
    drift(contents.submodule_renamed_and_its_snapshots_with_it, COMMIT),
    drift(contents.submodule_renamed_while_freezing, COMMIT),
    healthy(contents.submodule_at_another_url, v1="HEAD"),
    drift(contents.submodule_at_another_url_of_drift, COMMIT),
    healthy(contents.submodule_replaced_by_a_folder),
    drift(contents.submodule_replaced_by_a_folder_while_freezing, COMMIT),
    drift(contents.submodule_replaced_by_a_link_while_freezing, COMMIT),
    drift(contents.submodule_with_a_commit_that_nobody_has, PUSH, none=GATE, v1="HEAD"),
    healthy(contents.submodule_pushed_along, v1="HEAD"),
    healthy(contents.submodule_with_work_in_it, v1="HEAD"),
    healthy(contents.lock_beside_its_snapshot, v1="HEAD"),
    healthy(contents.lock_that_came_before_its_snapshot, v1="HEAD"),
    drift(contents.lock_left_out, COMMIT),
    drift(contents.lock_edited, COMMIT),
    drift(contents.lock_is_a_link, COMMIT),
    drift(contents.recorded_results_left_out, COMMIT),
    healthy(contents.frozen_file_made_executable),
    drift(contents.frozen_file_becomes_a_link, COMMIT),
    drift(contents.new_snapshot_is_a_link, COMMIT),
    drift(contents.folder_of_snapshots_becomes_a_link, COMMIT),
    drift(contents.folder_of_a_tag_becomes_a_link, COMMIT),
    drift(contents.folder_of_a_tool_becomes_a_submodule, COMMIT),
    healthy(contents.folder_of_no_tool_is_a_link),
    drift(contents.snapshot_with_another_ending, COMMIT),
    drift(contents.lock_swapped_before_the_tag_is_made, COMMIT),
    drift(contents.lock_swapped_by_way_of_nothing, COMMIT),
    drift(contents.jobs_of_a_sweep_left_out, COMMIT),
    drift(contents.snapshot_is_a_submodule, COMMIT),
    drift(contents.frozen_file_moved_to_another_tag, COMMIT),
    drift(contents.frozen_file_moved_to_another_tag_whose_header_says_so, COMMIT),
    healthy(contents.frozen_again_under_another_tag, v1="HEAD"),
    drift(contents.frozen_file_renamed, COMMIT),
    drift(contents.frozen_file_renamed_in_the_case_of_a_letter, COMMIT),
    drift(contents.tag_renamed_in_the_case_of_a_letter, COMMIT),
    healthy(contents.new_tag_differs_in_the_case_of_a_letter, SAID),
    drift(contents.folder_that_is_no_tag, COMMIT),
    healthy(contents.name_with_letters_of_every_kind, v1="HEAD"),
    drift(contents.name_with_a_blank, COMMIT),
    healthy(contents.line_endings_of_the_checkout, v1="HEAD"),
    healthy(contents.snapshots_aside),
    healthy(contents.experiment_edited),
    # pushes
    healthy(pushes.several_refs, v1="good", v2="other"),
    drift(pushes.several_refs_of_which_the_last_is_bad, PUSH, GATE, v1="good"),
    drift(pushes.all_branches, PUSH, GATE, v1="good"),
    drift(pushes.another_branch_than_is_checked_out, PUSH, v1="good"),
    healthy(pushes.good_branch_while_a_bad_one_is_checked_out, v1="good"),
    drift(pushes.drift_below_a_healthy_head, PUSH),
    healthy(pushes.good_part_of_a_bad_branch),
    drift(pushes.bad_part_of_a_branch, PUSH),
    healthy(pushes.commit_by_its_id, v1="HEAD"),
    drift(pushes.bad_commit_by_its_id, PUSH),
    drift(pushes.bad_commit_at_a_date, PUSH),
    healthy(pushes.branch_that_the_server_has_by_another_name),
    drift(pushes.branch_to_another_namespace, PUSH),
    healthy(pushes.nothing_new),
    healthy(pushes.with_an_atom, v1="good", v2="other"),
    drift(pushes.with_an_atom_of_which_one_part_is_bad, PUSH, GATE, v1="good"),
    healthy(pushes.with_options, v1="HEAD"),
    healthy(pushes.dry_run, v1="HEAD"),
    drift(pushes.dry_run_of_drift, PUSH, none=GATE),
    drift(pushes.no_verify, FINE, none=SERVER),
    healthy(pushes.by_url, v1="HEAD"),
    drift(pushes.drift_by_url, PUSH),
    drift(pushes.from_a_subfolder, PUSH),
    drift(pushes.from_a_linked_worktree, PUSH),
    healthy(pushes.to_an_empty_remote, v1="HEAD"),
    drift(pushes.drift_to_an_empty_remote, PUSH),
    healthy(pushes.to_two_remotes, v1="HEAD"),
    drift(pushes.published_drift_to_a_second_remote, PUSH),
    healthy(pushes.to_one_remote_at_two_urls, v1="HEAD"),
    healthy(pushes.remote_that_moved_on, v1="HEAD~"),
    drift(pushes.drift_to_a_remote_that_moved_on, PUSH),
    healthy(pushes.forced_back, v1="HEAD@{1}"),
    healthy(pushes.forced_back_and_forward, v1="HEAD"),
    drift(pushes.drift_forced_back_and_forward, PUSH),
    drift(pushes.drift_forced_over_a_healthy_branch, PUSH),
    healthy(pushes.branch_deleted),
    drift(pushes.branch_deleted_and_drift_beside, PUSH),
    healthy(pushes.history_without_a_common_root, v1="HEAD"),
    drift(pushes.history_without_a_common_root_of_drift, PUSH),
    healthy(pushes.notes),
    healthy(pushes.other_objects),
    healthy(pushes.mirror, v1="HEAD"),
    drift(pushes.mirror_with_a_bad_branch, PUSH, GATE, v1="good"),
    healthy(pushes.mirror_with_unfinished_work),
    drift(pushes.mirror_from_where_a_tag_is_missing, FINE, none=SERVER),
    drift(pushes.prune_from_where_a_tag_is_missing, PUSH, GATE),
    healthy(pushes.tag_alone_annotated, v1="HEAD"),
    healthy(pushes.tag_alone_light, v1="HEAD"),
    healthy(pushes.tag_alone_nested, v1="HEAD"),
    healthy(pushes.tag_of_a_commit_that_is_there, v1="HEAD"),
    healthy(pushes.tags_all, v1="HEAD~", v2="HEAD"),
    drift(pushes.bad_tag_alone_annotated, PUSH, v1="HEAD"),
    drift(pushes.bad_tag_alone_light, PUSH, v1="HEAD"),
    drift(pushes.bad_tag_alone_nested, PUSH, v1="HEAD"),
    drift(pushes.bad_tag_of_a_commit_that_is_there, PUSH, GATE, wrong="HEAD~2"),
    drift(pushes.tag_of_a_commit_at_which_the_pin_has_moved, PUSH, v1="HEAD"),
    healthy(pushes.tag_set_by_hand_where_it_holds, v1="HEAD"),
    drift(pushes.tag_set_by_hand_and_not_pushed_along, PUSH, GATE, v1="HEAD"),
    drift(pushes.tag_of_no_commit, PUSH, GATE, v1="HEAD^{tree}"),
    drift(pushes.tag_of_no_good_name, PUSH, v1="HEAD", **{"a/b": "HEAD"}),
    drift(pushes.branch_pushed_as_a_tag, PUSH),
    healthy(pushes.tag_called_snapshot_at_home, SAID),
    drift(pushes.tag_called_snapshot_to_others, PUSH, GATE),
    drift(pushes.tag_moved_by_force, PUSH, old="HEAD"),
    drift(pushes.tag_made_anew_at_its_commit, PUSH, GATE),
    Row(pushes.tag_moved_back_by_force, PUSH, PUSH, GATE, PUSH, {"old": "HEAD~2"}),
    drift(pushes.tag_moved_at_home_alone, PUSH, old="HEAD"),
    drift(pushes.tag_deleted, PUSH, GATE),
    drift(pushes.tag_deleted_and_made_again, COMMIT),
    drift(pushes.tag_that_a_colleague_has_made, PUSH, v1="HEAD"),
    drift(pushes.tag_that_the_server_has_and_we_do_not, PUSH, v1="HEAD"),
    healthy(pushes.tag_pushed_after_its_branch, v1="HEAD"),
    drift(pushes.tag_pushed_after_something_was_added_to_it, PUSH, GATE, v1="HEAD~"),
    drift(pushes.tag_pushed_while_another_branch_has_other_contents, PUSH, GATE, v1="HEAD"),
    drift(pushes.branch_of_a_pull_request_with_drift, PUSH),
    drift(pushes.branch_that_the_server_has_no_more, PUSH),
    drift(pushes.branch_of_a_remote_with_a_longer_name, PUSH),
    drift(pushes.replacements, PUSH),
    healthy(pushes.tag_pushed_before_its_branch, v1="HEAD"),
    drift(pushes.tags_where_the_push_leads, PUSH, GATE, v1="HEAD"),
    Row(pushes.allowed_by_name, SAID, SAID, SAID, SERVER),
    drift(pushes.allowed_by_another_name, PUSH),
    drift(pushes.objects_that_are_gone, PUSH, none=GATE, v1="HEAD"),
    healthy(pushes.branch_called_like_a_tag, v1="HEAD"),
    healthy(pushes.hooks_by_the_users_own_setting, v1="HEAD"),
    drift(pushes.hooks_by_the_users_own_setting_of_drift, COMMIT, none=COMMIT),
)
