"""Commits: every way that git has of making one."""

from __future__ import annotations

from conftest import write
from lab import Lab
from stashes import REGISTRY, snapshot_path, snapshot_text


def commit(lab: Lab) -> None:
    lab.freeze("v1", "three")
    lab.git("commit -qm freeze")


def commit_with_a_stale_pin(lab: Lab) -> None:
    lab.snapshot("v1", "three")
    lab.check_out("three")  # what is checked out is not what is committed
    lab.git("commit -qm freeze")


def commit_a(lab: Lab) -> None:
    lab.snapshot("v1", "three")
    lab.check_out("three")  # only the temporary index will have it
    lab.git("commit -qam freeze")


def commit_a_sweeps_a_checkout_in(lab: Lab) -> None:
    lab.freeze("v1", "three")
    lab.check_out("four")
    lab.git("commit -qam freeze")


def commit_file(lab: Lab) -> None:
    path = lab.freeze("v1", "three")
    lab.write("notes.txt")
    lab.git(f"commit -qm freeze {path} tools/mytool")


def commit_file_without_its_pin(lab: Lab) -> None:
    path = lab.freeze("v1", "three")
    lab.git(f"commit -qm freeze {path}")


def commit_only(lab: Lab) -> None:
    path = lab.freeze("v1", "three")
    lab.git(f"commit -q --only -m freeze {path}")


def commit_include(lab: Lab) -> None:
    lab.snapshot("v1", "three")
    lab.check_out("three")
    lab.git("commit -q --include -m freeze tools/mytool")


def commit_include_one_pin_too_many(lab: Lab) -> None:
    lab.freeze("v1", "three")
    lab.check_out("four")
    lab.git("commit -q --include -m freeze tools/mytool")


def commit_p(lab: Lab) -> None:
    lab.snapshot("v1", "three")
    lab.check_out("three")
    lab.git("commit -q -p -m freeze", stdin="y\n")


def commit_p_takes_a_checkout(lab: Lab) -> None:
    lab.freeze("v1", "three")
    lab.check_out("four")
    lab.git("commit -q -p -m freeze", stdin="y\n")


def commit_p_leaves_the_pin_out(lab: Lab) -> None:
    lab.snapshot("v1", "three")
    lab.check_out("three")
    lab.write("README.md", "other\n", stage=False)
    lab.git("commit -q -p -m freeze", stdin="y\nn\n")


def commit_no_verify(lab: Lab) -> None:
    lab.freeze("v1", "three")
    lab.git("commit -q --no-verify -m freeze")


def commit_no_verify_of_drift(lab: Lab) -> None:
    lab.drift()
    lab.git("commit -q --no-verify -m freeze")


def commit_without_hooks(lab: Lab) -> None:
    lab.drift()
    lab.git("-c core.hooksPath=/dev/null commit -qm freeze")


def commit_by_plumbing(lab: Lab) -> None:
    lab.drift()
    tree = lab.git("write-tree")
    lab.git(f"update-ref refs/heads/main {lab.git(f'commit-tree -p HEAD -m freeze {tree}')}")


def commit_nothing(lab: Lab) -> None:
    lab.git("commit -q --allow-empty -m nothing")


def commit_from_a_subfolder(lab: Lab) -> None:
    lab.freeze("v1", "three")
    lab.at = lab.stash / "configs/mytool"
    lab.git("commit -qm freeze")
    lab.at = lab.stash


def commit_from_a_subfolder_of_drift(lab: Lab) -> None:
    lab.drift()
    lab.at = lab.stash / "configs/mytool"
    lab.git("commit -qm freeze .")


def commit_of_what_is_only_intended(lab: Lab) -> None:
    path = lab.snapshot("v1", "five", stage=False)
    lab.quietly(f"add --intent-to-add {path}")
    lab.write("notes.txt")
    lab.git("commit -qm notes")


def commit_a_of_what_was_only_intended(lab: Lab) -> None:
    path = lab.snapshot("v1", "five", stage=False)
    lab.quietly(f"add --intent-to-add {path}")
    lab.git("commit -qam freeze")


def commit_of_what_is_staged_and_not_what_lies_there(lab: Lab) -> None:
    path = lab.freeze("v1", "three")
    write(lab.at, {path: "lr: ${broken}\n"})
    lab.git("commit -qm freeze")


def commit_of_staged_drift_mended_on_disk(lab: Lab) -> None:
    lab.drift()
    lab.snapshot("v1", "two", stage=False)
    lab.git("commit -qm freeze")


def commit_with_an_index_of_ones_own(lab: Lab) -> None:
    lab.drift("v2")  # in the usual index, which is not committed
    lab.env = {"GIT_INDEX_FILE": str(lab.folder / "index")}
    lab.quietly("read-tree HEAD")
    lab.snapshot("v1", "two")
    lab.git("commit -qm freeze")


def commit_of_drift_with_an_index_of_ones_own(lab: Lab) -> None:
    lab.env = {"GIT_INDEX_FILE": str(lab.folder / "index")}
    lab.quietly("read-tree HEAD")
    lab.drift()
    lab.git("commit -qm freeze")


def root_commit(lab: Lab) -> None:
    _begin_anew(lab)
    lab.git("commit -qm freeze")


def root_commit_of_drift(lab: Lab) -> None:
    _begin_anew(lab)
    lab.drift()
    lab.git("commit -qm freeze")


