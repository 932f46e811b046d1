"""What a commit holds: submodules that go or change, modes, links, renames."""

from __future__ import annotations

import hashlib
import shutil

from conftest import git
from lab import Lab
from stashes import snapshot_path, snapshot_text

PATH = snapshot_path("a", "old")
TAG = "configs/mytool/snapshots/old"
LOCK = "configs/mytool/snapshots/v1/requirements-0123456789ab.txt"


def submodule_removed(lab: Lab) -> None:
    lab.quietly("rm -q tools/mytool")
    lab.git("commit -qm 'no tool any more'")


def submodule_removed_while_freezing(lab: Lab) -> None:
    lab.quietly("rm -q tools/mytool")
    lab.snapshot("v1", "two")
    lab.git("commit -qm freeze")


def submodule_renamed(lab: Lab) -> None:
    lab.quietly("mv tools/mytool tools/other")
    lab.write("configs/meta.yaml", "tools:\n  other:\n    entrypoint: '-m other'\n")
    lab.git("commit -qm 'the tool has a new name'")


def submodule_renamed_and_its_snapshots_with_it(lab: Lab) -> None:
    """A snapshot under a new name is another one, and a tag that is made takes no more."""
    lab.quietly("mv tools/mytool tools/other")
    lab.write("configs/meta.yaml", "tools:\n  other:\n    entrypoint: '-m other'\n")
    lab.quietly("mv configs/mytool configs/other")
    lab.git("commit -qm 'the tool has a new name'")


def submodule_renamed_while_freezing(lab: Lab) -> None:
    lab.quietly("mv tools/mytool tools/other")
    lab.snapshot("v1", "two")
    lab.git("commit -qm freeze")


def submodule_at_another_url(lab: Lab) -> None:
    url = f"{lab.folder}/moved.git"
    lab.quietly(f"clone -q --bare {lab.quietly('config --file .gitmodules submodule.tools/mytool.url')} {url}")
    lab.quietly(f"submodule set-url tools/mytool {url}")
    lab.quietly("add .gitmodules")
    lab.freeze("v1", "three")
    lab.git("commit -qm 'the tool lives elsewhere'")


def submodule_at_another_url_of_drift(lab: Lab) -> None:
    lab.quietly("submodule set-url tools/mytool https://example.org/other.git")
    lab.quietly("add .gitmodules")
    lab.drift()
    lab.git("commit -qm 'the tool lives elsewhere'")


def submodule_replaced_by_a_folder(lab: Lab) -> None:
    _replace_by_a_folder(lab)
    lab.git("commit -qm 'the tool is vendored'")


def submodule_replaced_by_a_folder_while_freezing(lab: Lab) -> None:
    _replace_by_a_folder(lab)
    lab.snapshot("v1", "two")
    lab.git("commit -qm freeze")


def submodule_replaced_by_a_link_while_freezing(lab: Lab) -> None:
    lab.quietly("rm -q tools/mytool")
    (lab.at / "tools").mkdir(exist_ok=True)
    (lab.at / "tools/mytool").symlink_to(lab.folder)
    lab.quietly("add tools/mytool")
    lab.snapshot("v1", "two")
    lab.git("commit -qm freeze")


def submodule_with_a_commit_that_nobody_has(lab: Lab) -> None:
    """A commit that was made here and never pushed: reviewers would get `not our ref`."""
    git("commit", "-q", "--allow-empty", "-m", "local", cwd=lab.at / "tools/mytool")
    commit = git("rev-parse", "HEAD", cwd=lab.at / "tools/mytool")
    lab.quietly("add tools/mytool")
    lab.snapshot("v1", commit)
    lab.git("commit -qm freeze")


def submodule_pushed_along(lab: Lab) -> None:
    """Git pushes the tool's commit by itself, after the hook and before the stash."""
    lab.env["LC_ALL"] = "C"  # no fork stands in for the hook, which looks for the `git push` that started it
    lab.quietly("config push.recurseSubmodules on-demand")
    tool = lab.at / "tools/mytool"
    remote = lab.folder / "own.git"
    git("clone", "-q", "--bare", git("remote", "get-url", "origin", cwd=tool), remote, cwd=lab.folder)
    lab.quietly(f"submodule set-url tools/mytool {remote}")
    lab.quietly("add .gitmodules")
    git("checkout", "-q", "-B", "main", "five", cwd=tool)
    git("commit", "-q", "--allow-empty", "-m", "local", cwd=tool)
    commit = git("rev-parse", "HEAD", cwd=tool)
    lab.quietly("add tools/mytool")
    lab.snapshot("v1", commit)
    lab.git("commit -qm freeze")
    git("branch", "-q", "--set-upstream-to=origin/main", cwd=tool)


