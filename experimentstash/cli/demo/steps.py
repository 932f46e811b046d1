"""The steps of the demonstration, each a line for the shell and a sentence that says why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        why: one sentence for the newcomer.
        command: what a user would type. `{remote}`, `{shared}`, `{patch}` and the `results.json` of earlier runs, by
            their `result`, are filled in.
        folder: where it is typed: `paper` (the stash) or `swissroll` (where the tool's authors work).
        result: what the run's `results.json` is called afterwards, where the step is one.
        refused: git stops the command, and that is what the step shows.
    """

    why: str
    command: str
    folder: str = "paper"
    result: str = ""
    refused: bool = False


_PCA = "configs/swissroll/experiment/figure1/pca.yaml"
_SNAPSHOTS = "configs/swissroll/snapshots"

STEPS = (
    Step(
        "A stash is a git repository with a registry of tools, and hooks. An empty folder becomes one.",
        "experimentstash init",
    ),
    Step("Nothing is committed for you.", "git add configs/meta.yaml .gitignore && git commit -qm 'Make a stash'"),
    Step(
        "A tool is a Hydra program with a git repository of its own: it comes in as a submodule, and nothing in it"
        " changes.",
        "experimentstash add-tool swissroll {remote}",
    ),
    Step("", "git commit -qm 'Add swissroll'"),
    Step(
        "Its experiments are yours to edit, and to run as often as you like.",
        "experimentstash run swissroll figure1/pca",
        result="published",
    ),
    Step(
        "The figure goes into the paper, so freeze it: a flat config, the tool's commit, and a git tag.",
        "experimentstash snapshot swissroll figure1/pca --tag camera-ready --commit",
    ),
    Step(
        "The tag goes along with the push.",
        "git remote add origin {shared} && git push -q --follow-tags -u origin main",
    ),
    Step("This is the frozen config.", "cat configs/swissroll/snapshots/camera-ready/figure1/pca.yaml"),
    Step(
        "Months go by. The tool's authors, in their own clone, change how it calculates,",
        "git am --quiet {patch} && git push --quiet",
        folder="swissroll",
    ),
    Step("you take the newer tool,", "git submodule update --remote"),
    Step(
        "and make the data noisier.",
        f"echo '  noise: 0.3' >> {_PCA} && git commit -qam 'Newer tool, noisier data'",
    ),
    Step(
        "So the working experiment gives something else now.",
        "experimentstash run swissroll figure1/pca",
        result="working",
    ),
    Step(
        "A reviewer asks for the figure of the paper: check the tag out, and the tool with it,",
        "git checkout -q snapshot/camera-ready && git submodule update",
    ),
    Step(
        "and run what was frozen.",
        "experimentstash run swissroll figure1/pca --snapshot camera-ready",
        result="frozen",
    ),
    Step("Figures on figures: published, working, frozen.", "grep variance {published} {working} {frozen}"),
    Step("What was frozen gave what was published, to the last byte.", "cmp {published} {frozen} && echo identical"),
    Step(
        "Back at work: a config that is copied to the snapshots and committed is frozen too. The first commit stops,",
        f"git checkout -q main && git submodule update -q && mkdir -p {_SNAPSHOTS}/revision"
        f" && cp {_PCA} {_SNAPSHOTS}/revision/pca.yaml && git add configs && git commit -qm 'Freeze the revision'",
        refused=True,
    ),
    Step(
        "for what was frozen to be looked at and staged. The second passes, and the tag is there.",
        "git add configs && git commit -qm 'Freeze the revision' && git tag --list",
    ),
    Step(
        "Weeks later an old checkout of the tool slips into that commit, which no longer has what it says it has.",
        "git -C tools/swissroll checkout -q HEAD~1 && git commit --amend -aqm 'Freeze the revision, better told'",
    ),
    Step("Nobody gets that by accident: git refuses the push.", "git push -q --follow-tags", refused=True),
    Step(
        "With the commit that the snapshot records it passes.",
        "git -C tools/swissroll checkout -q - && git commit --amend -aqm 'Freeze the revision, better told'"
        " && git push -q --follow-tags && git ls-remote --refs origin",
    ),
    Step("Whether every snapshot of the stash still holds can be asked at any time.", "experimentstash verify --all"),
)
