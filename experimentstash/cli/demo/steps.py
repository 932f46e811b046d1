"""The steps of the demo: a shell command and a sentence of explanation each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DemoStep:
    """One step of the demo.

    Attributes:
        why: one sentence of explanation.
        command: the shell command, with the placeholders `{remote}`, `{shared}`, `{patch}` and, for the `results.json`
            of an earlier run, the `result` of its step.
        directory: the working directory: `paper` (the stash) or `swissroll` (the clone of the tool's authors).
        result: the placeholder for the `results.json` that this step writes; empty if it writes none.
        refused: whether git must refuse the command.
    """

    why: str
    command: str
    directory: str = "paper"
    result: str = ""
    refused: bool = False


_PCA = "configs/swissroll/experiment/figure1/pca.yaml"
_SNAPSHOTS = "configs/swissroll/snapshots"

STEPS = (
    DemoStep(
        "A stash is a git repository with a registry of tools, and hooks. Make one in an empty directory.",
        "experimentstash init",
    ),
    DemoStep("The program leaves the commit to you.", "git add configs .gitignore && git commit -qm 'Make a stash'"),
    DemoStep(
        "A tool is a Hydra program in its own git repository. Add it as a submodule; the tool itself does not change.",
        "experimentstash add-tool swissroll {remote}",
    ),
    DemoStep("", "git commit -qm 'Add swissroll'"),
    DemoStep(
        "Its experiments are now in your stash. Edit and run them as often as you like.",
        "experimentstash run swissroll figure1/pca",
        result="published",
    ),
    DemoStep(
        "The figure goes into the paper. Freeze it: a flat config, the tool's commit, and a git tag.",
        "experimentstash snapshot swissroll figure1/pca --tag camera-ready --commit",
    ),
    DemoStep(
        "Push the tag with the branch.",
        "git remote add origin {shared} && git push -q --follow-tags -u origin main",
    ),
    DemoStep("This is the frozen config.", "cat configs/swissroll/snapshots/camera-ready/figure1/pca.yaml"),
    DemoStep(
        "Months later, the tool's authors change a calculation in their own clone.",
        "git am --quiet {patch} && git push --quiet",
        directory="swissroll",
    ),
    DemoStep("You update the tool,", "git submodule update --remote"),
    DemoStep(
        "and make the data noisier.",
        f"echo '  noise: 0.3' >> {_PCA} && git commit -qam 'Newer tool, noisier data'",
    ),
    DemoStep(
        "Now the working experiment gives another result.",
        "experimentstash run swissroll figure1/pca",
        result="working",
    ),
    DemoStep(
        "A reviewer asks for the figure of the paper. Check out the tag, and the tool with it,",
        "git checkout -q snapshot/camera-ready && git submodule update",
    ),
    DemoStep(
        "and run the frozen config.",
        "experimentstash run swissroll figure1/pca --snapshot camera-ready",
        result="frozen",
    ),
    DemoStep("Compare the results: published, working, frozen.", "grep variance {published} {working} {frozen}"),
    DemoStep(
        "The frozen config gives the published result, byte for byte.", "cmp {published} {frozen} && echo identical"
    ),
    DemoStep(
        "You can also freeze with git alone: copy a config into the snapshots and commit it. The hook freezes the file"
        " and stops the first commit,",
        f"git checkout -q main && git submodule update -q && mkdir -p {_SNAPSHOTS}/revision"
        f" && cp {_PCA} {_SNAPSHOTS}/revision/pca.yaml && git add configs && git commit -qm 'Freeze the revision'",
        refused=True,
    ),
    DemoStep(
        "so that you can review and stage the frozen file. The second commit passes, and the hook makes the tag.",
        "git add configs && git commit -qm 'Freeze the revision' && git tag --list",
    ),
    DemoStep(
        "Weeks later an old checkout of the tool slips into that commit: its pin no longer matches the snapshot.",
        "git -C tools/swissroll checkout -q HEAD~1 && git commit --amend -aqm 'Freeze the revised figure'",
    ),
    DemoStep("The drift cannot spread: git refuses the push.", "git push -q --follow-tags", refused=True),
    DemoStep(
        "With the commit that the snapshot records, the push passes.",
        "git -C tools/swissroll checkout -q - && git commit --amend -aqm 'Freeze the revised figure'"
        " && git push -q --follow-tags && git ls-remote --refs origin",
    ),
    DemoStep("Check at any time whether every snapshot still holds.", "experimentstash verify --all"),
)