def submodule_with_work_in_it(lab: Lab) -> None:
    """What lies about in the tool is no part of the commit."""
    lab.freeze("v1", "three")
    (lab.at / "tools/mytool/notes.txt").write_text("work\n")
    lab.git("commit -qm freeze")


def lock_beside_its_snapshot(lab: Lab) -> None:
    _freeze_with_a_lock(lab)
    lab.git("commit -qm freeze")


def lock_that_came_before_its_snapshot(lab: Lab) -> None:
    lab.write(LOCK, "a==1\n")
    lab.git("commit -qm 'the lock'")
    _freeze_with_a_lock(lab)
    lab.git("commit -qm freeze")


def lock_left_out(lab: Lab) -> None:
    """As who stages the snapshot and not what was frozen with it."""
    _freeze_with_a_lock(lab)
    lab.quietly(f"reset -q {LOCK}")
    lab.git("commit -qm freeze")


def lock_edited(lab: Lab) -> None:
    _freeze_with_a_lock(lab)
    lab.write(LOCK, "a==2\n")
    lab.git("commit -qm freeze")


def lock_is_a_link(lab: Lab) -> None:
    _freeze_with_a_lock(lab)
    (lab.at / LOCK).unlink()
    (lab.at / LOCK).symlink_to("../../../../tools/mytool/requirements.txt")
    lab.quietly(f"add {LOCK}")
    lab.git("commit -qm freeze")


def recorded_results_left_out(lab: Lab) -> None:
    lab.pin("three")
    lab.snapshot("v1", "three", more=f"# RESULTS: sha256:{'0' * 64}\n")
    lab.git("commit -qm freeze")


def frozen_file_made_executable(lab: Lab) -> None:
    lab.quietly(f"update-index --chmod=+x {PATH}")
    lab.git("commit -qm 'its bytes are the same'")


def frozen_file_becomes_a_link(lab: Lab) -> None:
    (lab.at / PATH).unlink()
    (lab.at / PATH).symlink_to("../../experiment/pca.yaml")
    lab.quietly(f"add {PATH}")
    lab.git("commit -qm link")


def new_snapshot_is_a_link(lab: Lab) -> None:
    path = lab.at / snapshot_path("a", "v1")
    path.parent.mkdir(parents=True)
    path.symlink_to("../old/a.yaml")
    lab.quietly("add configs")
    lab.git("commit -qm link")


def folder_of_snapshots_becomes_a_link(lab: Lab) -> None:
    """What it leads to is not frozen, and who runs a snapshot in this checkout is led there."""
    shutil.rmtree(lab.at / "configs/mytool/snapshots")
    (lab.at / "configs/mytool/snapshots").symlink_to("experiment")
    lab.quietly("add -A configs")
    lab.git("commit -qm link")


def folder_of_a_tag_becomes_a_link(lab: Lab) -> None:
    """Another config takes the place of the frozen one, under its name."""
    folder = lab.at / "configs/mytool/snapshots/old"
    shutil.move(folder, lab.at / "configs/mytool/other")
    folder.symlink_to("../other")
    lab.quietly("add -A configs")
    lab.git("commit -qm link")


def folder_of_a_tool_becomes_a_submodule(lab: Lab) -> None:
    lab.quietly("rm -r -q --cached configs/mytool")
    lab.quietly(f"update-index --add --cacheinfo 160000,{lab.commits['two']},configs/mytool")
    lab.git("commit -qm gitlink")


def folder_of_no_tool_is_a_link(lab: Lab) -> None:
    (lab.at / "configs/shared").symlink_to("mytool/experiment")
    lab.quietly("add configs/shared")
    lab.git("commit -qm link")


def snapshot_with_another_ending(lab: Lab) -> None:
    lab.write("configs/mytool/snapshots/v1/a.yml", "lr: ${oc.env:HOME}\n")
    lab.git("commit -qm 'a snapshot, or not'")


def lock_swapped_before_the_tag_is_made(lab: Lab) -> None:
    """The snapshot is committed without a tag; the lock that it names changes in the next commit."""
    _freeze_with_a_lock(lab)
    lab.done("freeze")
    lab.write(LOCK, "a==2\n")
    lab.git("commit -qm 'another lock'")