def _begin_anew(lab: Lab) -> None:
    """Have all of it staged, no commit yet, and an empty server."""
    lab.quietly("checkout -q --orphan fresh")
    lab.freeze("v1", "three")
    lab.quietly("rm -rq --cached configs/mytool/snapshots/old")
    lab.quietly("remote set-url origin ../empty.git")
    lab.quietly("update-ref -d refs/remotes/origin/main")
    lab.quietly("tag -d snapshot/old")
    lab.new_server("empty")


def two_snapshots_of_one_tag(lab: Lab) -> None:
    lab.freeze("v1", "three", "a")
    lab.snapshot("v1", "three", "figure1/b")
    lab.git("commit -qm freeze")


def two_snapshots_of_one_tag_at_two_commits(lab: Lab) -> None:
    lab.freeze("v1", "three", "a")
    lab.snapshot("v1", "four", "b")
    lab.git("commit -qm freeze")


def two_tags_in_one_commit(lab: Lab) -> None:
    lab.freeze("v1", "three")
    lab.snapshot("v2", "three")
    lab.git("commit -qm freeze")


def abbreviated_commit(lab: Lab) -> None:
    lab.pin("three")
    lab.snapshot("v1", lab.commits["three"][:7])
    lab.git("commit -qm freeze")


def two_tools(lab: Lab) -> None:
    _two_tools(lab, depends="three")
    lab.git("commit -qm freeze")


def two_tools_of_which_one_is_stale(lab: Lab) -> None:
    _two_tools(lab, depends="four")
    lab.git("commit -qm freeze")


def _two_tools(lab: Lab, depends: str) -> None:
    url = lab.quietly("config --file .gitmodules submodule.tools/mytool.url")
    lab.quietly(f"submodule --quiet add -- {url} tools/second")
    lab.pin("three", "second")
    lab.write("configs/meta.yaml", f"{REGISTRY}  second:\n    entrypoint: '-m second'\n")
    lab.snapshot("v1", "two", more=f"# DEPENDS: second {lab.commits[depends]}\n")


def tool_that_is_not_registered(lab: Lab) -> None:
    lab.write("configs/meta.yaml", "tools: {}\n")
    lab.freeze("v1", "three")
    lab.git("commit -qm freeze")


def tool_that_is_registered_no_more(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.write("configs/meta.yaml", "tools: {}\n")
    lab.git("commit -qm 'no tool any more'")


def registry_that_cannot_be_read(lab: Lab) -> None:
    lab.write("configs/meta.yaml", "tools: [\n")
    lab.freeze("v1", "three")
    lab.git("commit -qm freeze")


def header_of_another_experiment(lab: Lab) -> None:
    lab.pin("three")
    lab.write(snapshot_path("a", "v1"), snapshot_text("b", "v1", lab.commits["three"]))
    lab.git("commit -qm freeze")


def header_without_a_time(lab: Lab) -> None:
    path = lab.freeze("v1", "three")
    text = (lab.at / path).read_text().replace("TIMESTAMP", "TIME")
    lab.write(path, text)
    lab.git("commit -qm freeze")


def half_flat(lab: Lab) -> None:
    lab.snapshot("v1", "two", body="a: &x 1\nb: *x\n")
    lab.git("commit -qm freeze")


def pin_alone(lab: Lab) -> None:
    lab.pin("three")
    lab.git("commit -qm 'the tool moves on'")


def pin_back_to_an_old_one(lab: Lab) -> None:
    lab.frozen("v1", "three")
    lab.pin("one")
    lab.git("commit -qm 'the tool goes back'")


def frozen_file_edited(lab: Lab) -> None:
    lab.snapshot("old", "one", body="lr: 0.2\n")
    lab.git("commit -qm edit")


def frozen_file_edited_without_hooks(lab: Lab) -> None:
    lab.snapshot("old", "one", body="lr: 0.2\n")
    lab.git("commit -q --no-verify -m edit")


def frozen_file_edited_and_back(lab: Lab) -> None:
    path = lab.snapshot("old", "one", body="lr: 0.2\n")
    lab.done("edit")
    lab.quietly(f"checkout HEAD~ -- {path}")
    lab.git("commit -qm 'as it was'")


def frozen_file_removed(lab: Lab) -> None:
    lab.quietly(f"rm -q {snapshot_path('a', 'old')}")
    lab.git("commit -qm 'no longer needed'")


def frozen_file_removed_and_back(lab: Lab) -> None:
    lab.quietly(f"rm -q {snapshot_path('a', 'old')}")
    lab.done()
    lab.quietly("revert --no-commit HEAD")
    lab.git("commit -qm 'needed again'")


def added_to_a_tag_that_is_made(lab: Lab) -> None:
    lab.freeze("old", "one", "b")
    lab.git("commit -qm 'one more'")


def results_beside_a_snapshot(lab: Lab) -> None:
    lab.freeze("v1", "three")
    lab.write("configs/mytool/snapshots/v1/results.json", "{}\n")
    lab.git("commit -qm freeze")


def results_added_later(lab: Lab) -> None:
    lab.write("configs/mytool/snapshots/old/results.json", "{}\n")
    lab.git("commit -qm results")


def pin_that_comes_later(lab: Lab) -> None:
    lab.drift()
    lab.done("freeze")
    lab.pin("five")
    lab.git("commit -qm 'the pin comes later'")


def second_commit_before_the_first_is_tagged(lab: Lab) -> None:
    """The hook of the first commit comes to run when the second one is made already."""
    lab.freeze("v1", "three")
    lab.done("freeze v1")
    lab.freeze("v2", "four")
    lab.git("commit -qm 'freeze v2'")
    lab.estash("tag")
