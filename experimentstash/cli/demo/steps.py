"""The steps of the demonstration, each a line for the shell and a sentence that says why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DemoStep:
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
    DemoStep(
        "A stash is a git repository with a registry of tools, and hooks. An empty folder becomes one.",
        "experimentstash init",
    ),
    DemoStep("Nothing is committed for you.", "git add configs/meta.yaml .gitignore && git commit -qm 'Make a stash'"),
    DemoStep(
        "A tool is a Hydra program with a git repository of its own: it comes in as a submodule, and nothing in it"
        " changes.",
        "experimentstash add-tool swissroll {remote}",
    ),
    DemoStep("", "git commit -qm 'Add swissroll'"),
    DemoStep(
        "Its experiments are yours to edit, and to run as often as you like.",
        "experimentstash run swissroll figure1/pca",
        result="published",
    ),
    DemoStep(
        "The figure goes into the paper, so freeze it: a flat config, the tool's commit, and a git tag.",
        "experimentstash snapshot swissroll figure1/pca --tag camera-ready --commit",
    ),
    DemoStep(
        "The tag goes along with the push.",
        "git remote add origin {shared} && git push -q --follow-tags -u origin main",
    ),
    DemoStep("This is the frozen config.", "cat configs/swissroll/snapshots/camera-ready/figure1/pca.yaml"),
    DemoStep(
        "Months go by. The tool's authors, in their own clone, change how it calculates,",
        "git am --quiet {patch} && git push --quiet",
        folder="swissroll",
    ),
    DemoStep("you take the newer tool,", "git submodule update --remote"),
    DemoStep(
        "and make the data noisier.",
        f"echo '  noise: 0.3' >> {_PCA} && git commit -qam 'Newer tool, noisier data'",
    ),
    DemoStep(
        "So the working experiment gives something else now.",
        "experimentstash run swissroll figure1/pca",
        result="working",
    ),
    DemoStep(
        "A reviewer asks for the figure of the paper: check the tag out, and the tool with it,",
        "git checkout -q snapshot/camera-ready && git submodule update",
    ),
    DemoStep(
        "and run what was frozen.",
        "experimentstash run swissroll figure1/pca --snapshot camera-ready",
        result="frozen",
    ),
    DemoStep("Figures on figures: published, working, frozen.", "grep variance {published} {working} {frozen}"),
    DemoStep(
        "What was frozen gave what was published, to the last byte.", "cmp {published} {frozen} && echo identical"
    ),
    DemoStep(
        "Back at work: a config that is copied to the snapshots and committed is frozen too. The first commit stops,",
        f"git checkout -q main && git submodule update -q && mkdir -p {_SNAPSHOTS}/revision"
        f" && cp {_PCA} {_SNAPSHOTS}/revision/pca.yaml && git add configs && git commit -qm 'Freeze the revision'",
        refused=True,
    ),
    DemoStep(
        "for what was frozen to be looked at and staged. The second passes, and the tag is there.",
        "git add configs && git commit -qm 'Freeze the revision' && git tag --list",
    ),
    DemoStep(
        "Weeks later an old checkout of the tool slips into that commit, which no longer has what it says it has.",
        "git -C tools/swissroll checkout -q HEAD~1 && git commit --amend -aqm 'Freeze the revision, better told'",
    ),
    DemoStep("Nobody gets that by accident: git refuses the push.", "git push -q --follow-tags", refused=True),
    DemoStep(
        "With the commit that the snapshot records it passes.",
        "git -C tools/swissroll checkout -q - && git commit --amend -aqm 'Freeze the revision, better told'"
        " && git push -q --follow-tags && git ls-remote --refs origin",
    ),
    DemoStep(
        "Whether every snapshot of the stash still holds can be asked at any time.", "experimentstash verify --all"
    ),
)