def lock_swapped_by_way_of_nothing(lab: Lab) -> None:
    """Each of the two commits by itself only takes a file away, or brings one in."""
    _freeze_with_a_lock(lab)
    lab.done("freeze")
    lab.quietly(f"rm -q {LOCK}")
    lab.done("no lock")
    lab.write(LOCK, "a==2\n")
    lab.git("commit -qm 'another lock'")


def jobs_of_a_sweep_left_out(lab: Lab) -> None:
    """As who stages the sweep and not its jobs, which are snapshots of their own."""
    lab.pin("three")
    lab.snapshot("v1", "three", more="# SWEEP: lr=1,2\n# JOB: 0 lr=1\n# JOB: 1 lr=2\n# JOBS: apart\n")
    lab.git("commit -qm sweep")


def snapshot_is_a_submodule(lab: Lab) -> None:
    lab.quietly(f"update-index --add --cacheinfo 160000,{lab.commits['two']},{snapshot_path('a', 'v1')}")
    lab.git("commit -qm gitlink")


def frozen_file_moved_to_another_tag(lab: Lab) -> None:
    lab.quietly(f"mv {TAG} configs/mytool/snapshots/v1")
    lab.git("commit -qm moved")


def frozen_file_moved_to_another_tag_whose_header_says_so(lab: Lab) -> None:
    """A new tag at a new commit: the pin is another one by now."""
    lab.quietly(f"rm -q {PATH}")
    lab.write(snapshot_path("a", "v1"), snapshot_text("a", "v1", lab.commits["one"]))
    lab.git("commit -qm moved")


def frozen_again_under_another_tag(lab: Lab) -> None:
    lab.quietly(f"rm -q {PATH}")
    lab.freeze("v1", "three")
    lab.git("commit -qm 'frozen again'")


def frozen_file_renamed(lab: Lab) -> None:
    lab.quietly(f"mv {PATH} {TAG}/b.yaml")
    lab.git("commit -qm renamed")


def frozen_file_renamed_in_the_case_of_a_letter(lab: Lab) -> None:
    lab.quietly(f"mv {PATH} {TAG}/A.yaml")
    lab.git("commit -qm renamed")


def tag_renamed_in_the_case_of_a_letter(lab: Lab) -> None:
    lab.pin("one")
    lab.quietly(f"mv {TAG} configs/mytool/snapshots/OLD")
    lab.git("commit -qm renamed")


def new_tag_differs_in_the_case_of_a_letter(lab: Lab) -> None:
    """It holds, and its tag could not be told from the other one everywhere: it gets none, which is told."""
    lab.freeze("OLD", "three")
    lab.git("commit -qm freeze")


def folder_that_is_no_tag(lab: Lab) -> None:
    lab.pin("three")
    lab.write(snapshot_path("a", "-v1"), snapshot_text("a", "-v1", lab.commits["three"]))
    lab.git("commit -qm freeze")


def name_with_letters_of_every_kind(lab: Lab) -> None:
    lab.freeze("v1", "three", "größe/ночь_1")
    lab.git("commit -qm freeze")


def name_with_a_blank(lab: Lab) -> None:
    lab.freeze("v1", "three", "a b")
    lab.git("commit -qm freeze")


def line_endings_of_the_checkout(lab: Lab) -> None:
    """What is committed has git's line endings, whatever the checkout has."""
    lab.write(".gitattributes", "*.yaml text eol=crlf\n")
    lab.freeze("v1", "three")
    lab.git("commit -qm freeze")


def snapshots_aside(lab: Lab) -> None:
    """Files of that name elsewhere are nobody's snapshots."""
    lab.write("docs/snapshots/v1/a.yaml", "a: ${b}\n")
    lab.write("configs/mytool/experiment/snapshots/v1/a.yaml", "a: ${b}\n")
    lab.write("configs/mytool/snapshots/README.md", "a: ${b}\n")
    lab.git("commit -qm notes")


def experiment_edited(lab: Lab) -> None:
    lab.write("configs/mytool/experiment/pca.yaml", "lr: ${oc.env:LR}\n")
    lab.git("commit -qm 'a working config is nobody else`s business'")


def _freeze_with_a_lock(lab: Lab) -> None:
    lab.pin("three")
    lab.write(LOCK, "a==1\n")
    digest = hashlib.sha256((lab.at / LOCK).read_bytes()).hexdigest()
    lab.snapshot("v1", "three", more=f"# LOCK: {LOCK} sha256:{digest}\n")


def _replace_by_a_folder(lab: Lab) -> None:
    lab.quietly("rm -q tools/mytool")
    lab.write("tools/mytool/main.py", "print(1)\n")
